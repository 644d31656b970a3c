//! `--users` and `--duration`: flags that change several values of the load curves at once.

use std::ops::Range;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::path::{Segment, of};
use super::{Edit, quoted};
use crate::scenario::problem::Problem;
use crate::scenario::quantity::parse_duration;
use crate::scenario::read::Value;

/// Shortest hold that a cut leaves: a curve whose hold is gone is another curve.
const HOLD_MIN: Duration = Duration::from_millis(1);

/// The stages of a curve; empty when they cannot be read, which is reported when the curve is.
fn stages<'v, 'i>(tree: &'v DeTable<'i>, curve: &str) -> &'v [Value<'i>] {
    let list = tree.get("load").and_then(|load| load.get_ref().get(curve));
    list.and_then(|list| list.get_ref().as_array()).map_or(&[], |list| list.as_ref())
}

fn stage_path(curve: &str, index: usize, key: &str) -> Vec<Segment> {
    let mut path = of(&["load", curve]);
    path.extend([Segment::Index(index), Segment::Key(key.to_owned())]);
    path
}

/// As many users as planned, and a curve in proportion: what was its peak becomes `users`.
pub(super) fn users(tree: &DeTable<'_>, users: u32, place: &Range<usize>) -> Vec<Edit> {
    let mut edits = vec![Edit::new(&["users", "count"], users.to_string(), place.clone())];
    let value = |stage: &Value<'_>| whole(stage.get_ref().get("to")?);
    let values: Vec<Option<u64>> = stages(tree, "users").iter().map(value).collect();
    let of_day: Vec<(String, u64)> = points_of_day(tree);
    let peak = values.iter().flatten().copied().chain(of_day.iter().map(|(_, value)| *value)).max().unwrap_or(0);
    if peak == 0 {
        return edits;
    }
    let scaled = |value: u64| (u128::from(value) * u128::from(users) + u128::from(peak / 2)) / u128::from(peak);
    for (time, value) in of_day {
        let path = of(&["load", "day", "users", &time]);
        edits.push(Edit::at(path, scaled(value).to_string(), place.clone()));
    }
    for (index, value) in values.into_iter().enumerate() {
        if let Some(value) = value {
            edits.push(Edit::at(stage_path("users", index, "to"), scaled(value).to_string(), place.clone()));
        }
    }
    edits
}

fn whole(value: &Value<'_>) -> Option<u64> {
    let integer = value.get_ref().as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The times of `load.day.users` with their users.
fn points_of_day(tree: &DeTable<'_>) -> Vec<(String, u64)> {
    let users = tree.get("load").and_then(|load| load.get_ref().get("day")?.get_ref().get("users"));
    let Some(DeValue::Table(points)) = users.map(|users| users.get_ref()) else { return Vec::new() };
    points.iter().filter_map(|(time, value)| Some((time.get_ref().to_string(), whole(value)?))).collect()
}

/// Both curves with their last hold cut or extended by what is missing to the whole length.
pub(super) fn duration(tree: &DeTable<'_>, wanted: Duration, place: &Range<usize>) -> Result<Vec<Edit>, Problem> {
    if tree.get("load").is_some_and(|load| load.get_ref().get("day").is_some()) {
        let problem = Problem::at(place.clone(), "`--duration` does not cut a day short");
        return Err(problem.help("go through it faster, as in `--set load.day.speed_up=48`"));
    }
    let curves = [("users", stages(tree, "users")), ("arrivals", stages(tree, "arrivals"))];
    let length =
        |stages: &[Value<'_>]| stages.iter().filter_map(time_of).fold(Duration::ZERO, Duration::saturating_add);
    let whole = length(curves[0].1).max(length(curves[1].1));
    let mut edits = Vec::new();
    for (name, stages) in curves {
        if stages.is_empty() {
            continue;
        }
        let mut holds = stages.iter().enumerate().filter_map(|(index, stage)| Some((index, hold_of(stage)?)));
        let Some((index, hold)) = holds.next_back() else {
            let problem = Problem::at(place.clone(), format!("`load.{name}` has no `hold` to cut or to extend"));
            return Err(problem.help(format!("end `load.{name}` with a hold, such as `{{ hold = \"1m\" }}`")));
        };
        let Some(hold) = (hold + wanted).checked_sub(whole).filter(|hold| *hold >= HOLD_MIN) else {
            let shortest = (whole + HOLD_MIN).saturating_sub(hold);
            let shortest = Duration::from_secs(shortest.as_secs() + u64::from(shortest.subsec_nanos() > 0));
            let message = format!("`load.{name}` cannot be cut to {}", humantime::format_duration(wanted));
            let way = format!(
                "only the last hold is cut; the shortest is {}, or shorten other stages, as in `--set load.{name}[0].over=1s`",
                humantime::format_duration(shortest)
            );
            return Err(Problem::at(place.clone(), message).help(way));
        };
        let value = quoted(&humantime::format_duration(hold).to_string());
        edits.push(Edit::at(stage_path(name, index, "hold"), value, place.clone()));
    }
    Ok(edits)
}

fn hold_of(stage: &Value<'_>) -> Option<Duration> {
    parse_duration(stage.get_ref().get("hold")?.get_ref().as_str()?)
}

fn time_of(stage: &Value<'_>) -> Option<Duration> {
    hold_of(stage).or_else(|| match stage.get_ref() {
        DeValue::Table(table) => parse_duration(table.get("over")?.get_ref().as_str()?),
        _ => None,
    })
}
