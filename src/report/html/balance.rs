//! The delivery balance: a bar that adds up, and everything that came beside it.

use crate::report::{figures, wording};
use crate::results::{LatencyFigures, Results};

use super::chart::escaped;
use super::figure::Fact;

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
    pub(super) excused: Vec<Fact>,
    pub(super) times: Vec<TimeRow>,
}

/// Percentiles of one time; none without samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimeRow {
    pub(super) name: String,
    pub(super) note: &'static str,
    pub(super) count: String,
    pub(super) cells: Vec<String>,
}

/// The columns of [`TimeRow`].
pub(super) const TIME_COLUMNS: [&str; 7] = ["p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"];

impl TimeRow {
    pub(super) fn new(name: impl Into<String>, note: &'static str, latency: &LatencyFigures) -> TimeRow {
        let LatencyFigures { count, p50, p90, p95, p99, p999, p9999, max, .. } = latency;
        let cells = if *count == 0 {
            Vec::new()
        } else {
            [p50, p90, p95, p99, p999, p9999, max].map(|value| figures::micros(*value)).into()
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
        "delivered, but after the timeout",
        "messages of other clients or runs",
    ];
    let irregular = wording::irregular(results)
        .into_iter()
        .zip(notes)
        .map(|((word, number), note)| Fact::new(word, figures::count(number)).noted(note));
    let echo = format!("{} of {}", figures::count(delivery.echo_delivered), figures::count(delivery.echo_expected));
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
            Fact::new("own copies", echo).noted("echoes to the publisher, counted apart"),
        ],
        excused: delivery
            .excused_by
            .iter()
            .map(|(reason, number)| Fact::new(reason.as_str(), figures::count(*number)))
            .collect(),
        times: vec![
            TimeRow::new("delivery", "sent to received, one value for each receiver", &delivery.delivery_us),
            TimeRow::new("spread", "first receiver of a message to its last", &delivery.spread_us),
        ],
    }
}

/// A part that is there is seen, however small: at least this many of a thousand.
const PART_WIDTH_MIN: f64 = 4.0;

fn bar(results: &Results) -> String {
    let delivery = &results.delivery;
    let parts = [("delivered", delivery.delivered), ("lost", delivery.lost), ("excused", delivery.excused)];
    let whole: f64 = parts.iter().map(|(_, number)| *number as f64).sum();
    if whole <= 0.0 {
        return String::new();
    }
    let widths = parts.map(|(_, number)| match number {
        0 => 0.0,
        number => (number as f64 / whole * 1_000.0).max(PART_WIDTH_MIN),
    });
    let scale = 1_000.0 / widths.iter().sum::<f64>();
    let mut out = String::from(r#"<svg class="balance" viewBox="0 0 1000 26" preserveAspectRatio="none" role="img">"#);
    out.push_str(&format!(
        "<title>Balance of deliveries</title><desc>{}. Small parts are drawn wider than they are.</desc>",
        escaped(&wording::balance(results))
    ));
    let mut from = 0.0;
    for ((name, number), width) in parts.iter().zip(widths).filter(|(_, width)| *width > 0.0) {
        let width = width * scale;
        out.push_str(&format!(
            r#"<rect class="{name}" x="{from:.2}" y="0" width="{width:.2}" height="26"><title>{} {name}</title></rect>"#,
            figures::count(*number)
        ));
        from += width;
    }
    out.push_str("</svg>");
    out
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
