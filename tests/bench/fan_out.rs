//! Fan-out: 50 groups of 200, every delivery verified. Beside the bare client, whose owners write and whose members listen.

use std::time::Duration;

use super::Size;
use super::process::{Process, Run, Simulator, cpu_over};
use super::scenario::Bench;
use super::table::{Bar, Table};

pub fn measure(size: Size, table: &mut Table) {
    let (users, members, rate, window, rounds) = size.pick((10_000, 200, 150, 8, 3), (40, 10, 10, 1, 1));
    let (mut ours, mut bare, mut simulators, mut rates) = (vec![], vec![], vec![], vec![]);
    let length = Duration::from_secs(window.into());
    for _ in 0..rounds {
        let simulator = Simulator::start(&[]);
        let mut client = start_bare(&simulator.url, [users, window + 3, rate, members]);
        client.wait_for("ready");
        std::thread::sleep(Duration::from_secs(1));
        let ([spent], span) = cpu_over(length, [&client]);
        bare.push(spent * 1e6 / (span * f64::from(rate) * f64::from(members - 1)));
        drop(client);
        drop(simulator);

        let simulator = Simulator::start(&[]);
        let topology = format!("groups = [ {{ name = \"room\", members = {members} }} ]");
        let bench = Bench {
            users,
            ramp_s: users.div_ceil(2_000),
            hold_s: window + 8,
            topology: &topology,
            sign_in: "{ op = \"connect\" }, { op = \"login\" }, { op = \"subscribe\", to = \"group:room\" }",
            talk: "steps = [ { op = \"publish\", to = \"group:room\", size = \"100 B\", noecho = true } ]",
            rate,
            ..Bench::default()
        };
        let mut run = Run::start(&bench.text(), &simulator.url);
        run.process.wait_for_descriptors(users as usize);
        // The last logins, the second of rest, and the second in which the rate rises.
        std::thread::sleep(Duration::from_secs(4));
        let ([spent, simulator], span) = cpu_over(length, [&run.process, &simulator.process]);
        let (_, results, _) = run.finish();
        let deliveries = span * f64::from(rate) * f64::from(members - 1);
        assert_eq!(results.number("/delivery/excused"), 0.0, "deliveries that could not be judged");
        ours.push(spent * 1e6 / deliveries);
        simulators.push(simulator * 1e6 / deliveries);
        rates.push(deliveries / span);
    }
    table.add(
        format!("fan-out, {} groups of {members}: deliveries a second", users / members),
        &rates,
        "/s",
        Bar::None,
    );
    let ratios: Vec<f64> = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
    table.add("fan-out: CPU a delivery, bare client", &bare, "µs", Bar::None);
    table.add("fan-out: CPU a delivery, pbxload", &ours, "µs", Bar::AtMost(5.0));
    table.add("fan-out: pbxload against the bare client", &ratios, "times", Bar::None);
    table.add("fan-out: CPU a delivery of the simulator", &simulators, "µs", Bar::None);
}

/// The bare client with so many users, seconds, publishes a second in all, and members of a group.
fn start_bare(target: &str, [users, seconds, rate, members]: [u32; 4]) -> Process {
    let of_each = f64::from(rate) / f64::from(users / members);
    let [users, seconds, members] = [users, seconds, members].map(|number| number.to_string());
    Process::start(Process::own(&["bare-client", target, &users, &seconds, &of_each.to_string(), &members]))
}
