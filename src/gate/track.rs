//! What a gate follows while the run lasts: the worst of its windows, or the sum of its span.

use std::time::Duration;

use super::bound::Resolved;
use super::reading::{Doubt, Lack, Reading};
use super::tally::Slice;
use super::tolerance::{Tolerance, overlap, spells_of};
use super::windows::{Stretch, Windows};
use super::{Bound, Comparison, Gate};
use crate::results::{GateStatus, StageFigures, WindowFigures};

/// Follows one gate that the results alone cannot answer.
#[derive(Debug)]
pub(super) struct Track {
    gate: Gate,
    wanted: u64,
    part: Part,
    looking: Looking,
    /// End of the planned load, microseconds.
    planned_us: u64,
    /// Records that lie across the border of the span by more than is left unsaid; the longest of them.
    across: Option<Duration>,
    tolerance: Tolerance,
    /// Of the span, microseconds in which the generator was the bottleneck.
    spoilt_us: u64,
}

/// Which part of the load is looked at.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Whole,
    Span { from_us: u64, to_us: u64 },
    Unknown(String),
}

#[derive(Debug)]
enum Looking {
    /// One sum over everything.
    Sum(Option<Stretch>),
    Windows {
        windows: Box<Windows>,
        seen: Seen,
        /// Those whose end may turn out to be the beginning of a spell.
        open: Vec<Candidate>,
    },
}

/// The windows so far.
#[derive(Debug, Default, Clone)]
struct Seen {
    worst: Option<Found>,
    /// Windows that had samples enough.
    told: u64,
    /// Windows that had too few, and the most that one of them had.
    thin: u64,
    thickest: Option<Doubt>,
    /// Windows that were left out because the generator was the bottleneck in them.
    spoilt: u64,
}

/// A window that has been read.
#[derive(Debug, Clone)]
struct Candidate {
    from_us: u64,
    to_us: u64,
    reading: Result<Reading, Lack>,
}

/// A reading with its place in the load.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) reading: Reading,
    pub(super) window: WindowFigures,
}

/// What was found, and what speaks against it.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) found: Found,
    /// Why what was found may not be the worst: `Err` keeps the gate from passing, `Ok` is a remark.
    pub(super) gaps: Result<Option<String>, Lack>,
}

impl Track {
    /// `None` when the gate is answered by the results.
    pub(super) fn of(gate: &Gate, wanted: u64, tolerate: f64) -> Option<Track> {
        let is_kept = gate.figure.statistic().is_none_or(|statistic| statistic.of(&Default::default()).is_some());
        if gate.window.is_none() && gate.span.is_none() && is_kept {
            return None;
        }
        let looking = match gate.window {
            Some(window) => {
                Looking::Windows { windows: Box::new(Windows::new(window)), seen: Seen::default(), open: Vec::new() }
            }
            None => Looking::Sum(None),
        };
        let part = match gate.span {
            Some(_) => Part::Unknown("the record of the run's stages is missing".to_owned()),
            None => Part::Whole,
        };
        let gate = gate.clone();
        let tolerance = Tolerance::new(tolerate);
        Some(Track { gate, wanted, part, looking, planned_us: u64::MAX, across: None, tolerance, spoilt_us: 0 })
    }

    /// Learns where the stages of the run lie.
    pub(super) fn learn(&mut self, stages: &[StageFigures], planned_us: u64) {
        self.planned_us = planned_us;
        let Some(span) = &self.gate.span else { return };
        self.part = match span.find(stages) {
            Ok((from_s, to_s)) => Part::Span { from_us: micros(from_s), to_us: micros(to_s) },
            Err(_) => Part::Unknown(format!("the run has no stage {span}")),
        };
    }

    /// Follows the next record.
    pub(super) fn push(&mut self, slice: &Slice<'_>) {
        self.hear_health(slice);
        let middle = slice.from_us.midpoint(slice.to_us);
        match self.part {
            Part::Unknown(_) => return,
            Part::Whole if slice.is_set_up && self.gate.window.is_some() => return,
            Part::Whole => {}
            Part::Span { .. } if slice.is_set_up => return,
            Part::Span { from_us, to_us } => {
                self.note_across(slice, from_us, to_us);
                if middle < from_us || middle >= to_us {
                    return;
                }
            }
        }
        // After the load nothing begins any more: that says nothing about a rate.
        if self.gate.wants_more() && self.gate.figure.grows() && middle >= self.planned_us {
            return;
        }
        let figure = &self.gate.figure;
        match &mut self.looking {
            Looking::Sum(None) => self.looking = Looking::Sum(Some(Stretch::of(figure, slice))),
            Looking::Sum(Some(sum)) => sum.add(&Stretch::of(figure, slice)),
            Looking::Windows { windows, seen, open } => {
                let Some(window) = windows.push(figure, slice) else { return };
                let candidate = Candidate::of(&self.gate, self.wanted, &window);
                if slice.record.health.is_undecided {
                    open.push(candidate);
                } else {
                    seen.note(&self.gate, &self.tolerance, candidate);
                }
            }
        }
    }

    /// What a record tells of the generator may be about records before it.
    fn hear_health(&mut self, slice: &Slice<'_>) {
        match &mut self.looking {
            Looking::Sum(_) => {
                if let Part::Span { from_us, to_us } = self.part {
                    let spoilt = spells_of(slice).map(|spell| overlap(spell, from_us, to_us));
                    self.spoilt_us = spoilt.fold(self.spoilt_us, u64::saturating_add);
                }
            }
            Looking::Windows { seen, open, .. } => {
                self.tolerance.hear(slice);
                if slice.record.health.is_undecided {
                    return;
                }
                open.drain(..).for_each(|candidate| seen.note(&self.gate, &self.tolerance, candidate));
                // No window is longer than twice what was asked for.
                let longest_us = self.gate.window.map_or(0, crate::tick::micros).saturating_mul(2);
                self.tolerance.forget_before(slice.from_us.saturating_sub(longest_us));
            }
        }
    }

    /// A record that counts as a whole although a good part of it lies on the other side.
    fn note_across(&mut self, slice: &Slice<'_>, from_us: u64, to_us: u64) {
        let over = |border: u64| {
            let inside = slice.from_us < border && border < slice.to_us;
            if inside { (border - slice.from_us).min(slice.to_us - border) } else { 0 }
        };
        let allowed = 1_000_000.max((to_us - from_us) / 10);
        if over(from_us).max(over(to_us)) > allowed {
            let width = Duration::from_micros(slice.to_us - slice.from_us);
            self.across = Some(self.across.map_or(width, |longest| longest.max(width)));
        }
    }

    /// What was found so far; `Err` says why nothing can be told.
    pub(super) fn findings(&self) -> Result<Findings, Lack> {
        if let Part::Unknown(why) = &self.part {
            return Err(Lack::new(GateStatus::NotMeasured, why.clone()));
        }
        match &self.looking {
            Looking::Sum(sum) => self.of_sum(sum.as_ref()),
            Looking::Windows { windows, seen, open } => {
                let mut seen = seen.clone();
                let last = windows.last().map(|window| Candidate::of(&self.gate, self.wanted, &window));
                for candidate in open.iter().cloned().chain(last) {
                    seen.note(&self.gate, &self.tolerance, candidate);
                }
                self.of_windows(windows, &seen)
            }
        }
    }

    fn of_sum(&self, sum: Option<&Stretch>) -> Result<Findings, Lack> {
        if let Some(longest) = self.across {
            return Err(too_coarse(longest, "the stage"));
        }
        let Some(sum) = sum else {
            let what =
                if self.gate.span.is_some() { "the run has nothing in this stage" } else { "there is no sample" };
            return Err(Lack::new(GateStatus::NotMeasured, what));
        };
        if let Some(lack) = self.tolerance.lack(self.spoilt_us, sum.to_us.saturating_sub(sum.from_us)) {
            return Err(lack);
        }
        let reading = sum.tally.read(&self.gate.figure, sum.from_us, sum.to_us, self.wanted)?;
        Ok(Findings { found: Found { reading, window: window_of(sum.from_us, sum.to_us) }, gaps: Ok(None) })
    }

    fn of_windows(&self, windows: &Windows, seen: &Seen) -> Result<Findings, Lack> {
        let Some(worst) = &seen.worst else {
            return Err(match (windows.coarse().or(self.across), &seen.thickest, seen.thin) {
                (Some(longest), ..) => too_coarse(longest, "the window"),
                (None, Some(doubt), windows) => {
                    Lack::new(doubt.status(), format!("none of {} was enough: {}", counted(windows), doubt.text()))
                }
                (None, None, 0) if seen.spoilt > 0 => Lack::new(
                    GateStatus::Spoilt,
                    format!("the generator was the bottleneck in {}", counted(seen.spoilt)),
                ),
                (None, None, 0) => Lack::new(GateStatus::NotMeasured, "what was recorded is shorter than the window"),
                (None, None, windows) => {
                    Lack::new(GateStatus::NotMeasured, format!("nothing was measured in any of {}", counted(windows)))
                }
            });
        };
        let all = counted(seen.told + seen.thin + seen.spoilt);
        let thin = format!("{} of {all} had too few samples", seen.thin);
        let spoilt = format!("{} of {all} were left out: the generator was the bottleneck in them", seen.spoilt);
        let gaps = match (windows.coarse().or(self.across), seen.thin, seen.spoilt) {
            (Some(longest), ..) => Err(too_coarse(longest, "the window")),
            (None, _, left_out) if left_out > seen.told => Err(Lack::new(GateStatus::Spoilt, spoilt)),
            (None, few, _) if few > seen.told => Err(Lack::new(GateStatus::TooFewSamples, thin)),
            (None, 0, 0) => Ok(None),
            (None, _, 0) => Ok(Some(thin)),
            (None, 0, _) => Ok(Some(spoilt)),
            (None, ..) => Ok(Some(format!("{thin}; {spoilt}"))),
        };
        Ok(Findings { found: worst.clone(), gaps })
    }
}

impl Candidate {
    fn of(gate: &Gate, wanted: u64, window: &Stretch) -> Candidate {
        let &Stretch { from_us, to_us, ref tally } = window;
        Candidate { from_us, to_us, reading: tally.read(&gate.figure, from_us, to_us, wanted) }
    }
}

impl Seen {
    fn note(&mut self, gate: &Gate, tolerance: &Tolerance, window: Candidate) {
        let Candidate { from_us, to_us, reading } = window;
        if tolerance.spoils(from_us, to_us) {
            self.spoilt += 1;
            return;
        }
        let Ok(reading) = reading else {
            self.thin += 1;
            return;
        };
        let is_thin = match &reading.doubt {
            None => false,
            Some(Doubt::TooFew { .. }) => true,
            // Nothing at all keeps every upper bound, and breaks the lower ones for certain.
            Some(Doubt::Nothing) => !gate.wants_more(),
        };
        if is_thin {
            self.thin += 1;
            let seen = |doubt: &Option<Doubt>| match doubt {
                Some(Doubt::TooFew { seen, .. }) => *seen,
                _ => 0,
            };
            if self.thickest.is_none() || seen(&reading.doubt) > seen(&self.thickest) {
                self.thickest = reading.doubt;
            }
            return;
        }
        self.told += 1;
        let is_worse = self.worst.as_ref().is_none_or(|worst| is_worse(gate, &reading, &worst.reading));
        if is_worse {
            self.worst = Some(Found { reading, window: window_of(from_us, to_us) });
        }
    }
}

/// Whether a reading is worse for the gate than another one.
fn is_worse(gate: &Gate, one: &Reading, other: &Reading) -> bool {
    let [value, worst] = [one, other].map(|reading| reading.amount.value());
    match (gate.comparison, &gate.bound) {
        (Comparison::Less | Comparison::LessOrEqual, _) => value > worst,
        (Comparison::Greater | Comparison::GreaterOrEqual, _) => value < worst,
        (_, Bound::Fixed(limit)) => {
            let bound = Resolved::Fixed(*limit);
            other.amount.holds(gate.comparison, &bound) && !one.amount.holds(gate.comparison, &bound)
        }
        // The parser takes no such gate.
        (_, Bound::Baseline(_)) => false,
    }
}

fn too_coarse(longest: Duration, what: &str) -> Lack {
    let longest = crate::results::figures::seconds(longest.as_secs_f64());
    Lack::new(GateStatus::TooCoarse, format!("the records of the run are up to {longest} long, too coarse for {what}"))
}

fn counted(windows: u64) -> String {
    crate::results::figures::counted(windows, "window")
}

fn window_of(from_us: u64, to_us: u64) -> WindowFigures {
    let seconds = |micros: u64| (micros as f64 / 1e5).round() / 10.0;
    WindowFigures { from_s: seconds(from_us), to_s: seconds(to_us) }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}
