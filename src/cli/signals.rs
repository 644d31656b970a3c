//! Ctrl-C, SIGTERM and SIGHUP: the first drains and reports, the second stops at once.
//!
//! SIGHUP, the end of the terminal's session, is left ignored where the program was started so: a handler would undo
//! `nohup`.

use std::fs::OpenOptions;
use std::io::IsTerminal as _;
use std::thread;

use nix::unistd::{dup2_stderr, dup2_stdout};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::engine::Stop;
use crate::results::EndedBy;

/// A file that may not grow any more must be an error of that write and no end of the run: a handler that does nothing
/// replaces the system's, which kills.
fn ignore_file_size_limit(runtime: &tokio::runtime::Runtime) -> std::io::Result<()> {
    let _inside = runtime.enter();
    signal(SignalKind::from_raw(nix::libc::SIGXFSZ)).map(drop)
}

/// Listens for signals from now on; `goodbye` is said at the first one.
///
/// # Errors
/// When the system gives no thread or no signal handler.
pub(super) fn listen(goodbye: &'static str) -> std::io::Result<watch::Receiver<Stop>> {
    let (stop, stopped) = watch::channel(Stop::No);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate, mut hangup) = {
        let _inside = runtime.enter();
        let hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, hangup)
    };
    // Asked now: a terminal that has hung up is none any more.
    let streams = Streams::on_terminals();
    ignore_file_size_limit(&runtime)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                let reason = tokio::select! {
                    _ = interrupt.recv() => EndedBy::Interrupt,
                    _ = terminate.recv() => EndedBy::Terminated,
                    () = next(&mut hangup) => {
                        streams.let_go();
                        EndedBy::Terminated
                    }
                };
                let is_first = *stop.borrow() == Stop::No;
                let _ = stop.send(if is_first { Stop::Drain(reason) } else { Stop::Now(reason) });
                if is_first {
                    tell!("\n{goodbye}");
                }
            }
        });
    })?;
    Ok(stopped)
}

/// The next of a signal that may not be listened for.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP was ignored when the program was started, as `nohup` does.
fn ignores_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| is_hangup_in(&status))
}

/// Whether the first bit, SIGHUP's, is set in the hexadecimal `SigIgn` of a process's status.
fn is_hangup_in(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Which of our streams go to a terminal.
#[derive(Debug, Clone, Copy)]
struct Streams {
    stdout: bool,
    stderr: bool,
}

impl Streams {
    fn on_terminals() -> Streams {
        Streams { stdout: std::io::stdout().is_terminal(), stderr: std::io::stderr().is_terminal() }
    }

    /// Points them to nowhere. Each write to a terminal that has hung up is an error, and a message that cannot be told
    /// must not keep the reports from being written.
    fn let_go(self) {
        let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") else { return };
        if self.stdout {
            let _ = dup2_stdout(&nowhere);
        }
        if self.stderr {
            let _ = dup2_stderr(&nowhere);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_of_the_ignored_signals_is_the_hangup() {
        for (mask, ignored) in [("0000000000000001", true), ("0000000000001000", false), ("0000000000001003", true)] {
            let status =
                format!("Name:\tpbxload\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0000000000000000\n");
            assert_eq!(is_hangup_in(&status), ignored, "{mask}");
        }
        for status in ["", "SigIgn:\tno number\n"] {
            assert!(!is_hangup_in(status), "{status}");
        }
    }
}
