//! The shipped scenarios at a Tinode server, and what only such a server does.

use super::*;

/// A shipped scenario with the tables that name the server and its users replaced; everything else as it is.
fn shipped(name: &str) -> (String, u32) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.toml"));
    let text = std::fs::read_to_string(path).expect("it is shipped");
    let (head, rest) = text.split_once("\n[target]\n").expect("a target");
    // The tables of the server and of its users stand together, before the topology or the load.
    let end = rest.find("\n[topology]").or(rest.find("\n[load]")).expect("a load");
    let users: toml::Table = text.parse().expect("TOML");
    let users = users["users"]["count"].as_integer().expect("a count") as u32;
    let ours = at_tinode("[target]\n[topology]", users).replace("[topology]", "");
    (format!("{head}\n{ours}{}", &rest[end..]), users)
}

fn cut_to(text: &str, seconds: u64, users: Option<u32>) -> Arc<Plan> {
    let source = Source { name: "shipped.toml".into(), text: text.into() };
    let overrides = Overrides { duration: Some(Duration::from_secs(seconds)), users, ..Overrides::default() };
    let around = Surroundings { variable: &|_| None, read_file: &|_| Err("none".into()) };
    let loaded = load(&source, &overrides, &around).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(Plan::new(Arc::new(loaded.scenario), "a simulated run", 2))
}

/// Runs a shipped scenario for so many seconds; what it left on the server is its own business.
fn run_shipped(name: &str, seconds: u64, users: Option<u32>) -> Ran {
    let (text, count) = shipped(name);
    let ran = carry_out_plan(cut_to(&text, seconds, users), "");
    let delivery = &ran.results.delivery;
    assert_eq!((delivery.lost, delivery.duplicated, delivery.phantom, delivery.reordered), (0, 0, 0, 0), "{name}");
    assert_eq!((delivery.foreign, delivery.corrupted), (0, 0), "{name}: {delivery:?}");
    assert_eq!(delivery.expected, delivery.delivered + delivery.excused, "{name}");
    assert_eq!(delivery.accepted, ran.faults.totals.publishes_accepted, "{name}");
    for (op, figures) in &ran.results.operations {
        assert_eq!(figures.failed, 0, "{name}: {op} {figures:?}");
    }
    // One login by password for each user in the set-up; what came after was by token.
    assert!(ran.results.operations["token"].ok >= u64::from(users.unwrap_or(count)), "{name}");
    assert_eq!(ran.sums.users.unmatched_replies, 0, "{name}");
    ran
}

#[test]
fn smoke_runs_unchanged() {
    let ran = run_shipped("smoke", 12, None);
    for op in OpId::ALL {
        assert!(ran.counts(*op).1 > 0, "{} was never done", op.name());
    }
}

#[test]
fn p2p_steady_runs_unchanged() {
    let ran = run_shipped("p2p-steady", 40, Some(100));
    assert!(ran.results.delivery.delivered > 100);
}

#[test]
fn group_fanout_and_login_storm_run_unchanged() {
    let ran = run_shipped("group-fanout", 20, Some(100));
    assert!(ran.results.delivery.delivered > 1_000, "{:?}", ran.results.delivery);
    let ran = run_shipped("login-storm", 20, Some(100));
    assert!(ran.counts(OpId::Login).1 > 200);
}

#[test]
fn office_day_and_upload_run_unchanged() {
    let ran = run_shipped("office-day", 40, Some(100));
    assert!(ran.results.delivery.delivered > 100);
    let ran = run_shipped("upload", 15, Some(20));
    let soak = run_shipped("soak", 60, Some(20));
    assert!(soak.results.delivery.delivered > 100);
    assert!(ran.counts(OpId::Upload).1 > 20 && ran.counts(OpId::Download).1 > 10);
}

/// Everybody in one topic, and nobody waits: more than the topic's queue takes in.
const CROWD: &str = r#"
[[persona]]
name = "shouter"
share = 1
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "group:team" } ]
  next = "wait"
  [persona.state.wait]
  think = "2s"
  next = "shout"
  [persona.state.shout]
  steps = [ { op = "publish", to = "group:team", size = "40 B", noecho = true } ]
  on_failure = "continue"
  next = "shout"
"#;

#[test]
fn a_full_topic_queue_refuses_and_the_ledger_stays_exact() {
    let load = "users = [ { to = 8, over = \"100ms\" }, { hold = \"2500ms\" } ]\ndrain = \"5s\"";
    let text = at_tinode(&scenario(8, "groups = [ { name = \"team\", members = 8 } ]", load, CROWD), 8);
    let ran = carry_out(&text, "", 1);
    ran.assert_sound();
    let delivery = &ran.results.delivery;
    let totals = &ran.faults.totals;
    assert!(totals.topic_queue_full > 0, "{totals:?}");
    assert_eq!(delivery.refused, totals.topic_queue_full, "{delivery:?}");
    let class = ran.results.operations["publish"].failures.get("rejected(503)");
    assert_eq!(class.copied().unwrap_or_default(), delivery.refused);
    assert_eq!((delivery.accepted, delivery.lost), (totals.publishes_accepted, 0), "{delivery:?}");
    assert_eq!(delivery.delivered, totals.deliveries_pushed, "{delivery:?}");
}

#[test]
fn a_token_that_expires_is_followed_by_a_login_by_password() {
    let load = "users = [ { to = 4, over = \"1s\" }, { hold = \"2m\" } ]";
    let comes_and_goes = "[[persona]]\nname = \"visitor\"\n[persona.state.come]\n\
         steps = [ { op = \"connect\" }, { op = \"login\" }, { op = \"disconnect\" } ]\nthink = \"uniform 4s 9s\"\nnext = \"come\"\n";
    let text = at_tinode(&scenario(4, "", load, comes_and_goes), 4);
    let ran = carry_out(&text, "token_lifetime = \"20s\"", 1);
    ran.assert_sound();
    // Refreshed after four fifths of twenty seconds, for two minutes, and no login ever fails.
    let (_, tokens, failed, _) = ran.counts(OpId::Token);
    assert!(ran.counts(OpId::Login).2 == 0 && failed == 0 && ran.faults.expired_tokens == 0);
    assert!(tokens >= 4 && ran.faults.totals.logins > ran.counts(OpId::Login).1 + 4 * 5, "{:?}", ran.faults.totals);
}
