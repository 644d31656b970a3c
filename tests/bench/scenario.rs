//! The scenarios of the benchmarks, as text.

/// What is different between them.
#[derive(Debug, Clone, Default)]
pub struct Bench<'a> {
    pub users: u32,
    /// Seconds until all of them are online.
    pub ramp_s: u32,
    /// Seconds that they then stay.
    pub hold_s: u32,
    /// Lines of `[target]`.
    pub target: &'a str,
    /// `[topology]`.
    pub topology: &'a str,
    /// Steps of signing in.
    pub sign_in: &'a str,
    /// The state after it, without its name and its `next`.
    pub talk: &'a str,
    /// Arrivals a second, once everybody is online; 0 for none.
    pub rate: u32,
}

/// In pairs, everybody attached to the conversation with the peer.
pub const PAIRS: &str = "pairs = \"neighbours\"";
pub const PEER: &str = "{ op = \"connect\" }, { op = \"login\" }, { op = \"subscribe\", to = \"peer\" }";
/// A message of 100 bytes that its author gets no copy of.
pub const PUBLISH: &str = "steps = [ { op = \"publish\", to = \"peer\", size = \"100 B\", noecho = true } ]";
pub const IDLE: &str = "think = \"1h\"";

impl Bench<'_> {
    pub fn text(&self) -> String {
        let Bench { users, ramp_s, hold_s, target, topology, sign_in, talk, rate } = self;
        let arrivals = match rate {
            0 => String::new(),
            // A second of rest between the last login and the first arrival.
            rate => {
                format!(
                    "arrivals = [ {{ hold = \"{}s\" }}, {{ to = \"{rate}/s\", over = \"1s\" }}, {{ hold = \"{}s\" }} ]\narrival_spacing = \"even\"",
                    ramp_s + 1,
                    hold_s - 2
                )
            }
        };
        let hold = if arrivals.is_empty() { talk.to_string() } else { format!("await = \"arrival\"\n{talk}") };
        format!(
            r#"name = "bench"
[target]
url = "embedded"
timeout = "30s"
{target}
[auth]
rate = "5000/s"
[users]
count = {users}
generate = {{ name = "{{100001}}", domain = "example.com", password = "secret" }}
[topology]
{topology}
[load]
users = [ {{ to = {users}, over = "{ramp_s}s" }}, {{ hold = "{hold_s}s" }} ]
{arrivals}
[[persona]]
name = "user"
start = "sign-in"
[persona.state.sign-in]
steps = [ {sign_in} ]
next = "talk"
[persona.state.talk]
{hold}
next = "talk"
"#
        )
    }
}
