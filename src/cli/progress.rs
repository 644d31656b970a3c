//! Progress while a run lasts: a live line on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::ProgressKind;
use crate::engine::Progress;
use crate::metrics::Latency;
use crate::ops::OpId;
use crate::report::figures;
use crate::results::IntervalRecord;
use crate::tick::Tick;

/// Between two plain lines, a little under five seconds so that no interval is a hair too early.
const PLAIN_EVERY: Duration = Duration::from_millis(4_500);

/// Shows progress on stderr.
pub(super) struct Display {
    way: Way,
    length: Duration,
    users: u32,
    failed: u64,
    next_line: Tick,
    since: Since,
}

/// What happened since the last line.
#[derive(Default)]
struct Since {
    length_us: u64,
    done: u64,
    deliveries: u64,
    publish: Latency,
    missed: u64,
}

impl Since {
    fn add(&mut self, record: &IntervalRecord) {
        let figures = &record.figures;
        self.length_us += record.length_us();
        self.done += figures.ops.iter().map(|op| op.ok).sum::<u64>();
        self.deliveries += figures.delivery.count();
        self.publish.merge(&figures.ops[OpId::Publish.index()].response);
        self.missed += figures.arrivals.missed;
    }
}

enum Way {
    Bar(ProgressBar),
    Plain,
    None,
}

impl Display {
    pub(super) fn new(kind: ProgressKind, length: Duration, users: u32) -> Display {
        let is_terminal = std::io::stderr().is_terminal();
        let way = match kind {
            ProgressKind::None => Way::None,
            ProgressKind::Plain => Way::Plain,
            ProgressKind::Auto if !is_terminal => Way::Plain,
            ProgressKind::Auto | ProgressKind::Bar => Way::Bar(bar(length)),
        };
        Display { way, length, users, failed: 0, next_line: Tick::ZERO, since: Since::default() }
    }

    /// Something new begins, or goes on.
    pub(super) fn stage(&mut self, stage: &str, done: u32, wanted: u32) {
        let text = if wanted > 0 { format!("{stage}: {done} of {wanted}") } else { stage.to_owned() };
        match &self.way {
            Way::Bar(bar) => bar.set_message(text),
            // A line at the start and at the end of a stage.
            Way::Plain if done == 0 || done == wanted => tell!("{text}"),
            Way::Plain | Way::None => {}
        }
    }

    /// A line that stays, whatever is shown.
    pub(super) fn say(&self, text: &str) {
        match &self.way {
            Way::Bar(bar) => bar.suspend(|| tell!("{text}")),
            Way::Plain | Way::None => tell!("{text}"),
        }
    }

    /// An interval is over.
    pub(super) fn interval(&mut self, record: &IntervalRecord, progress: &Progress) {
        self.failed += record.figures.ops.iter().map(|op| op.failed).sum::<u64>();
        self.since.add(record);
        if matches!(self.way, Way::Plain) && record.to < self.next_line {
            return;
        }
        let since = std::mem::take(&mut self.since);
        let text = self.describe(&since, progress);
        match &self.way {
            Way::Bar(bar) => {
                let position = record.to.since(record.load_start).min(self.length);
                bar.set_position(position.as_millis() as u64);
                bar.set_message(text);
            }
            Way::Plain => {
                let left = self.length.saturating_sub(record.to.since(record.load_start));
                tell!(
                    "{:>7}  {text}  {} left",
                    figures::position(record.to.since(record.load_start).as_secs_f64()),
                    figures::position(left.as_secs_f64())
                );
                self.next_line = record.to + PLAIN_EVERY;
            }
            Way::None => {}
        }
    }

    fn describe(&self, since: &Since, progress: &Progress) -> String {
        let &Since { length_us, done, deliveries, ref publish, missed } = since;
        let seconds = (length_us as f64 / 1e6).max(0.001);
        let mut text = format!(
            "{} of {} users  {:.0} ops/s  {:.0} deliveries/s",
            progress.online,
            self.users,
            done as f64 / seconds,
            deliveries as f64 / seconds,
        );
        if publish.count() > 0 {
            text.push_str(&format!("  publish p99 {}", figures::micros(publish.quantile(0.99))));
        }
        if missed > 0 {
            text.push_str(&format!("  {missed} arrivals missed"));
        }
        text.push_str(&format!("  {} failed", self.failed));
        text
    }

    /// Takes the live line away.
    pub(super) fn finish(&self) {
        if let Way::Bar(bar) = &self.way {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Duration) -> ProgressBar {
    let bar = ProgressBar::new(length.as_millis() as u64);
    let style = ProgressStyle::with_template("{spinner} [{bar:28}] {percent:>3}%  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
