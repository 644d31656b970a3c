//! Knobs of the hub: what the service's documents leave open. Source: protocol reference, section 24.

use std::time::Duration;

/// In which order a page of history comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryOrder {
    /// Descending seq.
    #[default]
    NewestFirst,
    /// Ascending seq.
    OldestFirst,
}

/// How a page of history is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryEnd {
    /// 208 with the count, or 204 when there is nothing.
    #[default]
    Delivered,
    /// 200 in both cases, as old servers do.
    Ok,
}

/// How joining a group is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JoinReply {
    /// 200 with the new member's access.
    #[default]
    Access,
    /// 202 with `seq`, as printed on the vendor's page.
    AcceptedSeq,
}

/// Limits and choices of the hub.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Seed of group names and tokens.
    pub seed: u64,
    /// Most members of a group; one more is refused with 422.
    pub members_max: usize,
    /// Messages kept per topic; older ones are dropped.
    pub history_messages_max: usize,
    /// Bytes of messages kept in all topics together; older ones are dropped.
    pub history_bytes_max: usize,
    /// Most messages that one request returns.
    pub history_page: usize,
    /// Order of a page.
    pub history_order: HistoryOrder,
    /// How a page is closed.
    pub history_end: HistoryEnd,
    /// Whether messages out of the history carry `reqid`.
    pub history_reqid: bool,
    /// How joining a group is answered.
    pub join_reply: JoinReply,
    /// How long users and topics count as there after the last session has gone.
    pub linger: Duration,
    /// Lifetime of an access token.
    pub token_lifetime: Duration,
    /// Whether a login with an access token that was not issued here is let in.
    pub foreign_tokens: bool,
    /// Most users; further ones are refused.
    pub users_max: usize,
    /// Most topics; further ones are refused with 503.
    pub topics_max: usize,
    /// A password that is always refused.
    pub refused_password: String,
    /// Names that begin so are asked for a second factor.
    pub two_factor_prefix: String,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            seed: 0,
            members_max: 1000,
            history_messages_max: 10_000,
            history_bytes_max: 256 << 20,
            history_page: 100,
            history_order: HistoryOrder::NewestFirst,
            history_end: HistoryEnd::Delivered,
            history_reqid: true,
            join_reply: JoinReply::Access,
            linger: Duration::from_secs(4),
            token_lifetime: Duration::from_secs(1800),
            foreign_tokens: true,
            users_max: 1_000_000,
            topics_max: 1_000_000,
            refused_password: "wrong".into(),
            two_factor_prefix: "twofactor".into(),
        }
    }
}
