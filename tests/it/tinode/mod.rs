//! The dialect of Tinode, the open ancestor, written as JSON text from its documents: a client of our own against
//! `pbxload simulate --dialect tinode`, a server of our own against `pbxload run`, and what is said when the two do
//! not fit.

mod client_side;
mod mistakes;
mod server_side;

/// The key of a server as it is installed.
pub const API_KEY: &str = "AQEAAAABAAD_rAp4DJh05a1HAwFT3A6K";

/// Two users in a pair who publish to each other, at a Tinode server.
pub fn pair(url: &str, target: &str, users: &str) -> String {
    format!(
        r#"
name = "pair"
[target]
url = "{url}"
dialect = "tinode"
timeout = "5s"
{target}
[auth]
flow = "password"
rate = "1000/s"
[users]
count = 2
{users}
[topology]
pairs = "neighbours"
[load]
users = [ {{ to = 2, over = "100ms" }}, {{ hold = "1500ms" }} ]
drain = "1s"
[[persona]]
name = "talker"
  [persona.state.sign-in]
  steps = [ {{ op = "connect" }}, {{ op = "login" }}, {{ op = "subscribe", to = "peer" }} ]
  next = "talk"
  [persona.state.talk]
  steps = [ {{ op = "publish", to = "peer", size = "40 B" }} ]
  think = "50ms"
  next = "talk"
"#
    )
}

/// Accounts that the run creates.
pub const PROVISIONED: &str = "provision = true\ngenerate = { name = \"load{01}\", password = \"hash-me-0451\" }";
