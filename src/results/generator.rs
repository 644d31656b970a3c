//! The generator's own health over a whole run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HealthSample, LatencyFigures, SpellFigures, WorkerSample};
use crate::metrics::SendQueueCounts;

/// The generator's own health.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorFigures {
    /// Worker threads.
    pub workers: u32,
    /// Processor time of the whole process over the run, seconds. An embedded simulator is included.
    pub cpu_s: f64,
    /// Most resident memory, bytes.
    pub rss_bytes_max: u64,
    /// Lateness of the workers' timers, a pulse of each worker every 10 ms among them: fired − due.
    pub lag_us: LatencyFigures,
    /// Most descriptors open at once.
    pub descriptors_max: u64,
    /// Second of the run from which the generator was the bottleneck; absent when it never was.
    pub saturated_from: Option<f64>,
    /// Seconds in which it was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub spoilt_s: f64,
    /// Each spell in which it was, in order; from the thousandth on they are one. None in runs of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spells: Vec<SpellFigures>,
    /// Share of the load that such spells may cover (`health.tolerate`), 0 to 1; absent when there were none and when they
    /// covered more than that, which leaves the run without a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated_share: Option<f64>,
    /// Each worker thread, by its number.
    #[serde(default)]
    pub per_worker: Vec<WorkerFigures>,
    /// Send queues of a sample of the connections.
    #[serde(default)]
    pub send_queue: SendQueueFigures,
}

pub(super) fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}

/// One worker thread during the load.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct WorkerFigures {
    /// Processor time, seconds.
    pub cpu_s: f64,
    /// Share of a core in its busiest interval, 0 to 1.
    pub cpu_share_max: f64,
    /// Time in which it could have run and had no processor, seconds.
    pub waited_s: f64,
    /// Share of the time in which it could run that it had no processor, in its worst interval, 0 to 1.
    pub starved_share_max: f64,
    /// 99th percentile of the lateness of its timers and arrivals in its worst interval, microseconds.
    pub lag_us_p99_max: u64,
    /// Largest lateness of its timers and arrivals, microseconds.
    pub lag_us_max: u64,
}

/// Send queues: bytes given to the kernel that the other side had not acknowledged when they were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SendQueueFigures {
    /// Looks at connections. Each worker looks at up to 64 of its connections in an interval, at all of them in turn.
    pub sampled: u64,
    /// Looks that found the kernel taking no more, so that a frame waited in this program.
    pub blocked: u64,
    /// Bytes in the longest queue.
    pub bytes_max: u64,
    /// Bytes in the queues of one interval's sample, at most.
    pub bytes_sampled_max: u64,
}

impl WorkerFigures {
    fn add(&mut self, sample: &WorkerSample) {
        if sample.has_shares() {
            self.cpu_share_max = self.cpu_share_max.max(sample.cpu_share());
            self.starved_share_max = self.starved_share_max.max(sample.starved_share());
        }
        self.lag_us_p99_max = self.lag_us_p99_max.max(sample.lag_us_p99);
        self.lag_us_max = self.lag_us_max.max(sample.lag_us_max);
    }
}

/// The generator's figures while records come in.
#[derive(Debug, Default)]
pub(super) struct GeneratorSums {
    /// Processor time of the parts before this one, microseconds.
    before_us: u64,
    /// The process' processor time at this part's first and latest interval, microseconds.
    first_cpu_us: Option<u64>,
    latest_cpu_us: u64,
    /// Each worker's processor time and the time that it waited for a processor: whole microseconds, so that their sum
    /// does not depend on the width of the intervals.
    per_worker_us: Vec<(u64, u64)>,
    figures: GeneratorFigures,
}

impl GeneratorSums {
    /// Adds an interval.
    pub(super) fn add(&mut self, health: &HealthSample, queue: &SendQueueCounts) {
        self.first_cpu_us.get_or_insert(health.cpu_us);
        self.latest_cpu_us = health.cpu_us;
        let figures = &mut self.figures;
        figures.workers = health.workers;
        figures.rss_bytes_max = figures.rss_bytes_max.max(health.rss_bytes);
        figures.descriptors_max = figures.descriptors_max.max(health.descriptors);
        if figures.per_worker.len() < health.per_worker.len() {
            figures.per_worker.resize(health.per_worker.len(), WorkerFigures::default());
            self.per_worker_us.resize(health.per_worker.len(), (0, 0));
        }
        let workers = figures.per_worker.iter_mut().zip(&mut self.per_worker_us);
        for ((worker, (cpu_us, waited_us)), sample) in workers.zip(&health.per_worker) {
            worker.add(sample);
            *cpu_us += sample.cpu_us;
            *waited_us += sample.waited_us;
        }
        let sums = &mut figures.send_queue;
        sums.sampled += queue.sampled;
        sums.blocked += queue.blocked;
        sums.bytes_max = sums.bytes_max.max(queue.bytes_max);
        sums.bytes_sampled_max = sums.bytes_sampled_max.max(queue.bytes);
    }

    /// Another process goes on with the run.
    pub(super) fn close_part(&mut self) {
        self.before_us += self.part_us();
        self.first_cpu_us = None;
    }

    fn part_us(&self) -> u64 {
        self.latest_cpu_us.saturating_sub(self.first_cpu_us.unwrap_or(self.latest_cpu_us))
    }

    /// The figures so far.
    pub(super) fn figures(&self, lag_us: LatencyFigures, saturated_from: Option<f64>) -> GeneratorFigures {
        let cpu_us = self.before_us + self.part_us();
        let mut figures =
            GeneratorFigures { cpu_s: cpu_us as f64 / 1e6, lag_us, saturated_from, ..self.figures.clone() };
        for (worker, (cpu_us, waited_us)) in figures.per_worker.iter_mut().zip(&self.per_worker_us) {
            (worker.cpu_s, worker.waited_s) = (*cpu_us as f64 / 1e6, *waited_us as f64 / 1e6);
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_kept_apart_and_short_intervals_make_no_share() {
        let second = WorkerSample { span_us: 1_000_000, ..WorkerSample::default() };
        let busy = WorkerSample { cpu_us: 900_000, waited_us: 100_000, lag_us_p99: 70, lag_us_max: 90, ..second };
        let idle = WorkerSample { cpu_us: 10_000, ..second };
        let short = WorkerSample { span_us: 1_000, cpu_us: 1_000, lag_us_max: 200, ..WorkerSample::default() };
        let mut sums = GeneratorSums::default();
        for (cpu_us, per_worker) in [(50, vec![]), (60, vec![short, short]), (1_000_050, vec![busy, idle])] {
            let health = HealthSample { workers: 2, cpu_us, per_worker, ..HealthSample::default() };
            sums.add(&health, &SendQueueCounts { sampled: 2, blocked: 1, bytes: 30, bytes_max: 20 });
        }
        let figures = sums.figures(LatencyFigures::default(), None);
        let [first, second] = figures.per_worker[..] else { panic!("two workers") };
        assert_eq!((first.cpu_share_max, first.starved_share_max), (0.9, 0.1));
        assert_eq!((first.lag_us_p99_max, first.lag_us_max, second.lag_us_max), (70, 200, 200));
        assert!((second.cpu_share_max - 0.01).abs() < 1e-9 && (figures.cpu_s - 1.0).abs() < 1e-9);
        let queue = figures.send_queue;
        assert_eq!((queue.sampled, queue.blocked, queue.bytes_max, queue.bytes_sampled_max), (6, 3, 20, 30));
    }
}
