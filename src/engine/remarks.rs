//! What a run says of itself: its intervals with their warnings and marks, the hole that it resumes after, trouble with tokens.

use std::time::Duration;

use super::collector::{Collector, Handover};
use super::options::Observer;
use super::scrape::Replaced;
use super::tokens::TokenTrouble;
use crate::plan::Resumption;
use crate::protocol::dialect::{Dialect, LoginForm};
use crate::results::{Interruption, Mark, Record};
use crate::scenario::Load;

/// Takes what a worker handed over, and records the interval that it completes with what there is to say of it.
pub(super) fn note(collector: &mut Collector, handover: Handover, observer: &mut dyn Observer) {
    if let Some(record) = collector.take(handover) {
        if let Some(evidence) = collector.take_evidence() {
            // Before a later part takes up the load its ticks are those of seconds that are over.
            let from = if record.part > 0 { record.from.max(record.load_from) } else { record.from };
            let at_s = from.since(record.load_start).as_secs_f64();
            let warning = format!("the generator was the bottleneck around second {at_s:.0}: {evidence}");
            observer.record(Record::Warning(warning));
        }
        collector.take_warnings().into_iter().for_each(|warning| observer.record(Record::Warning(warning)));
        for Replaced { at, before, now } in collector.take_replaced() {
            let at_s = at.since(record.load_start).as_secs_f64();
            observer.record(Record::Warning(format!(
                "the target's process was replaced: pid {before} → {now} at second {at_s:.0}; its `cpu_s` begins anew there"
            )));
            observer.record(Record::Mark(Mark { from_s: at_s, to_s: at_s, label: "process replaced".to_owned() }));
        }
        observer.progress(&record, &collector.progress(&record));
        observer.record(Record::Interval(Box::new(record)));
    }
}

/// The hole before a part that goes on with the load in a moment.
pub(super) fn interruption(resumption: &Resumption, goes_on_in: Duration) -> Interruption {
    let goes_on_at = jiff::Timestamp::now() + goes_on_in;
    let (from, from_us) = &resumption.interrupted_at;
    Interruption {
        at_s: resumption.offset.as_secs_f64(),
        from: from.clone(),
        to: goes_on_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        // A clock that was set back meanwhile makes no negative hole.
        lasted_s: goes_on_at.as_microsecond().saturating_sub(*from_us).max(0) as f64 / 1e6,
    }
}

/// Why users have no token, and what to look at.
pub(super) fn token_trouble(trouble: &TokenTrouble, dialect: &Dialect) -> String {
    let TokenTrouble { failed, wanted, first, is_refused_in_a_row } = trouble;
    // An error that names its own way out comes from the login itself.
    let way_out = match dialect.login {
        LoginForm::AccessToken => "check `target.rest_url`, `auth.flow` and `users`",
        LoginForm::BasicOnce => "check `[target]` and `[users]`",
    };
    if *is_refused_in_a_row {
        let way_out = match dialect.login {
            LoginForm::AccessToken => "check `users` and `auth.flow`",
            LoginForm::BasicOnce => way_out,
        };
        format!(
            "token requests were stopped after {failed} refusals, before the service blocks this address ({first}); \
             {way_out}, or raise `auth.refusals_max`"
        )
    } else {
        format!("none of {wanted} users got an access token ({first}); {way_out}")
    }
}

/// The stages of the users curve, named.
pub(super) fn marks(load: &Load) -> Vec<Mark> {
    let mut start = 0.0;
    load.users
        .iter()
        .zip(&load.stages)
        .map(|(stage, named)| {
            let from_s = start;
            start += stage.over.as_secs_f64();
            let label = match stage.to {
                // Of a day the times say more.
                _ if load.day.is_some() => named.name.clone(),
                Some(users) => format!("to {users} users"),
                None => "hold".to_owned(),
            };
            Mark { from_s, to_s: start, label }
        })
        .collect()
}
