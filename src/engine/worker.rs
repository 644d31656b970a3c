//! One worker: a thread with its own runtime, its users, its pacer and its books.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc as sync_mpsc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::alarm::{Alarm, Precision};
use super::collector::{Handover, Spent};
use super::exchange::{Exchange, Passed};
use super::floor::{Desk, Floor, Signals, Tap};
use super::pacer::Pacer;
use super::tokens::TokenDesk;
use super::watchdog::Keepalive;
use super::{Clock, health};
use crate::ledger::AttachId;
use crate::plan::{Directory, Plan};
use crate::results::WorkerSample;
use crate::tick::Tick;
use crate::transport::{Dialer, FileClient, SendQueues};
use crate::user::{Mode, User, World};

/// How often books are handed over while the run drains: what is missing must show soon.
const DRAIN_INTERVAL: Duration = Duration::from_millis(100);
/// How often a worker looks whether it is late when nothing else is due: a frame that comes in between waits as long.
const PULSE: Duration = Duration::from_millis(10);
/// Connections whose send queue is looked at in an interval.
const LOOKS: usize = 64;
/// Timers and arrivals that a percentile of lateness needs.
const LAG_SAMPLES_MIN: u64 = 20;
/// How long users get to close their connections.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// What a worker needs.
pub(super) struct WorkerParts {
    pub(super) slot: u32,
    pub(super) clock: Clock,
    pub(super) plan: Arc<Plan>,
    pub(super) directory: Arc<Directory>,
    pub(super) dialer: Dialer,
    pub(super) files: FileClient,
    pub(super) tokens: TokenDesk,
    pub(super) interval: Duration,
    pub(super) precision: Precision,
    pub(super) mode: Mode,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    pub(super) handovers: mpsc::UnboundedSender<Handover>,
    pub(super) spent: sync_mpsc::Receiver<Spent>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) passed: mpsc::UnboundedReceiver<Passed>,
}

/// What the control thread tells a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// The load begins at this tick.
    Start(Tick),
    /// Begin nothing any more.
    Drain,
    /// Find out whether these attachments last.
    AskAgain(Arc<[AttachId]>),
    /// Close all connections, hand over the last books, end.
    Leave,
}

/// Runs a worker on a thread of its own.
pub(super) fn spawn(parts: WorkerParts) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(format!("worker-{}", parts.slot)).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => LocalSet::new().block_on(&runtime, work(parts, None)),
            Err(error) => tracing::error!("a worker has no runtime: {error}"),
        }
    })
}

/// The work itself; inside a [`LocalSet`].
pub(super) async fn work(mut parts: WorkerParts, tap: Option<Tap>) {
    let Some(Order::Start(load_start)) = parts.orders.recv().await else { return };
    let seed = parts.plan.seed;
    let mut world = World::new(Arc::clone(&parts.plan), Arc::clone(&parts.directory));
    world.load_start = load_start;
    let desks =
        parts.plan.users_of(parts.slot).map(|user| Desk::new(Box::new(User::new(user, seed, parts.mode)))).collect();
    let floor = Rc::new(Floor {
        slot: parts.slot,
        clock: parts.clock,
        world: world.into(),
        desks,
        parked: Default::default(),
        timers: Default::default(),
        pacer_wakes: Tick::NEVER.into(),
        earlier: Default::default(),
        dialer: parts.dialer.clone(),
        files: parts.files.clone(),
        tokens: parts.tokens.clone(),
        handovers: parts.handovers.clone(),
        tap,
        exchange: Arc::clone(&parts.exchange),
        send_queues: SendQueues::open(),
        driven: 0.into(),
        keepalive: Keepalive::of(&parts.plan.scenario.target),
    });
    let plan = Arc::clone(&parts.plan);
    let changes = plan.changes(parts.slot);
    let pacer = Pacer::new(Rc::clone(&floor), load_start, changes, plan.arrivals(parts.slot));
    let last = (parts.clock.now(), thread_load());
    let next_pulse = first_pulse(parts.precision, load_start, last.0);
    Shift { floor, parts, next_handover: Tick::ZERO, next_pulse, next_look: 0, last }.run(pacer).await;
}

/// When the first pulse is due: with the load, and at once where the load's start is past, as in the rest of a run.
fn first_pulse(precision: Precision, load_start: Tick, now: Tick) -> Tick {
    match precision {
        Precision::Microseconds => load_start.max(now),
        // Paused time has no lateness, and would only be slowed down.
        Precision::Milliseconds => Tick::NEVER,
    }
}

/// A worker at work.
struct Shift {
    floor: Rc<Floor>,
    parts: WorkerParts,
    next_handover: Tick,
    next_pulse: Tick,
    /// The desk whose send queue is looked at next.
    next_look: usize,
    /// At the last hand-over: the instant, and what the thread had used and waited since its start.
    last: (Tick, WorkerSample),
}

impl Shift {
    async fn run<C: Iterator<Item = crate::plan::UserChange>>(mut self, mut pacer: Pacer<C>) {
        let clock = self.parts.clock;
        let alarm = Alarm::new(self.parts.precision);
        let mut interval = self.parts.interval;
        let mut gone_by = Tick::NEVER;
        self.next_handover = clock.now().next_multiple(interval);
        loop {
            let now = clock.now();
            pacer.run_due(now);
            self.pulse(now);
            if now >= self.next_handover {
                self.hand_over(now);
                self.look_at_send_queues();
                self.next_handover = now.next_multiple(interval);
            }
            let is_over = self.floor.driven.get() == 0 || now >= gone_by;
            if gone_by != Tick::NEVER && is_over {
                break;
            }
            let next = pacer.next().min(self.next_handover).min(self.next_pulse).min(gone_by);
            self.floor.pacer_wakes.set(next);
            tokio::select! {
                () = alarm.wait(clock, next) => {}
                () = self.floor.earlier.notified() => {}
                Some(passed) = self.parts.passed.recv() => pacer.take_passed(passed),
                order = self.parts.orders.recv(), if gone_by == Tick::NEVER => match order {
                    Some(Order::Drain) => {
                        // What fell due before the end of the load is carried out, or missed, but never forgotten.
                        pacer.run_due(clock.now());
                        pacer.drain();
                        interval = interval.min(DRAIN_INTERVAL);
                        self.next_handover = clock.now().next_multiple(interval);
                        self.signal_all(Signals::DRAIN);
                    }
                    Some(Order::AskAgain(owed)) => {
                        self.floor.world.borrow_mut().owed = owed.clone();
                        self.ask(&owed);
                    }
                    Some(Order::Leave) | None => {
                        pacer.drain();
                        self.signal_all(Signals::LEAVE);
                        gone_by = clock.now() + LEAVE_WITHIN;
                    }
                    Some(Order::Start(_)) => {}
                },
            }
        }
        // From now on an arrival that another worker would hand over stays there. What is here nobody takes any more.
        self.parts.passed.close();
        while self.parts.passed.try_recv().is_ok() {
            pacer.miss();
        }
        self.hand_over(clock.now());
        let _ = self.parts.handovers.send(Handover::Done);
    }

    fn signal_all(&self, signal: Signals) {
        // A user without a driver is offline, and with the pacer drained nobody sends it online.
        for desk in self.floor.desks.iter().filter(|desk| desk.user.borrow().is_none()) {
            desk.signal(signal);
        }
    }

    /// Has the users concerned ask; one without a driver is offline and has nothing to ask.
    fn ask(&self, owed: &[AttachId]) {
        let slots = self.parts.plan.slots;
        let users = owed.iter().filter_map(|id| u32::try_from(id.0 >> 32).ok());
        for user in users.filter(|user| user % slots == self.parts.slot) {
            let desk = self.floor.desk(self.floor.desk_of(user));
            if desk.user.borrow().is_none() {
                desk.signal(Signals::ASK_AGAIN);
            }
        }
    }

    /// Records how late the worker is, also for the pulses that it slept through.
    fn pulse(&mut self, now: Tick) {
        if self.next_pulse > now {
            return;
        }
        let mut world = self.floor.world.borrow_mut();
        while self.next_pulse <= now {
            world.books.figures.timer_lag.record(now.micros_since(self.next_pulse));
            self.next_pulse += PULSE;
        }
    }

    /// Has the next few connected users look at their send queues.
    fn look_at_send_queues(&mut self) {
        let desks = &self.floor.desks;
        if self.floor.send_queues.is_none() || desks.is_empty() {
            return;
        }
        let mut looks = 0;
        for _ in 0..desks.len() {
            let desk = &desks[self.next_look % desks.len()];
            self.next_look = (self.next_look + 1) % desks.len();
            // A user without a driver is offline.
            if desk.user.borrow().is_none() {
                desk.signal(Signals::LOOK);
                looks += 1;
            }
            if looks == LOOKS {
                break;
            }
        }
    }

    /// Swaps the books for empty ones and hands them over.
    fn hand_over(&mut self, now: Tick) {
        let spent = self.parts.spent.try_recv().unwrap_or_default();
        let mut world = self.floor.world.borrow_mut();
        let books = &mut world.books;
        books.seal_gauges();
        let total = thread_load();
        let (then, before) = std::mem::replace(&mut self.last, (now, total));
        let lateness = books.figures.lateness();
        let has_percentile = lateness.count() >= LAG_SAMPLES_MIN;
        let load = WorkerSample {
            span_us: now.micros_since(then),
            cpu_us: total.cpu_us.saturating_sub(before.cpu_us),
            waited_us: total.waited_us.saturating_sub(before.waited_us),
            lag_us_p99: if has_percentile { lateness.quantile(0.99) } else { 0 },
            lag_us_max: lateness.max(),
            ..WorkerSample::default()
        };
        books.figures.worker_cpu_us = load.cpu_us;
        let figures = std::mem::replace(&mut books.figures, spent.figures);
        let batch = std::mem::replace(&mut books.batch, spent.batch);
        let open = books.open_requests() + books.asking;
        let slot = self.parts.slot;
        let _ = self.parts.handovers.send(Handover::Interval {
            slot,
            to: now,
            figures,
            batch,
            open,
            driven: self.floor.driven.get(),
            load,
        });
    }
}

/// What this thread has used and waited since its start.
fn thread_load() -> WorkerSample {
    WorkerSample { cpu_us: health::thread_cpu_us(), waited_us: health::thread_waited_us(), ..WorkerSample::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_run_is_not_late_for_the_part_before_it() {
        let [early, now, late] = [1_000_000, 9_000_000, 12_000_000].map(Tick::from_micros);
        assert_eq!(first_pulse(Precision::Microseconds, late, now), late, "a new run: with its load");
        assert_eq!(first_pulse(Precision::Microseconds, early, now), now, "a resumed one: its load began long ago");
        assert_eq!(first_pulse(Precision::Milliseconds, late, now), Tick::NEVER);
    }
}
