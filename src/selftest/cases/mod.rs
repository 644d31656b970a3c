//! The classes of fault, by subject. A new class is one more [`Case`] in one of these lists.

mod connections;
mod deliveries;
mod everything;
mod files;
mod promises;
mod requests;
mod soaks;
mod times;

use super::case::{Case, Pace};

/// Groups of ten, some of whom write.
const TEAMS: &str = include_str!("../scenarios/teams.toml");
/// One writer in each group: whoever loses its connection or waits for an answer is nobody's receiver.
const ONE_WRITER: &str = "persona.reader.share=9";
/// Give up on an acknowledgement after a second.
const GIVE_UP_SOON: &str = "persona.writer.state.write.steps[0].timeout=1s";

/// A class of fault in the teams; what it claims, and what a broken detection overlooks, is its own.
const fn in_teams(class: &'static str, faults: &'static str, touches: &'static [&'static str]) -> Case {
    Case {
        class,
        scenario: TEAMS,
        set: &[],
        faults,
        touches,
        claims: |_, _| {},
        overlook_one: |_| {},
        pace: Pace::Together,
    }
}

/// Every class, in the order of the table.
pub fn all() -> Vec<Case> {
    let subjects: [&[Case]; 8] = [
        &times::CASES,
        &requests::CASES,
        &connections::CASES,
        &deliveries::CASES,
        &promises::CASES,
        &files::CASES,
        &soaks::CASES,
        &everything::CASES,
    ];
    subjects.concat()
}

/// The class of that name.
pub fn named(class: &str) -> Option<Case> {
    all().into_iter().find(|case| case.class == class)
}

/// One of them is overlooked.
fn one_less(count: &mut u64) {
    *count = count.saturating_sub(1);
}

/// One failure of that class counts as a success.
fn take_for_success(results: &mut crate::results::Results, operation: &str, class: &str) {
    if let Some(figures) = results.operations.get_mut(operation)
        && let Some(count) = figures.failures.get_mut(class)
    {
        one_less(count);
        one_less(&mut figures.failed);
        figures.ok += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::selftest::conduct::scenario;
    use crate::simulator::faults::FaultPlan;

    #[test]
    fn every_case_is_valid_and_has_a_name_of_its_own() {
        let mut classes = Vec::new();
        for case in all() {
            assert!(!classes.contains(&case.class), "{}", case.class);
            classes.push(case.class);
            assert_eq!(named(case.class).map(|case| case.class), Some(case.class));
            scenario(&case).expect(case.class);
            FaultPlan::parse(case.faults).expect(case.class);
        }
    }

    /// A writer that loses its connection must not be anybody's receiver, or its deliveries could only be told
    /// within a bound.
    #[test]
    fn where_connections_are_cut_each_group_has_one_writer() {
        for case in all().into_iter().filter(|case| case.faults.contains("drop")) {
            let plan = Plan::new(scenario(&case).expect("valid").into(), "run", 1);
            for group in 0..plan.topology.groups() {
                let is_writer = |user: &u32| plan.persona(*user).name == "writer";
                assert_eq!(plan.topology.members(group).filter(is_writer).count(), 1, "{} {group}", case.class);
            }
        }
    }
}
