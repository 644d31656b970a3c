//! Connect, log in, leave, again: how many a second.

use super::Size;
use super::process::{Run, Simulator};
use super::scenario::Bench;
use super::table::{Bar, Table};

pub fn measure(size: Size, table: &mut Table) {
    let (rounds, users, seconds) = size.pick((3, 500, 6), (1, 10, 1));
    let (mut rates, mut ours, mut simulators) = (vec![], vec![], vec![]);
    for _ in 0..rounds {
        let simulator = Simulator::start(&[]);
        let bench = Bench {
            users,
            ramp_s: 1,
            hold_s: seconds,
            // A port is taken for a minute after its connection has ended.
            target: "source_addresses = [ \"127.0.1.0/26\" ]",
            topology: "",
            sign_in: "{ op = \"connect\" }, { op = \"login\" }, { op = \"disconnect\" }",
            talk: "",
            rate: 0,
        };
        let text =
            bench.text().replace("next = \"talk\"\n[persona.state.talk]\n\nnext = \"talk\"", "next = \"sign-in\"");
        let (ended, results, _) = Run::start(&text, &simulator.url).finish();
        let logins = results.number("/users/logins");
        rates.push(logins / results.number("/run/load_s"));
        ours.push(ended.cpu.as_secs_f64() * 1e6 / logins);
        simulators.push(simulator.process.cpu().as_secs_f64() * 1e6 / logins);
    }
    table.add("login storm: connects with login a second", &rates, "/s", Bar::AtLeast(5_000.0));
    table.add("login storm: CPU of a connect, a login and a disconnect", &ours, "µs", Bar::None);
    table.add("login storm: the same of the simulator", &simulators, "µs", Bar::None);
}
