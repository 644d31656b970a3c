//! A run from start to end: tokens, groups, load, drain, tear-down.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc as sync_mpsc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use super::alarm::Precision;
use super::capacity::{PortNeed, PortRange, check_source_addresses, descriptors_needed, users_within};
use super::collector::{Collector, Handover};
use super::ending::stopped;
use super::error::EngineError;
use super::exchange::Exchange;
use super::memory::{MemoryLeft, check_memory};
use super::monitor::Monitor;
use super::options::{Observer, Outcome, RunOptions, Stop};
use super::remarks::{interruption, marks, note, token_trouble};
use super::scrape::{Inbox, Scrapers};
use super::tokens::TokenOffice;
use super::worker::{Order, WorkerParts};
use super::{Clock, groups, health, probe, worker};
use crate::ledger::Ending;
use crate::metrics::Interval;
use crate::plan::Directory;
use crate::results::{EndedBy, IntervalRecord, Mark, Record, RunEnd};
use crate::scenario::Scenario;
use crate::tick::Tick;
use crate::user::Mode;

/// Between the start of the workers and that of the load.
const RUN_UP: Duration = Duration::from_millis(100);
/// Most events that are marked in the charts.
const EVENT_MARKS_MAX: usize = 200;
/// How long workers get to end beyond what their users get.
const WORKERS_WITHIN: Duration = Duration::from_secs(10);

/// Carries a plan out. Blocks until it is over.
///
/// # Errors
/// What keeps the load from starting; once it has started, everything is a figure.
pub fn run(options: RunOptions, observer: &mut dyn Observer) -> Result<Outcome, EngineError> {
    check_capacity(&options.plan.scenario)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    let outcome = tasks.block_on(&runtime, Run::new(options, Staffing::Threads).carry_out(observer));
    // A call that a signal broke off gives its connection back by a task of its own, for which it needs the runtime.
    let _within = runtime.enter();
    drop(tasks);
    outcome
}

/// Carries a plan out inside the [`LocalSet`] of the caller, who may have paused its time: a simulated day then
/// takes minutes. Targets must be in memory, because paused time does not wait for sockets.
///
/// # Errors
/// As [`run`].
pub async fn run_local(options: RunOptions, observer: &mut dyn Observer) -> Result<Outcome, EngineError> {
    Run::new(options, Staffing::Local).carry_out(observer).await
}

/// Where workers work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Staffing {
    /// Each on a thread of its own, with timers precise to microseconds.
    Threads,
    /// All as tasks of the caller's runtime, whose timers count milliseconds.
    Local,
}

/// Refuses what this machine cannot carry, before the first connection.
fn check_capacity(scenario: &Scenario) -> Result<(), EngineError> {
    let limit = health::raise_descriptor_limit();
    let needed = descriptors_needed(scenario);
    if needed > limit {
        let fits = users_within(scenario, limit);
        return Err(EngineError::Descriptors { users: scenario.users.count, needed, limit, fits });
    }
    let ports = PortNeed::of(scenario, PortRange::of_system());
    if !ports.is_met() {
        return Err(EngineError::Ports(ports));
    }
    check_memory(scenario, MemoryLeft::now()).map_err(EngineError::Memory)?;
    check_source_addresses(&scenario.target.source_addresses)
        .map_err(|(address, source)| EngineError::SourceAddress { address, source })
}

/// One run, or one part of a run that is resumed.
pub(super) struct Run {
    pub(super) clock: Clock,
    pub(super) options: RunOptions,
    staffing: Staffing,
    pub(super) directory: Arc<Directory>,
}

/// The workers, as the control thread sees them.
pub(super) struct Workers {
    orders: Vec<mpsc::UnboundedSender<Order>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    pub(super) handovers: mpsc::UnboundedReceiver<Handover>,
    returns: Vec<sync_mpsc::Sender<super::collector::Spent>>,
}

impl Workers {
    pub(super) fn order(&self, order: Order) {
        for orders in &self.orders {
            let _ = orders.send(order.clone());
        }
    }
}

impl Run {
    fn new(options: RunOptions, staffing: Staffing) -> Run {
        let directory = Arc::new(Directory::new(options.plan.users(), options.plan.topology.groups()));
        let from = options.plan.resumption().map_or(Tick::ZERO, |resumption| resumption.clock_from);
        Run { clock: Clock::start_from(from), options, staffing, directory }
    }

    async fn carry_out(self, observer: &mut dyn Observer) -> Result<Outcome, EngineError> {
        let mut stop = self.options.stop.clone();
        let mut figures = Interval::default();
        let prepared = {
            let preparing = self.prepare(&mut figures, observer);
            tokio::pin!(preparing);
            tokio::select! {
                prepared = &mut preparing => Some(prepared),
                reason = stopped(&mut stop) => { tracing::info!("stopped during the set-up: {reason:?}"); None }
            }
        };
        let office = match prepared {
            Some(Ok(office)) => office,
            Some(Err(error)) => {
                self.tear_down(None, observer).await;
                return Err(error);
            }
            None => {
                self.tear_down(None, observer).await;
                let ended_by = stop.borrow().reason().unwrap_or(EndedBy::Interrupt);
                self.record_nothing(observer, figures, ended_by);
                return Ok(Outcome { ended_by });
            }
        };
        let shortage = office.shortage();
        let workers = self.start_workers(&office)?;
        let plan = &self.options.plan;
        let load_from = (self.clock.now() + RUN_UP + plan.return_length()).next_multiple(Duration::from_millis(1));
        let (ended_by, is_torn_down) = self.load(workers, load_from, figures, shortage, &mut stop, observer).await;
        if is_torn_down {
            self.tear_down(Some(&office), observer).await;
        }
        Ok(Outcome { ended_by })
    }

    /// Everything before the load: the target answers, tokens are there, groups are there.
    async fn prepare(
        &self,
        figures: &mut Interval,
        observer: &mut dyn Observer,
    ) -> Result<Rc<TokenOffice>, EngineError> {
        let plan = &self.options.plan;
        probe::probe(&self.options.targets.service, plan).await?;
        let office =
            Rc::new(TokenOffice::new(self.clock, Arc::clone(plan), Arc::clone(&self.directory), &self.options.targets));
        let users = plan.users();
        observer.stage("access tokens", 0, users);
        let mut is_told = false;
        let mut progress = |done| {
            observer.stage("access tokens", done, users);
            // The first token tells how long they live: told then, and not after all of them were waited for.
            if !is_told && let Some(shortage) = office.shortage() {
                observer.notice(&shortage);
                is_told = true;
            }
        };
        office
            .fetch_all(0..users, figures, &mut progress)
            .await
            .map_err(|trouble| EngineError::Tokens(token_trouble(&trouble, plan.scenario.target.dialect)))?;
        let count = plan.topology.groups();
        if count > 0 {
            observer.stage("groups", 0, count);
            groups::create(&self.options.targets.service, plan, &self.directory, &office, 0..count, &mut |done| {
                observer.stage("groups", done, count);
            })
            .await
            .map_err(|(group, source)| EngineError::Groups { title: plan.topology.title(group), source })?;
        }
        Ok(office)
    }

    fn start_workers(&self, office: &Rc<TokenOffice>) -> Result<Workers, EngineError> {
        let (handover, handovers) = mpsc::unbounded_channel();
        let tokens = Rc::clone(office).open(handover.clone());
        let (orders, threads, tasks, returns) = Default::default();
        let mut workers = Workers { orders, threads, tasks, handovers, returns };
        let (exchange, ends) = Exchange::between(self.options.plan.slots);
        for (slot, passed) in (0..).zip(ends) {
            let (order, orders) = mpsc::unbounded_channel();
            let (back, spent) = sync_mpsc::channel();
            workers.orders.push(order);
            workers.returns.push(back);
            let parts = WorkerParts {
                slot,
                clock: self.clock,
                plan: Arc::clone(&self.options.plan),
                directory: Arc::clone(&self.directory),
                dialer: self.options.targets.service.clone(),
                files: self.options.targets.files.clone(),
                tokens: tokens.clone(),
                interval: self.options.interval,
                precision: match self.staffing {
                    Staffing::Threads => Precision::Microseconds,
                    Staffing::Local => Precision::Milliseconds,
                },
                mode: Mode::Forever,
                orders,
                handovers: handover.clone(),
                spent,
                exchange: Arc::clone(&exchange),
                passed,
            };
            match self.staffing {
                Staffing::Threads => workers.threads.push(worker::spawn(parts)?),
                Staffing::Local => workers.tasks.push(tokio::task::spawn_local(worker::work(parts, None))),
            }
        }
        Ok(workers)
    }

    /// The load and the drain. Tells what ended it, and whether there is time for the tear-down.
    async fn load(
        &self,
        mut workers: Workers,
        load_from: Tick,
        figures: Interval,
        doubt: Option<String>,
        stop: &mut watch::Receiver<Stop>,
        observer: &mut dyn Observer,
    ) -> (EndedBy, bool) {
        let plan = &self.options.plan;
        // Of a run that goes on: when it would have begun, had it not been interrupted.
        let load_start = load_from.minus(plan.offset());
        let load = &plan.scenario.load;
        let length = load.duration();
        let prepared_at = self.clock.now();
        let inbox = Inbox::default();
        let mut collector = Collector::new(
            workers.returns.clone(),
            plan.scenario.target.timeout,
            plan.timeout_max() + load.drain,
            prepared_at,
            load_start,
            Interval::default(),
            Monitor::new(plan.scenario.health, health::memory_bytes()),
        )
        .of_part(plan.resumption().map_or(0, |resumption| resumption.part), load_from)
        .with_pauses(plan.longest_pause())
        .with_inbox(inbox.clone());
        observer.record(Record::Start(Box::new(self.options.info.clone())));
        if let Some(resumption) = plan.resumption() {
            let goes_on_in = self.clock.until(load_from);
            observer.record(Record::Resume(interruption(resumption, goes_on_in)));
        }
        observer.record(Record::Interval(Box::new(self.set_up(figures, prepared_at, load_start, load_from))));
        if plan.resumption().is_none() {
            for mark in marks(load) {
                observer.record(Record::Mark(mark));
            }
            for event in plan.occurrences().iter().take(EVENT_MARKS_MAX) {
                let at_s = event.at.since_start().as_secs_f64();
                let label = event.event.what.word().to_owned();
                observer.record(Record::Mark(Mark { from_s: at_s, to_s: at_s, label }));
            }
        }
        for event in plan.scenario.events.iter().filter(|event| event.at >= length) {
            let (what, at) = (event.what.word(), humantime::format_duration(event.at));
            let place = if event.at > length { "after" } else { "at" };
            observer.record(Record::Warning(format!(
                "the event `{what}` at {at} is {place} the end of the load: it does not happen"
            )));
        }
        if let Some(doubt) = doubt {
            observer.record(Record::Warning(doubt));
        }
        observer.stage("load", 0, 0);
        let (watched, pages) = (&plan.scenario.target.watched, &self.options.targets.pages);
        let _scrapers = Scrapers::start(watched, pages, self.options.interval, self.clock, &inbox);
        workers.order(Order::Start(load_start));
        let load_end = self.instant(load_start + length);
        let ended_by = loop {
            tokio::select! {
                handover = workers.handovers.recv() => match handover {
                    Some(handover) => {
                        note(&mut collector, handover, observer);
                        let overdue = collector.overdue();
                        if !overdue.is_empty() {
                            workers.order(Order::AskAgain(overdue.into()));
                        }
                        if observer.has_seen_enough() {
                            break EndedBy::Abort;
                        }
                    }
                    None => break EndedBy::Crash,
                },
                reason = stopped(stop) => break reason,
                () = sleep_until(load_end) => break EndedBy::Plan,
            }
        };
        let drain_start = self.clock.now();
        observer.stage("drain", 0, 0);
        collector.begin_draining();
        workers.order(Order::Drain);
        let is_drained = self.drain(&mut workers, &mut collector, stop, observer).await;
        let now = self.clock.now();
        let seconds = |tick: Tick| tick.since(load_start).as_secs_f64();
        observer.record(Record::Mark(Mark {
            from_s: seconds(drain_start),
            to_s: seconds(now),
            label: "drain".to_owned(),
        }));
        if is_drained {
            self.diagnose(&mut collector, observer).await;
            self.ask_again(&mut workers, &mut collector, stop, observer).await;
        }
        collector.begin_closing(self.clock.now());
        workers.order(Order::Leave);
        let mut left = workers.orders.len();
        let deadline = after(WORKERS_WITHIN);
        while left > 0 {
            match tokio::time::timeout_at(deadline, workers.handovers.recv()).await {
                Ok(Some(Handover::Done)) => left -= 1,
                Ok(Some(handover)) => note(&mut collector, handover, observer),
                Ok(None) => break,
                Err(_) => {
                    let text = format!("{left} of {} workers did not end; their last figures are missing", plan.slots);
                    observer.record(Record::Warning(text));
                    break;
                }
            }
        }
        if left == 0 {
            let mut crashed = 0;
            for thread in workers.threads.drain(..) {
                crashed += u32::from(thread.join().is_err());
            }
            for task in workers.tasks.drain(..) {
                crashed += u32::from(task.await.is_err());
            }
            if crashed > 0 {
                observer.record(Record::Warning(format!("{crashed} workers ended with an error of their own")));
            }
        }
        let ending = if is_drained { Ending::Drained } else { Ending::BrokenOff };
        let last = collector.finish(self.clock.now(), ending);
        observer.record(Record::Interval(Box::new(last)));
        self.record_end(observer, ended_by, drain_start);
        (ended_by, is_drained)
    }

    /// The record of all that came before the load.
    fn set_up(&self, figures: Interval, to: Tick, load_start: Tick, load_from: Tick) -> IntervalRecord {
        let resumption = self.options.plan.resumption();
        IntervalRecord {
            from: resumption.map_or(Tick::ZERO, |resumption| resumption.clock_from),
            to,
            load_start,
            load_from,
            part: resumption.map_or(0, |resumption| resumption.part),
            figures,
            ledger: Default::default(),
            health: health::sample(self.options.plan.slots, false),
        }
    }

    fn record_nothing(&self, observer: &mut dyn Observer, figures: Interval, ended_by: EndedBy) {
        let now = self.clock.now();
        let load_start = now.minus(self.options.plan.offset());
        observer.record(Record::Start(Box::new(self.options.info.clone())));
        if let Some(resumption) = self.options.plan.resumption() {
            observer.record(Record::Resume(interruption(resumption, Duration::ZERO)));
        }
        observer.record(Record::Interval(Box::new(self.set_up(figures, now, load_start, now))));
        self.record_end(observer, ended_by, now);
    }

    fn record_end(&self, observer: &mut dyn Observer, ended_by: EndedBy, load_end: Tick) {
        let ended_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        observer.record(Record::End(RunEnd { ended_by, ended_at, load_end }));
    }

    async fn tear_down(&self, office: Option<&TokenOffice>, observer: &mut dyn Observer) {
        let mut groups = 0..self.options.plan.topology.groups();
        if !groups.any(|group| self.directory.group_name(group).is_some()) {
            return;
        }
        observer.stage("deleting groups", 0, 0);
        let service = &self.options.targets.service;
        if let Some((count, error)) = groups::delete(service, &self.options.plan, &self.directory, office).await {
            observer.record(Record::Warning(format!("{count} groups could not be deleted: {error}")));
        }
    }

    /// The runtime's word for a tick.
    fn instant(&self, tick: Tick) -> Instant {
        after(self.clock.until(tick))
    }
}

/// The instant from which the runtime counts a span that starts now.
#[expect(clippy::disallowed_methods, reason = "a deadline for the runtime, not a measurement")]
pub(super) fn after(span: Duration) -> Instant {
    Instant::now() + span
}
