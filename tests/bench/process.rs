//! Processes, and what the operating system says about them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pbxload");
/// Ticks of a second in `/proc/PID/stat`, the same on every Linux.
const TICKS_PER_S: f64 = 100.0;
/// Longer than any part of a benchmark.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// So that children with 18,000 connections may have them.
pub fn raise_descriptor_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// A process of the benchmark; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    pub fn program(arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments);
        command
    }

    /// This executable again, in another role.
    pub fn own(arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("the benchmark knows its own file"));
        command.args(arguments);
        command
    }

    pub fn start(mut command: Command) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = format!("{command:?}");
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Process { child, name }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line on stderr that begins so; without those words.
    pub fn wait_for(&mut self, words: &str) -> String {
        let mut stderr = BufReader::new(self.child.stderr.take().expect("piped"));
        let mut seen = String::new();
        let mut line = String::new();
        while stderr.read_line(&mut line).is_ok_and(|read| read > 0) {
            if let Some(rest) = line.trim_end().strip_prefix(words) {
                // The pipe must stay open, or the process dies of it.
                std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
                return rest.to_owned();
            }
            seen.push_str(&line);
            line.clear();
        }
        panic!("{} never said `{words}`, but: {seen}", self.name)
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Duration {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        // The name in brackets may hold blanks; user and system time are fields 14 and 15 of all.
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS_PER_S)
    }

    /// A line of `/proc/PID/status`, in bytes.
    pub fn status(&self, key: &str) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(0.0) * 1024.0
    }

    pub fn rss(&self) -> f64 {
        self.status("VmRSS")
    }

    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).map_or(0, Iterator::count)
    }

    /// Waits until it has so many descriptors open.
    pub fn wait_for_descriptors(&mut self, wanted: usize) {
        let begun = Instant::now();
        while self.descriptors() < wanted {
            if let Ok(Some(status)) = self.child.try_wait() {
                let said = self.stderr();
                panic!("{} ended with {status} before it had {wanted} descriptors: {said}", self.name);
            }
            assert!(begun.elapsed() < PATIENCE, "{} has {} descriptors", self.name, self.descriptors());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut text);
        }
        text
    }

    /// Waits for its end: what it took, and what it printed.
    pub fn finish(mut self) -> Ended {
        let before = children_cpu();
        let mut stdout = self.child.stdout.take().expect("piped");
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            text
        });
        let begun = Instant::now();
        let mut peak_rss = 0.0;
        let status = loop {
            // It is a zombie without memory between its end and this look, so the last look that saw memory counts.
            peak_rss = self.status("VmHWM").max(peak_rss);
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                _ => assert!(begun.elapsed() < PATIENCE, "{} does not end", self.name),
            }
            // A short life is looked at often.
            let is_young = begun.elapsed() < Duration::from_secs(1);
            std::thread::sleep(if is_young { Duration::from_millis(1) } else { LOOK_EVERY });
        };
        let cpu = children_cpu().saturating_sub(before);
        let code = status.code().unwrap_or(-1);
        // 4: the generator was the bottleneck, which is what a saturating benchmark is for.
        if code != 0 && code != 4 {
            let said = self.stderr();
            panic!("{} ended with {status}: {said}", self.name);
        }
        Ended { cpu, peak_rss, stdout: reader.join().unwrap_or_default() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of all children that have been waited for.
fn children_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system tells what children took");
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64;
    Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    pub cpu: Duration,
    pub peak_rss: f64,
    pub stdout: String,
}

/// `pbxload simulate` as a process.
#[derive(Debug)]
pub struct Simulator {
    pub process: Process,
    pub url: String,
}

impl Simulator {
    pub fn start(more: &[&str]) -> Simulator {
        let arguments = [&["simulate", "--listen", "127.0.0.1:0"][..], more].concat();
        let mut process = Process::start(Process::program(&arguments));
        let line = process.wait_for("listening on ");
        let url = line.split(';').next().unwrap_or_default().trim_end_matches("/im").to_owned();
        Simulator { process, url }
    }
}

/// `pbxload run` as a process.
#[derive(Debug)]
pub struct Run {
    pub process: Process,
    folder: TempDir,
}

impl Run {
    /// Starts a run of this scenario with one worker.
    pub fn start(scenario: &str, target: &str) -> Run {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("scenario.toml");
        fs::write(&file, scenario).expect("the scenario is written");
        let out = folder.path().join("run");
        let (file, out) = (file.display().to_string(), out.display().to_string());
        let arguments =
            ["run", &file, "--target", target, "--out", &out, "--workers", "1", "--progress", "none", "--seed", "1"];
        Run { process: Process::start(Process::program(&arguments)), folder }
    }

    /// Waits for its end.
    pub fn finish(self) -> (Ended, Results, RunFolder) {
        let ended = self.process.finish();
        let path = self.folder.path().join("run");
        let results = Results::of(&path);
        results.check();
        (ended, results, RunFolder { path, _folder: self.folder })
    }
}

/// The folder that a run has left.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _folder: TempDir,
}

impl RunFolder {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// `results.json`.
#[derive(Debug)]
pub struct Results(Value);

impl Results {
    /// Those of a run's folder.
    pub fn of(run: &Path) -> Results {
        let text = fs::read_to_string(run.join("results.json")).expect("the run wrote its results");
        Results(serde_json::from_str(&text).expect("the results are JSON"))
    }

    /// A number at a path such as `/delivery/delivered`.
    pub fn number(&self, path: &str) -> f64 {
        self.0.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("the results have no number at {path}"))
    }

    /// A figure of a run that lost messages, or whose operations failed, would be a figure of something else.
    fn check(&self) {
        for path in ["/delivery/lost", "/delivery/duplicated", "/delivery/corrupted"] {
            assert_eq!(self.number(path), 0.0, "{path}");
        }
        assert_eq!(self.0["failures"].as_array().map(Vec::len), Some(0), "{}", self.0["failures"]);
    }
}

/// Processor time of processes over a span of the benchmark.
pub fn cpu_over<const N: usize>(span: Duration, processes: [&Process; N]) -> ([f64; N], f64) {
    let begun = Instant::now();
    let before = processes.map(Process::cpu);
    std::thread::sleep(span);
    let after = processes.map(Process::cpu);
    let spent = std::array::from_fn(|index| after[index].saturating_sub(before[index]).as_secs_f64());
    (spent, begun.elapsed().as_secs_f64())
}
