//! What only shows after minutes: restarts, peers that fall silent, and what grows. Under simulated time, so that no
//! machine is too slow for an exact figure.

use std::time::Duration;

use super::one_less;
use crate::results::{DriftFigures, DriftVerdict, Results};
use crate::selftest::{Bound, Case, Claims, Evidence, Pace};
use crate::simulator::faults::Operation;

const HOURS: &str = include_str!("../scenarios/hours.toml");
const STEADY: &str = include_str!("../scenarios/steady.toml");
/// Everybody is in a group of ten, so each message is owed to nine.
const RECEIVERS: u64 = 9;
/// Declared in `slow-accept`.
const HELD: Duration = Duration::from_secs(2);
/// Declared in `growing-delay`: 10 ms a minute.
const GROWTH_AN_HOUR: Duration = Duration::from_millis(600);
/// Declared in `leak`: 512 KiB a minute.
const LEAK_AN_HOUR: u64 = 60 * 524_288;
/// What the growing delay of publishes shows in.
const TIMES: [&str; 6] = [
    "publish.response.p50",
    "publish.response.p95",
    "publish.response.p99",
    "delivery.p50",
    "delivery.p95",
    "delivery.p99",
];
/// What the leak shows in.
const MEMORY: [&str; 1] = ["target.rss_bytes"];

/// A class of fault under simulated time; the rest is its own.
const CASE: Case = Case {
    class: "",
    scenario: HOURS,
    set: &[],
    faults: "",
    touches: &[],
    claims: |_, _| {},
    overlook_one: |_| {},
    pace: Pace::Simulated,
};

pub(super) const CASES: [Case; 5] = [
    Case {
        class: "restart",
        faults: "[[restart]]\nat = \"120500ms\"\nfor = \"20s\"\nevery = \"200s\"",
        touches: &["failures", "closed", "reconnects", "recovered"],
        claims: restart,
        overlook_one: |results| results.users.closed_by_code.values_mut().take(1).for_each(one_less),
        ..CASE
    },
    Case {
        class: "half-open",
        faults: "[[half_open]]\nat = \"120500ms\"\nshare = 0.25",
        touches: &["failures", "unknown", "reconnects", "dead links", "recovered", "asked again"],
        claims: half_open,
        overlook_one: |results| one_less(&mut results.users.dead_links),
        ..CASE
    },
    Case {
        class: "slow-accept",
        faults: "slow_accept = { constant = \"2s\" }",
        claims: slow_accept,
        overlook_one: |results| {
            if let Some(connect) = results.operations.get_mut("connect") {
                one_less(&mut connect.started);
                one_less(&mut connect.ok);
            }
        },
        ..CASE
    },
    Case {
        class: "growing-delay",
        scenario: STEADY,
        faults: "delay.pub = { constant = \"100ms\" }\ngrowing_delay.pub = { per_minute = \"10ms\" }",
        claims: growing_delay,
        overlook_one: |results| take_for_steady(results, "publish.response.p99"),
        ..CASE
    },
    Case {
        class: "leak",
        scenario: STEADY,
        faults: "delay.pub = { constant = \"100ms\" }\nleak = { bytes_per_minute = 524288 }",
        claims: leak,
        overlook_one: |results| take_for_steady(results, "target.rss_bytes"),
        ..CASE
    },
];

fn restart(evidence: &Evidence, claims: &mut Claims) {
    let (injected, users) = (&evidence.injected, &evidence.results.users);
    let cut = injected.cut_by_restart;
    claims.fault("cut connections", cut, evidence.closed(), "cut_by_restart = users.closed_by_code");
    claims.fault("reconnects", cut, users.reconnects, "cut_by_restart = users.reconnects");
    let refused = evidence.results.operations.get("connect").map_or(0, |connect| connect.failed);
    claims.fault("refused while down", injected.refused_while_down, refused, "refused_while_down = connect.failed");
    let sessions = injected.totals.sessions - evidence.own_logins() - 1;
    claims.fault("let in", sessions, evidence.ok("connect"), "sessions less the set-up's = connect.ok");
    claims.fault("caught up", cut, users.caught_up.whole, "cut_by_restart = users.caught_up.whole");
    caught_up(evidence, claims);
}

fn half_open(evidence: &Evidence, claims: &mut Claims) {
    let (injected, results) = (&evidence.injected, &evidence.results);
    let silent = injected.half_open;
    claims.fault("dead links", silent, results.users.dead_links, "half_open = users.dead_links");
    claims.fault("reconnects", silent, results.users.reconnects, "half_open = users.reconnects");
    claims.fault("caught up", silent, results.users.caught_up.whole, "half_open = users.caught_up.whole");
    // Each is asked whether it is still attached when a message is overdue there.
    let in_vain = results.users.resubscribed.unanswered;
    claims.fault("asked in vain", silent, in_vain, "half_open = users.resubscribed.unanswered");
    let unheard = evidence.started("publish") - injected.totals.publishes_accepted;
    let not_accepted = results.delivery.not_accepted;
    claims.fault("publishes unheard", unheard, not_accepted, "started - accepted = delivery.not_accepted");
    caught_up(evidence, claims);
}

/// Nothing is lost: what was not pushed to somebody was fetched.
fn caught_up(evidence: &Evidence, claims: &mut Claims) {
    let delivery = &evidence.results.delivery;
    let owed = RECEIVERS * evidence.injected.totals.publishes_accepted;
    claims.fault("owed to nine", owed, delivery.delivered, "nine a publish accepted = delivery.delivered");
    let pushed = evidence.injected.totals.deliveries_pushed - evidence.injected.half_open_deliveries;
    let missed = owed.saturating_sub(pushed);
    claims.fault("missed meanwhile", missed, delivery.recovered, "owed and not pushed = delivery.recovered");
}

fn slow_accept(evidence: &Evidence, claims: &mut Claims) {
    let held = evidence.injected.slow_accepts - evidence.own_logins() - 1;
    let held_us = HELD.as_micros() as u64;
    claims.fault("held connections", held, evidence.ok("connect"), "slow_accepts less the set-up's = connect.ok");
    let slow = evidence.connects_slower_than(held_us - 1_000);
    claims.fault("slow connects", held, slow, "slow_accepts less the set-up's = connects from 1999 ms on");
    let connect = evidence.results.operations.get("connect").map(|connect| connect.service_us.clone());
    // Three digits.
    let bound = Bound::Within(held_us - 2_000, held_us + 2_000);
    claims.time("longest connect", HELD, connect.unwrap_or_default().max, bound, "declared, to three digits");
}

fn growing_delay(evidence: &Evidence, claims: &mut Claims) {
    let delayed = evidence.injected.delayed.get(&Operation::Pub).copied().unwrap_or(0);
    claims.fault("delayed publishes", delayed, evidence.ok("publish"), "delayed[pub] = publish.ok");
    for figure in TIMES {
        let planted = GROWTH_AN_HOUR.as_micros() as u64;
        // Histograms keep three digits.
        let (slope, bound) = slope(evidence, figure, planted, planted / 1_000);
        let compared = format!("the planted slope is in the 95 % interval of {figure}");
        claims.time("growth an hour", GROWTH_AN_HOUR, slope, bound, &compared);
    }
    only_these_drift(evidence, claims, &TIMES);
}

fn leak(evidence: &Evidence, claims: &mut Claims) {
    let (slope, bound) = slope(evidence, MEMORY[0], LEAK_AN_HOUR, 0);
    claims.bounded(
        "bytes an hour",
        LEAK_AN_HOUR,
        slope,
        bound,
        "the planted slope is in the 95 % interval of target.rss_bytes",
    );
    only_these_drift(evidence, claims, &MEMORY);
}

/// The measured slope an hour, and where it may lie: so that the planted one is within its 95 % interval, give or take
/// what the measured values are rounded by.
fn slope(evidence: &Evidence, figure: &str, planted: u64, rounding: u64) -> (u64, Bound) {
    let measured = evidence.drift(figure).and_then(|drift| drift.per_hour.zip(drift.per_hour_95));
    let Some((slope, (low, high))) = measured else { return (0, Bound::Exact) };
    let [below, above] = [high - slope, slope - low].map(|half| half.ceil() as u64 + rounding);
    (slope.round() as u64, Bound::Within(planted.saturating_sub(below), planted + above))
}

/// Of all figures exactly these drift; what is not known to drift is known to hold still. The memory of this program is
/// left out: other classes are at work in it.
fn only_these_drift(evidence: &Evidence, claims: &mut Claims, planted: &[&str]) {
    let is_planted = |drift: &&DriftFigures| planted.contains(&drift.figure.as_str());
    let figures = || evidence.results.drift.iter().filter(|drift| !drift.figure.starts_with("generator."));
    let drifting = figures().filter(is_planted).filter(|drift| drift.verdict == DriftVerdict::Drifting).count();
    claims.fault("figures that grow", planted.len() as u64, drifting as u64, "what was planted = verdict drifting");
    let others = || figures().filter(|drift| !is_planted(drift));
    let steady = others().filter(|drift| drift.verdict == DriftVerdict::Steady).count();
    claims.fault("figures that hold still", others().count() as u64, steady as u64, "all others = verdict steady");
}

fn take_for_steady(results: &mut Results, figure: &str) {
    for drift in results.drift.iter_mut().filter(|drift| drift.figure == figure) {
        drift.verdict = DriftVerdict::Steady;
    }
}
