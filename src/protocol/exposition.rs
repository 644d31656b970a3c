//! The text that Prometheus endpoints answer with, and which of its samples make a figure.
//!
//! Source: Prometheus text exposition format 0.0.4. A figure is a selector such as `process_resident_memory_bytes`,
//! `queue_depth{kind="out"}`, `max(queue_depth)` or `rate(requests_total{code!="200"})`: samples that match are added up,
//! unless it says `max`. The text is untrusted: a line that cannot be read is passed over, and nothing here panics.

use std::fmt;

/// Longest selector, bytes.
const SELECTOR_BYTES_MAX: usize = 300;

/// Which samples make a figure, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// What several samples are made into.
    pub combine: Combine,
    name: String,
    labels: Vec<Matcher>,
}

/// What several samples are made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// Their sum.
    Sum,
    /// The largest.
    Max,
    /// Their sum, and of that the growth a second since it was read last: for counters.
    Rate,
}

const COMBINES: [(&str, Combine); 3] = [("sum", Combine::Sum), ("max", Combine::Max), ("rate", Combine::Rate)];

#[derive(Debug, Clone, PartialEq)]
struct Matcher {
    label: String,
    is_equal: bool,
    value: String,
}

impl Selector {
    /// Reads a selector. `Err` says what is wrong with it.
    pub fn parse(text: &str) -> Result<Selector, &'static str> {
        let text = text.trim();
        if text.len() > SELECTOR_BYTES_MAX {
            return Err("it has more than 300 bytes");
        }
        let mut combine = Combine::Sum;
        let mut inner = text;
        if let Some((word, rest)) = text.split_once('(').filter(|(word, _)| !word.contains('{')) {
            let known = COMBINES.iter().find(|(known, _)| *known == word.trim());
            combine = known.ok_or("before the bracket stands `sum`, `max` or `rate`")?.1;
            inner = rest.strip_suffix(')').ok_or("its bracket is never closed")?.trim();
        }
        let mut scanner = Scanner { rest: inner };
        let name = scanner.name().ok_or("it begins with the name of a metric")?.to_owned();
        let mut labels = Vec::new();
        if scanner.take('{') {
            while !scanner.take('}') {
                let label = scanner.name().ok_or("within the braces stand labels, as in `{kind=\"out\"}`")?.to_owned();
                let is_equal = !scanner.take('!');
                if !scanner.take('=') {
                    return Err("a label is compared with `=` or `!=`");
                }
                if scanner.take('~') {
                    return Err("patterns are not known: compare with `=` or `!=`");
                }
                let value = scanner.quoted().ok_or("the value of a label stands in double quotes")?;
                labels.push(Matcher { label, is_equal, value });
                if !scanner.take(',') && !scanner.rest.starts_with('}') {
                    return Err("labels are divided by commas, and the braces are closed");
                }
            }
        }
        if !scanner.rest.trim().is_empty() {
            return Err("something follows after its end");
        }
        Ok(Selector { combine, name, labels })
    }

    fn fits(&self, sample: &Sample<'_>) -> bool {
        let value_of = |label: &str| {
            let found = sample.labels.iter().find(|(name, _)| *name == label);
            found.map_or("", |(_, value)| value.as_str())
        };
        self.name == sample.name && self.labels.iter().all(|m| (value_of(&m.label) == m.value) == m.is_equal)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = COMBINES.iter().find(|(_, combine)| *combine == self.combine).map_or("", |(word, _)| word);
        let labels = self.labels.iter().map(|Matcher { label, is_equal, value }| {
            format!("{label}{}{value:?}", if *is_equal { "=" } else { "!=" })
        });
        let labels = labels.collect::<Vec<_>>().join(",");
        let inner = if labels.is_empty() { self.name.clone() } else { format!("{}{{{labels}}}", self.name) };
        if self.combine == Combine::Sum { f.write_str(&inner) } else { write!(f, "{word}({inner})") }
    }
}

/// The value of each selector; `None` where nothing matches. `Err` when there is not one sample in the text.
pub fn read(text: &str, selectors: &[&Selector]) -> Result<Vec<Option<f64>>, &'static str> {
    let mut values: Vec<Option<f64>> = vec![None; selectors.len()];
    let mut is_any = false;
    for sample in text.lines().filter_map(Sample::parse) {
        is_any = true;
        for (value, selector) in values.iter_mut().zip(selectors) {
            // What is not a number says nothing.
            if !sample.value.is_finite() || !selector.fits(&sample) {
                continue;
            }
            *value = Some(match (*value, selector.combine) {
                (None, _) => sample.value,
                (Some(before), Combine::Max) => before.max(sample.value),
                (Some(before), Combine::Sum | Combine::Rate) => before + sample.value,
            });
        }
    }
    if is_any {
        // Sums of finite values may overflow.
        Ok(values.into_iter().map(|value| value.filter(|value| value.is_finite())).collect())
    } else {
        Err("the reply holds no metrics")
    }
}

/// One line.
#[derive(Debug)]
struct Sample<'t> {
    name: &'t str,
    labels: Vec<(&'t str, String)>,
    value: f64,
}

impl<'t> Sample<'t> {
    fn parse(line: &'t str) -> Option<Sample<'t>> {
        let mut scanner = Scanner { rest: line };
        let name = scanner.name()?;
        let mut labels = Vec::new();
        if scanner.take('{') {
            while !scanner.take('}') {
                let label = scanner.name()?;
                if !scanner.take('=') {
                    return None;
                }
                labels.push((label, scanner.quoted()?));
                if !scanner.take(',') && !scanner.rest.trim_start().starts_with('}') {
                    return None;
                }
            }
        }
        let value = match scanner.rest.split_whitespace().next()? {
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            number => number.parse().ok()?,
        };
        Some(Sample { name, labels, value })
    }
}

struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    /// A name of a metric or a label; blanks before it are passed over.
    fn name(&mut self) -> Option<&'t str> {
        let text = self.rest.trim_start();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        Some(name)
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.trim_start().strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A text in double quotes, in which `\\`, `\"` and `\n` stand for one character.
    fn quoted(&mut self) -> Option<String> {
        let text = self.rest.trim_start().strip_prefix('"')?;
        let mut value = String::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &text[at + 1..];
                    return Some(value);
                }
                '\\' => match chars.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                other => value.push(other),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n\
        process_resident_memory_bytes 1.25e+08\nqueue_depth{kind=\"out\",node=\"a\\\"b\"} 3 1395066363000\n\
        queue_depth{kind=\"in\",} 4\nqueue_depth{kind=\"out\",node=\"c\"} 5\nbroken{kind=out} 7\nodd NaN\nfar +Inf\n";

    fn value(selector: &str) -> Option<f64> {
        read(PAGE, &[&Selector::parse(selector).expect(selector)]).expect("metrics")[0]
    }

    #[test]
    fn samples_that_match_are_added_up_or_the_largest_is_taken() {
        for (selector, wanted) in [
            ("process_resident_memory_bytes", Some(125_000_000.0)),
            ("queue_depth", Some(12.0)),
            ("sum( queue_depth )", Some(12.0)),
            ("max(queue_depth)", Some(5.0)),
            ("queue_depth{kind=\"out\"}", Some(8.0)),
            ("queue_depth{kind!=\"out\"}", Some(4.0)),
            ("queue_depth{kind = \"out\", node=\"a\\\"b\"}", Some(3.0)),
            ("max(queue_depth{node=\"\"})", Some(4.0)),
            ("broken", None),
            ("odd", None),
            ("far", None),
            ("queue", None),
        ] {
            assert_eq!(value(selector), wanted, "{selector}");
        }
        let rate = Selector::parse("rate(queue_depth)").expect("a selector");
        assert_eq!((rate.combine, read(PAGE, &[&rate])), (Combine::Rate, Ok(vec![Some(12.0)])));
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        let long = "x".repeat(301);
        for wrong in
            ["", "{}", "1x", "a b", "a{", "a{b}", "a{b=c}", "a{b=~\"c\"}", "a{b=\"c\"", "avg(a)", "max(a", "a)", &long]
        {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
        for right in ["max(a{b!=\"c\",d=\"e\"})", "a", "rate(a)"] {
            let selector = Selector::parse(right).expect(right);
            assert_eq!(selector.to_string(), right);
        }
    }

    #[test]
    fn a_page_that_is_no_exposition_is_no_zero() {
        let selector = Selector::parse("a").expect("a selector");
        for text in ["", "<html><body>503</body></html>", "a{b=\"", "a{b=\"\\", "a", "\u{0}\u{7f}"] {
            assert!(read(text, &[&selector]).is_err(), "{text}");
        }
    }
}
