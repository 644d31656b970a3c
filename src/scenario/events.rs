//! `[[event]]`: what happens to users in the middle of the load, at a time or again and again.

use std::time::Duration;

use super::curves::DraftLoad;
use super::problem::Problem;
use super::read::{Fields, Reader, Value};
use super::{Disturbance, LoadEvent, Reconnect};

pub(super) const EVENT_KEYS: &[&str] = &["at", "every", "share", "for", "do", "reconnect", "arrivals"];
/// The words of `do`.
pub(super) const DISTURBANCES: &[(&str, Disturbance)] = &[
    ("drop", Disturbance::Drop),
    ("pause-reading", Disturbance::PauseReading),
    ("half-open", Disturbance::HalfOpen),
    ("burst", Disturbance::Burst),
    ("restart-storm", Disturbance::RestartStorm),
];
/// The words of `reconnect`.
pub(super) const RECONNECTS: &[(&str, Reconnect)] = &[("jitter", Reconnect::Jitter), ("at-once", Reconnect::AtOnce)];
const AT_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);
const EVERY_MIN: Duration = Duration::from_secs(1);
const FOR_MIN: Duration = Duration::from_millis(1);
const FOR: Duration = Duration::from_secs(30);
const ARRIVALS_MAX: u64 = 1_000_000;

impl Disturbance {
    /// The word in a scenario, and in the results.
    pub fn word(self) -> &'static str {
        DISTURBANCES.iter().find(|(_, of)| *of == self).map_or("", |(word, _)| word)
    }

    fn takes_time(self) -> bool {
        matches!(self, Disturbance::PauseReading | Disturbance::HalfOpen)
    }

    fn reconnects(self) -> bool {
        matches!(self, Disturbance::Drop | Disturbance::RestartStorm | Disturbance::HalfOpen)
    }
}

/// `[[event]]`; `None` when one of them could not be read.
pub(super) fn events(
    reader: &mut Reader,
    value: Option<&Value<'_>>,
    load: Option<&DraftLoad>,
) -> Option<Vec<LoadEvent>> {
    let Some(value) = value else { return Some(Vec::new()) };
    let kind = "a list of tables: `[[event]]`, then `at = \"10m\"` and `do = \"drop\"`";
    let list = reader.array("`event`", value, kind)?;
    let events: Vec<Option<LoadEvent>> = list.iter().map(|value| event(reader, value, load)).collect();
    events.into_iter().collect()
}

fn event(reader: &mut Reader, value: &Value<'_>, load: Option<&DraftLoad>) -> Option<LoadEvent> {
    let fields = reader.table("`[[event]]`", value, EVENT_KEYS)?;
    let what = fields
        .need(reader, "do", "such as `do = \"drop\"`")
        .and_then(|value| reader.choice("`do`", value, DISTURBANCES));
    let at = fields
        .need(reader, "at", "when in the load it happens, such as `at = \"10m\"`")
        .and_then(|value| reader.duration("`at`", value, Duration::ZERO..=AT_MAX));
    let every = match fields.get("every") {
        Some(value) => reader.duration("`every`", value, EVERY_MIN..=AT_MAX).map(Some),
        None => Some(None),
    };
    let length = match fields.get("for") {
        Some(value) => reader.duration("`for`", value, FOR_MIN..=AT_MAX),
        None => Some(FOR),
    };
    let share = match fields.get("share") {
        Some(value) => share(reader, value),
        None => Some(1.0),
    };
    let reconnect = match fields.get("reconnect") {
        Some(value) => reader.choice("`reconnect`", value, RECONNECTS),
        None if what == Some(Disturbance::RestartStorm) => Some(Reconnect::AtOnce),
        None => Some(Reconnect::Jitter),
    };
    let arrivals = match fields.get("arrivals") {
        Some(value) => reader.whole("`arrivals`", value, 1..=ARRIVALS_MAX),
        None => Some(0),
    };
    if let Some(what) = what {
        check_keys(reader, &fields, what);
        if what == Disturbance::Burst && load.is_some_and(|load| matches!(load.arrivals, Some(None))) {
            let place = fields.key_place("do").unwrap_or(value.span());
            let problem = Problem::at(place, "a burst needs users that wait for arrivals, and there are none");
            let key = if load.is_some_and(DraftLoad::is_of_day) { "load.day.arrivals" } else { "load.arrivals" };
            reader.problem(problem.help(format!("add `{key}` and a state with `await = \"arrival\"`")));
        }
    }
    Some(LoadEvent {
        at: at?,
        every: every?,
        what: what?,
        share: share?,
        length: length?,
        reconnect: reconnect?,
        arrivals: u32::try_from(arrivals?).unwrap_or(u32::MAX),
    })
}

/// Keys that say nothing about this kind of event.
fn check_keys(reader: &mut Reader, fields: &Fields<'_, '_>, what: Disturbance) {
    let is_burst = what == Disturbance::Burst;
    let allowed = [
        ("for", what.takes_time(), "it goes with `pause-reading` and `half-open`"),
        ("reconnect", what.reconnects(), "it goes with `drop`, `half-open` and `restart-storm`"),
        ("arrivals", is_burst, "it goes with `burst`"),
        ("share", !is_burst, "say how many with `arrivals`"),
    ];
    for (key, is_allowed, way) in allowed {
        if let Some(place) = fields.key_place(key).filter(|_| !is_allowed) {
            let problem = Problem::at(place, format!("`{key}` means nothing for `{}`", what.word()));
            reader.problem(problem.help(way));
        }
    }
    if is_burst {
        fields.need(reader, "arrivals", "how many begin at once: `arrivals = 200`");
    }
}

fn share(reader: &mut Reader, value: &Value<'_>) -> Option<f64> {
    let share = reader.number("`share`", value, "a number above 0, up to 1: `share = 0.2`")?;
    if share > 0.0 && share <= 1.0 {
        return Some(share);
    }
    let problem = Problem::at(value.span(), "`share` is not above 0 and up to 1");
    reader.problem(problem.help("a fifth of all users: `share = 0.2`"));
    None
}
