//! The built binary, called as a person or a build would call it, and the folders it writes to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Longer than any command here takes on the slowest machine; only one that hangs is ended by it.
const PATIENCE: Duration = Duration::from_secs(120);
/// The binary under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_pbxload");
/// Runs of tests leave no line in the history of this repository.
const NO_HISTORY: (&str, &str) = ("PBXLOAD_HISTORY", "off");

/// Runs whose gates look at times take turns, so that they do not measure each other.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    fn of(output: Output) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Holds the exit code to `code`, and that no thread panicked on the way.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "stderr:\n{}\nstdout:\n{}", self.stderr, self.stdout);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Holds the run to have ended with figures: a pass, or no verdict because this machine was too busy for one.
    #[track_caller]
    pub fn with_figures(self) -> Ended {
        let code = if self.code == Some(4) { 4 } else { 0 };
        self.with_code(code)
    }

    /// One error, and in it all of these words: what is wrong, and the way out.
    #[track_caller]
    pub fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing in:\n{}", self.stderr);
        }
        assert!(self.stderr.contains("error"), "{}", self.stderr);
    }
}

/// Calls the program and waits for its end.
pub fn call<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Ended {
    call_with(arguments, &[])
}

/// As [`call`], with environment variables.
pub fn call_with<I: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = I>,
    variables: &[(&str, &str)],
) -> Ended {
    let mut command = assert_cmd::Command::new(PROGRAM);
    for variable in ["PBX_PASSWORD", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(variable);
    }
    command.timeout(PATIENCE).envs([NO_HISTORY]).envs(variables.iter().copied()).args(arguments);
    Ended::of(command.output().expect("the program can be started"))
}

/// As [`call`], with files that may not grow beyond so many blocks of 512 bytes.
pub fn call_limited<I: AsRef<std::ffi::OsStr>>(blocks: u32, arguments: impl IntoIterator<Item = I>) -> Ended {
    let mut command = assert_cmd::Command::new("sh");
    let limited = format!("ulimit -f {blocks} && exec \"$0\" \"$@\"");
    command.timeout(PATIENCE).env_remove("PBX_PASSWORD").args(["-c", &limited, PROGRAM]).args(arguments);
    Ended::of(command.output().expect("there is a shell"))
}

/// A command that goes on beside the test. Killed when the test is over.
pub struct Background {
    child: Child,
    lines: Receiver<String>,
    stdout: Option<JoinHandle<String>>,
    stderr: String,
}

impl Background {
    pub fn start<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Background {
        let mut command = Command::new(PROGRAM);
        command.args(arguments);
        Background::spawn(command)
    }

    /// As [`Background::start`], with less weight than other processes: 19 has the least.
    pub fn start_nice<I: AsRef<std::ffi::OsStr>>(by: u8, arguments: impl IntoIterator<Item = I>) -> Background {
        let mut command = Command::new("nice");
        command.args(["-n", &by.to_string(), PROGRAM]).args(arguments);
        Background::spawn(command)
    }

    /// As [`Background::start`], with files that may not grow beyond so many blocks of 512 bytes, until
    /// [`Background::unlimit`].
    pub fn start_limited<I: AsRef<std::ffi::OsStr>>(blocks: u32, arguments: impl IntoIterator<Item = I>) -> Background {
        let mut command = Command::new("sh");
        let limited = format!("ulimit -S -f {blocks} && exec \"$0\" \"$@\"");
        command.args(["-c", &limited, PROGRAM]).args(arguments);
        Background::spawn(command)
    }

    /// Lifts the limit of its files.
    pub fn unlimit(&self) {
        let process = self.child.id().to_string();
        let status = Command::new("prlimit").args(["--pid", &process, "--fsize=unlimited:"]).status();
        assert!(status.expect("there is `prlimit` of util-linux").success());
    }

    /// As [`Background::start`], with SIGHUP ignored, as `nohup` has it.
    pub fn start_ignoring_hangup<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Background {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' HUP && exec \"$0\" \"$@\"", PROGRAM]).args(arguments);
        Background::spawn(command)
    }

    /// Runs the program with nobody at the other end of its stdout and stderr; gives its exit code.
    pub fn run_unheard<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Option<i32> {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_remove("PBX_PASSWORD").envs([NO_HISTORY]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().expect("it ends").code()
    }

    fn spawn(mut command: Command) -> Background {
        command.env_remove("PBX_PASSWORD").envs([NO_HISTORY]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let (stderr, mut stdout) = (child.stderr.take().expect("piped"), child.stdout.take().expect("piped"));
        let (line, lines) = channel();
        std::thread::spawn(move || {
            let read = BufReader::new(stderr).lines().map_while(Result::ok);
            read.for_each(|text| drop(line.send(text)));
        });
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            text
        });
        Background { child, lines, stdout: Some(stdout), stderr: String::new() }
    }

    /// The next line on stderr with this word in it.
    #[track_caller]
    pub fn wait_for(&mut self, word: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no line with `{word}` came, but:\n{}", self.stderr)
            };
            self.stderr.push_str(&line);
            self.stderr.push('\n');
            if line.contains(word) {
                return line;
            }
        }
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("there is a shell");
        assert!(status.success(), "{kill}");
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Ended {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.stderr.push_str(&line);
                    self.stderr.push('\n');
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(_) => panic!("it does not end; so far:\n{}", self.stderr),
            }
        }
        let status = self.child.wait().expect("it can be waited for");
        let stdout = self.stdout.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Ended { code: status.code(), stdout, stderr: std::mem::take(&mut self.stderr) }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of a test's own.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and tells its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("the file is written");
        path.display().to_string()
    }

    /// The path as an argument.
    pub fn argument(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// `results.json` of a run folder.
pub fn results(run: &Path) -> Value {
    let path = run.join("results.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("valid JSON")
}

/// Holds every sum that a run promises.
#[track_caller]
pub fn assert_balanced(results: &Value) {
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} is a whole number"));
    let operations = results["operations"].as_object().expect("operations");
    for (name, op) in operations {
        let ended = number(&op["ok"]) + number(&op["failed"]) + number(&op["open"]);
        assert_eq!(number(&op["started"]), ended, "{name}: {op}");
        let by_class = op["failures"].as_object().expect("failures").values().map(number).sum::<u64>();
        assert_eq!(number(&op["failed"]), by_class, "{name}: {op}");
    }
    let arrivals = &results["arrivals"];
    assert_eq!(number(&arrivals["planned"]), number(&arrivals["started"]) + number(&arrivals["missed"]), "{arrivals}");
    let delivery = &results["delivery"];
    let [expected, delivered, lost, excused] =
        ["expected", "delivered", "lost", "excused"].map(|key| number(&delivery[key]));
    assert_eq!(expected, delivered + lost + excused, "{delivery}");
    let [published, accepted, refused, unknown] =
        ["published", "accepted", "refused", "unknown"].map(|key| number(&delivery[key]));
    assert_eq!(published, accepted + refused + unknown, "{delivery}");
}
