//! Clean runs: nothing that is on its way is ever called lost.

use super::*;

/// Groups of fifty; in turn somebody publishes to 49 colleagues, goes away and comes back.
const BUSY: &str = r#"
[[persona]]
name = "colleague"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "group:team" } ]
  next = "talk"
  [persona.state.talk]
  think = "exponential 2s"
  steps = [ { op = "publish", to = "group:team", size = "20..60 B" } ]
  next = { talk = 19, away = 1 }
  [persona.state.away]
  steps = [ { op = "disconnect" } ]
  think = "uniform 100ms 2s"
  next = "sign-in"
"#;

/// A server whose answers and deliveries take anything from nothing to a second.
const UNSTEADY: &str =
    "[delay]\npub = { exponential = { mean = \"80ms\" } }\nsub = { uniform = [\"1ms\", \"900ms\"] }\n";

#[test]
fn twenty_runs_of_twenty_thousand_deliveries_lose_nothing() {
    let topology = "groups = [ { name = \"team\", members = 50 } ]";
    let load = "users = [ { to = 50, over = \"1s\" }, { hold = \"24s\" } ]";
    for run in 0..20 {
        let text = format!("seed = {run}\n{}", scenario(50, topology, load, BUSY));
        let faults = if run % 2 == 0 { "" } else { UNSTEADY };
        let ran = carry_out(&text, faults, 1 + run % 3);
        ran.assert_sound();
        let delivery = &ran.results.delivery;
        assert!(delivery.delivered >= 20_000, "run {run}: {delivery:?}");
        let wrong = (delivery.lost, delivery.duplicated, delivery.phantom, delivery.reordered, delivery.corrupted);
        assert_eq!(wrong, (0, 0, 0, 0, 0), "run {run}: {delivery:?}");
        assert_eq!(delivery.unknown, 0, "run {run}: {delivery:?}");
        assert_eq!(delivery.accepted, ran.faults.totals.publishes_accepted, "run {run}");
    }
}
