//! `Alarm`: waiting for a tick with tens of microseconds of lateness instead of a millisecond.
//!
//! The runtime's own timers round up to the next millisecond, which would be 1 ms in every response time that
//! starts at a planned instant. A timerfd does not round: 22 µs late at the median where the runtime is 1,038 µs.
//! Under paused time, and where there is no timerfd, the runtime's timers do.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

use super::Clock;
use crate::tick::Tick;

/// The longest single wait, so that "never" needs no special case.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Waits for ticks.
#[derive(Debug)]
pub(super) enum Alarm {
    Precise(AsyncFd<Timer>),
    Runtime,
}

/// nix' timer hides its descriptor from `AsyncFd`; this shows it.
#[derive(Debug)]
pub(super) struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Which timers to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// A timerfd, when the system gives one.
    Microseconds,
    /// The runtime's timers: a millisecond, and paused time.
    Milliseconds,
}

impl Alarm {
    /// An alarm of the running runtime.
    pub(super) fn new(precision: Precision) -> Alarm {
        if precision == Precision::Milliseconds {
            return Alarm::Runtime;
        }
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).ok();
        #[expect(
            deprecated,
            reason = "its successor is an unsafe function; a `Timer` owns one descriptor for its whole life"
        )]
        let timer = timer.and_then(|timer| AsyncFd::new(Timer(timer)).ok());
        match timer {
            Some(timer) => Alarm::Precise(timer),
            None => Alarm::Runtime,
        }
    }

    /// Waits until `tick`; may return early after an hour.
    pub(super) async fn wait(&self, clock: Clock, tick: Tick) {
        let wait = clock.until(tick).min(WAIT_MAX);
        if wait.is_zero() {
            return;
        }
        match self {
            Alarm::Runtime => tokio::time::sleep(wait).await,
            Alarm::Precise(timer) => {
                let expiration = Expiration::OneShot(TimeSpec::from_duration(wait));
                if timer.get_ref().0.set(expiration, TimerSetTimeFlags::empty()).is_err() {
                    return tokio::time::sleep(wait).await;
                }
                // Readiness left over from an earlier setting ends the wait early; the caller looks at the clock.
                if let Ok(mut ready) = timer.readable().await {
                    let _ = ready.get_inner().0.wait();
                    ready.clear_ready();
                }
            }
        }
    }
}

/// How late this machine's timers fire, at the median of `rounds` waits of 2 ms: a short look before a run, not a
/// measurement of its tails.
///
/// # Errors
/// There is no runtime to wait in.
pub fn median_lateness(rounds: u32) -> std::io::Result<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut lateness = runtime.block_on(async {
        let (alarm, clock) = (Alarm::new(Precision::Microseconds), Clock::start());
        let mut lateness = Vec::new();
        for _ in 0..rounds.max(1) {
            let wanted = clock.now() + Duration::from_millis(2);
            while clock.now() < wanted {
                alarm.wait(clock, wanted).await;
            }
            lateness.push(clock.now().since(wanted));
        }
        lateness
    });
    lateness.sort_unstable();
    Ok(lateness[lateness.len() / 2])
}
