//! Where the load goes, how tokens are had, and where the target's own figures are.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::protocol::Dialect;
use crate::protocol::exposition::Selector;
use crate::scenario::{PROCESS_FIGURES, Secret};

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

impl Target {
    /// The service's endpoint; `embedded` stands in for the simulator's address.
    pub fn service(&self, embedded: &Endpoint) -> Endpoint {
        match &self.url {
            TargetUrl::Embedded => embedded.clone(),
            TargetUrl::Service(endpoint) => endpoint.clone(),
        }
    }
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
        let process = self.process.iter().flat_map(|_| PROCESS_FIGURES).map(str::to_owned);
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

impl Endpoint {
    /// The path, or this one when none was given.
    pub fn path_or<'a>(&'a self, usual: &'a str) -> &'a str {
        if self.path.is_empty() { usual } else { &self.path }
    }
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
