//! `[gates]`: what decides the verdict and what ends a run early, as written; what it means is checked by `gate`.

use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::quantity::STAGE_MAX;
use super::read::{Fields, Reader, Value};
use super::{GateRules, GateSeverity, GateText};

pub(super) const GATES_KEYS: &[&str] = &["require", "warn", "abort_when", "min_samples", "missing_baseline"];
pub(super) const ABORT_KEYS: &[&str] = &["gate", "for", "after"];
/// The words of `gates.missing_baseline`, and whether they fail the run.
pub(super) const MISSING_BASELINE: &[(&str, bool)] = &[("no-verdict", false), ("fail", true)];
/// Most samples that can be asked for.
const MIN_SAMPLES_MAX: u64 = 1_000_000_000;

/// `[gates]`.
#[derive(Debug, Clone, Default)]
pub struct Gates {
    /// The gates, and the rules of `abort_when`.
    pub list: Vec<GateText>,
    /// What holds for all of them.
    pub rules: GateRules,
}

/// The gates of a scenario that ran, for who judges it once more: they were checked then, so what cannot be read now is
/// left out.
pub fn gates_of(text: &str) -> Gates {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut reader = Reader::partial();
    let gates = gates(&mut reader, root.get_ref().get("gates"));
    // With a mistake in it, what could be read of it counts.
    gates.unwrap_or_else(|| Gates { list: reader.take_gates(), rules: GateRules::default() })
}

/// Reads the section.
pub(super) fn gates(reader: &mut Reader, value: Option<&Value<'_>>) -> Option<Gates> {
    let mut gates = Gates::default();
    let Some(value) = value else { return Some(gates) };
    let fields = reader.table("`[gates]`", value, GATES_KEYS)?;
    for (key, severity) in [("require", GateSeverity::Require), ("warn", GateSeverity::Warn)] {
        let Some(value) = fields.get(key) else { continue };
        let kind = "a list such as `[ \"delivery.lost == 0\" ]`";
        for item in reader.array(&format!("`{key}`"), value, kind)?.iter() {
            let gate = gate(reader, item, severity);
            keep(reader, &mut gates, gate);
        }
    }
    if let Some(value) = fields.get("abort_when") {
        let kind = "a list such as `[ \"failures.ratio > 20% for 10s after 30s\" ]`";
        for item in reader.array("`abort_when`", value, kind)?.iter() {
            let rule = rule(reader, item);
            keep(reader, &mut gates, rule);
        }
    }
    let min_samples = match fields.get("min_samples") {
        Some(value) => reader.whole("`min_samples`", value, 0..=MIN_SAMPLES_MAX),
        None => Some(0),
    };
    let missing_baseline_fails = match fields.get("missing_baseline") {
        Some(value) => reader.choice("`missing_baseline`", value, MISSING_BASELINE),
        None => Some(false),
    };
    gates.rules = GateRules { min_samples: min_samples?, missing_baseline_fails: missing_baseline_fails? };
    Some(gates)
}

/// Keeps a gate, also for who checks what it means when the scenario is wrong elsewhere.
fn keep(reader: &mut Reader, gates: &mut Gates, gate: Option<GateText>) {
    let Some(gate) = gate else { return };
    reader.note_gate(gate.clone());
    gates.list.push(gate);
}

fn gate(reader: &mut Reader, item: &Value<'_>, severity: GateSeverity) -> Option<GateText> {
    let text = reader.text_as("a gate", item, "a text such as `\"delivery.lost == 0\"`")?;
    if text.text.trim().is_empty() {
        let problem = Problem::at(text.place, "a gate is empty");
        reader.problem(problem.expected("expected a bound such as `delivery.lost == 0`"));
        return None;
    }
    Some(GateText { text: text.text.to_owned(), severity, place: text.place })
}

/// A rule of `abort_when`: a text, or a table whose keys are written into the text.
fn rule(reader: &mut Reader, item: &Value<'_>) -> Option<GateText> {
    if !matches!(item.get_ref(), DeValue::Table(_)) {
        return gate(reader, item, GateSeverity::Abort);
    }
    let fields = reader.table("a rule of `abort_when`", item, ABORT_KEYS)?;
    let way = "such as `{ gate = \"failures.ratio > 20%\", for = \"10s\", after = \"30s\" }`";
    let mut rule = fields.need(reader, "gate", way).and_then(|value| gate(reader, value, GateSeverity::Abort))?;
    for key in ["for", "after"] {
        if let Some(span) = span(reader, &fields, key)? {
            rule.text.push_str(&format!(" {key} {span}"));
        }
    }
    Some(rule)
}

fn span(reader: &mut Reader, fields: &Fields<'_, '_>, key: &str) -> Option<Option<String>> {
    let Some(value) = fields.get(key) else { return Some(None) };
    let span = reader.duration(&format!("`{key}`"), value, std::time::Duration::ZERO..=STAGE_MAX)?;
    // Nothing to wait for is what the language says by saying nothing.
    Some((!span.is_zero()).then(|| humantime::format_duration(span).to_string().replace(' ', "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_in_a_table_is_the_rule_in_words() {
        let text = "[gates]\nmin_samples = 50\nmissing_baseline = \"fail\"\nabort_when = [\n\
                    { gate = \"failures.ratio > 20%\", for = \"10s\", after = \"1m 30s\" },\n\
                    \"publish.rate < 1/s for 5s\", { gate = \"users.peak > 9\", after = \"0s\" } ]\n";
        let gates = gates_of(text);
        let texts: Vec<&str> = gates.list.iter().map(|gate| gate.text.as_str()).collect();
        assert_eq!(texts, ["failures.ratio > 20% for 10s after 1m30s", "publish.rate < 1/s for 5s", "users.peak > 9"]);
        assert!(gates.list.iter().all(|gate| gate.severity == GateSeverity::Abort));
        assert_eq!(gates.rules, GateRules { min_samples: 50, missing_baseline_fails: true });
    }

    #[test]
    fn what_cannot_be_read_of_a_run_is_left_out() {
        let gates = gates_of("[gates]\nrequire = [ 5, \"delivery.lost == 0\", \"\" ]\n[broken");
        assert_eq!(gates.list.len(), 1);
        assert!(gates_of("").list.is_empty() && gates_of("gates = 5").list.is_empty());
    }
}
