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
    }
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
