//! 200 users send 10 MiB each at the same time.

use super::Size;
use super::process::{Run, Simulator};
use super::scenario::{Bench, PAIRS, PEER};
use super::table::{Bar, Table};

pub fn measure(size: Size, table: &mut Table) {
    let (users, file, rounds) = size.pick((200, "10 MiB", 3), (4, "1 KiB", 1));
    let mut extra = Vec::new();
    for _ in 0..rounds {
        let simulator = Simulator::start(&["--upload-max", "10 MiB"]);
        let step = format!("steps = [ {{ op = \"upload\", size = \"{file}\" }} ]\nthink = \"1h\"");
        let bench = |sign_in: &str, hold_s: u32| {
            let talk = if hold_s == 0 { "think = \"1h\"" } else { &step };
            Bench { users, ramp_s: 1, hold_s: hold_s + 5, topology: PAIRS, sign_in, talk, ..Bench::default() }.text()
        };
        let (idle, _, _) = Run::start(&bench(PEER, 0), &simulator.url).finish();
        let (busy, results, _) = Run::start(&bench(PEER, size.pick(20, 1)), &simulator.url).finish();
        assert_eq!(results.number("/operations/upload/ok"), f64::from(users), "uploads that were accepted");
        extra.push((busy.peak_rss - idle.peak_rss) / f64::from(1 << 20));
    }
    table.add(format!("upload, {users} users with {file} each: extra memory"), &extra, "MiB", Bar::AtMost(64.0));
}
