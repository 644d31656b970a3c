//! The checked model of a scenario: what the rest of the program works with.
//!
//! Everything here is valid: names are resolved to indices, units are gone, defaults are filled in.

use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::{Secret, Think};
use crate::ops::Op;
use crate::protocol::Dialect;
use crate::protocol::exposition::Selector;

/// A whole scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Short name; names the run folder.
    pub name: String,
    /// One or two sentences for people; may be empty.
    pub description: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Whether publishing to `emc` topics, which can send real text messages, is allowed.
    pub allow_emc: bool,
    /// Where the load goes.
    pub target: Target,
    /// How access tokens are had.
    pub auth: Auth,
    /// Who the virtual users are.
    pub users: Users,
    /// Who talks to whom.
    pub topology: Topology,
    /// How much, when.
    pub load: Load,
    /// What users do; never empty.
    pub personas: Vec<Persona>,
    /// From where on the generator is the bottleneck.
    pub health: Health,
    /// What happens to users in the middle of the load.
    pub events: Vec<LoadEvent>,
    /// How long the journal stays fine.
    pub journal: Journal,
    /// Bounds that decide the verdict, as written, each with its place in the text.
    pub gates: Vec<GateText>,
    /// What holds for all of them.
    pub gate_rules: GateRules,
}

/// Where the load goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The service.
    pub url: TargetUrl,
    /// Base of the REST interface; derived from `url` when absent.
    pub rest_url: Option<Endpoint>,
    /// Base of the file interface; derived from `url` when absent.
    pub file_url: Option<Endpoint>,
    /// How the service speaks.
    pub dialect: &'static Dialect,
    /// The key that every request carries, where the dialect has one. A secret.
    pub api_key: Option<Secret>,
    /// The protocol version that sessions ask for, where they ask for one.
    pub hello: Option<String>,
    /// How certificates are checked.
    pub tls: Tls,
    /// Time for each operation, unless its step says otherwise.
    pub timeout: Duration,
    /// Local addresses to connect from, in turn; empty leaves the choice to the system.
    pub source_addresses: Vec<IpAddr>,
    /// Connections that may be begun in a second, all workers together; `None` for as many as fall due.
    pub connect_rate_per_s: Option<f64>,
    /// A connection on which nothing came for so long is pinged; zero for never.
    pub ping_every: Duration,
    /// A connection on which nothing came for so long is dead; zero for never.
    pub dead_after: Duration,
    /// Where the target's own figures are read.
    pub watched: Watched,
}

/// Where the target's own figures are read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Watched {
    /// Prometheus text endpoints.
    pub metrics: Vec<MetricsSource>,
    /// A process of this machine.
    pub process: Option<ProcessSource>,
}

impl Watched {
    /// The names of all figures.
    pub fn figures(&self) -> Vec<String> {
        let process = self.process.iter().flat_map(|_| super::PROCESS_FIGURES).map(str::to_owned);
        let metrics = self.metrics.iter().flat_map(|source| &source.figures).map(|(name, _)| name.clone());
        process.chain(metrics).collect()
    }
}

/// A Prometheus text endpoint, and what is read there.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsSource {
    /// Where.
    pub url: MetricsUrl,
    /// Names of figures, each with what makes it; never empty.
    pub figures: Vec<(String, Selector)>,
}

/// Where metrics are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsUrl {
    /// A path of the target itself: its host, its port.
    Path(String),
    /// Elsewhere; the path is never empty.
    Endpoint(Endpoint),
}

/// A process of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessSource {
    /// The one with this number.
    Pid(u32),
    /// The one whose number this file holds, looked up each time.
    PidFile(PathBuf),
}

/// The service to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetUrl {
    /// The simulator, started for this run on a free port.
    Embedded,
    /// A running service.
    Service(Endpoint),
}

/// A URL in parts. The default path is the dialect's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `wss` or `https`.
    pub is_tls: bool,
    /// Name or address; IPv6 without brackets.
    pub host: String,
    /// Port; the dialect's own when not given.
    pub port: u16,
    /// Path with its leading slash; empty when not given.
    pub path: String,
}

/// How certificates are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whether the chain and the name are verified at all.
    pub verify: bool,
    /// Trust anchors, PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Name to verify instead of the host.
    pub server_name: Option<String>,
}

/// How access tokens are had.
#[derive(Debug, Clone)]
pub struct Auth {
    /// Which REST calls.
    pub flow: TokenFlow,
    /// Token requests a second, before and during the load.
    pub rate_per_s: f64,
    /// So many refusals in a row end the run before the service blocks the generator's address.
    pub refusals_max: u32,
}

/// Which REST calls fetch a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFlow {
    /// Flow A: OAuth form, with refresh.
    Oauth,
    /// Flow B: JSON sign-in, with refresh.
    SignIn,
    /// Flow C: JSON login, then `GET`.
    Login,
    /// No REST: the user file has tokens.
    Token,
    /// No REST: a login by password on a connection of its own gives the token for every later login.
    Password,
}

/// Who the virtual users are.
#[derive(Debug, Clone)]
pub struct Users {
    /// How many are planned, at least 1.
    pub count: u32,
    /// Whether the set-up creates the accounts that are not there yet.
    pub provision: bool,
    /// Where their names come from.
    pub source: UserSource,
}

/// Where user names come from.
#[derive(Debug, Clone)]
pub enum UserSource {
    /// Counted up.
    Generated {
        /// Text before the number.
        prefix: String,
        /// Number of the first user.
        first: u64,
        /// Fewest digits; shorter numbers get leading zeros.
        width: usize,
        /// Text after the number.
        suffix: String,
        /// SIP domain; empty where names have none.
        domain: String,
        /// One password for all.
        password: Secret,
    },
    /// Read from a file; at least `count` of them.
    Listed(Vec<UserRecord>),
}

/// One line of the user file.
#[derive(Debug, Clone)]
pub struct UserRecord {
    /// Sign-in name.
    pub name: String,
    /// SIP domain; empty where names have none.
    pub domain: String,
    /// The password, or with [`TokenFlow::Token`] the access token.
    pub credential: Secret,
}

/// Who talks to whom.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    /// How users are paired; `None` when nobody has a peer.
    pub pairs: Option<Pairing>,
    /// Kinds of group.
    pub groups: Vec<GroupKind>,
}

/// How users are paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// 0 with 1, 2 with 3, and so on.
    Neighbours,
    /// At random, the same for the same seed.
    Random,
}

/// A kind of group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupKind {
    /// The NAME of `group:NAME`.
    pub name: String,
    /// Most members of one group.
    pub members: u32,
    /// How many groups; `None` means as many as the users fill.
    pub count: Option<u32>,
}

/// How much, when.
#[derive(Debug, Clone)]
pub struct Load {
    /// How many users are online. Never empty.
    pub users: Vec<Stage>,
    /// How many iterations begin each second; empty without an open model.
    pub arrivals: Vec<Stage>,
    /// The stages of both curves with their names.
    pub stages: Vec<NamedStage>,
    /// The day that the curves were made of, where they were.
    pub day: Option<Day>,
    /// How arrivals are spaced.
    pub spacing: Spacing,
    /// How long what is in flight at the end is waited for.
    pub drain: Duration,
    /// Users fetch what they missed, after a lost connection.
    pub catch_up: bool,
}

/// Something that happens to users in the middle of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadEvent {
    /// When, in the load.
    pub at: Duration,
    /// Again so often.
    pub every: Option<Duration>,
    /// What.
    pub what: Disturbance,
    /// To which share of all users, above 0 and up to 1.
    pub share: f64,
    /// How long, where it takes time.
    pub length: Duration,
    /// How those come back who lose their connection.
    pub reconnect: Reconnect,
    /// How many arrivals fall due at once, of a burst.
    pub arrivals: u32,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Connections are dropped without a close frame.
    Drop,
    /// Users stop reading for a while, and go on.
    PauseReading,
    /// Users fall silent on their connection, which stays open, and come back on another.
    HalfOpen,
    /// Many arrivals at once.
    Burst,
    /// Connections are dropped as by a restart of the service.
    RestartStorm,
}

/// How users come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconnect {
    /// Each after a random part of a growing span, as after any loss.
    Jitter,
    /// All of them at once.
    AtOnce,
}

/// A day that is run through faster than the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// So many times as fast, at least 1.
    pub speed_up: f64,
    /// Minute of the day at which it begins.
    pub start: u32,
    /// So many days.
    pub days: u32,
    /// Time before it, by the clock, in which those who are online at its beginning come.
    pub opening: Duration,
}

/// A stretch of a load curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// The value at its end: users, or arrivals per second. `None` holds the value before.
    pub to: Option<f64>,
    /// How long it takes.
    pub over: Duration,
}

/// A stage with its name and its place in the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStage {
    /// The scenario's, or one such as `hold-1`.
    pub name: String,
    /// Its beginning.
    pub from: Duration,
    /// Its end.
    pub to: Duration,
}

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Exponential gaps: independent callers.
    Poisson,
    /// Equal gaps.
    Even,
}

/// From where on the generator is the bottleneck. Shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// 99th percentile of the lateness of timers and arrivals in an interval.
    pub lag_p99: Duration,
    /// Share of a core that a worker's thread may use.
    pub worker_cpu: f64,
    /// Share of the time in which a worker could run that it may have to wait for a processor.
    pub starvation: f64,
    /// Share of the machine's memory that the process may use.
    pub memory: f64,
    /// Bytes that may wait in the send queue of a connection; no limit when absent, because a full one is as a rule
    /// the other side's slowness.
    pub send_queue: Option<u64>,
    /// How many intervals in a row make the bottleneck; one alone may be a hiccup of the machine.
    pub intervals: u32,
    /// Share of the load that such spells may cover without taking the verdict from the run; 0 for none.
    ///
    /// A thousandth as a rule: as many samples as fall into it, a percentile of the whole run up to p99 stands ten times
    /// further from the end, so spells as short as that do not move it by more than a tenth of its distance. They prove
    /// nothing about `max` and about percentiles from p99.9 on, which may be made of them alone; and where a spell is a
    /// larger part of what a gate looks at, its stage or its window, that gate is not answered from it.
    pub tolerate: f64,
}

/// How long intervals of the journal stay as fine as they were measured; `fine` ≤ `medium`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journal {
    /// So long at 1 s.
    pub fine: Duration,
    /// So long at 10 s; older ones at 60 s.
    pub medium: Duration,
}

/// What a kind of user does.
#[derive(Debug, Clone)]
pub struct Persona {
    /// For people.
    pub name: String,
    /// Its part of the users, relative to the other personas' shares; at least 1.
    pub share: u32,
    /// Index of the first state.
    pub start: usize,
    /// Its states; never empty.
    pub states: Vec<State>,
}

/// A state: waits for an arrival if it says so, takes its steps in order, thinks, goes on.
#[derive(Debug, Clone)]
pub struct State {
    /// For people.
    pub name: String,
    /// Whether the user is parked here until the open model sends work.
    pub awaits_arrival: bool,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// Pause after the steps.
    pub think: Option<Think>,
    /// Where to go: index of a state and its weight. Empty: the user is done.
    pub next: Vec<(usize, f64)>,
    /// What a failed step or a lost connection leads to.
    pub on_failure: OnFailure,
}

/// What a failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Back off with full jitter, reconnect, go on from the persona's start.
    #[default]
    Restart,
    /// Go on with the next step.
    Continue,
    /// Go on in this state; a lost connection restarts all the same.
    GoTo(usize),
    /// The user is done.
    Stop,
}

/// One thing that a user does.
#[derive(Debug, Clone)]
pub struct Step {
    /// The operation with its parameters.
    pub op: Op,
    /// Instead of the target's timeout.
    pub timeout: Option<Duration>,
    /// What the answer must be, instead of the operation's own rule.
    pub expect: Option<Expect>,
    /// Name under which values of the reply are kept.
    pub save: Option<String>,
    /// How often in a row, at least 1.
    pub repeat: u32,
    /// Probability that it is done at all, 0 to 1.
    pub chance: f64,
}

/// What an answer must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// A `ctrl` (or HTTP reply) with one of these codes.
    Codes(Vec<u16>),
    /// A `meta` with this part.
    Meta(MetaPart),
}

/// A part of a `meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaPart {
    /// `desc`.
    Desc,
    /// `sub`.
    Sub,
    /// `del`.
    Del,
}

/// A gate as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateText {
    /// The expression.
    pub text: String,
    /// What its failure means.
    pub severity: GateSeverity,
    /// Its bytes in the scenario's text, quotes included, or beyond the text's end those of a flag.
    pub place: Range<usize>,
}

/// What a gate's failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateSeverity {
    /// The run fails.
    Require,
    /// The run passes with a warning.
    Warn,
    /// No gate: what it says ends the run.
    Abort,
}

/// What holds for all gates of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateRules {
    /// Samples that a time or a ratio needs at least.
    pub min_samples: u64,
    /// Whether a gate whose baseline is missing fails the run; otherwise the run has no verdict.
    pub missing_baseline_fails: bool,
}

impl Target {
    /// The service's endpoint; `embedded` stands in for the simulator's address.
    pub fn service(&self, embedded: &Endpoint) -> Endpoint {
        match &self.url {
            TargetUrl::Embedded => embedded.clone(),
            TargetUrl::Service(endpoint) => endpoint.clone(),
        }
    }
}

impl Endpoint {
    /// The path, or this one when none was given.
    pub fn path_or<'a>(&'a self, usual: &'a str) -> &'a str {
        if self.path.is_empty() { usual } else { &self.path }
    }
}

impl Load {
    /// The longest stretch in which neither curve moves; `None` when there is none. Of equal ones the first.
    pub fn steady(&self) -> Option<(Duration, Duration)> {
        let mut moves: Vec<(Duration, Duration)> = Vec::new();
        let end = self.duration();
        for stages in [&self.users, &self.arrivals] {
            let (mut at, mut level) = (Duration::ZERO, 0.0);
            for stage in stages {
                if let Some(to) = stage.to.filter(|to| *to != level) {
                    moves.push((at, at + stage.over));
                    level = to;
                }
                at += stage.over;
            }
            // Arrivals end with their curve.
            moves.push((at, at));
        }
        moves.push((end, end));
        moves.sort();
        let (mut still_since, mut longest) = (Duration::ZERO, (Duration::ZERO, Duration::ZERO));
        for (from, to) in moves {
            if from.saturating_sub(still_since) > longest.1 - longest.0 {
                longest = (still_since, from);
            }
            still_since = still_since.max(to);
        }
        (longest.1 > longest.0).then_some(longest)
    }

    /// How long the load lasts: the longer of the two curves.
    pub fn duration(&self) -> Duration {
        let length = |stages: &[Stage]| stages.iter().map(|stage| stage.over).sum::<Duration>();
        length(&self.users).max(length(&self.arrivals))
    }
}
