//! The monitor: from when on the generator itself was the bottleneck, and by what evidence.
//!
//! Signs, each against a limit of `[health]`: timers and arrivals that are late, a worker that uses all of its core, a
//! worker that could run and gets no processor, memory, and, where the scenario sets a limit, send queues. One interval alone may be a hiccup of the
//! machine; several in a row are not.

use crate::metrics::Interval;
use crate::results::{HealthSample, WorkerSample};
use crate::scenario::Health;

/// Lateness below which a worker that waits for a processor is not yet harmed by it, microseconds: below the
/// milliseconds that a scheduler gives each of several busy threads in turn.
const HARMLESS_LAG_US: u64 = 4_000;
/// Samples that a percentile of lateness needs.
const LAG_SAMPLES_MIN: u64 = 20;

/// Watches the generator.
#[derive(Debug)]
pub(super) struct Monitor {
    limits: Health,
    memory_bytes: u64,
    in_a_row: u32,
}

impl Monitor {
    /// `memory_bytes` is what the machine, or the process' control group, has.
    pub(super) fn new(limits: Health, memory_bytes: u64) -> Monitor {
        Monitor { limits, memory_bytes, in_a_row: 0 }
    }

    /// Looks at an interval; the evidence once the limits have been passed often enough in a row.
    pub(super) fn look(&mut self, merged: &Interval, sample: &HealthSample) -> Option<String> {
        let evidence = self.evidence(merged, sample);
        self.in_a_row = if evidence.is_some() { self.in_a_row + 1 } else { 0 };
        evidence.filter(|_| self.in_a_row >= self.limits.intervals)
    }

    fn evidence(&self, merged: &Interval, sample: &HealthSample) -> Option<String> {
        let lateness = merged.lateness();
        let lag_us = if lateness.count() >= LAG_SAMPLES_MIN { lateness.quantile(0.99) } else { 0 };
        let limit_us = crate::tick::micros(self.limits.lag_p99);
        if lag_us > limit_us {
            return Some(format!(
                "timers and arrivals were {:.1} ms late at the 99th percentile (`health.lag_p99` is {:.1} ms)",
                milliseconds(lag_us),
                milliseconds(limit_us)
            ));
        }
        let workers = sample.per_worker.iter();
        let busiest = workers.clone().map(WorkerSample::cpu_share).fold(0.0, f64::max);
        if busiest > self.limits.worker_cpu {
            return Some(format!(
                "a worker used {:.0}% of its core (`health.worker_cpu` is {:.0}%)",
                busiest * 100.0,
                self.limits.worker_cpu * 100.0
            ));
        }
        let starved = workers.map(WorkerSample::starved_share).fold(0.0, f64::max);
        if starved > self.limits.starvation && lag_us > HARMLESS_LAG_US {
            return Some(format!(
                "a worker waited for a processor {:.0}% of the time in which it could run, and timers were {:.1} ms \
                 late at the 99th percentile (`health.starvation` is {:.0}%): something else uses this machine",
                starved * 100.0,
                milliseconds(lag_us),
                self.limits.starvation * 100.0
            ));
        }
        let memory = sample.rss_bytes as f64 / self.memory_bytes.max(1) as f64;
        if memory > self.limits.memory {
            return Some(format!(
                "the process used {:.0}% of the memory (`health.memory` is {:.0}%)",
                memory * 100.0,
                self.limits.memory * 100.0
            ));
        }
        let queued = merged.send_queue.bytes_max;
        let limit = self.limits.send_queue.filter(|limit| queued > *limit)?;
        Some(format!("{queued} bytes waited in the send queue of a connection (`health.send_queue` is {limit} bytes)"))
    }
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
        monitor.look(interval, &HealthSample { rss_bytes, per_worker: vec![IDLE, load], ..HealthSample::default() })
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
        let evidence = Monitor::new(limits, 1_000).look(&interval, &HealthSample::default()).expect("queued");
        assert!(evidence.contains("3000000") && evidence.contains("2000000"), "{evidence}");
    }

    #[test]
    fn one_interval_alone_is_no_bottleneck() {
        let mut monitor = Monitor::new(Health::default(), u64::MAX);
        let sample = HealthSample::default();
        let late = late_by(80_000);
        assert_eq!(monitor.look(&late, &sample), None);
        assert_eq!(monitor.look(&late, &sample), None);
        assert_eq!(monitor.look(&late_by(10), &sample), None);
        assert_eq!(monitor.look(&late, &sample), None);
        assert_eq!(monitor.look(&late, &sample), None);
        assert!(monitor.look(&late, &sample).is_some());
    }

    #[test]
    fn a_few_late_timers_have_no_percentile() {
        let mut interval = Interval::default();
        interval.timer_lag.record(500_000);
        assert_eq!(evidence_of(&interval, IDLE, 0), None);
    }
}
