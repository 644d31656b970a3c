//! A process of this machine, read in `/proc`.

use std::fs;

use crate::scenario::ProcessSource;

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux that user programs see.
const TICKS_PER_S: u64 = 100;
/// A number and a line end, and not a log file that was named by mistake.
const PID_FILE_BYTES_MAX: usize = 64;

/// Reads one process.
#[derive(Debug, Clone)]
pub(super) struct ProcessReader {
    source: ProcessSource,
}

/// A process at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessSample {
    pub(super) pid: u32,
    pub(super) times: ProcessTimes,
    /// Absent where the system does not tell, as for descriptors of other users' processes.
    pub(super) rss_bytes: Option<u64>,
    pub(super) descriptors: Option<u64>,
    pub(super) threads: Option<u64>,
}

/// Processor time, and what tells the process from another one with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessTimes {
    pub(super) cpu_us: u64,
    pub(super) started: u64,
}

impl ProcessReader {
    pub(super) fn new(source: ProcessSource) -> ProcessReader {
        ProcessReader { source }
    }

    /// What it is called in warnings.
    pub(super) fn name(&self) -> String {
        match &self.source {
            ProcessSource::Pid(pid) => format!("process {pid}"),
            ProcessSource::PidFile(path) => format!("the process of `{}`", path.display()),
        }
    }

    /// Reads it now. `Err` says why there is nothing.
    pub(super) fn read(&self) -> Result<ProcessSample, String> {
        let pid = match &self.source {
            ProcessSource::Pid(pid) => *pid,
            ProcessSource::PidFile(path) => {
                let text = fs::read_to_string(path).map_err(|error| format!("its file cannot be read: {error}"))?;
                let number = text.get(..text.len().min(PID_FILE_BYTES_MAX)).unwrap_or_default().trim().parse().ok();
                number.filter(|pid| *pid > 0).ok_or("its file holds no process number")?
            }
        };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
            .map_err(|_| format!("there is no process {pid} on this machine"))?;
        let descriptors = descriptors(pid);
        // After the descriptors: a process that ends gives its memory back first, so they were counted while it lived.
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .map_err(|_| format!("process {pid} ended while it was read"))?;
        let times = times(&stat).ok_or("the system tells nothing of it")?;
        sample(pid, times, descriptors, &status)
    }
}

/// A process as its status tells, if it lives: one that ends has a place in `/proc`, and nothing in it.
fn sample(pid: u32, times: ProcessTimes, descriptors: Option<u64>, status: &str) -> Result<ProcessSample, String> {
    let word = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()
    };
    let number = |name: &str| word(name)?.parse::<u64>().ok();
    let rss_bytes = number("VmRSS").map(|kib| kib.saturating_mul(1_024));
    let has_ended = matches!(word("State"), Some("Z" | "X" | "x"));
    if has_ended || (rss_bytes.is_none() && descriptors.unwrap_or(0) == 0) {
        return Err(format!("process {pid} has ended"));
    }
    Ok(ProcessSample { pid, times, rss_bytes, descriptors, threads: number("Threads") })
}

/// The name of a process may hold blanks and brackets: fields count from its last bracket.
fn times(stat: &str) -> Option<ProcessTimes> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = number(11)?.saturating_add(number(12)?);
    Some(ProcessTimes { cpu_us: ticks.saturating_mul(1_000_000 / TICKS_PER_S), started: number(19)? })
}

fn descriptors(pid: u32) -> Option<u64> {
    let folder = format!("/proc/{pid}/fd");
    // Linux 6.2 and later tell the number as the directory's size; without the right to look there is none.
    let entries = fs::read_dir(&folder).ok()?;
    match fs::metadata(&folder) {
        Ok(metadata) if metadata.len() > 0 => Some(metadata.len()),
        _ => Some(entries.count() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_process_can_be_read_by_number_and_by_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("own.pid");
        fs::write(&path, format!("{}\n", std::process::id())).expect("is written");
        for source in [ProcessSource::Pid(std::process::id()), ProcessSource::PidFile(path.clone())] {
            let sample = ProcessReader::new(source).read().expect("we are alive");
            assert!(sample.rss_bytes.is_some_and(|bytes| bytes > 1 << 20), "{sample:?}");
            assert!(sample.threads.is_some_and(|threads| threads >= 1), "{sample:?}");
            assert!(sample.descriptors.is_some_and(|open| open >= 3), "{sample:?}");
        }
        fs::write(&path, "none").expect("is written");
        assert!(ProcessReader::new(ProcessSource::PidFile(path)).read().is_err());
        // Beyond the largest number that Linux gives.
        let error = ProcessReader::new(ProcessSource::Pid(4_194_305)).read().expect_err("nobody has it");
        assert!(error.contains("4194305"), "{error}");
    }

    #[test]
    fn what_is_left_of_a_process_that_ended_is_no_reading() {
        let times = ProcessTimes { cpu_us: 1, started: 1 };
        let alive = "Name:\tpbx\nState:\tS (sleeping)\nVmRSS:\t    2048 kB\nThreads:\t3\n";
        let read = sample(7, times, Some(12), alive).expect("it lives");
        assert_eq!((read.rss_bytes, read.descriptors, read.threads), (Some(2 << 20), Some(12), Some(3)));
        let zombie = "Name:\tpbx\nState:\tZ (zombie)\nThreads:\t1\n";
        let ending = "Name:\tpbx\nState:\tR (running)\nThreads:\t1\n";
        for (status, descriptors) in
            [(zombie, Some(0)), (zombie, None), (ending, Some(0)), (ending, None), ("", Some(0))]
        {
            assert_eq!(sample(7, times, descriptors, status), Err("process 7 has ended".to_owned()), "{status}");
        }
    }

    #[test]
    fn names_with_brackets_shift_no_field() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 4242 1000 10";
        assert_eq!(times(stat), Some(ProcessTimes { cpu_us: 3_000_000, started: 4_242 }));
        for wrong in ["", "7 (a", "7 (a) S 1", ")"] {
            assert_eq!(times(wrong), None, "{wrong}");
        }
    }
}
