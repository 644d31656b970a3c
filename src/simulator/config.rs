//! What the simulator is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::faults::FaultPlan;
use super::hub::Rules;
use super::profile::{ApiKey, FileNames, Paths, Precision};

/// Whether the listener speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// `ws://` and `http://`
    #[default]
    Plain,
    /// `wss://` and `https://`, with a self-signed certificate for localhost.
    SelfSigned,
}

/// Settings of a simulator; the default listens on a free port of the loopback interface.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// Where to listen; port 0 is any free one.
    pub listen: SocketAddr,
    /// Whether the listener speaks TLS.
    pub encryption: Encryption,
    /// What goes wrong on purpose.
    pub faults: FaultPlan,
    /// Knobs of the service itself.
    pub rules: Rules,
    /// Where it serves what.
    pub paths: Paths,
    /// What every request must carry to be let in.
    pub api_key: Option<ApiKey>,
    /// How fine its times are.
    pub times: Precision,
    /// How an upload's reply names the file.
    pub file_names: FileNames,
    /// Outbound frames that may wait for one session; the service has 128. A quarter more is slack. With a full
    /// queue a session is silently detached from the topic; one that does not read at all is cut.
    pub queue_limit: usize,
    /// Largest frame from a client; a larger one ends the connection with code 1009.
    pub frame_bytes_max: usize,
    /// Largest file.
    pub upload_bytes_max: usize,
    /// All files together; the oldest are forgotten.
    pub uploads_bytes_max: usize,
    /// Whether downloads are refused without a token.
    pub downloads_need_token: bool,
    /// Time between the server's pings.
    pub ping_period: Duration,
    /// Without a pong for so long, a connection is cut.
    pub pong_timeout: Duration,
    /// REST calls that one address may make in a minute; more get 429.
    pub rest_calls_per_minute: Option<u32>,
    /// Failed logins in a row that block an address for an hour.
    pub failed_logins_max: Option<u32>,
}

impl Default for SimulatorConfig {
    fn default() -> SimulatorConfig {
        SimulatorConfig {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            encryption: Encryption::Plain,
            faults: FaultPlan::default(),
            rules: Rules::default(),
            paths: Paths::PBX,
            api_key: None,
            times: Precision::Microseconds,
            file_names: FileNames::Bare,
            queue_limit: 4096,
            frame_bytes_max: 256 << 10,
            upload_bytes_max: 8 << 20,
            uploads_bytes_max: 256 << 20,
            downloads_need_token: false,
            ping_period: Duration::from_millis(49_500),
            pong_timeout: Duration::from_secs(55),
            rest_calls_per_minute: None,
            failed_logins_max: None,
        }
    }
}
