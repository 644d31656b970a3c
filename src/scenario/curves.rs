//! `[load]`: how many users are online, and how many iterations begin each second.

use std::ops::Range;
use std::time::Duration;

use super::problem::Problem;
use super::quantity::STAGE_MAX;
use super::read::{Reader, Value};
use super::stages::{self, Name};
use super::users::USERS_MAX;
use super::{Day, Load, NamedStage, Spacing, Stage, day};

pub(super) const LOAD_KEYS: &[&str] = &["users", "arrivals", "day", "arrival_spacing", "drain", "catch_up"];
pub(super) const STAGE_KEYS: &[&str] = &["to", "over", "hold", "name"];
/// The words of `load.arrival_spacing`.
pub(super) const SPACINGS: &[(&str, Spacing)] = &[("poisson", Spacing::Poisson), ("even", Spacing::Even)];

const DRAIN: Duration = Duration::from_secs(5);
const DRAIN_MAX: Duration = Duration::from_secs(3_600);

/// A load curve with the place of its highest value.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) stages: Vec<Stage>,
    /// The names that the scenario gives them.
    pub(super) names: Vec<Name>,
    pub(super) peak: f64,
    pub(super) peak_place: Range<usize>,
    pub(super) place: Range<usize>,
}

/// The load, as far as it could be read.
#[derive(Debug)]
pub(super) struct DraftLoad {
    pub(super) users: Option<Curve>,
    /// `Some(None)` without an open model, `None` when it could not be read.
    pub(super) arrivals: Option<Option<Curve>>,
    stages: Vec<NamedStage>,
    day: Option<Day>,
    spacing: Option<Spacing>,
    drain: Option<Duration>,
    catch_up: Option<bool>,
}

impl DraftLoad {
    /// Whether it is given by times of day.
    pub(super) fn is_of_day(&self) -> bool {
        self.day.is_some()
    }

    pub(super) fn finish(self) -> Option<Load> {
        Some(Load {
            users: self.users?.stages,
            arrivals: self.arrivals?.map(|curve| curve.stages).unwrap_or_default(),
            stages: self.stages,
            day: self.day,
            spacing: self.spacing?,
            drain: self.drain?,
            catch_up: self.catch_up?,
        })
    }
}

/// What a curve counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Users,
    Arrivals,
}

/// `[load]`.
pub(super) fn load(reader: &mut Reader, value: &Value<'_>) -> Option<DraftLoad> {
    let fields = reader.table("`[load]`", value, LOAD_KEYS)?;
    let way = "say how many users are online: `users = [ { to = 100, over = \"10s\" }, { hold = \"1m\" } ]`";
    let (day, users, arrivals) = match fields.get("day") {
        Some(value) => {
            for key in ["users", "arrivals"] {
                if let Some(place) = fields.key_place(key) {
                    let problem = Problem::at(place, format!("`load.{key}` beside `load.day`"));
                    reader.problem(problem.help(format!(
                        "the load is given by times of day or by stages: drop one, or move it to `load.day.{key}`"
                    )));
                }
            }
            match day::day(reader, value) {
                Some((day, users, arrivals)) => (Some(day), Some(users), Some(arrivals)),
                None => (None, None, None),
            }
        }
        None => {
            let users = fields.need(reader, "users", way).and_then(|value| curve(reader, value, Unit::Users));
            let arrivals = match fields.get("arrivals") {
                Some(value) => curve(reader, value, Unit::Arrivals).map(Some),
                None => Some(None),
            };
            (None, users, arrivals)
        }
    };
    let spacing = match fields.get("arrival_spacing") {
        Some(value) => {
            let of_day = fields.get("day").and_then(|day| day.get_ref().get("arrivals"));
            if fields.get("arrivals").is_none() && of_day.is_none() {
                let place = fields.key_place("arrival_spacing").unwrap_or(value.span());
                let problem = Problem::at(place, "`arrival_spacing` without `arrivals`");
                reader.problem(problem.help("add `arrivals`, or drop `arrival_spacing`"));
            }
            reader.choice("`arrival_spacing`", value, SPACINGS)
        }
        None => Some(Spacing::Poisson),
    };
    let drain = match fields.get("drain") {
        Some(value) => reader.duration("`drain`", value, Duration::ZERO..=DRAIN_MAX),
        None => Some(DRAIN),
    };
    let catch_up = match fields.get("catch_up") {
        Some(value) => reader.boolean("`catch_up`", value),
        None => Some(true),
    };
    let stages = match (&users, &arrivals) {
        (Some(users), Some(arrivals)) => stages::named(reader, users, arrivals.as_ref()),
        _ => Vec::new(),
    };
    Some(DraftLoad { users, arrivals, stages, day, spacing, drain, catch_up })
}

fn curve(reader: &mut Reader, value: &Value<'_>, unit: Unit) -> Option<Curve> {
    let (name, kind) = match unit {
        Unit::Users => ("`load.users`", "a list such as `[ { to = 100, over = \"10s\" }, { hold = \"1m\" } ]`"),
        Unit::Arrivals => {
            ("`load.arrivals`", "a list such as `[ { to = \"50/s\", over = \"10s\" }, { hold = \"1m\" } ]`")
        }
    };
    let list = reader.array(name, value, kind)?;
    let mut curve =
        Curve { stages: Vec::new(), names: Vec::new(), peak: 0.0, peak_place: value.span(), place: value.span() };
    let mut is_whole = true;
    for item in list.iter() {
        match stage(reader, item, name, unit) {
            Some((stage, place, name)) => {
                if let Some(to) = stage.to.filter(|to| *to > curve.peak) {
                    (curve.peak, curve.peak_place) = (to, place);
                }
                curve.stages.push(stage);
                curve.names.push(name);
            }
            None => is_whole = false,
        }
    }
    if !is_whole {
        return None;
    }
    let length: Duration = curve.stages.iter().map(|stage| stage.over).fold(Duration::ZERO, Duration::saturating_add);
    let problem = if curve.stages.is_empty() {
        format!("{name} is empty")
    } else if curve.peak == 0.0 {
        format!("{name} never rises above zero")
    } else if length.is_zero() {
        format!("{name} lasts no time at all")
    } else if length > STAGE_MAX {
        format!("{name} lasts longer than a year")
    } else {
        return Some(curve);
    };
    reader.problem(Problem::at(value.span(), problem).expected(format!("expected {kind}")));
    None
}

/// A stage, the place of its value, and its name.
fn stage(reader: &mut Reader, value: &Value<'_>, curve: &str, unit: Unit) -> Option<(Stage, Range<usize>, Name)> {
    let fields = reader.table(&format!("a stage of {curve}"), value, STAGE_KEYS)?;
    let name = stages::name(reader, fields.get("name"));
    let mut to_place = value.span();
    let to = match fields.get("to") {
        Some(to) => {
            to_place = to.span();
            match unit {
                Unit::Users => reader.whole("`to`", to, 0..=USERS_MAX).map(|users| users as f64),
                Unit::Arrivals => reader.rate("`to`", to),
            }
            .map(Some)
        }
        None => Some(None),
    };
    let mut duration = |key: &str, shortest: Duration| match fields.get(key) {
        Some(value) => reader.duration(&format!("`{key}`"), value, shortest..=STAGE_MAX).map(Some),
        None => Some(None),
    };
    let (over, hold) = (duration("over", Duration::ZERO), duration("hold", Duration::from_millis(1)));
    let stage = match (to?, over?, hold?) {
        (Some(to), Some(over), None) => Stage { to: Some(to), over },
        (None, None, Some(hold)) => Stage { to: None, over: hold },
        (to, over, hold) => {
            let (message, way) = match (to, over, hold) {
                (Some(_), _, Some(_)) => ("a stage has either `to` or `hold`", "write two stages, one after the other"),
                (Some(_), None, None) => {
                    ("a stage with `to` needs `over`", "say how long it takes, such as `over = \"10s\"`")
                }
                (None, Some(_), _) => {
                    ("a stage with `over` needs `to`", "say where it goes, or write `hold` for a pause")
                }
                _ => ("a stage needs `to` and `over`, or `hold`", "such as `{ to = 100, over = \"10s\" }`"),
            };
            reader.problem(Problem::at(value.span(), message).help(way));
            return None;
        }
    };
    Some((stage, to_place, name?))
}
