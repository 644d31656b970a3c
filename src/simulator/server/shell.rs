//! What all connections share: the hub, the faults, the clock, who is connected.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::clock::Clock;
use super::delivery::Held;
use super::files::Files;
use super::limits::RestLimits;
use super::promises::Watched;
use super::queue::{Ending, Queue};
use super::scheduler::Scheduler;
use crate::simulator::SimulatorConfig;
use crate::simulator::counters::InjectedFaults;
use crate::simulator::faults::{FaultPlan, Injector, Restart};
use crate::simulator::hub::{Entry, Hub, Outbox, SessionId, TopicRef};

/// The running simulator, on its one thread. Nothing of it is borrowed across an await.
pub(in crate::simulator) struct Shell {
    pub(super) config: SimulatorConfig,
    pub(in crate::simulator) hub: RefCell<Hub>,
    pub(super) injector: RefCell<Injector>,
    pub(super) clock: Clock,
    pub(super) scheduler: Scheduler,
    pub(super) queues: RefCell<HashMap<SessionId, Rc<Queue>>>,
    pub(super) held: RefCell<HashMap<(SessionId, TopicRef), Held>>,
    /// Whom declared faults have to remember.
    pub(super) watched: RefCell<Watched>,
    pub(super) files: RefCell<Files>,
    pub(super) rest: RefCell<RestLimits>,
    /// Whether the hub's next deadline is in the schedule.
    wake_scheduled: Cell<bool>,
    /// Nobody is let in before that.
    down_until: Cell<Instant>,
    /// A session is gone: for the stop, which waits for all.
    left: Notify,
}

impl Shell {
    /// Sets everything up; must run inside the runtime. The caller spawns [`Scheduler::run`].
    pub fn new(config: SimulatorConfig) -> Rc<Shell> {
        let mut rules = config.rules.clone();
        if let Some(lifetime) = config.faults.token_lifetime {
            rules.token_lifetime = lifetime.0;
            if rules.entry != Entry::AccessToken {
                rules.login_token_lifetime = lifetime.0;
            }
        }
        rules.token_lifetime_told = config.faults.token_lifetime_told.map(|lifetime| lifetime.0);
        let shell = Rc::new(Shell {
            hub: RefCell::new(Hub::new(rules)),
            injector: RefCell::new(Injector::new(&config.faults)),
            clock: Clock::start(config.times),
            scheduler: Scheduler::default(),
            queues: RefCell::default(),
            held: RefCell::default(),
            watched: RefCell::default(),
            files: RefCell::new(Files::new(config.uploads_bytes_max, config.rules.seed)),
            rest: RefCell::new(RestLimits::new(&config)),
            wake_scheduled: Cell::new(false),
            down_until: Cell::new(Instant::now()),
            left: Notify::new(),
            config,
        });
        shell.schedule_declared();
        shell
    }

    pub fn faults(&self) -> &FaultPlan {
        &self.config.faults
    }

    /// What has been done so far.
    pub fn counters(&self) -> InjectedFaults {
        let mut counters = self.injector.borrow().counters.clone();
        counters.totals.sessions_open = self.queues.borrow().len() as u64;
        counters
    }

    /// A new WebSocket session.
    pub(super) fn open(&self) -> (SessionId, Rc<Queue>) {
        let session = self.hub.borrow_mut().open();
        let queue = Rc::new(Queue::new(self.config.queue_limit));
        self.queues.borrow_mut().insert(session, queue.clone());
        self.injector.borrow_mut().counters.totals.sessions += 1;
        (session, queue)
    }

    /// The connection is gone, or is to be: nothing is queued for it any more.
    pub fn close(self: &Rc<Self>, session: SessionId) {
        if self.queues.borrow_mut().remove(&session).is_none() {
            return;
        }
        self.held.borrow_mut().retain(|(of, _), _| *of != session);
        self.watched.borrow_mut().forget(session);
        let mut out = Outbox::default();
        self.hub.borrow_mut().close(session, self.clock.now(), &mut out);
        self.dispatch(out);
        self.left.notify_waiters();
    }

    /// Cuts a session without a word; whether it was there.
    pub fn cut(self: &Rc<Self>, session: SessionId) -> bool {
        let Some(queue) = self.queues.borrow().get(&session).cloned() else { return false };
        queue.end(Ending::Abrupt);
        self.close(session);
        true
    }

    /// Says goodbye to all, and waits until they are gone or it has taken long enough.
    pub async fn shut_down(self: &Rc<Self>, patience: Duration) {
        let mut out = Outbox::default();
        self.hub.borrow_mut().shut_down(self.clock.now(), &mut out);
        self.dispatch(out);
        for queue in self.queues.borrow().values() {
            queue.end(Ending::Closed);
        }
        let gone = async {
            loop {
                let left = self.left.notified();
                if self.queues.borrow().is_empty() {
                    break;
                }
                left.await;
            }
        };
        let _ = tokio::time::timeout(patience, gone).await;
    }

    /// The end of the declared stall that is going on, if one is.
    pub fn stalled_until(&self) -> Option<Instant> {
        let now = Instant::now();
        let spans = self.faults().stall.iter().map(|stall| {
            let from = self.clock.after(stall.at.0);
            (from, from + stall.length.0)
        });
        spans.filter(|(from, to)| *from <= now && now < *to).map(|(_, to)| to).max()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sees to it that the hub is called at its next deadline.
    pub(super) fn schedule_wake(&self) {
        if self.wake_scheduled.get() {
            return;
        }
        let Some(at) = self.hub.borrow().next_wake() else { return };
        self.wake_scheduled.set(true);
        self.scheduler.at(self.clock.instant_of(at), |shell| {
            shell.wake_scheduled.set(false);
            let mut out = Outbox::default();
            shell.hub.borrow_mut().wake(shell.clock.now(), &mut out);
            shell.dispatch(out);
        });
    }

    /// Whether it is down for a restart.
    pub fn is_down(&self) -> bool {
        Instant::now() < self.down_until.get()
    }

    fn schedule_restart(&self, at: Instant, restart: Restart) {
        self.scheduler.at(at, move |shell| {
            let now = Instant::now();
            shell.down_until.set(now + restart.length.0);
            shell.injector.borrow_mut().counters.restarts += 1;
            let mut sessions: Vec<_> = shell.queues.borrow().keys().copied().collect();
            sessions.sort_unstable();
            for session in sessions {
                if shell.cut(session) {
                    shell.injector.borrow_mut().counters.cut_by_restart += 1;
                }
            }
            if let Some(every) = restart.every {
                shell.schedule_restart(now + every.0, restart);
            }
        });
    }

    fn silence_share(self: &Rc<Self>, share: f64) {
        let mut sessions: Vec<_> = self.queues.borrow().iter().map(|(id, queue)| (*id, queue.clone())).collect();
        sessions.sort_unstable_by_key(|(session, _)| *session);
        let chosen = self.injector.borrow_mut().choose(sessions.len(), share);
        for ((_, queue), _) in sessions.into_iter().zip(chosen).filter(|(_, chosen)| *chosen) {
            queue.fall_silent();
            self.injector.borrow_mut().counters.half_open += 1;
        }
    }

    fn schedule_declared(&self) {
        for &restart in &self.config.faults.restart {
            self.schedule_restart(self.clock.after(restart.at.0), restart);
        }
        for silent in &self.config.faults.half_open {
            let share = silent.share.unwrap_or(1.0);
            self.scheduler.at(self.clock.after(silent.at.0), move |shell| shell.silence_share(share));
        }
        for stall in &self.config.faults.stall {
            self.scheduler.at(self.clock.after(stall.at.0), |shell| {
                shell.injector.borrow_mut().counters.stalls += 1;
            });
        }
        for drop in &self.config.faults.drop {
            let Some(at) = drop.at else { continue };
            let share = drop.share.unwrap_or(1.0);
            self.scheduler.at(self.clock.after(at.0), move |shell| shell.cut_share(share));
        }
    }

    fn cut_share(self: &Rc<Self>, share: f64) {
        let mut sessions: Vec<_> = self.queues.borrow().keys().copied().collect();
        sessions.sort_unstable();
        let chosen = self.injector.borrow_mut().choose(sessions.len(), share);
        for (session, _) in sessions.into_iter().zip(chosen).filter(|(_, chosen)| *chosen) {
            if self.cut(session) {
                self.injector.borrow_mut().counters.dropped_connections += 1;
            }
        }
    }
}
