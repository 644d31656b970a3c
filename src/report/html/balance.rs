//! The delivery balance: a bar that adds up, and everything that came beside it.

use crate::report::{figures, wording};
use crate::results::{LatencyFigures, Results, SpreadFigures};

use super::chart::{Part, stacked_bar};
use super::figure::{Cell, Fact};

/// A term of the equation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) number: String,
    pub(super) share: String,
    /// What stands before it.
    pub(super) sign: &'static str,
}

/// The balance, ready for the page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Balance {
    pub(super) terms: Vec<Term>,
    /// The bar as an SVG element; empty when nothing was expected.
    pub(super) bar: String,
    pub(super) irregular: Vec<Fact>,
    pub(super) publishes: Vec<Fact>,
    pub(super) lost: Vec<Fact>,
    pub(super) excused: Vec<Fact>,
    pub(super) times: Vec<TimeRow>,
}

/// Percentiles of one time; none without samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimeRow {
    pub(super) name: String,
    pub(super) note: &'static str,
    pub(super) count: String,
    pub(super) cells: Vec<Cell>,
}

/// The columns of [`TimeRow`].
pub(super) const TIME_COLUMNS: [&str; 7] = ["p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"];

impl TimeRow {
    pub(super) fn new(name: impl Into<String>, note: &'static str, latency: &LatencyFigures) -> TimeRow {
        let LatencyFigures { count, p50, p90, p95, p99, p999, p9999, max, .. } = latency;
        let cells = if *count == 0 {
            Vec::new()
        } else {
            [(p50, 2), (p90, 10), (p95, 20), (p99, 100), (p999, 1_000), (p9999, 10_000), (max, 0)]
                .map(|(value, samples_min)| Cell::of(*value, *count, samples_min))
                .into()
        };
        TimeRow { name: name.into(), note, count: figures::count(*count), cells }
    }
}

/// Builds it.
pub(super) fn balance(results: &Results) -> Balance {
    let delivery = &results.delivery;
    let term = |class, name, sign, number| Term {
        class,
        name,
        sign,
        number: figures::count(number),
        share: figures::share(number, delivery.expected),
    };
    let notes = [
        "the same delivery again",
        "after a later message of its topic",
        "with this run's stamp, sent by nobody",
        "content changed on the way",
        "on a topic where they were not published, or to a session that was not attached",
        "delivered, but after the timeout",
        "messages of other clients or runs",
    ];
    let irregular = wording::irregular(results).into_iter().zip(notes).map(|((word, number), note)| {
        // Late is slow and foreign is somebody else's; the others the service should never do.
        let bad = number > 0 && !matches!(word, "late" | "foreign");
        Fact { bad, ..Fact::new(word, figures::count(number)).noted(note) }
    });
    let mut echo = format!("of {} echoes to the publisher, counted apart", figures::count(delivery.echo_expected));
    if delivery.echo_excused > 0 {
        let excused = figures::count(delivery.echo_excused);
        echo.push_str(&format!("; {excused} more are excused: it had left, or the run ended before they were judged"));
    }
    Balance {
        terms: vec![
            term("expected", "expected", "", delivery.expected),
            term("delivered", "delivered", "=", delivery.delivered),
            term("lost", "lost", "+", delivery.lost),
            term("excused", "excused", "+", delivery.excused),
        ],
        bar: bar(results),
        irregular: irregular.collect(),
        publishes: vec![
            Fact::new("published", figures::count(delivery.published)),
            Fact::new("accepted", figures::count(delivery.accepted)).noted("by the server, or seen at a receiver"),
            Fact::new("refused", figures::count(delivery.refused)),
            Fact::new("unknown", figures::count(delivery.unknown)).noted("the outcome never became known"),
            Fact::new("not accepted", figures::count(delivery.not_accepted)).noted("of those, not in the history"),
            Fact::new("own copies", figures::count(delivery.echo_delivered)).noted(echo),
        ],
        lost: wording::lost(results)
            .into_iter()
            .map(|(kind, number)| Fact::new(kind, figures::count(number)))
            .collect(),
        excused: delivery
            .excused_by
            .iter()
            .map(|(reason, number)| Fact::new(reason.as_str(), figures::count(*number)))
            .collect(),
        times: [
            TimeRow::new("delivery", "sent to received, one value for each receiver", &delivery.delivery_us),
            TimeRow::new("spread", "first receiver of a message to its last", &delivery.spread_us),
        ]
        .into_iter()
        .chain(delivery.spread_by_receivers.iter().map(spread_row))
        .collect(),
    }
}

fn spread_row(row: &SpreadFigures) -> TimeRow {
    let name = match row.receivers_max {
        Some(most) if most == row.receivers_min => format!("spread, {most} receivers"),
        Some(most) => format!("spread, {} to {most} receivers", row.receivers_min),
        None => format!("spread, {} receivers and more", row.receivers_min),
    };
    TimeRow::new(name, "", &row.spread_us)
}

fn bar(results: &Results) -> String {
    let delivery = &results.delivery;
    let part = |class: &str, number: u64| {
        let text = format!("{} {class}", figures::count(number));
        Part { class: class.to_owned(), size: number as f64, text }
    };
    let parts = [part("delivered", delivery.delivered), part("lost", delivery.lost), part("excused", delivery.excused)];
    stacked_bar("Balance of deliveries", &format!("{}.", wording::balance(results)), &parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn two_lost_of_eighty_thousand_are_seen() {
        let bar = balance(&fixture::rich()).bar;
        assert!(bar.contains(r#"<rect class="lost""#), "{bar}");
        assert!(!balance(&fixture::passed()).bar.contains(r#"<rect class="lost""#));
    }

    #[test]
    fn nothing_expected_is_no_bar() {
        assert_eq!(balance(&Results::default()).bar, "");
    }
}
