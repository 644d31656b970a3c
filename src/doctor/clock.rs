//! The clock that every figure is read from, and the timers that every planned instant waits for.

use std::fs;
use std::time::Duration;

use super::Finding;
use crate::engine::median_lateness;
use crate::report::figures::micros;

const SOURCE: &str = "clock";
const TIMERS: &str = "timers";
/// Where the kernel tells and takes it.
const FOLDER: &str = "/sys/devices/system/clocksource/clocksource0";
/// Sources that are read by a call into the kernel and from a slow device: 1 µs to 5 µs each time.
const SLOW: [&str; 5] = ["hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies"];
/// Waits of the look at the timers, 2 ms each.
const WAITS: u32 = 51;
/// Lateness at the median above which a machine is busy or its timers are coarse. Measured on a shared machine: 22 µs.
const LATENESS_EASY: Duration = Duration::from_micros(500);

pub(super) fn source() -> Finding {
    let read = |name: &str| fs::read_to_string(format!("{FOLDER}/{name}")).unwrap_or_default();
    judge_source(read("current_clocksource").trim(), &read("available_clocksource"))
}

fn judge_source(current: &str, available: &str) -> Finding {
    if current.is_empty() {
        return Finding::ok(SOURCE, "the system does not name its clock source");
    }
    if !SLOW.contains(&current) {
        return Finding::ok(SOURCE, format!("clock source `{current}`"));
    }
    let fast = available.split_whitespace().find(|name| !SLOW.contains(name));
    Finding::warn(
        SOURCE,
        format!("clock source `{current}` is slow: each sample reads it several times, microseconds each"),
        match fast {
            Some(fast) => format!("as root `echo {fast} > {FOLDER}/current_clocksource`"),
            None => "boot with `clocksource=tsc tsc=reliable`, or have the host give the virtual machine a fast one \
                     (`kvm-clock`, `hyperv_clocksource_tsc_page`)"
                .to_owned(),
        },
    )
}

pub(super) fn timers() -> Finding {
    match median_lateness(WAITS) {
        Ok(lateness) => judge_timers(lateness),
        Err(error) => Finding::bad(TIMERS, format!("no timer can be made: {error}"), "raise `ulimit -n`"),
    }
}

fn judge_timers(lateness: Duration) -> Finding {
    let found = format!("{} late at the median of {WAITS} waits", micros(crate::tick::micros(lateness)));
    if lateness <= LATENESS_EASY {
        return Finding::ok(TIMERS, found);
    }
    Finding::warn(
        TIMERS,
        format!("{found}: that much is in every response time that begins at a planned instant"),
        "stop what else runs here, take the processors out of power saving (`cpupower frequency-set -g performance`), \
         or use a machine that is not shared",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_clock_source_is_a_warning_with_the_command() {
        insta::assert_snapshot!(judge_source("tsc", "tsc hpet acpi_pm").prose(), @"ok    clock         clock source `tsc`");
        insta::assert_snapshot!(judge_source("hpet", "tsc hpet acpi_pm\n").prose(), @r"
        warn  clock         clock source `hpet` is slow: each sample reads it several times, microseconds each
                            fix: as root `echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource`
        ");
        insta::assert_snapshot!(judge_source("acpi_pm", "acpi_pm\n").prose(), @r"
        warn  clock         clock source `acpi_pm` is slow: each sample reads it several times, microseconds each
                            fix: boot with `clocksource=tsc tsc=reliable`, or have the host give the virtual machine a fast one (`kvm-clock`, `hyperv_clocksource_tsc_page`)
        ");
    }

    #[test]
    fn late_timers_are_a_warning() {
        insta::assert_snapshot!(judge_timers(Duration::from_micros(60)).prose(), @"ok    timers        60 µs late at the median of 51 waits");
        insta::assert_snapshot!(judge_timers(Duration::from_micros(1_040)).prose(), @r"
        warn  timers        1.04 ms late at the median of 51 waits: that much is in every response time that begins at a planned instant
                            fix: stop what else runs here, take the processors out of power saving (`cpupower frequency-set -g performance`), or use a machine that is not shared
        ");
    }
}
