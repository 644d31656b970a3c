//! The pacer of one worker: users come and go, arrivals fall due, timers fire, intervals end, all on one
//! absolute schedule.

use std::cmp::Reverse;
use std::iter::Peekable;
use std::rc::Rc;

use super::driver::drive;
use super::exchange::Passed;
use super::floor::{Floor, Signals};
use crate::plan::{Arrivals, Change, Occurrence, UserChange};
use crate::scenario::Disturbance;
use crate::tick::Tick;

/// What one worker has to do when.
pub(super) struct Pacer<C: Iterator<Item = UserChange>> {
    floor: Rc<Floor>,
    load_start: Tick,
    changes: Peekable<C>,
    arrivals: Peekable<Arrivals>,
    events: Peekable<std::vec::IntoIter<Occurrence>>,
    is_draining: bool,
}

impl<C: Iterator<Item = UserChange>> Pacer<C> {
    pub(super) fn new(floor: Rc<Floor>, load_start: Tick, changes: C, arrivals: Arrivals) -> Pacer<C> {
        let events = floor.world.borrow().plan.occurrences().into_iter().peekable();
        let (changes, arrivals) = (changes.peekable(), arrivals.peekable());
        Pacer { floor, load_start, changes, arrivals, events, is_draining: false }
    }

    /// The next instant at which something is due.
    pub(super) fn next(&mut self) -> Tick {
        let timer = self.floor.timers.borrow().peek().map(|Reverse((at, _))| *at);
        if self.is_draining {
            return timer.unwrap_or(Tick::NEVER);
        }
        let after_start = |tick: Tick| self.load_start + tick.since_start();
        let change = self.changes.peek().map(|change| after_start(change.at));
        let arrival = self.arrivals.peek().map(|&at| after_start(at));
        let event = self.events.peek().map(|event| after_start(event.at));
        [timer, change, arrival, event].into_iter().flatten().min().unwrap_or(Tick::NEVER)
    }

    /// Does everything that is due by now.
    pub(super) fn run_due(&mut self, now: Tick) {
        self.fire_timers(now);
        if self.is_draining {
            return;
        }
        let since_start = Tick::from_micros(now.micros_since(self.load_start));
        if now >= self.load_start {
            while let Some(change) = self.changes.next_if(|change| change.at <= since_start) {
                self.change(change);
            }
            while let Some(event) = self.events.next_if(|event| event.at <= since_start) {
                self.happen(&event);
            }
            while let Some(due) = self.arrivals.next_if(|due| *due <= since_start) {
                self.arrive(Passed::planned(self.load_start + due.since_start()));
            }
        }
    }

    /// No more users, no more arrivals; timers go on.
    pub(super) fn drain(&mut self) {
        self.is_draining = true;
    }

    fn fire_timers(&mut self, now: Tick) {
        loop {
            let fired = {
                let mut timers = self.floor.timers.borrow_mut();
                match timers.peek() {
                    Some(Reverse((at, _))) if *at <= now => timers.pop(),
                    _ => None,
                }
            };
            let Some(Reverse((at, desk))) = fired else { return };
            let place = self.floor.desk(desk);
            if place.armed.get() == at {
                place.armed.set(Tick::NEVER);
                place.signal(Signals::WAKE);
                self.floor.world.borrow_mut().books.figures.timer_lag.record(now.micros_since(at));
            }
        }
    }

    fn change(&mut self, change: UserChange) {
        let desk = self.floor.desk_of(change.user);
        let place = self.floor.desk(desk);
        match change.change {
            Change::Offline => place.signal(Signals::OFFLINE),
            Change::Online => {
                place.signal(Signals::ONLINE);
                start_driver(&self.floor, desk);
            }
        }
    }

    /// An event of the scenario: tells those users of this worker whom it hits.
    fn happen(&mut self, event: &Occurrence) {
        let plan = std::sync::Arc::clone(&self.floor.world.borrow().plan);
        let slot = self.floor.slot;
        let arrivals = match event.event.what {
            Disturbance::Burst => {
                event.event.arrivals / plan.slots + u32::from(slot < event.event.arrivals % plan.slots)
            }
            _ => 0,
        };
        {
            let mut world = self.floor.world.borrow_mut();
            let counts = world.books.figures.users.events.entry(event.key).or_default();
            (counts.at_ms, counts.what) =
                (event.at.since_start().as_millis() as u64, event.event.what.word().to_owned());
            counts.affected += u64::from(arrivals);
        }
        for _ in 0..arrivals {
            self.arrive(Passed::planned(self.load_start + event.at.since_start()));
        }
        if event.event.what == Disturbance::Burst {
            return;
        }
        for (desk, user) in (0..).zip(plan.users_of(slot)) {
            let place = self.floor.desk(desk);
            // A user without a driver is offline.
            if place.user.borrow().is_none() && plan.is_hit(event, user) {
                place.event.set(Some(*event));
                place.signal(Signals::EVENT);
            }
        }
    }

    /// Takes an arrival that another worker had nobody for.
    pub(super) fn take_passed(&mut self, passed: Passed) {
        self.floor.exchange.taken(self.floor.slot);
        self.arrive(passed);
    }

    /// Counts an arrival for which nobody is free.
    pub(super) fn miss(&mut self) {
        let mut world = self.floor.world.borrow_mut();
        let arrivals = &mut world.books.figures.arrivals;
        arrivals.planned += 1;
        arrivals.missed += 1;
    }

    fn arrive(&mut self, arrival: Passed) {
        loop {
            let next = self.floor.parked.borrow_mut().pop_front();
            let Some(desk) = next else {
                if !self.floor.exchange.pass_on(self.floor.slot, arrival) {
                    self.miss();
                }
                return;
            };
            let place = self.floor.desk(desk);
            place.is_queued.set(false);
            // Whoever left or lost its connection while parked is still in the queue.
            if self.floor.set_parked(desk, false) {
                // Its driver counts the arrival, planned and started at once: every interval balances, the last
                // one before a crash too.
                place.arrival.set(arrival.due);
                place.signal(Signals::ARRIVAL);
                return;
            }
        }
    }
}

/// Gives a user a driver if it has none.
pub(super) fn start_driver(floor: &Rc<Floor>, desk: u32) {
    // Taken here and not by the driver: until that is polled for the first time, the desk must not look free.
    if let Some(user) = floor.desk(desk).user.borrow_mut().take() {
        floor.driven.set(floor.driven.get() + 1);
        tokio::task::spawn_local(drive(Rc::clone(floor), desk, user));
    }
}
