//! A publish with its reply, and a delivery: as fast as the replies come, and at a fixed rate. Beside the bare client.

use std::time::Duration;

use super::Size;
use super::process::{Process, Run, Simulator, cpu_over};
use super::scenario::{Bench, PAIRS, PEER, PUBLISH};
use super::table::{Bar, Table, median};

const USERS: u32 = 200;

fn bare(target: &str, seconds: u32, rate: u32) -> Process {
    let [users, seconds, rate] = [USERS, seconds, rate].map(|number| number.to_string());
    Process::start(Process::own(&["bare-client", target, &users, &seconds, &rate, "0"]))
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// 200 users, each publishing again as soon as its reply is there. The generator's processor time is that of the whole
/// process, from its start to its reports.
pub fn saturated(size: Size, table: &mut Table) {
    let (rounds, seconds) = size.pick((5, 8), (1, 1));
    let mut ours = Vec::new();
    let (mut bare_us, mut ratios, mut deliveries, mut simulator_us) = (ours.clone(), vec![], vec![], vec![]);
    for _ in 0..rounds {
        let simulator = Simulator::start(&[]);
        let ended = bare(&simulator.url, seconds, 0).finish();
        let found = numbers(&ended.stdout);
        assert!(found[1] >= found[0] * 0.99, "the bare client received {} of {} messages", found[1], found[0]);
        bare_us.push(ended.cpu.as_secs_f64() * 1e6 / found[0]);
        drop(simulator);

        let simulator = Simulator::start(&[]);
        let bench = Bench {
            users: USERS,
            ramp_s: 1,
            hold_s: seconds,
            topology: PAIRS,
            sign_in: PEER,
            talk: PUBLISH,
            ..Bench::default()
        };
        let (ended, results, _) = Run::start(&bench.text(), &simulator.url).finish();
        let published = results.number("/delivery/published");
        ours.push(ended.cpu.as_secs_f64() * 1e6 / published);
        deliveries.push(results.number("/delivery/delivered") / results.number("/run/load_s"));
        simulator_us.push(simulator.process.cpu().as_secs_f64() * 1e6 / published);
        ratios.push(ours[ours.len() - 1] / bare_us[bare_us.len() - 1]);
    }
    table.add("closed loop, 200 users: CPU a publish, bare client", &bare_us, "µs", Bar::None);
    table.add("closed loop, 200 users: CPU a publish, pbxload", &ours, "µs", Bar::None);
    table.add("closed loop: pbxload against the bare client", &ratios, "times", Bar::AtMost(1.5));
    table.add("closed loop: CPU a publish of the simulator", &simulator_us, "µs", Bar::AtMost(median(&ours)));
    table.add("verified deliveries a second, simulator beside it", &deliveries, "/s", Bar::AtLeast(40_000.0));
}

/// 200 users, 10 publishes a second each: what wakes cost. Processor time over a window of the load.
pub fn fixed_rate(size: Size, table: &mut Table) {
    let (rounds, window) = size.pick((5, 6), (1, 1));
    let rate = USERS * 10;
    let (mut ours, mut bare_us, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..rounds {
        let simulator = Simulator::start(&[]);
        let mut client = bare(&simulator.url, window + 3, 10);
        client.wait_for("ready");
        std::thread::sleep(Duration::from_secs(1));
        let ([spent], span) = cpu_over(Duration::from_secs(window.into()), [&client]);
        bare_us.push(spent * 1e6 / (span * f64::from(rate)));
        drop(client);
        drop(simulator);

        let simulator = Simulator::start(&[]);
        let bench = Bench {
            users: USERS,
            ramp_s: 1,
            hold_s: window + 5,
            topology: PAIRS,
            sign_in: PEER,
            talk: PUBLISH,
            rate,
            ..Bench::default()
        };
        let mut run = Run::start(&bench.text(), &simulator.url);
        run.process.wait_for_descriptors(USERS as usize);
        std::thread::sleep(Duration::from_millis(2_500));
        let ([spent], span) = cpu_over(Duration::from_secs(window.into()), [&run.process]);
        ours.push(spent * 1e6 / (span * f64::from(rate)));
        let (_, results, _) = run.finish();
        assert_eq!(results.number("/arrivals/missed"), 0.0, "arrivals that found no free user");
        ratios.push(ours[ours.len() - 1] / bare_us[bare_us.len() - 1]);
    }
    table.add("fixed rate, 200 users, 10/s each: CPU a publish, bare client", &bare_us, "µs", Bar::None);
    table.add("fixed rate, 200 users, 10/s each: CPU a publish, pbxload", &ours, "µs", Bar::None);
    table.add("fixed rate: pbxload against the bare client", &ratios, "times", Bar::AtMost(1.5));
}
