//! Ctrl-C and SIGTERM: the first drains and reports, the second stops at once.

use std::thread;

use tokio::signal::unix::{SignalKind, signal};
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
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    ignore_file_size_limit(&runtime)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                let reason = tokio::select! {
                    _ = interrupt.recv() => EndedBy::Interrupt,
                    _ = terminate.recv() => EndedBy::Terminated,
                };
                let is_first = *stop.borrow() == Stop::No;
                let _ = stop.send(if is_first { Stop::Drain(reason) } else { Stop::Now(reason) });
                if is_first {
                    eprintln!("\n{goodbye}");
                }
            }
        });
    })?;
    Ok(stopped)
}
