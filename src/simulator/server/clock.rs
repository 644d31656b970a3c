//! The simulator's two times: the runtime's clock, which tests can pause, and the wall time that goes on the wire.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::simulator::profile::Precision;

/// Wall time that passes exactly as the runtime's clock does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    wall: Timestamp,
    /// Microseconds to which times are cut.
    grain: i64,
}

impl Clock {
    pub fn start(times: Precision) -> Clock {
        let grain = match times {
            Precision::Microseconds => 1,
            Precision::Milliseconds => 1_000,
        };
        Clock { started: Instant::now(), wall: Timestamp::now(), grain }
    }

    /// Now, as fine as the server tells it.
    pub fn now(&self) -> Timestamp {
        let micros = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = self.wall.as_microsecond().saturating_add(micros);
        Timestamp::from_microsecond(now - now.rem_euclid(self.grain)).unwrap_or(Timestamp::MAX)
    }

    /// The runtime's instant of a wall time; the start for what lies before.
    pub fn instant_of(&self, at: Timestamp) -> Instant {
        let micros = at.as_microsecond().saturating_sub(self.wall.as_microsecond());
        self.started + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Since the start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// So long after the start.
    pub fn after(&self, span: Duration) -> Instant {
        self.started + span
    }
}
