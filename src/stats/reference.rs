//! The figures of other implementations, as tests read them.

use serde_json::Value;

/// One part of `tests/data/stats/reference.json`.
pub(super) fn part(name: &str) -> Value {
    let text = include_str!("../../tests/data/stats/reference.json");
    let whole: Value = serde_json::from_str(text).expect("it was written by a program");
    whole[name].clone()
}

/// The cases of a part.
pub(super) fn cases(name: &str) -> Vec<Value> {
    part(name).as_array().expect("a list of cases").clone()
}

/// A number of a case.
pub(super) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

/// A list of numbers of a case.
pub(super) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

/// Holds a figure to the other implementation's, to `digits` decimals relative to its size.
#[track_caller]
pub(super) fn agrees(ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(1.0), "ours {ours}, theirs {theirs}");
}
