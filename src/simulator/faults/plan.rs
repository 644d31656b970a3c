//! The file that declares faults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ageing::{Growth, HalfOpen, Leak, Restart};
use super::chance::Chance;
use super::corrupt::BadFrame;
use super::delay::{Delay, Span};

/// What a client asks of the server, as faults tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// `{login}`
    Login,
    /// `{sub}`
    Sub,
    /// `{pub}`
    Pub,
    /// `{leave}`
    Leave,
    /// `{get}`
    Get,
    /// `{set}`
    Set,
    /// `{del}`
    Del,
    /// `POST /im/file`
    Upload,
    /// `GET /im/file/…`
    Download,
    /// Any call that gives an access token.
    Token,
    /// The upgrade to a WebSocket.
    Connect,
}

/// Declared faults. Everything is off unless it is named.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FaultPlan {
    /// Of all decisions; the same seed and the same requests give the same faults.
    pub seed: u64,
    /// How long requests wait before they are acted upon, by operation.
    pub delay: BTreeMap<Operation, Delay>,
    /// Refusals.
    pub reject: Vec<Rejection>,
    /// Requests that are carried out and never answered.
    pub swallow: Vec<Swallow>,
    /// Replies that are held back after the work is done.
    pub slow_reply: Vec<SlowReply>,
    /// Deliveries that are not made.
    pub lost: Option<Chance>,
    /// Deliveries that are made twice.
    pub duplicated: Option<Chance>,
    /// Deliveries that change places with the next one of the same topic and session.
    pub reordered: Option<Chance>,
    /// Deliveries with changed content.
    pub corrupted: Option<Chance>,
    /// Deliveries that are followed by a message that nobody sent.
    pub phantom: Option<Chance>,
    /// Publishes that are acknowledged, and neither stored nor delivered.
    pub not_stored: Option<Chance>,
    /// Sessions that are detached from a topic without a word, by the delivery that they do not get any more.
    pub silent_detach: Option<Chance>,
    /// Publishes before which a number of their topic is left out.
    pub seq_jump: Option<Chance>,
    /// Publishes with the number of the message before them.
    pub seq_repeat: Option<Chance>,
    /// Publishes with the number of the message before the one before them.
    pub seq_backward: Option<Chance>,
    /// Publishes that are acknowledged twice.
    pub double_ack: Option<Chance>,
    /// Publishes whose own copy comes before their acknowledgement.
    pub early_echo: Option<Chance>,
    /// Group messages that come to one more session, which is not attached to the group: in turn under the group's
    /// name, and under the name of another group to which it is.
    pub misdelivered: Option<Chance>,
    /// Group messages that come to one more session, which has left the group.
    pub after_leave: Option<Chance>,
    /// Deliveries that are followed by a message of another run.
    pub other_run: Option<Chance>,
    /// Descriptions of a topic in which less was received than read.
    pub marks: Option<Chance>,
    /// Messages of a history with changed content.
    pub corrupted_history: Option<Chance>,
    /// Spans in which nothing is answered.
    pub stall: Vec<Stall>,
    /// Connections that are not let in.
    pub refused_connections: Option<RefusedConnections>,
    /// Connections that are cut.
    pub drop: Vec<ConnectionDrop>,
    /// Frames that are no valid message.
    pub bad_frames: Option<BadFrames>,
    /// Files stored otherwise than they came.
    pub corrupted_uploads: Option<Chance>,
    /// Files handed out otherwise than they are stored.
    pub corrupted_downloads: Option<Chance>,
    /// Lifetime of access tokens.
    pub token_lifetime: Option<Span>,
    /// Lifetime that replies claim for them, where it is not the one that they have.
    pub token_lifetime_told: Option<Span>,
    /// Delays that grow with time, by operation, beside those of `delay`.
    pub growing_delay: BTreeMap<Operation, Growth>,
    /// Memory that is never given back, in the figures of `/metrics`.
    pub leak: Option<Leak>,
    /// Restarts.
    pub restart: Vec<Restart>,
    /// Sessions that fall silent without being closed.
    pub half_open: Vec<HalfOpen>,
    /// How long a connection waits before it is looked at.
    pub slow_accept: Option<Delay>,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// Of what.
    pub op: Operation,
    /// With which code, 300 to 599.
    pub code: u16,
    /// Probability of each case, 0 to 1.
    pub rate: Option<f64>,
    /// Strikes each so-manyth case.
    pub every: Option<u64>,
    /// Strikes no more often than this.
    pub max: Option<u64>,
}

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Swallow {
    /// Of what.
    pub op: Operation,
    /// Probability of each case, 0 to 1.
    pub rate: Option<f64>,
    /// Strikes each so-manyth case.
    pub every: Option<u64>,
    /// Strikes no more often than this.
    pub max: Option<u64>,
}

/// A reply that comes late, although the work was done in time.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowReply {
    /// To what.
    pub op: Operation,
    /// By how much.
    pub delay: Delay,
    /// Probability of each case, 0 to 1.
    pub rate: Option<f64>,
    /// Strikes each so-manyth case.
    pub every: Option<u64>,
    /// Strikes no more often than this.
    pub max: Option<u64>,
}

/// A span in which nothing is answered; afterwards everything is, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// Since the simulator's start.
    pub at: Span,
    /// How long.
    #[serde(rename = "for")]
    pub length: Span,
}

/// How a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusedHow {
    /// TCP is closed at once after it was accepted: strikes HTTP calls too.
    Accept,
    /// The upgrade to a WebSocket is answered by closing TCP.
    Close,
    /// The upgrade to a WebSocket is answered with HTTP 503.
    #[default]
    Status,
}

/// Connections that are not let in.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedConnections {
    /// In which way.
    #[serde(default)]
    pub how: RefusedHow,
    /// Probability of each case, 0 to 1.
    pub rate: Option<f64>,
    /// Strikes each so-manyth case.
    pub every: Option<u64>,
    /// Strikes no more often than this.
    pub max: Option<u64>,
}

/// Connections that are cut: exactly one of `after_frames`, a chance per publish, or `at` with `share`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionDrop {
    /// Each session after so many frames of the client.
    pub after_frames: Option<u64>,
    /// Since the simulator's start: a share of all sessions at once.
    pub at: Option<Span>,
    /// For `at`: which share, 0 to 1; all when absent.
    pub share: Option<f64>,
    /// The publisher's session, with this probability per accepted publish.
    pub rate: Option<f64>,
    /// The publisher's session, each so-manyth accepted publish.
    pub every: Option<u64>,
    /// No more often than this.
    pub max: Option<u64>,
}

/// Frames that are no valid message, one after a delivery.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BadFrames {
    /// Which, in turn; all when empty.
    pub kinds: Vec<BadFrame>,
    /// Probability of each case, 0 to 1.
    pub rate: Option<f64>,
    /// Strikes each so-manyth case.
    pub every: Option<u64>,
    /// Strikes no more often than this.
    pub max: Option<u64>,
}

/// Why a fault file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultPlanError {
    /// It cannot be read.
    #[error("cannot read the fault file `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML, or has unknown keys or wrong types.
    #[error("the fault file is not valid: {0}")]
    Syntax(Box<toml::de::Error>),
    /// A file of them is wrong.
    #[error("`{path}`: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: Box<FaultPlanError>,
    },
    /// It contradicts itself.
    #[error("in the fault file, `{part}` {problem}")]
    Senseless {
        /// Where.
        part: String,
        /// What is wrong, and what to write instead.
        problem: &'static str,
    },
}

macro_rules! chance_of {
    ($($name:ty),*) => {
        $(impl $name {
            /// How often it strikes.
            pub fn chance(&self) -> Chance {
                Chance { rate: self.rate, every: self.every, max: self.max }
            }
        })*
    };
}
chance_of!(Rejection, Swallow, SlowReply, RefusedConnections, ConnectionDrop, BadFrames);

impl FaultPlan {
    /// Reads a plan and checks it.
    pub fn parse(text: &str) -> Result<FaultPlan, FaultPlanError> {
        let plan: FaultPlan = toml::from_str(text).map_err(|error| FaultPlanError::Syntax(Box::new(error)))?;
        match plan.problem() {
            Some((part, problem)) => Err(FaultPlanError::Senseless { part, problem }),
            None => Ok(plan),
        }
    }

    /// Reads a plan's file.
    pub fn load(path: &Path) -> Result<FaultPlan, FaultPlanError> {
        let read = |source| FaultPlanError::Read { path: path.to_owned(), source };
        FaultPlan::parse(&std::fs::read_to_string(path).map_err(read)?)
            .map_err(|problem| FaultPlanError::File { path: path.to_owned(), problem: Box::new(problem) })
    }

    fn problem(&self) -> Option<(String, &'static str)> {
        let delays = self.delay.iter().map(|(op, delay)| (format!("delay.{}", name(*op)), delay.problem()));
        let chances = [
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("corrupted", self.corrupted),
            ("phantom", self.phantom),
            ("not_stored", self.not_stored),
            ("silent_detach", self.silent_detach),
            ("seq_jump", self.seq_jump),
            ("seq_repeat", self.seq_repeat),
            ("seq_backward", self.seq_backward),
            ("double_ack", self.double_ack),
            ("early_echo", self.early_echo),
            ("misdelivered", self.misdelivered),
            ("after_leave", self.after_leave),
            ("other_run", self.other_run),
            ("marks", self.marks),
            ("corrupted_history", self.corrupted_history),
            ("corrupted_uploads", self.corrupted_uploads),
            ("corrupted_downloads", self.corrupted_downloads),
            ("refused_connections", self.refused_connections.map(|refused| refused.chance())),
            ("bad_frames", self.bad_frames.as_ref().map(|bad| bad.chance())),
        ];
        let problem = |chance: Option<Chance>| chance.and_then(|chance| chance.problem());
        let chances = chances.into_iter().map(|(part, chance)| (part.to_owned(), problem(chance)));
        let of = |part: &str, op: Operation, chance: Chance| (format!("{part} ({})", name(op)), chance.problem());
        let rejects = self.reject.iter().map(|reject| {
            let code = (!(300..600).contains(&reject.code)).then_some("has a `code` outside 300 to 599");
            (format!("reject ({})", name(reject.op)), reject.chance().problem().or(code))
        });
        let swallows = self.swallow.iter().map(|swallow| of("swallow", swallow.op, swallow.chance()));
        let slow = self.slow_reply.iter().map(|slow| {
            let part = format!("slow_reply ({})", name(slow.op));
            (part, slow.chance().problem().or(slow.delay.problem()))
        });
        let drops = self.drop.iter().map(|drop| ("drop".to_owned(), drop.problem()));
        let growths =
            self.growing_delay.iter().map(|(op, growth)| (format!("growing_delay.{}", name(*op)), growth.problem()));
        let restarts = self.restart.iter().map(|restart| ("restart".to_owned(), restart.problem()));
        let silent = self.half_open.iter().map(|silent| ("half_open".to_owned(), silent.problem()));
        let accept = self.slow_accept.iter().map(|delay| ("slow_accept".to_owned(), delay.problem()));
        let ageing = growths.chain(restarts).chain(silent).chain(accept);
        let mut all = ageing.chain(delays).chain(chances).chain(rejects).chain(swallows).chain(slow).chain(drops);
        all.find_map(|(part, problem)| Some((part, problem?)))
    }
}

impl ConnectionDrop {
    fn problem(&self) -> Option<&'static str> {
        let by_chance = self.rate.is_some() || self.every.is_some();
        let ways = [self.after_frames.is_some(), self.at.is_some(), by_chance];
        match ways.into_iter().filter(|way| *way).count() {
            1 if self.share.is_some_and(|share| !(0.0..=1.0).contains(&share)) => Some("has a `share` outside 0 to 1"),
            1 if self.share.is_some() && self.at.is_none() => Some("has a `share` without `at`"),
            1 if self.after_frames == Some(0) => Some("has `after_frames = 0`; 1 cuts after the first frame"),
            1 if by_chance => self.chance().problem(),
            1 => None,
            _ => Some("needs exactly one of `after_frames`, `at`, or `rate`/`every`"),
        }
    }
}

fn name(op: Operation) -> String {
    format!("{op:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_full_file_is_read() {
        let plan = FaultPlan::parse(
            r#"
            seed = 7
            token_lifetime = "60s"
            lost = { rate = 0.01, max = 5 }
            duplicated = { every = 100 }
            refused_connections = { how = "accept", every = 3 }
            bad_frames = { kinds = ["not_json", "giant"], every = 10 }
            [delay]
            pub = { uniform = ["10ms", "30ms"] }
            login = { normal = { mean = "5ms", deviation = "1ms" } }
            token = { bimodal = { fast = "1ms", slow = "1s", slow_share = 0.1 } }
            get = { constant = "1ms" }
            set = { exponential = { mean = "2ms" } }
            [[reject]]
            op = "pub"
            code = 503
            every = 10
            [[swallow]]
            op = "sub"
            rate = 0.5
            [[slow_reply]]
            op = "pub"
            delay = { constant = "2s" }
            every = 7
            [[stall]]
            at = "5s"
            for = "2s"
            [[drop]]
            at = "5s"
            share = 0.5
            [[drop]]
            after_frames = 100
            "#,
        )
        .expect("a valid file");
        assert_eq!(plan.stall[0].length.0, Duration::from_secs(2));
        assert_eq!(plan.delay.len(), 5);
        assert_eq!(plan.refused_connections.map(|refused| refused.how), Some(RefusedHow::Accept));
    }

    #[test]
    fn the_example_of_the_help_is_valid() {
        let plan = FaultPlan::parse(super::super::EXAMPLE).expect("valid");
        assert_eq!((plan.reject.len(), plan.delay.len(), plan.drop.len()), (1, 5, 1));
    }

    #[test]
    fn mistakes_are_named_with_the_way_out() {
        for (text, said) in [
            ("lots = 1", "unknown field `lots`"),
            ("lost = {}", "`lost` says neither"),
            ("lost = { rate = 2.0 }", "`rate` outside"),
            ("silent_detach = { max = 3 }", "`silent_detach` says neither"),
            ("marks = { every = 0 }", "`marks` has `every = 0`"),
            ("[delay]\npub = { constant = \"soon\" }", "no duration"),
            ("[delay]\npub = { uniform = [\"2s\", \"1s\"] }", "`delay.pub` is uniform"),
            ("[[reject]]\nop = \"pub\"\ncode = 200\nevery = 1", "outside 300 to 599"),
            ("[[drop]]\nafter_frames = 1\nevery = 2", "exactly one of"),
            ("[[restart]]\nat = \"1m\"\nfor = \"10s\"\nevery = \"5s\"", "make `every` longer"),
            ("[[half_open]]\nat = \"1m\"\nshare = 2.0", "`half_open` has a `share`"),
            ("slow_accept = { uniform = [\"2s\", \"1s\"] }", "`slow_accept` is uniform"),
            ("growing_delay = { pub = { per_minute = \"2m\" } }", "`growing_delay.pub` grows"),
            ("[[swallow]]\nop = \"dance\"\nevery = 1", "dance"),
        ] {
            let error = FaultPlan::parse(text).expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
