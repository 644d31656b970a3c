//! The target's own figures: read once an interval, each source by a task of its own on the control thread.
//!
//! A source that is slow or gone holds nobody up: it has less than an interval, and what it did not say is counted as
//! failed and is no value. What it says is untrusted text of bounded length.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Clock;
use super::process::{ProcessReader, ProcessSample};
use crate::metrics::TargetGauges;
use crate::protocol::exposition::{self, Combine, Selector};
use crate::scenario::{PROCESS_FIGURES, Watched};
use crate::tick::Tick;
use crate::transport::PageClient;

/// Most warnings of one run, of all sources.
const WARNINGS_MAX: usize = 20;
/// When a source is read, as a share of the interval; four fifths of it are left for the answer.
const EARLY: f64 = 0.1;

/// What was read since somebody looked.
#[derive(Debug, Clone, Default)]
pub(super) struct Inbox(Rc<RefCell<Content>>);

#[derive(Debug, Default)]
struct Content {
    gauges: TargetGauges,
    warnings: Vec<String>,
    warned: usize,
    replaced: Vec<Replaced>,
}

/// The target's process is another one than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replaced {
    pub(super) at: Tick,
    pub(super) before: u32,
    pub(super) now: u32,
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

    /// Which processes took the place of others since the last call.
    pub(super) fn take_replaced(&self) -> Vec<Replaced> {
        std::mem::take(&mut self.0.borrow_mut().replaced)
    }

    fn replaced(&self, replaced: Replaced) {
        let mut content = self.0.borrow_mut();
        if content.replaced.len() < WARNINGS_MAX {
            content.replaced.push(replaced);
        }
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
        let follow = |source: Source| tokio::task::spawn_local(source.follow(interval, clock, inbox.clone()));
        Scrapers(sources(watched, pages).into_iter().map(follow).collect())
    }
}

struct Source {
    name: String,
    kind: Kind,
}

enum Kind {
    Page { page: PageClient, figures: Vec<(String, Selector)> },
    Process { reader: ProcessReader, before: Option<(Tick, ProcessSample)> },
}

/// Values, and the names of figures that had none.
type Read = (Vec<(String, f64)>, Vec<String>);

/// What a source says when it is read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Where it is, for people.
    pub name: String,
    /// How many of its figures it has, and those that it has not, with what is looked for; or why it cannot be read.
    pub found: Result<(usize, Vec<String>), String>,
}

/// Reads each source once, as a run will. `pages` are the clients of its endpoints, in order.
pub async fn look(watched: &Watched, pages: &[PageClient], within: Duration) -> Vec<Look> {
    let clock = Clock::start();
    let mut looks = Vec::new();
    for mut source in sources(watched, pages) {
        let read = tokio::time::timeout(within, source.read(clock, &mut Vec::new(), &Inbox::default())).await;
        let read = read.unwrap_or_else(|_| Err(format!("no answer within {} ms", within.as_millis())));
        let found = read.map(|(_, missing)| {
            let (count, wanted): (usize, Vec<String>) = match &source.kind {
                Kind::Page { figures, .. } => {
                    let is_missing = |name: &String| missing.contains(name);
                    let wanted = figures.iter().filter(|(name, _)| is_missing(name));
                    (figures.len(), wanted.map(|(name, selector)| format!("`{name}` = `{selector}`")).collect())
                }
                Kind::Process { .. } => {
                    (PROCESS_FIGURES.len(), missing.iter().map(|name| format!("`{name}`")).collect())
                }
            };
            (count - wanted.len(), wanted)
        });
        looks.push(Look { name: source.name, found });
    }
    looks
}

fn sources(watched: &Watched, pages: &[PageClient]) -> Vec<Source> {
    let endpoints = watched.metrics.iter().zip(pages).map(|(source, page)| Source {
        name: page.address(),
        kind: Kind::Page { page: page.clone(), figures: source.figures.clone() },
    });
    let process = watched.process.iter().map(|process| {
        let reader = ProcessReader::new(process.clone());
        Source { name: reader.name(), kind: Kind::Process { reader, before: None } }
    });
    endpoints.chain(process).collect()
}

impl Source {
    async fn follow(mut self, interval: Duration, clock: Clock, inbox: Inbox) {
        let within = interval.mul_f64(0.8);
        // Of counters: when they were read last, and what they were.
        let mut counters: Vec<Option<(Tick, f64)>> = Vec::new();
        let mut is_failing = false;
        let mut missed: Vec<String> = Vec::new();
        // Early in each interval of the record: the answer comes within the interval for which it was asked.
        let mut due = clock.now();
        loop {
            tokio::time::sleep(clock.until(due)).await;
            due = clock.now().next_multiple(interval) + interval.mul_f64(EARLY);
            let read = tokio::time::timeout(within, self.read(clock, &mut counters, &inbox)).await;
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

    async fn read(
        &mut self,
        clock: Clock,
        counters: &mut Vec<Option<(Tick, f64)>>,
        inbox: &Inbox,
    ) -> Result<Read, String> {
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
                let last = before.replace((now, sample));
                let mut values = vec![("cpu_s".to_owned(), sample.times.cpu_us as f64 / 1e6)];
                let who = |sample: &ProcessSample| (sample.pid, sample.times.started);
                match last {
                    Some((at, last)) if who(&last) == who(&sample) => {
                        let span_us = now.micros_since(at).max(1);
                        let ran_us = sample.times.cpu_us.saturating_sub(last.times.cpu_us);
                        values.push(("cpu_percent".to_owned(), ran_us as f64 * 100.0 / span_us as f64));
                    }
                    // What the one has used says nothing of the other.
                    Some((_, last)) => inbox.replaced(Replaced { at: now, before: last.pid, now: sample.pid }),
                    None => {}
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
    use crate::scenario::ProcessSource;

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

    #[tokio::test]
    async fn another_process_behind_the_file_is_told_and_its_processor_time_is_not_compared() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("target.pid");
        let (first, second) = (Child::start(), Child::start());
        let reader = ProcessReader::new(ProcessSource::PidFile(path.clone()));
        let mut source = Source { name: String::new(), kind: Kind::Process { reader, before: None } };
        let (clock, inbox) = (Clock::start(), Inbox::default());
        let mut has_percent = Vec::new();
        for child in [&first, &first, &second, &second] {
            std::fs::write(&path, child.0.id().to_string()).expect("is written");
            let (values, missing) = source.read(clock, &mut Vec::new(), &inbox).await.expect("it lives");
            assert_eq!(missing, Vec::<String>::new());
            has_percent.push(values.iter().any(|(name, _)| name == "cpu_percent"));
        }
        assert_eq!(has_percent, [false, true, false, true]);
        let replaced: Vec<_> = inbox.take_replaced().iter().map(|replaced| (replaced.before, replaced.now)).collect();
        assert_eq!(replaced, [(first.0.id(), second.0.id())]);
        // A process that was killed and that nobody has waited for yet has an entry with nothing in it.
        let mut second = second;
        second.0.kill().expect("is ours");
        let ended = format!("process {} has ended", second.0.id());
        let mut last = source.read(clock, &mut Vec::new(), &inbox).await;
        while last.is_ok() {
            tokio::task::yield_now().await;
            last = source.read(clock, &mut Vec::new(), &inbox).await;
        }
        assert_eq!(last.map(|_| ()), Err(ended));
    }

    /// A process that waits for its input, which never comes.
    struct Child(std::process::Child);

    impl Child {
        fn start() -> Child {
            let child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn();
            Child(child.expect("there is a `cat`"))
        }
    }

    impl Drop for Child {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
