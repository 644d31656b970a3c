//! `World`: what the users of one worker share. All of it belongs to one thread.

use std::sync::Arc;

use crate::ledger::{AttachId, Batch};
use crate::metrics::{Interval, Sample};
use crate::ops::{FailureKind, OP_COUNT, OpId};
use crate::plan::{Directory, Plan};
use crate::tick::Tick;

use super::Action;
use super::turns::Turns;

/// The plan, and the books of one worker.
#[derive(Debug)]
pub struct World {
    /// What the run is going to do.
    pub plan: Arc<Plan>,
    /// What only the target knows.
    pub directory: Arc<Directory>,
    /// When the load begins; the ticks of the users curve count from it.
    pub load_start: Tick,
    /// Attachments that are owed a message: for some seconds, or still after the drain.
    pub owed: Arc<[AttachId]>,
    /// What is counted.
    pub books: Books,
    turns: Turns,
}

/// What one worker's users count, and what the user that was called last wants done.
#[derive(Debug, Default)]
pub struct Books {
    /// Counters and histograms of this interval.
    pub figures: Interval,
    /// Records for the ledger of this interval.
    pub batch: Batch,
    /// What the user that was called last wants done.
    pub actions: Vec<Action>,
    /// Requests without an answer, by operation.
    pub open: [u64; OP_COUNT],
    /// Users with an open connection.
    pub online: u64,
    /// Subscribes after a gap without an answer; no part of `open`.
    pub asking: u64,
}

/// One call into a user: the instant, what is known, and the books.
pub(super) struct Call<'a> {
    pub(super) now: Tick,
    pub(super) plan: &'a Plan,
    pub(super) directory: &'a Directory,
    pub(super) load_start: Tick,
    pub(super) owed: &'a [AttachId],
    pub(super) books: &'a mut Books,
    /// Turns to connect.
    pub(super) turns: &'a mut Turns,
}

impl World {
    /// Books of a new worker.
    pub fn new(plan: Arc<Plan>, directory: Arc<Directory>) -> World {
        let turns = Turns::new(&plan.scenario.target, plan.slots);
        World { plan, directory, load_start: Tick::ZERO, owed: [].into(), books: Books::default(), turns }
    }

    /// Lends everything to one call; what is shared can then be read while the books are written.
    pub(super) fn call(&mut self, now: Tick) -> Call<'_> {
        let World { plan, directory, load_start, owed, books, turns } = self;
        Call { now, plan, directory, load_start: *load_start, owed, books, turns }
    }
}

impl Books {
    /// Writes the gauges into the interval that is about to be handed over.
    pub fn seal_gauges(&mut self) {
        let users = &mut self.figures.users;
        users.online = self.online;
        users.peak = users.peak.max(self.online);
        users.open = OpId::ALL.iter().map(|&op| (op, self.open[op.index()])).filter(|(_, open)| *open > 0).collect();
    }

    /// Requests without an answer.
    pub fn open_requests(&self) -> u64 {
        self.open.iter().sum()
    }

    /// Counts a frame that goes out.
    pub(super) fn sent(&mut self, frame: &str) {
        self.figures.traffic.frames_sent += 1;
        self.figures.traffic.bytes_sent += frame.len() as u64;
    }

    pub(super) fn begun(&mut self, op: OpId) {
        self.figures.started(op);
        self.open[op.index()] += 1;
    }

    pub(super) fn ended(&mut self, sample: Sample, outcome: Result<(), (FailureKind, String)>) {
        self.open[sample.op.index()] -= 1;
        match outcome {
            Ok(()) => self.figures.ok(sample),
            Err((kind, example)) => self.figures.failed(sample, kind, || example),
        }
    }

    /// Counts an operation whose answer waited for a user that did not read: it has no time.
    pub(super) fn ended_unread(&mut self, sample: Sample, outcome: Result<(), (FailureKind, String)>) {
        self.open[sample.op.index()] -= 1;
        match outcome {
            Ok(()) => self.figures.ok_unread(sample),
            Err((kind, example)) => self.figures.failed_unread(sample, kind, || example),
        }
    }

    pub(super) fn connected(&mut self) {
        self.online += 1;
        self.figures.users.peak = self.figures.users.peak.max(self.online);
    }
}
