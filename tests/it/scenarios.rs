//! Scenario texts that several tests run.

/// Eight users in pairs and two teams, 40 publishes a second once they are settled, for as long as `hold`.
pub fn chat(hold: &str) -> String {
    format!(
        r#"
name = "chat"
[target]
url = "embedded"
timeout = "5s"
[auth]
rate = "1000/s"
[users]
count = 8
generate = {{ name = "{{1001}}", domain = "example.com", password = "${{env:PBX_PASSWORD:-secret}}" }}
[topology]
pairs = "neighbours"
groups = [ {{ name = "team", members = 4 }} ]
[load]
users = [ {{ to = 8, over = "200ms" }}, {{ hold = "{hold}" }} ]
arrivals = [ {{ to = "0/s", over = "300ms" }}, {{ to = "40/s", over = "100ms" }}, {{ hold = "{hold}" }} ]
arrival_spacing = "even"
[[persona]]
name = "talker"
start = "sign-in"
  [persona.state.sign-in]
  steps = [
    {{ op = "connect" }},
    {{ op = "login" }},
    {{ op = "subscribe", to = "peer" }},
    {{ op = "subscribe", to = "group:team" }},
  ]
  next = "talk"
  [persona.state.talk]
  await = "arrival"
  steps = [
    {{ op = "publish", to = "peer", size = "20..400 B" }},
    {{ op = "publish", to = "group:team", size = "40 B", chance = 0.5 }},
  ]
  next = "talk"
"#
    )
}

/// Two users of a CSV file with tokens, so that no REST is needed; each talks to a topic that the server made.
pub fn with_tokens(url: &str) -> String {
    format!(
        r#"
name = "tokens"
[target]
url = "{url}"
timeout = "300ms"
[auth]
flow = "token"
[users]
file = "users.csv"
[load]
users = [ {{ to = 2, over = "100ms" }}, {{ hold = "1500ms" }} ]
drain = "500ms"
[[persona]]
name = "talker"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ {{ op = "connect" }}, {{ op = "login" }}, {{ op = "subscribe", to = "grpAAAAAAAAAAA" }} ]
  next = "talk"
  [persona.state.talk]
  steps = [ {{ op = "publish", to = "grpAAAAAAAAAAA", size = "40 B" }} ]
  think = "20ms"
  next = "talk"
"#
    )
}

/// The users of [`with_tokens`].
pub const USERS_WITH_TOKENS: &str =
    "name,domain,token\n1001,example.com,tok-7f3a-first\n1002,example.com,tok-7f3a-second\n";
