//! Knobs of the hub: what the service's documents leave open. Source: protocol reference, section 24.

use std::time::Duration;

use crate::protocol::user_id::UserIdForm;

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

/// How a session says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Entry {
    /// `{login}` comes first, with an access token out of the REST interface; `{hi}` and `{acc}` are unknown.
    #[default]
    AccessToken,
    /// `{hi}` comes first, then `{login}` with `basic` or `token`; `{acc}` makes accounts.
    Hello(Hello),
}

/// What `{hi}` asks and tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The oldest protocol version that is served: major and minor.
    pub oldest: (u16, u16),
    /// Told to the client: bytes of the largest frame.
    pub frame_bytes_max: usize,
    /// Told to the client: bytes of the largest file.
    pub upload_bytes_max: usize,
}

/// How a group changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transfer {
    /// The owner's `set` does it.
    #[default]
    OneStep,
    /// The owner offers, the new owner accepts.
    TwoSteps,
}

/// A topic's queue of publishes. They are acted upon at once; what is kept is how far behind the service would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicQueue {
    /// Publishes that may wait; one more is refused with 503.
    pub most: u32,
    /// What each of them takes.
    pub each: Duration,
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
    /// How a session says who it is.
    pub entry: Entry,
    /// How user ids are printed.
    pub user_ids: UserIdForm,
    /// How a group changes hands.
    pub transfer: Transfer,
    /// Whether there are `emc` topics.
    pub external_topics: bool,
    /// Whether live messages carry `reqid`.
    pub live_reqid: bool,
    /// A topic's queue of publishes; without it none is ever full.
    pub topic_queue: Option<TopicQueue>,
    /// Lifetime of the token in a login's reply.
    pub login_token_lifetime: Duration,
    /// Whether messages out of the history carry `reqid`.
    pub history_reqid: bool,
    /// How joining a group is answered.
    pub join_reply: JoinReply,
    /// How long users and topics count as there after the last session has gone.
    pub linger: Duration,
    /// Lifetime of an access token.
    pub token_lifetime: Duration,
    /// The lifetime that replies claim, where it is another one.
    pub token_lifetime_told: Option<Duration>,
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
            entry: Entry::AccessToken,
            user_ids: UserIdForm::Decimal,
            transfer: Transfer::OneStep,
            external_topics: true,
            live_reqid: true,
            topic_queue: None,
            login_token_lifetime: Duration::from_secs(365 * 24 * 3600),
            history_reqid: true,
            join_reply: JoinReply::Access,
            linger: Duration::from_secs(4),
            token_lifetime: Duration::from_secs(1800),
            token_lifetime_told: None,
            foreign_tokens: true,
            users_max: 1_000_000,
            topics_max: 1_000_000,
            refused_password: "wrong".into(),
            two_factor_prefix: "twofactor".into(),
        }
    }
}
