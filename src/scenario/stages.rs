//! Names of stages: those that the scenario gives, and `ramp-1`, `hold-1`, … for the others.

use std::time::Duration;

use super::curves::Curve;
use super::problem::Problem;
use super::read::{Reader, Value};
use super::{NamedStage, Stage};

/// Longest name, characters; as in the language of gates.
const NAME_CHARS_MAX: usize = 40;

/// The name of a stage with its place in the text.
pub(super) type Name = Option<(String, std::ops::Range<usize>)>;

/// Reads `name`.
pub(super) fn name(reader: &mut Reader, value: Option<&Value<'_>>) -> Option<Name> {
    let Some(value) = value else { return Some(None) };
    let text = reader.text("`name`", value)?;
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    let is_name = !text.text.is_empty() && text.text.trim() == text.text && text.text.chars().all(is_allowed);
    if is_name && text.text.chars().count() <= NAME_CHARS_MAX {
        return Some(Some((text.text.to_owned(), text.place)));
    }
    let problem = Problem::at(text.place, format!("a stage cannot be called `{}`", text.shown));
    reader.problem(problem.expected("expected letters, digits, `-`, `_` and blanks, at most 40"));
    None
}

/// The stages of both curves with a name for each; a name that is there twice is a problem.
pub(super) fn named(reader: &mut Reader, users: &Curve, arrivals: Option<&Curve>) -> Vec<NamedStage> {
    let mut stages: Vec<NamedStage> = Vec::new();
    let mut places: Vec<Option<std::ops::Range<usize>>> = Vec::new();
    for (curve, prefix) in [(Some(users), ""), (arrivals, "arrivals-")] {
        let Some(curve) = curve else { continue };
        let (mut from, mut ramps, mut holds) = (Duration::ZERO, 0, 0);
        for (Stage { to, over }, own) in curve.stages.iter().zip(&curve.names) {
            let (kind, count) = if to.is_some() { ("ramp", &mut ramps) } else { ("hold", &mut holds) };
            *count += 1;
            let usual = format!("{prefix}{kind}-{count}");
            let name = own.as_ref().map_or(usual, |(name, _)| name.clone());
            let place = own.as_ref().map(|(_, place)| place.clone());
            if let Some((before, other)) = stages.iter().zip(&places).find(|(stage, _)| stage.name == name) {
                // One of the two was written down: usual names are told apart by their numbers.
                let place = place.clone().or(other.clone()).unwrap_or(curve.place.clone());
                let problem = Problem::at(place, format!("two stages are called `{}`", before.name));
                reader.problem(
                    problem.help("`ramp-1`, `hold-1` and so on are the names of stages that have none of their own"),
                );
            }
            places.push(place);
            stages.push(NamedStage { name, from, to: from + *over });
            from += *over;
        }
    }
    stages
}
