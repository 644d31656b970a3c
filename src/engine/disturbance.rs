//! Events of the scenario, as they hit one user's connection.

use super::driver::Driver;
use super::floor::TapEvent;
use crate::plan::Occurrence;
use crate::scenario::{Disturbance, LoadEvent};
use crate::tick::Tick;
use crate::user::{Event, Hit, Lost, LostBy};

impl Driver {
    /// An event of the scenario hits the user.
    pub(super) fn disturb(&mut self, event: &Occurrence) {
        if self.socket.is_none() {
            return;
        }
        let LoadEvent { what, length, reconnect, .. } = event.event;
        self.tap(TapEvent::Note(what.word()));
        let hit = Hit { key: event.key, due: self.floor.world.borrow().load_start + event.at.since_start() };
        let until = self.floor.clock.now() + length;
        match what {
            Disturbance::Burst => {}
            Disturbance::PauseReading => {
                self.reads_again = self.reads_again.max(until);
                self.tell(Event::Disturbed(hit));
            }
            Disturbance::Drop | Disturbance::RestartStorm | Disturbance::HalfOpen => {
                let socket = self.socket.take();
                (self.reads_again, self.is_behind) = (Tick::ZERO, false);
                if what == Disturbance::HalfOpen {
                    self.left_open = socket.map(|socket| (until, socket));
                }
                let detail = format!("`{}` of the scenario", what.word());
                self.tell(Event::Disconnected(Lost { code: None, detail, by: LostBy::Event { hit, reconnect } }));
            }
        }
    }

    /// Ends what lasts for a while.
    pub(super) fn look_at_disturbances(&mut self) {
        let now = self.floor.clock.now();
        if self.left_open.as_ref().is_some_and(|(until, _)| *until <= now) {
            self.left_open = None;
        }
        if self.reads_again != Tick::ZERO && self.reads_again <= now {
            self.read_again();
        }
    }

    /// The user reads again: first what had come meanwhile, and then it goes on.
    pub(super) fn read_again(&mut self) {
        (self.reads_again, self.is_behind) = (Tick::ZERO, true);
        self.watch.hear(self.floor.clock.now());
        self.tell(Event::Undisturbed);
    }
}
