//! `[journal]`: how long the intervals of a run's journal stay as fine as they were measured.

use std::time::Duration;

use super::Journal;
use super::problem::Problem;
use super::read::{Reader, Value};

pub(super) const JOURNAL_KEYS: &[&str] = &["fine", "medium"];
const AGE_MIN: Duration = Duration::from_secs(1);
const AGE_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

impl Default for Journal {
    fn default() -> Self {
        Journal { fine: Duration::from_secs(3_600), medium: Duration::from_secs(24 * 3_600) }
    }
}

/// `[journal]`; what is not given has a default for weeks.
pub(super) fn journal(reader: &mut Reader, value: Option<&Value<'_>>) -> Option<Journal> {
    let usual = Journal::default();
    let Some(value) = value else { return Some(usual) };
    let fields = reader.table("`[journal]`", value, JOURNAL_KEYS)?;
    let mut age = |key: &str, usual: Duration| match fields.get(key) {
        Some(value) => reader.duration(&format!("`{key}`"), value, AGE_MIN..=AGE_MAX),
        None => Some(usual),
    };
    let fine = age("fine", usual.fine)?;
    let medium = age("medium", usual.medium.max(fine))?;
    if medium < fine {
        let place = fields.get("medium").map_or(fields.place.clone(), |value| value.span());
        let problem = Problem::at(place, "`medium` is shorter than `fine`");
        reader.problem(
            problem.help("intervals of 1 s become 10 s wide after `fine`, and those 60 s wide after `medium`"),
        );
        return None;
    }
    Some(Journal { fine, medium })
}
