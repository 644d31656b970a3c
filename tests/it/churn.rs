//! Users that come and go all the time, spread over many workers: no expectation is forgotten with a connection.

use crate::program::{Folder, assert_balanced, call, results};

const SCENARIO: &str = r#"
name = "churn"
[target]
url = "embedded"
timeout = "20s"
[auth]
rate = "1000/s"
[users]
count = 20
generate = { name = "{1001}", domain = "example.com", password = "secret" }
[topology]
pairs = "neighbours"
[load]
users = [ { to = 20, over = "200ms" }, { hold = "3s" } ]
arrivals = [ { to = "200/s", over = "200ms" }, { hold = "3s" } ]
[[persona]]
name = "talker"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "peer" } ]
  next = "talk"
  [persona.state.talk]
  await = "arrival"
  steps = [ { op = "publish", to = "peer", size = "40 B" } ]
  next = { talk = 9, away = 1 }
  [persona.state.away]
  steps = [ { op = "disconnect" } ]
  think = "100ms"
  next = "sign-in"
"#;

/// A publisher is attached when it publishes, so its own copy is expected, however soon it goes away afterwards.
#[test]
fn what_was_owed_to_a_user_that_left_stays_on_the_books() {
    for workers in ["1", "7"] {
        let folder = Folder::new();
        let scenario = folder.write("churn.toml", SCENARIO);
        call(["run", &scenario, "--workers", workers, "--out", &folder.argument("run")]).with_figures();
        let results = results(&folder.path("run"));
        assert_balanced(&results);
        let delivery = &results["delivery"];
        assert!(results["users"]["logins"].as_u64() > Some(30), "they come and go: {}", results["users"]);
        assert_eq!(delivery["echo_expected"], delivery["accepted"], "{workers} workers: {delivery}");
        assert_eq!(delivery["echo_delivered"], delivery["accepted"], "{workers} workers: {delivery}");
        for none in ["lost", "phantom", "duplicated", "foreign"] {
            assert_eq!(delivery[none], 0, "{none}, {workers} workers: {delivery}");
        }
    }
}
