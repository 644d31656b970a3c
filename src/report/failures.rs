//! Failures in lines of text: of the most frequent kinds the first example each.

use std::cmp::Reverse;

use crate::results::{FailureFigures, Results};

use super::figures;
use super::untrusted::{cut, one_line};

/// Kinds that are told one by one where there is no room for all.
const KINDS_MAX: usize = 5;
/// Longest name of an operation or a class, characters; ours are shorter.
const NAME_MAX: usize = 40;

/// A kind of failure.
pub(super) struct Kind {
    /// Operation, class, how often and when.
    pub(super) says: String,
    /// The first example, in a line; empty when none was kept.
    pub(super) example: String,
}

/// The failures, most frequent first.
pub(super) fn in_order(results: &Results) -> Vec<&FailureFigures> {
    let mut failures: Vec<&FailureFigures> = results.failures.iter().collect();
    failures.sort_by_key(|failure| Reverse(failure.count));
    failures
}

/// The most frequent kinds, and a sentence on the others; that is empty when there are none.
pub(super) fn kinds(results: &Results) -> (Vec<Kind>, String) {
    let mut failures = in_order(results);
    let others = failures.split_off(failures.len().min(KINDS_MAX));
    let all = others.iter().fold(0, |sum: u64, failure| sum.saturating_add(failure.count));
    let rest = match others.len() as u64 {
        0 => String::new(),
        kinds => format!("{}, {}", figures::counted(kinds, "further kind"), figures::counted(all, "time")),
    };
    (failures.into_iter().map(kind).collect(), rest)
}

fn kind(failure: &FailureFigures) -> Kind {
    let [operation, class] = [&failure.operation, &failure.class].map(|name| cut(name, NAME_MAX));
    let [first, last] = [failure.first_s, failure.last_s].map(figures::position);
    let when = if first == last { format!("at {first}") } else { format!("from {first} to {last}") };
    Kind {
        says: format!("{operation} {class}, {}, {when}", figures::counted(failure.count, "time")),
        example: failure.examples.first().map(|example| one_line(example)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_most_frequent_come_first_and_the_others_are_summed_up() {
        let mut results = fixture::rich();
        results.failures.extend((1..=4).map(|count| FailureFigures {
            operation: "leave".to_owned(),
            class: format!("rejected({})", 500 + count),
            count,
            first_s: 12.0,
            last_s: 12.4,
            examples: vec!["one\ntwo".to_owned(), "three".to_owned()],
        }));
        let (kinds, rest) = kinds(&results);
        let said: Vec<_> = kinds.iter().map(|kind| format!("{} [{}]", kind.says, kind.example)).collect();
        insta::assert_snapshot!(said.join("\n"), @r##"
        publish rejected(503), 29 times, from 5:06 to 5:52 [{"ctrl":{"id":"…","code":503,"text":"too many requests"}}]
        publish timed_out, 14 times, from 4:58 to 6:01 [no reply within 10 s, topic p2p `1001`–`1002`]
        leave rejected(504), 4 times, at 0:12 [one\ntwo]
        upload timed_out, 3 times, from 5:11 to 5:40 []
        leave rejected(503), 3 times, at 0:12 [one\ntwo]
        "##);
        assert_eq!(rest, "3 further kinds, 4 times");
    }

    #[test]
    fn a_long_example_is_cut_and_controls_are_shown() {
        for kind in kinds(&fixture::hostile()).0 {
            assert!(kind.example.chars().count() <= 2_001 && !kind.example.chars().any(char::is_control));
            assert!(!kind.says.chars().any(char::is_control));
        }
    }
}
