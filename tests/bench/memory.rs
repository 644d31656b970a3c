//! Resident memory of a user that is connected, logged in and subscribed, and silent.

use std::time::Duration;

use super::Size;
use super::process::{Run, Simulator};
use super::scenario::{Bench, IDLE, PAIRS, PEER};
use super::table::{Bar, Table};

pub fn measure(size: Size, table: &mut Table) {
    let users = size.pick((500, 10_000), (10, 100));
    let cases: [(_, &[&str], _, _); 2] = [
        ("resident memory of an idle user, plain", &[], "", 8.0),
        ("resident memory of an idle user, TLS", &["--tls"], "tls = { verify = false }", 18.0),
    ];
    for (figure, simulator, target, bar) in cases {
        let rounds = size.pick(3, 1);
        let kib: Vec<f64> = (0..rounds)
            .map(|_| {
                let few = resident(size, users.0, simulator, target);
                let many = resident(size, users.1, simulator, target);
                (many - few) / f64::from(users.1 - users.0) / 1024.0
            })
            .collect();
        table.add(figure, &kib, "KiB", Bar::AtMost(bar));
    }
}

/// Of a process with so many users, when all of them are idle.
fn resident(size: Size, users: u32, simulator: &[&str], target: &str) -> f64 {
    let simulator = Simulator::start(simulator);
    // 1,500 TLS handshakes a second leave room for the simulator's.
    let ramp_s = users.div_ceil(1_000);
    let bench =
        Bench { users, ramp_s, hold_s: 60, target, topology: PAIRS, sign_in: PEER, talk: IDLE, ..Bench::default() };
    let mut run = Run::start(&bench.text(), &simulator.url);
    run.process.wait_for_descriptors(users as usize);
    std::thread::sleep(Duration::from_millis(size.pick(3_000, 100)));
    run.process.rss()
}
