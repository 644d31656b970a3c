//! Profiles: which kind of server the simulator stands in for. The PBX is the default of every setting; here is what
//! its open ancestor Tinode does otherwise, all of it, as settings. Source: protocol reference, sections 25 and 26.

use std::time::Duration;

use super::SimulatorConfig;
use super::hub::{Entry, Hello, Rules, TopicQueue, Transfer};
use crate::protocol::user_id::UserIdForm;

/// Where a server serves what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paths {
    /// The WebSocket.
    pub websocket: &'static str,
    /// Uploads.
    pub upload: &'static str,
    /// Downloads; the file's name follows.
    pub download: &'static str,
    /// The REST interface, if there is one.
    pub rest: Option<&'static str>,
}

impl Paths {
    /// Of the PBX.
    pub const PBX: Paths = Paths { websocket: "/im", upload: "/im/file", download: "/im/file/", rest: Some("/api/") };
    /// Of the ancestor.
    pub const TINODE: Paths =
        Paths { websocket: "/v0/channels", upload: "/v0/file/u/", download: "/v0/file/s/", rest: None };
}

/// How fine a server's times are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// As the PBX prints them.
    Microseconds,
    /// As the ancestor prints them.
    Milliseconds,
}

/// How an upload's reply names the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileNames {
    /// An id without a path.
    Bare,
    /// The path of the download, with an ending.
    Path,
}

/// What every request must carry to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The header; the query `apikey=` does as well.
    pub header: &'static str,
    /// The key.
    pub key: String,
}

/// Oldest protocol version that a server of 0.25 serves.
const OLDEST_VERSION: (u16, u16) = (0, 20);
const FRAME_BYTES_MAX: usize = 128 << 10;
const UPLOAD_BYTES_MAX: usize = 8 << 20;
const MEMBERS_MAX: usize = 128;
/// A server on two cores took 400 to 1,000 publishes a second.
const TOPIC_QUEUE: TopicQueue = TopicQueue { most: 192, each: Duration::from_millis(1) };

impl SimulatorConfig {
    /// The key of a Tinode server as it is installed.
    pub const DEMO_API_KEY: &str = "AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K";

    /// A stand-in of a Tinode server that wants this key, or none.
    pub fn tinode(api_key: Option<String>) -> SimulatorConfig {
        SimulatorConfig {
            rules: Rules::tinode(),
            paths: Paths::TINODE,
            api_key: api_key.map(|key| ApiKey { header: "x-tinode-apikey", key }),
            times: Precision::Milliseconds,
            file_names: FileNames::Path,
            queue_limit: 128,
            frame_bytes_max: FRAME_BYTES_MAX,
            upload_bytes_max: UPLOAD_BYTES_MAX,
            downloads_need_token: true,
            ..SimulatorConfig::default()
        }
    }
}

impl Rules {
    /// Those of a Tinode server as it is installed.
    pub fn tinode() -> Rules {
        Rules {
            entry: Entry::Hello(Hello {
                oldest: OLDEST_VERSION,
                frame_bytes_max: FRAME_BYTES_MAX,
                upload_bytes_max: UPLOAD_BYTES_MAX,
            }),
            user_ids: UserIdForm::Base64Url,
            transfer: Transfer::TwoSteps,
            external_topics: false,
            live_reqid: false,
            history_reqid: false,
            topic_queue: Some(TOPIC_QUEUE),
            login_token_lifetime: Duration::from_secs(14 * 24 * 3600),
            members_max: MEMBERS_MAX,
            ..Rules::default()
        }
    }
}
