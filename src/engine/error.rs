//! Why a run could not be carried out: each reason with its way out.

use std::net::IpAddr;
use std::time::Duration;

use super::capacity::PortNeed;
use super::errand::ErrandError;
use super::memory::MemoryShort;
use crate::transport::TransportError;

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The target cannot be reached.
    #[error(
        "the target `{host}:{port}` cannot be used: {source}; check `target.url` (`ws` or `wss` too) and `target.tls`, or try `url = \"embedded\"`"
    )]
    Target {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What went wrong.
        source: TransportError,
    },
    /// The target refuses the upgrade for a reason that is known.
    #[error("the target `{host}:{port}` cannot be used: {source}; {way_out}")]
    Upgrade {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What it said.
        source: TransportError,
        /// What to change.
        way_out: &'static str,
    },
    /// The target is another kind of server than the scenario says.
    #[error("the target `{host}:{port}` looks like a {server}: set `target.dialect = \"{dialect}\"`")]
    Dialect {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What it looks like.
        server: &'static str,
        /// The word for it.
        dialect: &'static str,
    },
    /// The target refuses a session before anybody logs in.
    #[error("the target `{host}:{port}` cannot be used: {source}")]
    Refused {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What it said.
        source: ErrandError,
    },
    /// The target accepts a connection and does not answer.
    #[error(
        "the target `{host}:{port}` did not answer the WebSocket upgrade within {within:?}; check `target.url`, or raise `target.timeout`"
    )]
    Silent {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// How long it had.
        within: Duration,
    },
    /// There are no tokens.
    #[error("{0}")]
    Tokens(String),
    /// A group of the topology could not be created.
    #[error("group `{title}` cannot be created: {source}")]
    Groups {
        /// Its title.
        title: String,
        /// What went wrong.
        source: ErrandError,
    },
    /// More users than descriptors.
    #[error(
        "{users} users need {needed} descriptors and this system allows {limit}; raise the hard limit to {needed} (as root `ulimit -Hn {needed}`, or `LimitNOFILE={needed}` of a systemd unit){}",
        if *fits > 0 { format!(", or plan at most {fits} users") } else { String::new() }
    )]
    Descriptors {
        /// Users planned.
        users: u32,
        /// Descriptors needed.
        needed: u64,
        /// Descriptors allowed.
        limit: u64,
        /// Users that would fit.
        fits: u64,
    },
    /// More users than ports.
    #[error("{0}; {way_out}", way_out = .0.way_out())]
    Ports(PortNeed),
    /// More users than memory.
    #[error(
        "{} users may take {} MiB and {} MiB are available; {}give more memory (`MemoryMax=` of a systemd unit, `--memory` of a container)",
        .0.users, .0.needed >> 20, .0.left >> 20,
        if .0.fits > 0 { format!("plan at most {} users, or ", .0.fits) } else { String::new() }
    )]
    Memory(MemoryShort),
    /// A source address is not one of this machine's.
    #[error("cannot connect from `{address}`: {source}; add it to an interface, or correct `target.source_addresses`")]
    SourceAddress {
        /// The address.
        address: IpAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread or a runtime could not be made.
    #[error("a worker cannot be started: {0}")]
    Worker(#[from] std::io::Error),
}
