//! The target's own figures: read once an interval, each source by a task of its own on the control thread.
//!
//! A source that is slow or gone holds nobody up: it has less than an interval, and what it did not say is counted as
//! failed and is no value. What it says is untrusted text of bounded length.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::Clock;
use super::process::{ProcessReader, ProcessTimes};
use crate::metrics::TargetGauges;
use crate::protocol::exposition::{self, Combine, Selector};
use crate::scenario::Watched;
use crate::tick::Tick;
use crate::transport::PageClient;

/// Most warnings of one run, of all sources.
const WARNINGS_MAX: usize = 20;

/// What was read since somebody looked.
#[derive(Debug, Clone, Default)]
pub(super) struct Inbox(Rc<RefCell<Content>>);

#[derive(Debug, Default)]
struct Content {
    gauges: TargetGauges,
    warnings: Vec<String>,
    warned: usize,
}

impl Inbox {
    /// What was read since the last call.
    pub(super) fn take(&self) -> TargetGauges {
        std::mem::take(&mut self.0.borrow_mut().gauges)
    }

    /// What has to be said since the last call.
    pub(super) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().warnings)
    }

    fn took(&self, values: &[(String, f64)]) {
        let mut content = self.0.borrow_mut();
        content.gauges.scrapes += 1;
        for (name, value) in values {
            content.gauges.saw(name, *value);
        }
    }

    fn failed(&self) {
        let mut content = self.0.borrow_mut();
        content.gauges.scrapes += 1;
        content.gauges.failed += 1;
    }

    fn warn(&self, text: String) {
        let mut content = self.0.borrow_mut();
        content.warned += 1;
        if content.warned <= WARNINGS_MAX {
            content.warnings.push(text);
        }
    }
}

/// Reads all sources until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Scrapers(Vec<JoinHandle<()>>);

impl Drop for Scrapers {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Scrapers {
    /// Begins to read what is watched. `pages` are the clients of its endpoints, in order.
    pub(super) fn start(
        watched: &Watched,
        pages: &[PageClient],
        interval: Duration,
        clock: Clock,
        inbox: &Inbox,
    ) -> Scrapers {
        let endpoints = watched.metrics.iter().zip(pages).map(|(source, page)| Source {
            name: page.address(),
            kind: Kind::Page { page: page.clone(), figures: source.figures.clone() },
        });
        let process = watched.process.iter().map(|process| {
            let reader = ProcessReader::new(process.clone());
            Source { name: reader.name(), kind: Kind::Process { reader, before: None } }
        });
        let sources = endpoints.chain(process);
        Scrapers(
            sources.map(|source| tokio::task::spawn_local(source.follow(interval, clock, inbox.clone()))).collect(),
        )
    }
}

struct Source {
    name: String,
    kind: Kind,
}

enum Kind {
    Page { page: PageClient, figures: Vec<(String, Selector)> },
    Process { reader: ProcessReader, before: Option<(Tick, ProcessTimes)> },
}

/// Values, and the names of figures that had none.
type Read = (Vec<(String, f64)>, Vec<String>);

impl Source {
    async fn follow(mut self, interval: Duration, clock: Clock, inbox: Inbox) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let within = interval.mul_f64(0.8);
        // Of counters: when they were read last, and what they were.
        let mut counters: Vec<Option<(Tick, f64)>> = Vec::new();
        let mut is_failing = false;
        let mut missed: Vec<String> = Vec::new();
        loop {
            ticks.tick().await;
            let read = tokio::time::timeout(within, self.read(clock, &mut counters)).await;
            let read = read.unwrap_or_else(|_| Err(format!("no answer within {} ms", within.as_millis())));
            match read {
                Ok((values, missing)) => {
                    is_failing = false;
                    inbox.took(&values);
                    for name in missing {
                        if !missed.contains(&name) {
                            inbox.warn(format!("`target.{name}` could not be read: {} does not say it", self.name));
                            missed.push(name);
                        }
                    }
                }
                Err(why) => {
                    inbox.failed();
                    if !std::mem::replace(&mut is_failing, true) {
                        inbox.warn(format!(
                            "the target's own figures could not be read from {}: {why}; what is missing is no zero, and counted \
                             as failed",
                            self.name
                        ));
                    }
                }
            }
        }
    }

    async fn read(&mut self, clock: Clock, counters: &mut Vec<Option<(Tick, f64)>>) -> Result<Read, String> {
        match &mut self.kind {
            Kind::Page { page, figures } => {
                let text = page.get().await.map_err(|error| error.to_string())?;
                let selectors: Vec<&Selector> = figures.iter().map(|(_, selector)| selector).collect();
                let values = exposition::read(&text, &selectors).map_err(str::to_owned)?;
                counters.resize(figures.len(), None);
                Ok(named(figures, &values, counters, clock.now()))
            }
            Kind::Process { reader, before } => {
                let reader = reader.clone();
                // The control thread waits for no file, however slow.
                let read = tokio::task::spawn_blocking(move || reader.read());
                let sample = read.await.map_err(|error| error.to_string())??;
                let now = clock.now();
                let last = before.replace((now, sample.times));
                let mut values = vec![("cpu_s".to_owned(), sample.times.cpu_us as f64 / 1e6)];
                if let Some((at, last)) = last.filter(|(_, last)| last.started == sample.times.started) {
                    let span_us = now.micros_since(at).max(1);
                    let ran_us = sample.times.cpu_us.saturating_sub(last.cpu_us);
                    values.push(("cpu_percent".to_owned(), ran_us as f64 * 100.0 / span_us as f64));
                }
                let mut missing = Vec::new();
                for (name, value) in
                    [("rss_bytes", sample.rss_bytes), ("descriptors", sample.descriptors), ("threads", sample.threads)]
                {
                    match value {
                        Some(value) => values.push((name.to_owned(), value as f64)),
                        None => missing.push(name.to_owned()),
                    }
                }
                Ok((values, missing))
            }
        }
    }
}

/// Values by the names of their figures; of counters the growth a second.
fn named(
    figures: &[(String, Selector)],
    values: &[Option<f64>],
    counters: &mut [Option<(Tick, f64)>],
    now: Tick,
) -> Read {
    let (mut read, mut missing) = (Vec::new(), Vec::new());
    for (((name, selector), value), counter) in figures.iter().zip(values).zip(counters) {
        let Some(value) = *value else {
            missing.push(name.clone());
            continue;
        };
        if selector.combine != Combine::Rate {
            read.push((name.clone(), value));
            continue;
        }
        let last = counter.replace((now, value));
        // A counter that went back began anew, and the first look has nothing to compare with.
        if let Some((at, before)) = last.filter(|(at, before)| *before <= value && *at < now) {
            read.push((name.clone(), (value - before) * 1e6 / now.micros_since(at) as f64));
        }
    }
    (read, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_give_their_growth_a_second_and_begin_anew_after_a_restart() {
        let figures = vec![
            ("per_s".to_owned(), Selector::parse("rate(total)").expect("a selector")),
            ("level".to_owned(), Selector::parse("level").expect("a selector")),
        ];
        let mut counters = vec![None, None];
        let mut at = |second: u64, total: f64| {
            named(&figures, &[Some(total), Some(7.0)], &mut counters, Tick::from_micros(second * 1_000_000)).0
        };
        let level = ("level".to_owned(), 7.0);
        assert_eq!(at(0, 100.0), std::slice::from_ref(&level));
        assert_eq!(at(2, 150.0), [("per_s".to_owned(), 25.0), level.clone()]);
        assert_eq!(at(3, 10.0), std::slice::from_ref(&level));
        assert_eq!(at(4, 11.0), [("per_s".to_owned(), 1.0), level]);
        let missing = named(&figures, &[None, Some(1.0)], &mut counters, Tick::ZERO).1;
        assert_eq!(missing, ["per_s"]);
    }
}
