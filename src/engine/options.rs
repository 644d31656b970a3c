//! What a run is given, who watches it, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::collector::Progress;
use crate::plan::Plan;
use crate::results::{EndedBy, IntervalRecord, Record, RunInfo};
use crate::transport::{Dialer, FileClient, PageClient, RestClient};

/// What a run needs.
pub struct RunOptions {
    /// What is going to be done.
    pub plan: Arc<Plan>,
    /// What is known of the run before it begins.
    pub info: RunInfo,
    /// Where to.
    pub targets: Targets,
    /// Time between two hand-overs.
    pub interval: Duration,
    /// Tells the run to stop.
    pub stop: watch::Receiver<Stop>,
}

/// The three faces of a service, and what is read beside them.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The WebSocket.
    pub service: Dialer,
    /// Files.
    pub files: FileClient,
    /// Tokens; `None` when the user file has them.
    pub rest: Option<RestClient>,
    /// Pages with the target's own figures: one for each endpoint of the scenario, in its order.
    pub pages: Vec<PageClient>,
}

/// What somebody outside wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Go on.
    No,
    /// Drain, report and end.
    Drain(EndedBy),
    /// End at once.
    Now(EndedBy),
}

impl Stop {
    pub(super) fn reason(self) -> Option<EndedBy> {
        match self {
            Stop::No => None,
            Stop::Drain(reason) | Stop::Now(reason) => Some(reason),
        }
    }
}

/// Watches a run.
pub trait Observer {
    /// Something new begins; `done` of `wanted` are through.
    fn stage(&mut self, stage: &'static str, done: u32, wanted: u32);
    /// Something that a person should know before the load, when nothing is recorded yet.
    fn notice(&mut self, text: &str) {
        let _ = text;
    }
    /// A record to be written down, in order.
    fn record(&mut self, record: Record);
    /// An interval is over; called before its record.
    fn progress(&mut self, record: &IntervalRecord, progress: &Progress);
    /// Whether what was recorded so far is reason to end the load now: asked after each record of it.
    fn has_seen_enough(&self) -> bool {
        false
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What ended it.
    pub ended_by: EndedBy,
}
