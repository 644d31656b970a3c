//! What the service promises of its messages, broken: numbers, acknowledgements, who gets what, marks, the history.

use super::{ONE_WRITER, in_teams, one_less};
use crate::results::Results;
use crate::selftest::{Case, Claims, Evidence};

/// Some leave before the first message.
const LEAVERS: &str = include_str!("../scenarios/leavers.toml");
/// Who writes looks at the marks and reads back.
const LOOK_BACK: &str = include_str!("../scenarios/look-back.toml");

pub(super) const CASES: [Case; 11] = [
    Case {
        // Who writes would be refused: it is nobody's receiver.
        set: &[ONE_WRITER],
        claims: silent_detach,
        overlook_one: |results| {
            one_less(&mut results.users.resubscribed.silently_detached);
            results.users.resubscribed.still_attached += 1;
        },
        ..in_teams(
            "silent-detach",
            "silent_detach = { every = 40, max = 8 }",
            &["lost", "exactly_once", "silently detached"],
        )
    },
    Case {
        claims: seq_jump,
        overlook_one: |results| keep(results, "seq_dense"),
        ..in_teams("seq-jump", "seq_jump = { every = 9 }", &["seq_dense", "asked again"])
    },
    Case {
        claims: seq_repeat,
        overlook_one: |results| keep(results, "seq_unique"),
        ..in_teams("seq-repeat", "seq_repeat = { every = 10 }", &["seq_unique"])
    },
    Case {
        claims: seq_backward,
        overlook_one: |results| one_less(&mut results.delivery.reordered),
        ..in_teams("seq-backward", "seq_backward = { every = 10 }", &["seq_unique", "reordered", "seq_ascending"])
    },
    Case {
        claims: double_ack,
        overlook_one: |results| one_less(&mut results.users.duplicate_replies),
        ..in_teams("double-ack", "double_ack = { every = 7 }", &["duplicate replies"])
    },
    Case {
        claims: early_echo,
        overlook_one: |results| keep(results, "ack_before_echo"),
        ..in_teams("early-echo", "early_echo = { every = 7 }", &["ack_before_echo"])
    },
    Case {
        claims: misdelivered,
        overlook_one: |results| one_less(&mut results.delivery.misdelivered),
        ..in_teams("misdelivered", "misdelivered = { every = 5 }", &["misdelivered", "asked again"])
    },
    Case {
        scenario: LEAVERS,
        claims: after_leave,
        overlook_one: |results| keep(results, "nothing_after_leave"),
        ..in_teams(
            "after-leave",
            "after_leave = { every = 3 }",
            &["misdelivered", "nothing_after_leave", "nothing_after_removal"],
        )
    },
    Case {
        claims: other_run,
        overlook_one: |results| one_less(&mut results.delivery.foreign),
        ..in_teams("other-run", "other_run = { every = 20 }", &["foreign"])
    },
    Case {
        scenario: LOOK_BACK,
        claims: marks,
        overlook_one: |results| keep(results, "marks_in_order"),
        ..in_teams("marks", "marks = { every = 3 }", &["marks_in_order"])
    },
    Case {
        scenario: LOOK_BACK,
        claims: changed_history,
        overlook_one: |results| keep(results, "history_as_live"),
        ..in_teams("changed-history", "corrupted_history = { every = 15 }", &["history_as_live"])
    },
];

/// One violation of the promise is taken for none.
fn keep(results: &mut Results, promise: &str) {
    if let Some(figures) = results.invariants.iter_mut().find(|figures| figures.name == promise) {
        one_less(&mut figures.violated);
    }
}

fn silent_detach(evidence: &Evidence, claims: &mut Claims) {
    let (injected, results) = (&evidence.injected, &evidence.results);
    let found = results.users.resubscribed.silently_detached;
    let compared = "silent_detach = users.resubscribed.silently_detached";
    claims.fault("detached without a word", injected.silent_detach, found, compared);
    let (missed, lost) = (injected.silent_detach_deliveries, results.delivery.lost);
    claims.fault("deliveries not made since", missed, lost, "silent_detach_deliveries = delivery.lost");
    let place = evidence.lost_by("not_pushed");
    claims.fault("stored and not pushed", missed, place, "silent_detach_deliveries = delivery.lost_by.not_pushed");
}

fn seq_jump(evidence: &Evidence, claims: &mut Claims) {
    let gaps = evidence.broken("seq_dense");
    claims.fault("numbers left out", evidence.injected.seq_jump, gaps, "seq_jump = invariants.seq_dense");
}

fn seq_repeat(evidence: &Evidence, claims: &mut Claims) {
    let again = evidence.broken("seq_unique");
    claims.fault("numbers given again", evidence.injected.seq_repeat, again, "seq_repeat = invariants.seq_unique");
}

fn seq_backward(evidence: &Evidence, claims: &mut Claims) {
    let (injected, again) = (&evidence.injected, evidence.broken("seq_unique"));
    claims.fault("numbers gone back", injected.seq_backward, again, "seq_backward = invariants.seq_unique");
    let reordered = evidence.results.delivery.reordered;
    let compared = "seq_backward_deliveries = delivery.reordered";
    claims.fault("after a greater number", injected.seq_backward_deliveries, reordered, compared);
}

fn double_ack(evidence: &Evidence, claims: &mut Claims) {
    let again = evidence.results.users.duplicate_replies;
    claims.fault("acknowledged twice", evidence.injected.double_ack, again, "double_ack = users.duplicate_replies");
}

fn early_echo(evidence: &Evidence, claims: &mut Claims) {
    let early = evidence.broken("ack_before_echo");
    let compared = "early_echo = invariants.ack_before_echo";
    claims.fault("copies before their ack", evidence.injected.early_echo, early, compared);
}

fn misdelivered(evidence: &Evidence, claims: &mut Claims) {
    let (injected, astray) = (evidence.injected.misdelivered, evidence.results.delivery.misdelivered);
    claims.fault("to the wrong session", injected, astray, "misdelivered = delivery.misdelivered");
}

fn after_leave(evidence: &Evidence, claims: &mut Claims) {
    let injected = &evidence.injected;
    let left = evidence.broken("nothing_after_leave");
    claims.fault("after a leave", injected.after_leave, left, "after_leave = invariants.nothing_after_leave");
    let removed = evidence.broken("nothing_after_removal");
    let compared = "after_removal = invariants.nothing_after_removal";
    claims.fault("after an unsubscribe", injected.after_removal, removed, compared);
    let (both, astray) = (injected.after_leave + injected.after_removal, evidence.results.delivery.misdelivered);
    claims.fault("to the wrong session", both, astray, "both = delivery.misdelivered");
}

fn other_run(evidence: &Evidence, claims: &mut Claims) {
    let (injected, foreign) = (evidence.injected.other_run, evidence.results.delivery.foreign);
    claims.fault("messages of another run", injected, foreign, "other_run = delivery.foreign");
}

fn marks(evidence: &Evidence, claims: &mut Claims) {
    let wrong = evidence.broken("marks_in_order");
    claims.fault("less received than read", evidence.injected.marks, wrong, "marks = invariants.marks_in_order");
}

fn changed_history(evidence: &Evidence, claims: &mut Claims) {
    let (injected, differing) = (evidence.injected.corrupted_history, evidence.broken("history_as_live"));
    claims.fault("changed when read back", injected, differing, "corrupted_history = invariants.history_as_live");
}
