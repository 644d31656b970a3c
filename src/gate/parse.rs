//! The gate language, read from left to right: figure, window, stage, comparison, bound, and what else is asked for.
//!
//! `docs/gates.md` has the grammar. The first mistake is told with its place and the way out.

use std::ops::Range;
use std::time::Duration;

use super::parse_bound::bound;
use super::span::{STAGE_NAME_CHARS_MAX, Span};
use super::{AbortRule, Bound, Comparison, Figure, Gate, GateError, Places, Quantity, Severity};

/// Longest expression, bytes.
const EXPRESSION_BYTES_MAX: usize = 500;
/// Words that begin a clause.
const CLAUSES: [&str; 5] = ["over", "during", "min_samples", "for", "after"];
/// Longest window or span.
const SPAN_MAX: Duration = Duration::from_secs(366 * 86_400);

impl Gate {
    /// Reads a gate such as `publish.response.p99 over 10s during "hold" < 250ms`.
    ///
    /// Errors: the first mistake, with its place, what was expected, and the nearest known figure.
    pub fn parse(text: &str) -> Result<Gate, GateError> {
        let (gate, clauses) = expression(text)?;
        for (word, clause) in [("for", &clauses.hold), ("after", &clauses.after)] {
            if let Some((_, at)) = clause {
                let help = "how long a figure may be out of bounds is said there; a gate looks at the whole run, or `over` a window";
                return error(at.clone(), format!("`{word}` belongs to a rule of `abort_when`"), help);
            }
        }
        Ok(gate)
    }
}

impl AbortRule {
    /// Reads a rule such as `failures.ratio > 20% for 10s after 30s`: what it says is what ends the run.
    ///
    /// Errors: as [`Gate::parse`].
    pub fn parse(text: &str) -> Result<AbortRule, GateError> {
        let (gate, clauses) = expression(text)?;
        if let Bound::Baseline(_) = gate.bound {
            let help = "write a limit; what is compared with a baseline is a gate of `require` or `warn`";
            return error(gate.places.bound, "a run is not broken off for what a baseline says", help);
        }
        let span = |clause: Option<(Duration, _)>| clause.map_or(Duration::ZERO, |(duration, _)| duration);
        Ok(AbortRule { gate, hold: span(clauses.hold), after: span(clauses.after) })
    }
}

/// What follows the figure and the bound; each with its place.
#[derive(Debug, Default)]
struct Clauses {
    over: Option<(Duration, Range<usize>)>,
    during: Option<(Span, Range<usize>)>,
    min_samples: Option<(u64, Range<usize>)>,
    hold: Option<(Duration, Range<usize>)>,
    after: Option<(Duration, Range<usize>)>,
}

fn expression(text: &str) -> Result<(Gate, Clauses), GateError> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let message = format!("a gate has at most {EXPRESSION_BYTES_MAX} bytes");
        return Err(GateError { range: 0..text.len(), message, help: None });
    }
    let mut clauses = Clauses::default();
    let figure_at = token(text, 0, |c| !c.is_whitespace() && !is_sign(c));
    let figure = figure(text, figure_at.clone())?;
    let at = clauses.read(text, figure_at.end)?;
    let sign_at = token(text, at, is_sign);
    let comparison = comparison(text, sign_at.clone())?;
    let end = end_of_bound(text, sign_at.end);
    let (bound, bound_at) = bound(text, sign_at.end..end, &figure, comparison)?;
    let at = clauses.read(text, end)?;
    let rest = token(text, at, |c| !c.is_whitespace());
    if !rest.is_empty() {
        let message = format!("`{}` is not expected here", &text[rest.clone()]);
        return error(rest, message, format!("after the bound stand {} or nothing", listed()));
    }
    let places = Places {
        figure: figure_at,
        window: clauses.over.as_ref().map(|(_, at)| at.clone()).unwrap_or_default(),
        span: clauses.during.as_ref().map(|(_, at)| at.clone()).unwrap_or_default(),
        bound: bound_at,
    };
    let min_samples = clauses.min_samples.as_ref().map(|(count, _)| *count);
    if let Some((_, at)) = &clauses.min_samples
        && figure.statistic().is_none()
        && figure.quantity() != Quantity::Ratio
    {
        let help = "it goes with times and ratios, which are read off samples";
        return error(at.clone(), format!("`{figure}` has no samples to ask for"), help);
    }
    let gate = Gate {
        figure,
        window: clauses.over.as_ref().map(|(duration, _)| *duration),
        span: clauses.during.as_ref().map(|(span, _)| span.clone()),
        comparison,
        bound,
        min_samples,
        severity: Severity::Require,
        written: text.to_owned(),
        places,
    };
    Ok((gate, clauses))
}

impl Clauses {
    /// Reads clauses as long as there are any, and answers where they end.
    fn read(&mut self, text: &str, from: usize) -> Result<usize, GateError> {
        let mut end = from;
        loop {
            let word_at = token(text, end, |c| c.is_alphanumeric() || c == '_');
            let word = &text[word_at.clone()];
            if !CLAUSES.contains(&word) {
                return Ok(end);
            }
            end = match word {
                "during" => {
                    let (span, at) = during(text, word_at.end)?;
                    let end = at.end;
                    once(&mut self.during, span, at, word, &word_at)?;
                    end
                }
                "min_samples" => {
                    let at = token(text, word_at.end, |c| !c.is_whitespace());
                    let count = text[at.clone()].parse().ok().filter(|count| *count > 0);
                    let Some(count) = count else {
                        let message = format!("`min_samples` is a count, not `{}`", &text[at.clone()]);
                        return error(at, message, "write a whole number, such as `min_samples 500`");
                    };
                    let end = at.end;
                    once(&mut self.min_samples, count, at, word, &word_at)?;
                    end
                }
                _ => {
                    let (duration, at) = duration(text, word_at.end, word)?;
                    let end = at.end;
                    let clause = match word {
                        "over" => &mut self.over,
                        "for" => &mut self.hold,
                        _ => &mut self.after,
                    };
                    once(clause, duration, at, word, &word_at)?;
                    end
                }
            };
        }
    }
}

fn once<T>(
    clause: &mut Option<(T, Range<usize>)>,
    value: T,
    at: Range<usize>,
    word: &str,
    word_at: &Range<usize>,
) -> Result<(), GateError> {
    match clause {
        Some(_) => error(word_at.start..at.end, format!("`{word}` is said twice"), "leave one of them out"),
        None => {
            *clause = Some((value, at));
            Ok(())
        }
    }
}

fn duration(text: &str, from: usize, word: &str) -> Result<(Duration, Range<usize>), GateError> {
    let at = token(text, from, |c| c.is_alphanumeric() || c == '.');
    match humantime::parse_duration(&text[at.clone()]).ok().filter(|duration| *duration <= SPAN_MAX) {
        Some(duration) if !duration.is_zero() || word == "after" => Ok((duration, at)),
        _ => {
            let message = match text[at.clone()].len() {
                0 => format!("`{word}` needs a duration"),
                _ => format!("`{}` is no duration for `{word}`", &text[at.clone()]),
            };
            error(at, message, format!("write it without blanks, such as `{word} 10s` or `{word} 1m30s`"))
        }
    }
}

/// `"hold"`, `'hold'`, `hold`, or a span such as `"1m..2m"`.
fn during(text: &str, from: usize) -> Result<(Span, Range<usize>), GateError> {
    let start = text.len() - text[from..].trim_start().len();
    let quote = text[start..].chars().next().filter(|c| matches!(c, '"' | '\''));
    let (name_at, end) = match quote {
        Some(quote) => {
            let Some(length) = text[start + 1..].find(quote) else {
                let help = "in a scenario a gate with quotes stands best in single quotes: `'… during \"hold\" < 1s'`";
                return error(start..text.len(), "this name has no closing quote", help);
            };
            (start + 1..start + 1 + length, start + length + 2)
        }
        None => {
            let at = token(text, from, |c| !c.is_whitespace() && !is_sign(c) && !matches!(c, '"' | '\''));
            (at.clone(), at.end)
        }
    };
    let name = text[name_at.clone()].trim();
    if let Some((first, last)) = name.split_once("..") {
        let read = |text: &str| match text.trim() {
            "0" | "" => Ok(Duration::ZERO),
            text => humantime::parse_duration(text),
        };
        return match (read(first), read(last)) {
            (Ok(first), Ok(last)) if first < last && last <= SPAN_MAX => Ok((Span::Between(first, last), start..end)),
            _ => {
                let help = "write two instants of the load, the earlier one first, such as `during \"1m..2m\"`";
                error(start..end, format!("`{name}` is no span"), help)
            }
        };
    }
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ' | ':');
    if name.is_empty() || name.chars().count() > STAGE_NAME_CHARS_MAX || !name.chars().all(is_word) {
        let help =
            "write the name of a stage of `[load]`, such as `during \"hold\"`, or a span such as `during \"1m..2m\"`";
        return error(start..end, "`during` needs the name of a stage", help);
    }
    Ok((Span::Stage(name.to_owned()), start..end))
}

fn is_sign(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '!' | '≤' | '≥' | '≠')
}

/// Where the next clause begins, or the text ends.
fn end_of_bound(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let word = token(text, at, |c| !c.is_whitespace());
        if word.is_empty() {
            return text.len();
        }
        if CLAUSES.contains(&&text[word.clone()]) {
            return word.start;
        }
        at = word.end;
    }
}

/// The longest run of such characters from `from` on, blanks before it left out.
pub(super) fn token(text: &str, from: usize, is_part: impl Fn(char) -> bool) -> Range<usize> {
    let start = text.len() - text[from..].trim_start().len();
    let end = text[start..].find(|c| !is_part(c)).map_or(text.len(), |length| start + length);
    start..end
}

pub(super) fn error<T>(
    range: Range<usize>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Result<T, GateError> {
    Err(GateError { range, message: message.into(), help: Some(help.into()) })
}

fn listed() -> String {
    CLAUSES.map(|word| format!("`{word}`")).join(", ")
}

fn figure(text: &str, at: Range<usize>) -> Result<Figure, GateError> {
    let name = &text[at.clone()];
    if name.is_empty() {
        return error(at, "a figure is missing", "a gate reads like `publish.response.p99 < 250ms`");
    }
    if let Some(figure) = Figure::by_name(name) {
        return Ok(figure);
    }
    // A figure of the target's own without the value that is meant.
    let whole = format!("{name}.max");
    let is_own = name.starts_with("target.") && Figure::by_name(&whole).is_some();
    let help = match Figure::nearest(name) {
        _ if is_own => format!(
            "say which of its values: `{whole}`, or `.last`, `.mean`, `.min`, `.first`; `{name}.drift` is its change an hour"
        ),
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
