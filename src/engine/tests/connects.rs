//! Connecting: in turns when the scenario says so, and nobody waits for somebody else's connect.

use super::*;

const VISITORS: &str = r#"
[[persona]]
name = "visitor"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" } ]
  think = "constant 1h"
  next = "sign-in"
"#;

/// Twenty at once, who stay for a minute, with a line more in `[target]`.
fn storm(target: &str, timeout: &str) -> String {
    let load = "users = [ { to = 20, over = \"0s\" }, { hold = \"60s\" } ]";
    let timeout = format!("timeout = \"{timeout}\"\n{target}");
    scenario(20, "", load, VISITORS).replace("timeout = \"10s\"", &timeout)
}

#[test]
fn a_storm_goes_in_at_the_connect_rate_and_the_wait_is_lag() {
    for slots in [1, 2] {
        // Whoever comes last waits longer than a connect may take: waiting for a turn is no part of that.
        let ran = carry_out(&storm("connect_rate = \"10/s\"", "1s"), "", slots);
        ran.assert_sound();
        assert_eq!(ran.counts(OpId::Connect), (20, 20, 0, 0));
        let figures = &ran.sums.ops[OpId::Connect.index()];
        let last_us = 1_000_000 * u64::from(20 / slots - 1) * u64::from(slots) / 10;
        assert!(figures.lag.max().abs_diff(last_us) <= 20_000, "{slots}: {} µs, not {last_us}", figures.lag.max());
        assert!(figures.service.max() < 20_000, "{} µs", figures.service.max());
        assert!(figures.response.max() >= figures.lag.max());
    }
}

#[test]
fn without_a_rate_all_connect_at_once() {
    let ran = carry_out(&storm("", "1s"), "", 1);
    assert_eq!(ran.counts(OpId::Connect), (20, 20, 0, 0));
    assert!(ran.sums.ops[OpId::Connect.index()].lag.max() < 20_000);
}

#[test]
fn connects_that_are_never_answered_stall_nobody() {
    // Number 0 is the run's own look at the target; of the users' first ones every second hangs.
    let ran = carry_out_where(plan(&storm("", "5s"), 1), "", |number| number % 2 == 0 || number > 20);
    let connect = &ran.sums.ops[OpId::Connect.index()];
    assert_eq!((connect.failed, connect.ok), (10, 20));
    assert!(connect.service.max() < 20_000, "a good connect took {} µs", connect.service.max());
    assert!(connect.lag.max() < 20_000, "a connect began {} µs late", connect.lag.max());
    assert!(connect.failed_response.quantile(0.0) >= 4_990_000, "{} µs", connect.failed_response.quantile(0.0));
    assert_eq!(ran.sums.ops[OpId::Login.index()].failed, 0);
}
