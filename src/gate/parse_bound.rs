//! The right side of a gate: a limit with its unit, or `baseline` with its slack.

use std::ops::Range;

use super::parse::{error, token};
use super::{Bound, Comparison, Decimal, Figure, GateError, Limit, Quantity, Sign, Slack, Unit};

/// Reads the bound within `range`, and answers its place without blanks around it.
pub(super) fn bound(
    text: &str,
    range: Range<usize>,
    figure: &Figure,
    comparison: Comparison,
) -> Result<(Bound, Range<usize>), GateError> {
    // What follows it is none of its business, and places stay as they are.
    let text = &text[..range.end];
    let start = text.len() - text[range.start..].trim_start().len();
    let place = start..text.trim_end().len().max(start);
    let Some(slack_at) = text[start..].strip_prefix("baseline").map(|rest| text.len() - rest.len()) else {
        return Ok((Bound::Fixed(limit(text, range.start, figure)?), place));
    };
    if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
        let help = "write `<=` or `>=` and how far off it may be, such as `<= baseline + 10%`";
        return error(place, "no two runs are equal", help);
    }
    Ok((Bound::Baseline(slack(text, slack_at, figure)?), place))
}

fn slack(text: &str, from: usize, figure: &Figure) -> Result<Option<Slack>, GateError> {
    let rest = token(text, from, |_| true);
    let rest = rest.start..text.trim_end().len().max(rest.start);
    let sign = match text[rest.clone()].chars().next() {
        None => return Ok(None),
        Some('+') => Sign::Plus,
        Some('-') => Sign::Minus,
        Some(_) => {
            return error(rest, "after `baseline` stands `+` or `-`", "such as `baseline + 10%` or `baseline + 50ms`");
        }
    };
    let number_at = token(text, rest.start + 1, |c| c.is_ascii_digit() || c == '.');
    let unit_at = token(text, number_at.end, |_| true);
    let unit_at = unit_at.start..text.trim_end().len().max(unit_at.start);
    let Some(number) = Decimal::parse(&text[number_at.clone()]) else {
        return error(rest, "how far from the baseline?", slack_hint(figure.quantity()));
    };
    let is_fit = |unit: &Unit| match (unit, figure.quantity()) {
        (Unit::Percent, _) => true,
        (Unit::Points, quantity) => quantity == Quantity::Ratio,
        (unit, quantity) => quantity != Quantity::Ratio && quantity.units().contains(unit),
    };
    let Some(unit) = unit(&text[unit_at.clone()]).filter(is_fit) else {
        let message = match &text[unit_at.clone()] {
            "" => format!("`{number}` needs a unit"),
            unit => format!("`{figure}` is {}, and no `{unit}` can be added to it", figure.quantity().noun()),
        };
        return error(number_at.start..unit_at.end, message, slack_hint(figure.quantity()));
    };
    let is_more_than_all = unit == Unit::Percent && (Limit { number, unit }).in_base_unit() > 1.0;
    if sign == Sign::Minus && is_more_than_all {
        return error(rest, "less than nothing of the baseline", "write at most `baseline - 100%`");
    }
    Ok(Some(Slack { sign, number, unit }))
}

const fn slack_hint(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Time => "write a part of the baseline, such as `+ 10%`, or a time, such as `+ 50ms`",
        Quantity::Count => "write a part of the baseline, such as `+ 10%`, or a whole number, such as `+ 5`",
        Quantity::Ratio => "write a part of the baseline, such as `+ 10%`, or percentage points, such as `+ 0.5pp`",
        Quantity::Rate => "write a part of the baseline, such as `- 10%`, or a rate, such as `- 5/s`",
        Quantity::Drift | Quantity::DriftOfRatio => "write a limit: it is compared with no baseline",
        Quantity::Number => "write a part of the baseline, such as `+ 10%`, or a number, such as `+ 0.5`",
        Quantity::Bytes => "write a part of the baseline, such as `+ 10%`, or a size, such as `+ 64 MiB`",
    }
}

fn limit(text: &str, from: usize, figure: &Figure) -> Result<Limit, GateError> {
    let quantity = figure.quantity();
    // Only a change can be negative.
    let blanks = text[from..].len() - text[from..].trim_start().len();
    let is_change = matches!(quantity, Quantity::Drift | Quantity::DriftOfRatio);
    let is_negative = is_change && text[from + blanks..].starts_with('-');
    let from = if is_negative { from + blanks + 1 } else { from };
    let number_at = token(text, from, |c| c.is_ascii_digit() || matches!(c, '.' | ',' | '_'));
    let unit_at = token(text, number_at.end, |_| true);
    let unit_at = unit_at.start..unit_at.start + text[unit_at].trim_end().len();
    let number_text = &text[number_at.clone()];
    let unit_text = &text[unit_at.clone()];
    if number_text.is_empty() {
        return match unit_text {
            "" => error(number_at, "a limit is missing", quantity.hint()),
            _ if unit_text.starts_with(['-', '−']) => error(unit_at, "a limit is never negative", quantity.hint()),
            _ => error(unit_at, format!("`{unit_text}` is no limit"), quantity.hint()),
        };
    }
    let Some(number) = Decimal::parse(number_text) else {
        let help = "write digits with at most one point, such as `1500` or `0.25`: 15 digits at most";
        return error(number_at, format!("`{number_text}` is no number"), help);
    };
    let unit = unit(unit_text).filter(|unit| quantity.units().contains(unit));
    let Some(unit) = unit else { return wrong_unit(figure, number, number_at, unit_at, unit_text) };
    if quantity == Quantity::Count && !number.is_whole() {
        return error(number_at, format!("`{figure}` is a count, `{number}` is no whole number"), quantity.hint());
    }
    Ok(Limit { number: if is_negative { number.negated() } else { number }, unit })
}

/// Blanks within `/ s` are fine.
fn unit(text: &str) -> Option<Unit> {
    match text.strip_prefix('/') {
        Some(per) => Unit::by_word(&format!("/{}", per.trim_start())),
        None => Unit::by_word(text),
    }
}

fn wrong_unit(
    figure: &Figure,
    number: Decimal,
    number_at: Range<usize>,
    unit_at: Range<usize>,
    unit_text: &str,
) -> Result<Limit, GateError> {
    let quantity = figure.quantity();
    if unit_text.is_empty() {
        let message = format!("`{figure}` is {}, so its limit needs a unit", quantity.noun());
        return error(number_at, message, quantity.hint());
    }
    if unit(unit_text).is_some() {
        return error(
            unit_at,
            format!("`{figure}` is {}, not measured in `{unit_text}`", quantity.noun()),
            quantity.hint(),
        );
    }
    let meant = match (quantity, unit_text.to_ascii_lowercase().as_str()) {
        (Quantity::Time, "µs" | "usec" | "microseconds") => "us",
        (Quantity::Time, "msec" | "millis" | "milliseconds") => "ms",
        (Quantity::Time, "sec" | "second" | "seconds") => "s",
        (Quantity::Time, "min" | "minute" | "minutes") => "m",
        (Quantity::Ratio, "percent" | "pct") => "%",
        (Quantity::Drift, "% / h" | "%/hour" | "% per hour") => "%/h",
        (Quantity::DriftOfRatio, "pp / h" | "pp/hour") => "pp/h",
        (Quantity::Rate, "/sec" | "/second" | "per second" | "rps") => "/s",
        (Quantity::Bytes, "b" | "byte" | "bytes") => "B",
        (Quantity::Bytes, "k" | "kb" | "kib") => "KiB",
        (Quantity::Bytes, "m" | "mb" | "mib") => "MiB",
        (Quantity::Bytes, "g" | "gb" | "gib") => "GiB",
        _ => return error(unit_at, format!("unknown unit `{unit_text}`"), quantity.hint()),
    };
    let limit = format!("{number}{}{meant}", if quantity == Quantity::Bytes { " " } else { "" });
    error(unit_at, format!("unknown unit `{unit_text}`"), format!("write `{limit}`"))
}
