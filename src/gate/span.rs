//! Which part of the load a gate looks at: `during "hold"`, `during "1m..2m"`.

use std::fmt;
use std::time::Duration;

use crate::results::StageFigures;

/// Longest name of a stage, characters.
pub const STAGE_NAME_CHARS_MAX: usize = 40;
/// Names of the stages that have none of their own, without their number.
const KINDS: [&str; 4] = ["ramp", "hold", "arrivals-ramp", "arrivals-hold"];

/// A part of the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// A stage of a load curve, by its name.
    Stage(String),
    /// From one instant of the load to another.
    Between(Duration, Duration),
}

/// Seconds of the load.
pub(super) type Seconds = (f64, f64);

impl Span {
    /// Where it lies, or the names that it might have meant.
    pub(super) fn find(&self, stages: &[StageFigures]) -> Result<Seconds, Unknown> {
        let name = match self {
            Span::Between(from, to) => return Ok((from.as_secs_f64(), to.as_secs_f64())),
            Span::Stage(name) => name,
        };
        let span = |stage: &StageFigures| (stage.from_s, stage.to_s);
        if let Some(stage) = stages.iter().find(|stage| stage.name == *name) {
            return Ok(span(stage));
        }
        let is_of_kind = |stage: &&StageFigures| {
            stage.name.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_number)
        };
        let of_kind: Vec<&StageFigures> =
            stages.iter().filter(|_| KINDS.contains(&name.as_str())).filter(is_of_kind).collect();
        match of_kind.as_slice() {
            [only] => Ok(span(only)),
            [] => Err(Unknown::Nothing { nearest: nearest(name, stages) }),
            several => Err(Unknown::Several(several.iter().map(|stage| stage.name.clone()).collect())),
        }
    }
}

/// Why a stage's name says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unknown {
    /// No stage has it; this one is nearest.
    Nothing { nearest: Option<String> },
    /// It stands for each of these.
    Several(Vec<String>),
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn nearest(name: &str, stages: &[StageFigures]) -> Option<String> {
    let distance = |stage: &StageFigures| strsim::damerau_levenshtein(&name.to_lowercase(), &stage.name.to_lowercase());
    let (steps, best) = stages.iter().map(|stage| (distance(stage), stage)).min_by_key(|(steps, _)| *steps)?;
    (steps <= 2.max(name.chars().count() / 3)).then(|| best.name.clone())
}

/// As in the grammar.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Span::Stage(name) => write!(f, "\"{name}\""),
            Span::Between(from, to) => write!(f, "\"{}..{}\"", duration_text(*from), duration_text(*to)),
        }
    }
}

/// A duration without blanks: `1m30s`.
pub(super) fn duration_text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(names: &[&str]) -> Vec<StageFigures> {
        let stage = |(index, name): (usize, &&str)| StageFigures {
            name: (*name).to_owned(),
            from_s: index as f64,
            to_s: index as f64 + 1.0,
        };
        names.iter().enumerate().map(stage).collect()
    }

    #[test]
    fn a_stage_is_found_by_its_name_or_as_the_only_one_of_its_kind() {
        let find = |name: &str, names: &[&str]| Span::Stage(name.to_owned()).find(&stages(names));
        assert_eq!(find("peak", &["ramp-1", "peak"]), Ok((1.0, 2.0)));
        assert_eq!(find("hold", &["ramp-1", "hold-1", "ramp-2"]), Ok((1.0, 2.0)));
        assert_eq!(
            find("ramp", &["ramp-1", "hold-1", "ramp-2"]),
            Err(Unknown::Several(vec!["ramp-1".to_owned(), "ramp-2".to_owned()]))
        );
        assert_eq!(find("hodl-1", &["ramp-1", "hold-1"]), Err(Unknown::Nothing { nearest: Some("hold-1".to_owned()) }));
        assert_eq!(find("evening", &["ramp-1", "hold-1"]), Err(Unknown::Nothing { nearest: None }));
        assert_eq!(find("pe", &["pe-1"]), Err(Unknown::Nothing { nearest: Some("pe-1".to_owned()) }));
    }
}
