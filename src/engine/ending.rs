//! The end of a run: what is on its way comes in, and who might know is asked about the rest.

use tokio::sync::watch;

use super::collector::{Collector, Handover};
use super::diagnosis;
use super::options::{Observer, Stop};
use super::remarks::note;
use super::run::{Run, Workers, after};
use super::worker::Order;
use crate::results::{EndedBy, Record};

impl Run {
    /// Asks the server's history about what did not arrive.
    pub(super) async fn diagnose(&self, collector: &mut Collector, observer: &mut dyn Observer) {
        let questions = collector.questions(self.clock.now());
        let gaps = collector.gaps();
        if questions.is_empty() && gaps.is_empty() {
            return;
        }
        observer.stage("asking the history", 0, 0);
        let (plan, directory) = (&self.options.plan, &self.directory);
        let answers = diagnosis::ask(&self.options.targets.service, plan, directory, &questions, &gaps).await;
        for &(key, finding) in &answers.findings {
            collector.learn(key, finding);
        }
        collector.learn_past(&answers, self.clock.now());
        if let Some(trouble) = answers.trouble {
            observer.record(Record::Warning(trouble));
        }
    }

    /// Asks whether the attachments that are still owed a message last: the service may have ended them in silence.
    pub(super) async fn ask_again(
        &self,
        workers: &mut Workers,
        collector: &mut Collector,
        stop: &mut watch::Receiver<Stop>,
        observer: &mut dyn Observer,
    ) {
        let owed = collector.owed();
        if owed.is_empty() {
            return;
        }
        observer.stage("asking who is still attached", 0, 0);
        workers.order(Order::AskAgain(owed.into()));
        let deadline = after(self.options.plan.scenario.target.timeout);
        let mut looks = 0;
        while looks <= 2 || collector.is_waiting() {
            tokio::select! {
                handover = workers.handovers.recv() => {
                    let Some(handover) = handover else { return };
                    note(collector, handover, observer);
                    looks += u32::from(collector.has_merged());
                }
                () = stopped_now(stop) => return,
                () = tokio::time::sleep_until(deadline) => return,
            }
        }
    }

    /// Waits for what is on its way; false when there was no time for that.
    pub(super) async fn drain(
        &self,
        workers: &mut Workers,
        collector: &mut Collector,
        stop: &mut watch::Receiver<Stop>,
        observer: &mut dyn Observer,
    ) -> bool {
        let deadline = after(self.options.plan.scenario.load.drain);
        // Two looks: the first may be at an interval that began before the users were told to drain.
        let mut looks = 0;
        loop {
            tokio::select! {
                handover = workers.handovers.recv() => {
                    let Some(handover) = handover else { return true };
                    let is_interval = matches!(handover, Handover::Interval { .. });
                    note(collector, handover, observer);
                    looks += u32::from(is_interval && collector.has_merged());
                    if looks > 2 && collector.is_settled() {
                        return true;
                    }
                }
                () = stopped_now(stop) => return false,
                () = tokio::time::sleep_until(deadline) => return true,
            }
        }
    }
}

/// Waits until somebody wants the run to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<Stop>) -> EndedBy {
    match stop.wait_for(|stop| *stop != Stop::No).await {
        Ok(stop) => stop.reason().unwrap_or(EndedBy::Interrupt),
        Err(_) => std::future::pending().await,
    }
}

pub(super) async fn stopped_now(stop: &mut watch::Receiver<Stop>) {
    if stop.wait_for(|stop| matches!(stop, Stop::Now(_))).await.is_err() {
        std::future::pending::<()>().await;
    }
}
