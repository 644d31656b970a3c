//! The monitor: from when on the generator itself was the bottleneck, and by what evidence.
//!
//! Signs, each against a limit of `[health]`: timers and arrivals that are late, a worker that uses all of its core, a
//! worker that could run and gets no processor, memory, and, where the scenario sets a limit, send queues. One interval alone may be a hiccup of the
//! machine; several in a row are not.

use std::collections::BTreeSet;

use crate::metrics::Interval;
use crate::results::{HealthSample, Sign, Spell, WorkerSample};
use crate::scenario::Health;
use crate::tick::Tick;

/// Lateness below which a worker that waits for a processor is not yet harmed by it, microseconds: below the
/// milliseconds that a scheduler gives each of several busy threads in turn.
const HARMLESS_LAG_US: u64 = 4_000;
/// Lateness from which a worker that waits for a processor is worth a word, microseconds: on a machine that nothing
/// else uses the pulse of a worker is late by a tenth to a third of it.
const NOTED_LAG_US: u64 = 1_000;
/// Samples that a percentile of lateness needs.
const LAG_SAMPLES_MIN: u64 = 20;

/// Watches the generator.
#[derive(Debug)]
pub(super) struct Monitor {
    limits: Health,
    memory_bytes: u64,
    in_a_row: u32,
    /// Where the row began, and the signs in it.
    since: Tick,
    signs: BTreeSet<Sign>,
    /// Intervals in a row in which something else had the processors, harmful or not; `None` once that was told.
    pressed_in_a_row: Option<u32>,
}

/// What an interval showed.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// It was above a limit, not yet often enough in a row.
    pub(super) is_undecided: bool,
    /// What of a spell is known now, and the evidence: limits have been passed often enough in a row.
    pub(super) spell: Option<(Spell, String)>,
    /// Something else uses this machine and no limit is passed: told once.
    pub(super) pressure: Option<String>,
}

impl Monitor {
    /// `memory_bytes` is what the machine, or the process' control group, has.
    pub(super) fn new(limits: Health, memory_bytes: u64) -> Monitor {
        let signs = BTreeSet::new();
        Monitor { limits, memory_bytes, in_a_row: 0, since: Tick::ZERO, signs, pressed_in_a_row: Some(0) }
    }

    /// Looks at the interval between two ticks. The one that completes a row tells the whole row, each later one itself.
    pub(super) fn look(&mut self, merged: &Interval, sample: &HealthSample, from: Tick, to: Tick) -> Look {
        let pressure = self.pressure(merged, sample);
        let Some((sign, evidence)) = self.evidence(merged, sample) else {
            self.in_a_row = 0;
            return Look { pressure, ..Look::default() };
        };
        if self.in_a_row == 0 || self.in_a_row >= self.limits.intervals {
            self.since = from;
            self.signs.clear();
        }
        self.signs.insert(sign);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let is_spell = self.in_a_row >= self.limits.intervals;
        let spell = is_spell.then(|| (Spell { from: self.since, to, signs: self.signs.clone() }, evidence));
        Look { is_undecided: spell.is_none(), spell, pressure: pressure.filter(|_| !is_spell) }
    }

    /// Limits that are not passed leave the verdict alone; the percentiles are this machine's all the same.
    fn pressure(&mut self, merged: &Interval, sample: &HealthSample) -> Option<String> {
        let (lag_us, starved) = (lag_us_p99(merged), starved_share(sample));
        let in_a_row = self.pressed_in_a_row.as_mut()?;
        let is_pressed = starved > self.limits.starvation && lag_us > NOTED_LAG_US;
        *in_a_row = if is_pressed { *in_a_row + 1 } else { 0 };
        if *in_a_row < self.limits.intervals {
            return None;
        }
        self.pressed_in_a_row = None;
        Some(format!(
            "something else uses this machine: a worker waited for a processor {:.0}% of the time in which it could \
             run, and timers were {:.1} ms late at the 99th percentile. That is below the limits of `[health]`, and \
             gives verdicts; but the high percentiles of times hold some milliseconds of this machine's own",
            starved * 100.0,
            milliseconds(lag_us)
        ))
    }

    fn evidence(&self, merged: &Interval, sample: &HealthSample) -> Option<(Sign, String)> {
        let lag_us = lag_us_p99(merged);
        let limit_us = crate::tick::micros(self.limits.lag_p99);
        if lag_us > limit_us {
            let evidence = format!(
                "timers and arrivals were {:.1} ms late at the 99th percentile (`health.lag_p99` is {:.1} ms)",
                milliseconds(lag_us),
                milliseconds(limit_us)
            );
            return Some((Sign::LagP99, evidence));
        }
        let busiest = sample.per_worker.iter().map(WorkerSample::cpu_share).fold(0.0, f64::max);
        if busiest > self.limits.worker_cpu {
            let evidence = format!(
                "a worker used {:.0}% of its core (`health.worker_cpu` is {:.0}%)",
                busiest * 100.0,
                self.limits.worker_cpu * 100.0
            );
            return Some((Sign::WorkerCpu, evidence));
        }
        let starved = starved_share(sample);
        if starved > self.limits.starvation && lag_us > HARMLESS_LAG_US {
            let evidence = format!(
                "a worker waited for a processor {:.0}% of the time in which it could run, and timers were {:.1} ms \
                 late at the 99th percentile (`health.starvation` is {:.0}%): something else uses this machine",
                starved * 100.0,
                milliseconds(lag_us),
                self.limits.starvation * 100.0
            );
            return Some((Sign::Starvation, evidence));
        }
        let memory = sample.rss_bytes as f64 / self.memory_bytes.max(1) as f64;
        if memory > self.limits.memory {
            let evidence = format!(
                "the process used {:.0}% of the memory (`health.memory` is {:.0}%)",
                memory * 100.0,
                self.limits.memory * 100.0
            );
            return Some((Sign::Memory, evidence));
        }
        let queued = merged.send_queue.bytes_max;
        let limit = self.limits.send_queue.filter(|limit| queued > *limit)?;
        let evidence =
            format!("{queued} bytes waited in the send queue of a connection (`health.send_queue` is {limit} bytes)");
        Some((Sign::SendQueue, evidence))
    }
}

fn lag_us_p99(merged: &Interval) -> u64 {
    let lateness = merged.lateness();
    if lateness.count() >= LAG_SAMPLES_MIN { lateness.quantile(0.99) } else { 0 }
}

/// Of the worker that waits most, of the time in which it could run.
fn starved_share(sample: &HealthSample) -> f64 {
    sample.per_worker.iter().map(WorkerSample::starved_share).fold(0.0, f64::max)
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: WorkerSample = WorkerSample {
        span_us: 1_000_000,
        cpu_us: 200_000,
        waited_us: 20_000,
        lag_us_p99: 0,
        lag_us_max: 0,
        cpu_ppm_max: 0,
        starved_ppm_max: 0,
    };

    fn late_by(lag_us: u64) -> Interval {
        let mut interval = Interval::default();
        (0..LAG_SAMPLES_MIN).for_each(|_| interval.timer_lag.record(lag_us));
        interval
    }

    fn evidence_of(interval: &Interval, load: WorkerSample, rss_bytes: u64) -> Option<String> {
        let mut monitor = Monitor::new(Health { intervals: 1, ..Health::default() }, 1_000);
        let sample = HealthSample { rss_bytes, per_worker: vec![IDLE, load], ..HealthSample::default() };
        let (_, evidence) = monitor.look(interval, &sample, second(0), second(1)).spell?;
        Some(evidence)
    }

    fn second(number: u64) -> Tick {
        Tick::from_micros(number * 1_000_000)
    }

    #[test]
    fn each_sign_is_told_with_its_figure_and_its_limit() {
        assert_eq!(evidence_of(&late_by(1_000), IDLE, 0), None);
        let late = evidence_of(&late_by(80_000), IDLE, 0).expect("late");
        assert!(late.contains("80.") && late.contains("50.0 ms"), "{late}");
        let busy = evidence_of(&late_by(100), WorkerSample { cpu_us: 990_000, ..IDLE }, 0).expect("busy");
        assert!(busy.contains("99%") && busy.contains("95%"), "{busy}");
        let starving = WorkerSample { waited_us: 1_800_000, ..IDLE };
        assert_eq!(evidence_of(&late_by(1_000), starving, 0), None);
        assert!(evidence_of(&late_by(9_000), starving, 0).expect("starved").contains("90%"));
        assert!(evidence_of(&late_by(100), IDLE, 950).expect("full").contains("95%"));
    }

    #[test]
    fn send_queues_are_a_sign_only_where_the_scenario_says_so() {
        let mut interval = late_by(100);
        interval.send_queue.saw(3_000_000, true);
        assert_eq!(evidence_of(&interval, IDLE, 0), None);
        let limits = Health { intervals: 1, send_queue: Some(2_000_000), ..Health::default() };
        let look = Monitor::new(limits, 1_000).look(&interval, &HealthSample::default(), second(0), second(1));
        let (_, evidence) = look.spell.expect("queued");
        assert!(evidence.contains("3000000") && evidence.contains("2000000"), "{evidence}");
    }

    #[test]
    fn one_interval_alone_is_no_bottleneck_and_the_last_of_a_row_tells_the_whole_row() {
        let mut monitor = Monitor::new(Health::default(), 1_000);
        let full = HealthSample { rss_bytes: 999, ..HealthSample::default() };
        let (late, fine) = ((late_by(80_000), HealthSample::default()), (late_by(10), HealthSample::default()));
        let intervals = [&late, &late, &fine, &(late_by(10), full), &late, &late, &late, &fine, &late];
        let looks = intervals.into_iter().enumerate().map(|(at, (interval, sample))| {
            let look = monitor.look(interval, sample, second(at as u64), second(at as u64 + 1));
            (look.is_undecided, look.spell.map(|(spell, _)| spell))
        });
        let (undecided, spells): (Vec<bool>, Vec<_>) = looks.unzip();
        assert_eq!(undecided, [true, true, false, true, true, false, false, false, true]);
        let spell = |from, to, signs: &[Sign]| Spell {
            from: second(from),
            to: second(to),
            signs: signs.iter().copied().collect(),
        };
        let told: Vec<_> = spells.into_iter().enumerate().filter_map(|(at, spell)| Some((at, spell?))).collect();
        assert_eq!(told, [(5, spell(3, 6, &[Sign::LagP99, Sign::Memory])), (6, spell(6, 7, &[Sign::LagP99]))]);
    }

    #[test]
    fn a_machine_that_something_else_uses_is_told_once_when_no_limit_is_passed() {
        let starving = WorkerSample { waited_us: 1_800_000, ..IDLE };
        let told = |intervals: &[(u64, WorkerSample)]| -> Vec<usize> {
            let mut monitor = Monitor::new(Health::default(), 1_000);
            let looks = intervals.iter().enumerate().map(|(at, &(lag_us, load))| {
                let sample = HealthSample { per_worker: vec![load], ..HealthSample::default() };
                (at, monitor.look(&late_by(lag_us), &sample, second(at as u64), second(at as u64 + 1)))
            });
            looks.filter_map(|(at, look)| look.pressure.map(|_| at)).collect()
        };
        let pressed = (2_000, starving);
        assert_eq!(told(&[pressed, pressed, (500, starving), pressed, pressed, (2_000, IDLE), pressed]), [0; 0]);
        assert_eq!(told(&[pressed, (9_000, starving), pressed, pressed, pressed, pressed]), [2]);
        assert_eq!(told(&[(9_000, starving); 4]), [0; 0], "the spell says more");
    }

    #[test]
    fn a_few_late_timers_have_no_percentile() {
        let mut interval = Interval::default();
        interval.timer_lag.record(500_000);
        assert_eq!(evidence_of(&interval, IDLE, 0), None);
    }
}
