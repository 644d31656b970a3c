//! Fan-out: 50 groups of 200, every delivery verified.

use std::time::Duration;

use super::Size;
use super::process::{Run, Simulator, cpu_over};
use super::scenario::Bench;
use super::table::{Bar, Table};

pub fn measure(size: Size, table: &mut Table) {
    let (users, members, rate, window, rounds) = size.pick((10_000, 200, 150, 8, 3), (40, 10, 10, 1, 1));
    let (mut ours, mut simulators, mut rates) = (vec![], vec![], vec![]);
    for _ in 0..rounds {
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
        let ([spent, simulator], span) =
            cpu_over(Duration::from_secs(window.into()), [&run.process, &simulator.process]);
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
    table.add("fan-out: CPU a delivery", &ours, "µs", Bar::AtMost(5.0));
    table.add("fan-out: CPU a delivery of the simulator", &simulators, "µs", Bar::None);
}
