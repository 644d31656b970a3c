//! The one clock of the process. Nothing else asks the machine for the time of a run.

use std::time::Duration;

use tokio::time::Instant;

use crate::tick::Tick;

/// Makes ticks. Under tokio's paused time it stands still with it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    /// The tick of the origin.
    from: Tick,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Clock {
        Clock::start_from(Tick::ZERO)
    }

    /// A clock for which it is `from` now: that of a run which goes on.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn start_from(from: Tick) -> Clock {
        Clock { origin: Instant::now(), from }
    }

    /// The tick of this instant.
    pub fn now(&self) -> Tick {
        self.from + self.origin.elapsed()
    }

    /// How long until a tick; zero when it is past.
    pub fn until(&self, tick: Tick) -> Duration {
        tick.since(self.now())
    }
}
