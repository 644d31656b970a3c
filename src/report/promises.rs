//! The service's promises in words, for the reports that are lines of text.

use crate::results::{InvariantFigures, Results};

use super::{figures, untrusted};

/// Those that were broken, in order.
pub(super) fn broken(results: &Results) -> impl Iterator<Item = &InvariantFigures> {
    results.invariants.iter().filter(|figures| figures.violated > 0)
}

/// One sentence about all that were broken; nothing when none was.
pub(super) fn doubt(results: &Results) -> Option<String> {
    let words: Vec<String> = broken(results)
        .map(|InvariantFigures { number, name, violated, .. }| {
            format!("{} ({number}) {}", untrusted::one_line(name), times(*violated))
        })
        .collect();
    (!words.is_empty()).then(|| format!("the service broke its promises: {}", words.join(", ")))
}

/// What became of one, in a line.
pub(super) fn line(promise: &InvariantFigures) -> String {
    let InvariantFigures { number, name, checked, violated, first_s, last_s, examples, .. } = promise;
    let mut line = format!(
        "{number} {}: broken {}, looked at {}",
        untrusted::one_line(name),
        times(*violated),
        figures::count(*checked)
    );
    if let (Some(first), Some(last)) = (first_s, last_s) {
        line.push_str(&format!(", from {} to {}", figures::position(*first), figures::position(*last)));
    }
    for example in examples {
        line.push_str("; ");
        line.push_str(&untrusted::one_line(example));
    }
    line
}

fn times(number: u64) -> String {
    figures::counted(number, "time")
}

/// Replies that answered nothing that was open, and subscribes after a gap; only what happened.
pub(super) fn replies(results: &Results) -> Vec<String> {
    let users = &results.users;
    let asked = &users.resubscribed;
    let all = [
        ("late replies", users.late_replies),
        ("duplicate replies", users.duplicate_replies),
        ("unmatched replies", users.unmatched_replies),
        ("still attached after a gap", asked.still_attached),
        ("silently detached", asked.silently_detached),
        ("dead links", users.dead_links),
        ("topics caught up", users.caught_up.whole),
    ];
    let happened = all.into_iter().filter(|(_, number)| *number > 0);
    happened.map(|(word, number)| format!("{word} {}", figures::count(number))).collect()
}
