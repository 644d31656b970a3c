//! The gate language: `FIGURE COMPARISON LIMIT`.

use std::ops::Range;

use super::{Comparison, Decimal, Figure, Gate, GateError, Limit, Quantity, Severity, Unit};

/// Longest expression, bytes.
const EXPRESSION_BYTES_MAX: usize = 500;

impl Gate {
    /// Reads a gate such as `publish.response.p99 < 250ms`.
    ///
    /// Errors: the first mistake, with its place, what was expected, and the nearest known figure.
    pub fn parse(text: &str) -> Result<Gate, GateError> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let message = format!("a gate has at most {EXPRESSION_BYTES_MAX} bytes");
            return Err(GateError { range: 0..text.len(), message, help: None });
        }
        let is_sign = |c: char| matches!(c, '<' | '>' | '=' | '!' | '≤' | '≥' | '≠');
        let figure_at = token(text, 0, |c| !c.is_whitespace() && !is_sign(c));
        let figure = figure(text, figure_at.clone())?;
        let sign_at = token(text, figure_at.end, is_sign);
        let comparison = comparison(text, sign_at.clone())?;
        let limit = limit(text, sign_at.end, &figure)?;
        Ok(Gate { figure, comparison, limit, severity: Severity::Require, written: text.to_owned() })
    }
}

/// The longest run of such characters from `from` on, blanks before it left out.
fn token(text: &str, from: usize, is_part: impl Fn(char) -> bool) -> Range<usize> {
    let start = text.len() - text[from..].trim_start().len();
    let end = text[start..].find(|c| !is_part(c)).map_or(text.len(), |length| start + length);
    start..end
}

fn error<T>(range: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Result<T, GateError> {
    Err(GateError { range, message: message.into(), help: Some(help.into()) })
}

fn figure(text: &str, at: Range<usize>) -> Result<Figure, GateError> {
    let name = &text[at.clone()];
    if name.is_empty() {
        return error(at, "a figure is missing", "a gate reads like `publish.response.p99 < 250ms`");
    }
    if let Some(figure) = Figure::by_name(name) {
        return Ok(figure);
    }
    let help = match Figure::nearest(name) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "figures are, for example, `publish.response.p99`, `delivery.lost`, `failures.ratio`, `arrivals.missed`"
                .to_owned()
        }
    };
    error(at, format!("unknown figure `{name}`"), help)
}

fn comparison(text: &str, at: Range<usize>) -> Result<Comparison, GateError> {
    let sign = &text[at.clone()];
    if let Some((comparison, _)) = Comparison::ALL.iter().find(|(_, known)| *known == sign) {
        return Ok(*comparison);
    }
    let meant = match sign {
        "" => {
            // What stands there instead is shown whole, such as a second word of the figure.
            let at = token(text, at.start, |c| !c.is_whitespace());
            return error(
                at,
                "a comparison is missing",
                "write one of `<`, `<=`, `>`, `>=`, `==`, `!=` after the figure",
            );
        }
        "=" | "===" => "==",
        "=<" | "≤" => "<=",
        "=>" | "≥" => ">=",
        "<>" | "≠" | "!" => "!=",
        _ => return error(at, format!("unknown comparison `{sign}`"), "write one of `<`, `<=`, `>`, `>=`, `==`, `!=`"),
    };
    error(at, format!("unknown comparison `{sign}`"), format!("write `{meant}`"))
}

fn limit(text: &str, from: usize, figure: &Figure) -> Result<Limit, GateError> {
    let quantity = figure.quantity();
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
    Ok(Limit { number, unit })
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
