//! The generator's own use of the machine.

use std::fs;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike as _;

use crate::results::HealthSample;

/// Processor time of the calling thread, microseconds; 0 when the system does not tell.
pub(super) fn thread_cpu_us() -> u64 {
    cpu_us(UsageWho::RUSAGE_THREAD)
}

fn cpu_us(who: UsageWho) -> u64 {
    getrusage(who).map_or(0, |usage| {
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        u64::try_from(micros).unwrap_or(0)
    })
}

/// The process now.
pub(super) fn sample(workers: u32, is_saturated: bool) -> HealthSample {
    HealthSample {
        workers,
        cpu_us: cpu_us(UsageWho::RUSAGE_SELF),
        rss_bytes: rss_bytes(),
        descriptors: descriptors(),
        is_saturated,
        is_undecided: false,
        spells: Vec::new(),
        per_worker: Vec::new(),
    }
}

/// How long the calling thread could have run and had no processor, microseconds; 0 when the system does not tell.
pub(super) fn thread_waited_us() -> u64 {
    // "run time, wait time, time slices", the times in nanoseconds.
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split_whitespace().nth(1).and_then(|wait| wait.parse::<u64>().ok()).unwrap_or(0) / 1_000
}

/// Memory of the machine, or of the process' control group when that is less; everything when neither tells.
pub(super) fn memory_bytes() -> u64 {
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
    let group = group.trim().parse().unwrap_or(u64::MAX);
    let machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total =
        machine.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    group.min(total.map_or(u64::MAX, |kib: u64| kib.saturating_mul(1024)))
}

fn rss_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

fn descriptors() -> u64 {
    // Linux 6.2 and later tell the number of open descriptors as the directory's size, without a walk.
    match fs::metadata("/proc/self/fd") {
        Ok(metadata) if metadata.len() > 0 => metadata.len(),
        _ => fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
    }
}

/// Soft and hard limit of open descriptors; `None` when the system does not tell.
pub fn descriptor_limits() -> Option<(u64, u64)> {
    getrlimit(Resource::RLIMIT_NOFILE).ok()
}

/// Raises the limit of open descriptors to what the system allows, and tells it.
pub fn raise_descriptor_limit() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_err() {
        return soft;
    }
    hard
}
