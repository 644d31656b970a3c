//! The few figures that everyone asks for first.

use crate::report::{figures, wording};
use crate::results::Results;

/// Whether a figure is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Says nothing of good or bad.
    Plain,
    /// Should be zero and is not.
    Bad,
}

/// One of the headline figures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) note: String,
    pub(super) tone: Tone,
}

impl Tile {
    /// Class names of the tile.
    pub(super) fn class(&self) -> &'static str {
        match self.tone {
            Tone::Plain => "tile",
            Tone::Bad => "tile bad",
        }
    }
}

/// The tiles in their order.
pub(super) fn tiles(results: &Results) -> Vec<Tile> {
    let (run, delivery) = (&results.run, &results.delivery);
    let per_s = |rate: Option<f64>| rate.map_or(figures::NO_FIGURE.to_owned(), figures::rate);
    let (failed, settled) = wording::failures(results);
    let latency = &delivery.delivery_us;
    let p99 = if latency.count == 0 { figures::NO_FIGURE.to_owned() } else { figures::micros(latency.p99) };
    let p99_note = match latency.count {
        0 => figures::NO_SAMPLES.to_owned(),
        _ => format!("median {}", figures::micros(latency.p50)),
    };
    let lost_note = match delivery.expected {
        0 => "no delivery was expected".to_owned(),
        expected => format!("of {} expected", figures::count(expected)),
    };
    let failures_note = match settled {
        0 => "no operation was settled".to_owned(),
        _ => format!("{} of {} operations", figures::count(failed), figures::count(settled)),
    };
    let bad = |number: u64| if number == 0 { Tone::Plain } else { Tone::Bad };
    let tile = |name, value, note, tone| Tile { name, value, note, tone };
    vec![
        tile(
            "Users online, peak",
            figures::count(results.users.peak),
            format!("{} planned", figures::count(u64::from(run.users_planned))),
            Tone::Plain,
        ),
        tile(
            "Publishes accepted",
            per_s(wording::accepted_per_s(results)),
            format!("{} in {}", figures::count(delivery.accepted), figures::seconds(run.load_s)),
            Tone::Plain,
        ),
        tile(
            "Deliveries",
            figures::count(delivery.delivered),
            wording::delivered_per_s(results).map(figures::rate).unwrap_or_default(),
            Tone::Plain,
        ),
        tile("Lost", figures::count(delivery.lost), lost_note, bad(delivery.lost)),
        tile("Delivery p99", p99, p99_note, Tone::Plain),
        tile("Failures", figures::share(failed, settled), failures_note, Tone::Plain),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_samples_has_words_and_no_times() {
        let tiles = tiles(&Results::default());
        assert_eq!(tiles[4].value, figures::NO_FIGURE);
        assert_eq!(tiles[4].note, figures::NO_SAMPLES);
        assert_eq!(tiles[5].value, figures::NO_FIGURE);
        assert_eq!(tiles[1].value, figures::NO_FIGURE);
    }
}
