//! Gates against the plan: can it deliver the samples that a gate needs before it says anything?
//!
//! The plan is walked by a few users of each persona against a service that answers at once. That is an estimate
//! from above; only a plan that cannot reach the number even so is worth a warning.

use std::collections::BTreeMap;

use super::Finding;
use crate::gate::{Gate, ScenarioFacts};
use crate::ops::OpId;
use crate::plan::{Arrivals, burst_arrivals};
use crate::random::{Purpose, Random, generator, unit};
use crate::scenario::{Persona, Scenario, Stage, State, TokenFlow};

const CHECK: &str = "gates";
/// Users of each persona that walk.
const WALKERS: u32 = 16;
/// States that one of them passes; a plan that goes on for longer has samples enough for any gate.
const STATES_MAX: u32 = 2_000;

pub(super) fn look(scenario: &Scenario, gates: &[Gate]) -> Vec<Finding> {
    let planned = Planned::of(scenario);
    let load_s = scenario.load.duration().as_secs_f64();
    // Of what the plan makes a window has its part.
    let part = |gate: &Gate| gate.window().map_or(1.0, |window| window.as_secs_f64() / load_s.max(1e-9));
    let planned_of = |gate: &Gate| Some(planned.of_gate(gate)? * part(gate));
    let facts = ScenarioFacts::of(scenario);
    let too_short = gates.iter().filter_map(|gate| gate.drift_doubt(&facts));
    let mut findings: Vec<Finding> = too_short.map(|(why, way)| Finding::warn(CHECK, why, way)).collect();
    findings.extend(gates.iter().filter_map(|gate| judge(gate, planned_of(gate)?)));
    if findings.is_empty() && !gates.is_empty() {
        findings.push(Finding::ok(CHECK, format!("the plan has samples enough for all {}", gates.len())));
    }
    findings
}

fn judge(gate: &Gate, planned: f64) -> Option<Finding> {
    let wanted = gate.samples_min()?;
    (planned < wanted as f64).then(|| {
        Finding::warn(
            CHECK,
            format!(
                "`{}` needs {wanted} samples and the plan makes about {planned:.0}: it cannot be told",
                gate.written()
            ),
            "`--duration` with a longer time, more `--users`, a higher rate of `load.arrivals`, or a lower percentile",
        )
    })
}

/// Samples that a plan makes, at the most.
struct Planned {
    operations: BTreeMap<OpId, f64>,
    arrivals: f64,
}

impl Planned {
    fn of(scenario: &Scenario) -> Planned {
        let load = &scenario.load;
        let steady = Arrivals::new(&load.arrivals, load.spacing, scenario.seed, 0, 1).count() as f64;
        let arrivals = steady + burst_arrivals(scenario) as f64;
        let shares: f64 = scenario.personas.iter().map(|persona| f64::from(persona.share)).sum();
        let users_of = |persona: &Persona| f64::from(scenario.users.count) * f64::from(persona.share) / shares;
        let waits = |persona: &&Persona| persona.states.iter().any(|state| state.awaits_arrival);
        let waiting: f64 = scenario.personas.iter().filter(waits).map(users_of).sum();
        let online_s = user_seconds(&load.users) / f64::from(scenario.users.count);
        let mut operations = BTreeMap::new();
        if scenario.auth.flow != TokenFlow::Token {
            operations.insert(OpId::Token, f64::from(scenario.users.count));
        }
        for persona in &scenario.personas {
            let weight = users_of(persona) / f64::from(WALKERS);
            for walker in 0..WALKERS {
                let random = generator(scenario.seed, Purpose::User(walker));
                let walk = Walk { persona, random, left_s: online_s, wait_s: online_s * waiting / arrivals.max(1e-9) };
                walk.go(&mut |op, count| *operations.entry(op).or_insert(0.0) += count * weight);
            }
        }
        Planned { operations, arrivals }
    }

    /// Samples of a gate's figure; `None` when they do not depend on the plan.
    fn of_gate(&self, gate: &Gate) -> Option<f64> {
        let count = |op: OpId| self.operations.get(&op).copied().unwrap_or_default();
        match (gate.figure().operation(), gate.figure().family()) {
            (Some(op), _) => Some(count(op)),
            // Each message has a receiver at least; a group has more, and then this is too low by that.
            (None, "delivery") => Some(count(OpId::Publish)),
            (None, "arrivals") => Some(self.arrivals),
            _ => None,
        }
    }
}

/// Seconds that all users together are online.
fn user_seconds(stages: &[Stage]) -> f64 {
    let mut before = 0.0;
    stages
        .iter()
        .map(|stage| {
            let to = stage.to.unwrap_or(before);
            let area = (before + to) / 2.0 * stage.over.as_secs_f64();
            before = to;
            area
        })
        .sum()
}

/// One user's way through its states.
struct Walk<'a> {
    persona: &'a Persona,
    random: Random,
    left_s: f64,
    /// Between two arrivals for this user.
    wait_s: f64,
}

impl Walk<'_> {
    fn go(mut self, count: &mut dyn FnMut(OpId, f64)) {
        let mut at = self.persona.start;
        for _ in 0..STATES_MAX {
            let Some(state) = self.persona.states.get(at) else { return };
            if state.awaits_arrival {
                self.left_s -= self.wait_s;
            }
            if self.left_s < 0.0 {
                return;
            }
            for step in &state.steps {
                count(step.op.id(), step.chance * f64::from(step.repeat));
            }
            if let Some(think) = state.think {
                self.left_s -= think.draw(&mut self.random).as_secs_f64();
            }
            match self.next(state) {
                Some(next) => at = next,
                None => return,
            }
        }
        // Still under way: whatever it does, it does often.
        let states = self.persona.states.iter();
        states.flat_map(|state| &state.steps).for_each(|step| count(step.op.id(), f64::INFINITY));
    }

    fn next(&mut self, state: &State) -> Option<usize> {
        let total: f64 = state.next.iter().map(|(_, weight)| weight).sum();
        let mut drawn = unit(&mut self.random) * total;
        let found = state.next.iter().find(|(_, weight)| {
            drawn -= weight;
            drawn < 0.0
        });
        found.or(state.next.last()).map(|(next, _)| *next)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::scenario::{Overrides, Source, Surroundings, load};

    /// A scenario of two users for a minute against `url`; `more` is added to the end.
    pub(in crate::doctor) fn scenario(url: &str, more: &str) -> Scenario {
        let text = format!(
            r#"name = "small"
[target]
url = "{url}"
[users]
count = 2
generate = {{ name = "{{1001}}", domain = "example.com", password = "x" }}
[topology]
pairs = "neighbours"
[load]
users = [ {{ to = 2, over = "0s" }}, {{ hold = "60s" }} ]
{more}
"#
        );
        let source = Source { name: "small.toml".to_owned(), text };
        let none = |_: &str| None;
        let unread = |_: &str| Err(String::new());
        let around = Surroundings { variable: &none, read_file: &unread };
        match load(&source, &Overrides::default(), &around) {
            Ok(loaded) => loaded.scenario,
            Err(problems) => panic!("{}", problems.render(crate::scenario::Style::Plain)),
        }
    }

    /// Somebody who publishes.
    pub(in crate::doctor) const TALKER: &str = r#"
[[persona]]
name = "talker"
start = "in"
  [persona.state.in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "peer" } ]
  next = "talk"
  [persona.state.talk]
  # HOW
  steps = [ { op = "publish", to = "peer" } ]
  next = "talk"
"#;

    fn planned(how: &str, arrivals: &str) -> Planned {
        Planned::of(&scenario("ws://127.0.0.1:1", &format!("{arrivals}\n{}", TALKER.replace("# HOW", how))))
    }

    #[test]
    fn samples_of_the_closed_and_the_open_model_are_estimated() {
        let closed = planned("think = \"constant 5s\"", "");
        // Each of two users: at second 0, 5, …, 60.
        assert_eq!(closed.operations[&OpId::Publish], 26.0);
        assert_eq!(closed.operations[&OpId::Login], 2.0);
        let open = planned(
            "await = \"arrival\"",
            "arrivals = [ { to = \"3/s\", over = \"0s\" }, { hold = \"60s\" } ]\narrival_spacing = \"even\"",
        );
        assert_eq!(open.arrivals, 180.0);
        assert!((open.operations[&OpId::Publish] - 180.0).abs() < 3.0);
        let busy = planned("think = \"constant 1ms\"", "");
        assert!(busy.operations[&OpId::Publish].is_infinite());
    }

    #[test]
    fn a_gate_that_cannot_be_told_is_a_warning() {
        let closed = planned("think = \"constant 5s\"", "");
        let text = |gate: &str| {
            let gate = Gate::parse(gate).expect("a gate");
            judge(&gate, closed.of_gate(&gate)?).map(|finding| finding.prose())
        };
        insta::assert_snapshot!(text("publish.response.p99 < 250ms").unwrap_or_default(), @r"
        warn  gates         `publish.response.p99 < 250ms` needs 100 samples and the plan makes about 26: it cannot be told
                            fix: `--duration` with a longer time, more `--users`, a higher rate of `load.arrivals`, or a lower percentile
        ");
        for enough in
            ["publish.response.p95 < 1s", "delivery.lost == 0", "failures.ratio < 1%", "generator.lag.p99 < 1s"]
        {
            assert_eq!(text(enough), None, "{enough}");
        }
    }
}
