//! Messages that do not arrive, arrive twice, out of order, changed, or out of nowhere.

use super::{in_teams, one_less};
use crate::selftest::{Case, Claims, Evidence};

pub(super) const CASES: [Case; 7] = [
    Case {
        claims: lose,
        overlook_one: |results| {
            one_less(&mut results.delivery.lost);
            results.delivery.delivered += 1;
        },
        ..in_teams("lose", "seed = 3\nlost = { rate = 0.05 }", &["lost", "exactly_once", "asked again"])
    },
    Case {
        claims: duplicate,
        overlook_one: |results| one_less(&mut results.delivery.duplicated),
        ..in_teams("duplicate", "seed = 3\nduplicated = { rate = 0.05 }", &["duplicated", "exactly_once"])
    },
    Case {
        claims: reorder,
        overlook_one: |results| one_less(&mut results.delivery.reordered),
        ..in_teams("reorder", "seed = 3\nreordered = { rate = 0.05 }", &["reordered", "seq_ascending"])
    },
    Case {
        claims: phantom,
        overlook_one: |results| one_less(&mut results.delivery.phantom),
        ..in_teams("phantom", "seed = 3\nphantom = { rate = 0.05 }", &["phantom"])
    },
    Case {
        claims: corrupt,
        overlook_one: |results| one_less(&mut results.delivery.corrupted),
        ..in_teams("corrupt", "seed = 3\ncorrupted = { rate = 0.05 }", &["corrupted", "content_unchanged"])
    },
    Case {
        claims: not_stored,
        overlook_one: |results| {
            one_less(&mut results.delivery.lost);
            results.delivery.excused += 1;
        },
        ..in_teams(
            "not-stored",
            "not_stored = { every = 12 }",
            &["lost", "echoes missing", "exactly_once", "asked again"],
        )
    },
    Case {
        claims: bad_frames,
        overlook_one: |results| {
            if let Some(malformed) = results.traffic.received_by_kind.get_mut("malformed") {
                one_less(malformed);
            }
        },
        ..in_teams("bad-frames", "bad_frames = { every = 20 }", &["malformed"])
    },
];

fn lose(evidence: &Evidence, claims: &mut Claims) {
    let reported = evidence.results.delivery.lost;
    claims.fault("lost deliveries", evidence.injected.lost, reported, "lost = delivery.lost");
    let place = evidence.lost_by("not_pushed");
    claims.fault("stored and not pushed", evidence.injected.lost, place, "lost = delivery.lost_by.not_pushed");
}

fn duplicate(evidence: &Evidence, claims: &mut Claims) {
    let reported = evidence.results.delivery.duplicated;
    claims.fault("surplus copies", evidence.injected.duplicated, reported, "duplicated = delivery.duplicated");
}

fn reorder(evidence: &Evidence, claims: &mut Claims) {
    let reported = evidence.results.delivery.reordered;
    claims.fault("swapped pairs", evidence.injected.reordered, reported, "reordered = delivery.reordered");
}

fn phantom(evidence: &Evidence, claims: &mut Claims) {
    let reported = evidence.results.delivery.phantom;
    claims.fault("messages nobody sent", evidence.injected.phantom, reported, "phantom = delivery.phantom");
}

fn corrupt(evidence: &Evidence, claims: &mut Claims) {
    let reported = evidence.results.delivery.corrupted;
    claims.fault("changed messages", evidence.injected.corrupted, reported, "corrupted = delivery.corrupted");
}

fn not_stored(evidence: &Evidence, claims: &mut Claims) {
    let injected = &evidence.injected;
    let lost = evidence.results.delivery.lost;
    claims.fault(
        "deliveries never made",
        injected.not_stored_deliveries,
        lost,
        "not_stored_deliveries = delivery.lost",
    );
    let place = evidence.lost_by("not_stored");
    let compared = "not_stored_deliveries = delivery.lost_by.not_stored";
    claims.fault("accepted and not stored", injected.not_stored_deliveries, place, compared);
    let echoes = evidence.echoes_missing();
    claims.fault("publishes thrown away", injected.not_stored, echoes, "not_stored = own copies that did not come");
}

fn bad_frames(evidence: &Evidence, claims: &mut Claims) {
    let injected = evidence.injected.bad_frames.values().sum();
    claims.fault("frames of five kinds", injected, evidence.malformed(), "bad_frames = traffic malformed");
}
