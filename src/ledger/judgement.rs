//! What becomes of one message: who had to get it, who is owed it still, and when it is off the books.

use super::batch::PublishOutcome;
use super::book::{Book, Ending};
use super::diagnosis::LossKind;
use super::message::{Claim, Message};
use super::topic::{Absence, Holders, Verdict};
use super::totals::ExcuseReason;
use crate::tick::Tick;

impl Book {
    /// Looks at a message for the first time that it may be judged.
    pub(super) fn look_at(&mut self, key: u64, watermark: Tick) {
        let Some(message) = self.messages.get(&key) else { return };
        match message.claim {
            Claim::Unclaimed => self.incomplete.push_back(key),
            Claim::Claimed { outcome, .. } => {
                if self.judge(key) {
                    self.reconsider(key);
                    match self.messages.get(&key) {
                        Some(message) if !message.is_decided(false) => self.incomplete.push_back(key),
                        _ => self.close(key),
                    }
                } else if outcome == PublishOutcome::Unknown && watermark != Tick::NEVER {
                    // Nobody has it, but an unknown one may still turn up.
                    self.incomplete.push_back(key);
                } else {
                    self.messages.remove(&key);
                }
            }
        }
    }

    /// Enters who had to get a message into the totals; false when there is no sign that it was accepted.
    pub(super) fn judge(&mut self, key: u64) -> bool {
        let Some(message) = self.messages.get_mut(&key) else { return false };
        let (Claim::Claimed { outcome, echo, .. }, Some(facts)) = (message.claim, message.facts(key)) else {
            return false;
        };
        let missing = match self.topics.get(&message.topic) {
            Some(topic) => topic.missing(facts, &message.receivers, self.late_after),
            None => Default::default(),
        };
        self.totals.expected += missing.places.len() as u64;
        for &(_, absence) in &missing.places {
            match absence {
                Absence::Owed => self.totals.open += 1,
                Absence::Excused(reason) => self.totals.excused[reason as usize] += 1,
            }
        }
        if echo && missing.own_attached {
            self.totals.echo_expected += 1;
            self.totals.echo_delivered += u64::from(missing.own_received);
            message.awaits_echo = !missing.own_received;
        }
        message.missing = Some(missing.places);
        let (topic, seq) = (message.topic, message.seq);
        self.count_recovered(key);
        self.accept_by_evidence(key, outcome);
        self.number(key, topic, seq, facts.accepted);
        true
    }

    /// A message that somebody has was accepted, whatever its publisher was told.
    pub(super) fn accept_by_evidence(&mut self, key: u64, outcome: PublishOutcome) {
        let counted = match outcome {
            PublishOutcome::Accepted { .. } => return,
            PublishOutcome::Refused => &mut self.totals.refused,
            PublishOutcome::Unknown => &mut self.totals.unknown,
        };
        *counted -= 1;
        self.totals.accepted += 1;
        self.take_back_not_accepted(key);
        if let Some(Message { claim: Claim::Claimed { outcome, echo, .. }, seq, .. }) = self.messages.get_mut(&key) {
            self.totals.echo_accepted += u64::from(*echo);
            *outcome = PublishOutcome::Accepted { seq: *seq };
        }
    }

    /// Takes a message off the books whose deliveries are all decided.
    pub(super) fn close(&mut self, key: u64) {
        let Some(message) = self.messages.remove(&key) else { return };
        let in_time = message.delivered - message.waited;
        if in_time >= 2 {
            self.totals.spread.record(in_time, message.last.micros_since(message.first));
        }
    }

    /// Judges a message for the last time.
    pub(super) fn give_up(&mut self, key: u64, ending: Ending) {
        let Some(message) = self.messages.get(&key) else { return };
        if message.claim == Claim::Unclaimed {
            let received = u64::from(message.delivered);
            self.totals.phantom += u64::from(message.receivers.len()) + message.strays.len() as u64;
            self.totals.delivered -= received;
            // Nobody sent it, so it can be neither late nor changed on the way.
            self.totals.late -= u64::from(message.late);
            self.totals.corrupted -= u64::from(message.corrupted);
            self.totals.expected -= received;
            self.messages.remove(&key);
            return;
        }
        if message.missing.is_none() {
            self.judge(key);
        }
        self.reconsider(key);
        self.lose(key, ending);
    }

    /// Takes a message off the books; whoever it is still owed to has lost it, if there was time to wait for it.
    pub(super) fn lose(&mut self, key: u64, ending: Ending) {
        let Some(message) = self.messages.get_mut(&key) else { return };
        if ending == Ending::BrokenOff && std::mem::take(&mut message.awaits_echo) {
            // Nobody waited for it either.
            self.totals.echo_expected -= 1;
        }
        let missing = message.missing.iter().flatten();
        let owed = missing.filter(|(_, absence)| *absence == Absence::Owed).count() as u64;
        let (kind, seq, sent) = (LossKind::of(message.finding), message.seq, message.sent);
        self.totals.open -= owed;
        match ending {
            Ending::Drained => self.totals.lose(owed, kind, key, seq, sent),
            // Nobody waited for these: they may have been on their way.
            Ending::BrokenOff => self.totals.excused[ExcuseReason::Unfinished as usize] += owed,
        }
        self.close(key);
    }

    /// Judges the missing once more by what is known of their attachments now: one that has ended since gets
    /// nothing any more.
    pub(super) fn reconsider(&mut self, key: u64) {
        let Some(message) = self.messages.get_mut(&key) else { return };
        let (finding, receivers) = (message.finding, &message.receivers);
        let (Some(facts), Some(missing)) = (message.facts(key), message.missing.as_mut()) else { return };
        let topic = self.topics.get(&message.topic);
        let (totals, in_flight) = (&mut self.totals, self.late_after);
        let kind = LossKind::of(finding);
        let (holders, went_back) = (Holders::default(), &mut self.went_back);
        missing.retain_mut(|(place, absence)| {
            let verdict = topic
                .map_or(Verdict::Lost, |topic| topic.verdict(*place as usize, facts, receivers, &holders, in_flight));
            match (*absence, verdict) {
                (Absence::Owed, Verdict::Lost) => {
                    totals.open -= 1;
                    totals.lose(1, kind, key, facts.seq, facts.sent);
                    false
                }
                (Absence::Owed, Verdict::Missed) => {
                    totals.open -= 1;
                    totals.lose(1, LossKind::NotStored, key, facts.seq, facts.sent);
                    false
                }
                (Absence::Owed, Verdict::WentBack) => {
                    totals.open -= 1;
                    totals.lose(1, kind, key, facts.seq, facts.sent);
                    went_back.get_or_insert(facts.seq);
                    false
                }
                (Absence::Owed, Verdict::Excused(reason)) => {
                    totals.open -= 1;
                    totals.excused[reason as usize] += 1;
                    *absence = Absence::Excused(reason);
                    true
                }
                (Absence::Owed, Verdict::NotExpected) => {
                    totals.open -= 1;
                    totals.expected -= 1;
                    false
                }
                (Absence::Excused(reason), Verdict::NotExpected) => {
                    totals.excused[reason as usize] -= 1;
                    totals.expected -= 1;
                    false
                }
                _ => true,
            }
        });
        if message.awaits_echo && !topic.is_some_and(|topic| topic.owes_echo(facts, in_flight)) {
            message.awaits_echo = false;
            totals.echo_expected -= 1;
        }
    }
}
