//! The same rate from more and more users, up to 18,000 in one process with several source addresses.

use std::time::Duration;

use super::Size;
use super::process::{Run, Simulator, cpu_over};
use super::scenario::{Bench, PAIRS, PEER, PUBLISH};
use super::table::{Bar, Table, median};

pub fn measure(size: Size, table: &mut Table) {
    let counts: &[u32] = size.pick(&[100, 1_000, 5_000, 18_000], &[10, 20]);
    let (rounds, window, rate) = size.pick((3, 8, 2_000), (1, 1, 100));
    let mut spent: Vec<Vec<f64>> = vec![Vec::new(); counts.len()];
    let mut online = Vec::new();
    for _ in 0..rounds {
        for (&users, spent) in counts.iter().zip(&mut spent) {
            let simulator = Simulator::start(&[]);
            let ramp_s = users.div_ceil(2_000);
            let bench = Bench {
                users,
                ramp_s,
                hold_s: window + 8,
                target: "source_addresses = [ \"127.0.0.2-127.0.0.9\" ]",
                topology: PAIRS,
                sign_in: PEER,
                talk: PUBLISH,
                rate,
            };
            let mut run = Run::start(&bench.text(), &simulator.url);
            run.process.wait_for_descriptors(users as usize);
            std::thread::sleep(Duration::from_secs(4));
            let ([cpu], span) = cpu_over(Duration::from_secs(window.into()), [&run.process]);
            let (_, results, _) = run.finish();
            spent.push(cpu * 1e6 / (span * f64::from(rate)));
            if Some(&users) == counts.last() {
                online.push(results.number("/users/peak"));
            }
        }
    }
    let most = f64::from(*counts.last().unwrap_or(&0));
    table.add("users connected and subscribed in one process", &online, "", Bar::AtLeast(most));
    for (users, spent) in counts.iter().zip(&spent) {
        table.add(format!("CPU a publish of {users} users at {rate}/s in all"), spent, "µs", Bar::None);
    }
    let grown = median(&spent[spent.len() - 1]) / median(&spent[0]);
    table.add("growth from the fewest to the most users", &[grown], "times", Bar::AtMost(1.5));
}
