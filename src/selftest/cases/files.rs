//! Files that are changed on the way up or down.

use super::take_for_success;
use crate::selftest::{Case, Claims, Evidence, Pace};

const FILES: &str = include_str!("../scenarios/files.toml");

pub(super) const CASES: [Case; 2] = [
    Case {
        class: "corrupt-upload",
        scenario: FILES,
        set: &[],
        // Ended by `max`: a file that goes up in the last moment does not come down any more.
        faults: "seed = 3\ncorrupted_uploads = { every = 2, max = 30 }",
        touches: &["failures"],
        claims: upload,
        overlook_one: |results| take_for_success(results, "download", "check"),
        pace: Pace::Together,
    },
    Case {
        class: "corrupt-download",
        scenario: FILES,
        set: &[],
        faults: "seed = 3\ncorrupted_downloads = { every = 2 }",
        touches: &["failures"],
        claims: download,
        overlook_one: |results| take_for_success(results, "download", "check"),
        pace: Pace::Together,
    },
];

fn upload(evidence: &Evidence, claims: &mut Claims) {
    let reported = evidence.failed("download", "check");
    claims.fault(
        "changed when stored",
        evidence.injected.corrupted_uploads,
        reported,
        "corrupted_uploads = download check",
    );
    totals(evidence, claims);
}

fn download(evidence: &Evidence, claims: &mut Claims) {
    let (injected, reported) = (evidence.injected.corrupted_downloads, evidence.failed("download", "check"));
    claims.fault("changed when handed out", injected, reported, "corrupted_downloads = download check");
    totals(evidence, claims);
}

fn totals(evidence: &Evidence, claims: &mut Claims) {
    let totals = &evidence.injected.totals;
    claims.fault("uploads", totals.uploads, evidence.ok("upload"), "uploads = upload.ok");
    claims.fault("downloads", totals.downloads, evidence.started("download"), "downloads = download.started");
}
