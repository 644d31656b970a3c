//! Processors: how many, and how busy with other things.

use std::fs;
use std::thread::available_parallelism;

use super::Finding;
use crate::scenario::{Scenario, TargetUrl};

const CHECK: &str = "processors";
/// Other work above this part of the processors makes the generator late.
const PART_BUSY: f64 = 0.5;

pub(super) fn look(scenario: Option<&Scenario>) -> Finding {
    let count = available_parallelism().map_or(1, std::num::NonZero::get);
    let load = fs::read_to_string("/proc/loadavg").ok().and_then(|text| load_of_a_minute(&text));
    judge(count, load, scenario.is_some_and(|scenario| scenario.target.url == TargetUrl::Embedded))
}

/// The first number of `/proc/loadavg`.
fn load_of_a_minute(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok().filter(|load: &f64| load.is_finite())
}

fn judge(count: usize, load: Option<f64>, is_embedded: bool) -> Finding {
    if count < 2 && is_embedded {
        return Finding::warn(
            CHECK,
            "one processor for the load and for the embedded simulator: each makes the other late",
            "give it two processors, or run `pbxload simulate` on another machine and name it in `target.url`",
        );
    }
    let Some(load) = load else { return Finding::ok(CHECK, format!("{count}; their load is not known")) };
    let found = format!("{count}, with a load of {load:.2} over the last minute");
    if load > count as f64 * PART_BUSY {
        return Finding::warn(
            CHECK,
            format!("{found}: other work will make the generator late, and a run in which it is late has no verdict"),
            "stop what else runs here (`top -o %CPU` names it), or use a machine of its own",
        );
    }
    Finding::ok(CHECK, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_read() {
        assert_eq!(load_of_a_minute("0.20 0.18 0.12 1/80 11206\n"), Some(0.20));
        assert_eq!(load_of_a_minute(""), None);
        assert_eq!(load_of_a_minute("nan"), None);
    }

    #[test]
    fn a_busy_machine_is_a_warning() {
        insta::assert_snapshot!(judge(8, Some(0.3), true).prose(), @"ok    processors    8, with a load of 0.30 over the last minute");
        insta::assert_snapshot!(judge(2, Some(1.9), false).prose(), @r"
        warn  processors    2, with a load of 1.90 over the last minute: other work will make the generator late, and a run in which it is late has no verdict
                            fix: stop what else runs here (`top -o %CPU` names it), or use a machine of its own
        ");
        insta::assert_snapshot!(judge(1, None, true).prose(), @r"
        warn  processors    one processor for the load and for the embedded simulator: each makes the other late
                            fix: give it two processors, or run `pbxload simulate` on another machine and name it in `target.url`
        ");
    }
}
