//! Any bytes as a journal of several segments: the reports are made of what is intact, and nothing panics. Checksums are
//! not compared here, so that what is behind them is reached. The same way in as that of the property test
//! `no_damage_to_any_journal_makes_the_report_fail_or_invent`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pbxload::report::{Format, render};
use pbxload::results::Fold;
use pbxload::store::JournalReader;

fuzz_target!(|bytes: &[u8]| {
    // A byte that no journal holds parts the segments.
    let segments = bytes.split(|&byte| byte == 0xff).map(<[u8]>::to_vec).collect();
    let mut fold = Fold::new();
    JournalReader::of_bytes(segments).flatten().for_each(|record| fold.push(&record));
    let results = fold.finish();
    for format in Format::ALL {
        let mut bytes = Vec::new();
        render(format, &results, &mut bytes).expect("memory takes it");
    }
});
