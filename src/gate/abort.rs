//! `abort_when`: what ends a run before its time, because it has clearly failed.

use std::fmt;
use std::time::Duration;

use super::Gate;
use super::bound::NoBaseline;
use super::reading::Doubt;
use super::span::duration_text;
use super::tally::Slice;
use super::windows::{Stretch, Windows};
use crate::results::AbortFigures;

/// What ends a run: while the load lasts, and after `after`, the expression has held for `for`.
#[derive(Debug, Clone, PartialEq)]
pub struct AbortRule {
    pub(super) gate: Gate,
    /// How long it has to be so.
    pub(super) hold: Duration,
    /// From when of the load on it counts.
    pub(super) after: Duration,
}

impl AbortRule {
    /// What has to hold.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// As in the scenario.
    pub fn written(&self) -> &str {
        self.gate.written()
    }
}

/// In one form, whatever the blanks of the scenario.
impl fmt::Display for AbortRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gate.fmt(f)?;
        for (word, span) in [("for", self.hold), ("after", self.after)] {
            if !span.is_zero() {
                write!(f, " {word} {}", duration_text(span))?;
            }
        }
        Ok(())
    }
}

/// Follows one rule.
#[derive(Debug)]
pub(super) struct AbortTrack {
    rule: AbortRule,
    windows: Option<Windows>,
    /// Part of the load in which the rule counts, microseconds.
    from_us: u64,
    to_us: u64,
    /// Since when it has been so.
    since_us: Option<u64>,
}

impl AbortTrack {
    pub(super) fn new(rule: &AbortRule) -> AbortTrack {
        let windows = rule.gate.window.map(Windows::new);
        // Until the run is known there is no load to end.
        AbortTrack { rule: rule.clone(), windows, from_us: 0, to_us: 0, since_us: None }
    }

    /// Learns how long the load is planned, and where its stages lie.
    pub(super) fn learn(&mut self, stages: &[crate::results::StageFigures], planned_us: u64) {
        (self.from_us, self.to_us) = (crate::tick::micros(self.rule.after), planned_us);
        match self.rule.gate.span.as_ref().map(|span| span.find(stages)) {
            None => {}
            Some(Ok((from_s, to_s))) => {
                let micros = |seconds: f64| (seconds * 1e6).round() as u64;
                self.from_us = self.from_us.max(micros(from_s));
                self.to_us = self.to_us.min(micros(to_s));
            }
            Some(Err(_)) => self.to_us = 0,
        }
    }

    /// Looks at the next record; answers once the rule has held for long enough.
    pub(super) fn push(&mut self, slice: &Slice<'_>) -> Option<AbortFigures> {
        let middle = slice.from_us.midpoint(slice.to_us);
        if slice.is_set_up || middle < self.from_us || middle >= self.to_us {
            return None;
        }
        let figure = &self.rule.gate.figure;
        let stretch = match &mut self.windows {
            None => Stretch::of(figure, slice),
            Some(windows) => windows.push(figure, slice)?,
        };
        let wanted = self.rule.gate.wanted(0);
        let Ok(reading) = stretch.tally.read(figure, stretch.from_us, stretch.to_us, wanted) else {
            // Where nothing was measured nothing begins and nothing ends.
            return None;
        };
        if matches!(reading.doubt, Some(Doubt::TooFew { .. })) {
            return None;
        }
        let bound = self.rule.gate.bound.resolve("", &NoBaseline).ok()?;
        if !reading.amount.holds(self.rule.gate.comparison, &bound) {
            self.since_us = None;
            return None;
        }
        let since_us = *self.since_us.get_or_insert(stretch.from_us);
        // Records end a little early or late.
        let slack_us = slice.to_us.saturating_sub(slice.from_us) / 20;
        let is_long = stretch.to_us.saturating_sub(since_us) + slack_us >= crate::tick::micros(self.rule.hold);
        is_long.then(|| self.tripped(&reading.amount.text(figure.quantity(), Some(&bound)), since_us, stretch.to_us))
    }

    fn tripped(&self, measured: &str, since_us: u64, at_us: u64) -> AbortFigures {
        let seconds = |micros: u64| (micros as f64 / 1e5).round() / 10.0;
        AbortFigures {
            rule: self.rule.written().trim().to_owned(),
            measured: measured.to_owned(),
            from_s: seconds(since_us),
            at_s: seconds(at_us),
        }
    }
}
