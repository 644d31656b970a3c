//! `junit.xml`: a test suite with one case for the verdict, one for each gate and one for each operation.
//!
//! Gates decide, so only gates and the verdict can fail; an operation's case carries its figures. A gate that cannot
//! be told is skipped, and the verdict's case is then an error: a run that proved nothing must not look green.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::results::{GateFigures, OperationFigures, Outcome, Results, Severity};

use super::untrusted::VisibleText;
use super::{figures, wording};

/// Writes the report.
pub(super) fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let run = &results.run;
    let mut suite = TestSuite::new(run.name.as_str());
    // The type is that of a dependency's dependency: named nowhere, so that ours need not name it either.
    suite.timestamp = run.started_at.parse().ok();
    suite.time = duration(run.load_s);
    for (name, value) in [
        ("run", run.id.clone()),
        ("seed", run.seed.to_string()),
        ("target", run.target.clone()),
        ("scenario_hash", run.scenario_hash.clone()),
        ("version", run.version.clone()),
    ] {
        suite.add_property(Property::new(name, value));
    }
    let mut verdict = verdict_case(results);
    // The whole run's time is that of its verdict: servers that sum up the cases come to the same.
    verdict.time = suite.time;
    suite.add_test_case(verdict);
    suite.add_test_cases(results.gates.iter().map(|gate| gate_case(&run.name, gate)));
    let operations = wording::in_order(results).into_iter();
    suite.add_test_cases(operations.map(|(name, operation)| operation_case(&run.name, name, operation)));

    let mut report = Report::new("pbxload");
    report.time = suite.time;
    report.add_test_suite(suite);
    let xml = report.to_string().map_err(io::Error::other)?;
    // The serializer strips the control characters of ASCII; this takes the others, which XML forbids or hides.
    let mut visible = VisibleText::default();
    visible.write_str(&xml).map_err(io::Error::other)?;
    writeln!(out, "{}", visible.into_string())
}

fn verdict_case(results: &Results) -> TestCase {
    let sentence = format!("{}: {}", wording::outcome(results.verdict.outcome), wording::verdict(results));
    let status = match results.verdict.outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail => unsuccessful(NonSuccessKind::Failure, &sentence, &results.verdict.reasons.join("\n")),
        Outcome::NoVerdict => unsuccessful(NonSuccessKind::Error, &sentence, &results.verdict.reasons.join("\n")),
    };
    let mut case = TestCase::new("verdict", status);
    case.set_classname(results.run.name.as_str());
    if !results.warnings.is_empty() {
        case.set_system_err(results.warnings.join("\n"));
    }
    case
}

fn gate_case(scenario: &str, gate: &GateFigures) -> TestCase {
    let measured = wording::measured(gate);
    let status = match gate.passed {
        Some(true) => TestCaseStatus::success(),
        // A warning is to be seen and fails no build: the formats of build servers have no other word for that.
        Some(false) if gate.severity == Severity::Warn => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("warning: measured {measured}, limit {}; {}", gate.limit, gate.note));
            status
        }
        Some(false) => {
            let message = format!("expected {}, measured {measured}", gate.gate);
            let mut text = format!("gate:     {}\nlimit:    {}\nmeasured: {measured}", gate.gate, gate.limit);
            let remark = wording::remark(gate);
            if !remark.is_empty() {
                text.push_str(&format!("\nnote:     {remark}"));
            }
            unsuccessful(NonSuccessKind::Failure, &message, &text)
        }
        None => {
            let mut status = TestCaseStatus::skipped();
            let why = if gate.note.is_empty() { "cannot be told" } else { &gate.note };
            status.set_message(format!("{why}; limit {}", gate.limit));
            status
        }
    };
    let mut case = TestCase::new(gate.gate.as_str(), status);
    case.set_classname(format!("{scenario}.gates"));
    if gate.passed == Some(true) {
        let remark = wording::remark(gate);
        let remark = if remark.is_empty() { String::new() } else { format!("; {remark}") };
        case.set_system_out(format!("measured {measured}, limit {}{remark}", gate.limit));
    }
    case
}

fn operation_case(scenario: &str, name: &str, operation: &OperationFigures) -> TestCase {
    let status = if operation.started == 0 {
        let mut status = TestCaseStatus::skipped();
        status.set_message("never started");
        status
    } else {
        TestCaseStatus::success()
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{scenario}.operations"));
    let response = &operation.response_us;
    let mut text = format!(
        "{} started, {} ok, {} failed, {} open, {}",
        operation.started,
        operation.ok,
        operation.failed,
        operation.open,
        figures::rate(operation.rate_per_s)
    );
    if response.count > 0 {
        case.time = duration(response.mean / 1e6);
        let [p50, p95, p99, max] = [response.p50, response.p95, response.p99, response.max].map(figures::micros);
        text.push_str(&format!("\nresponse p50 {p50}, p95 {p95}, p99 {p99}, max {max}"));
    }
    for (class, count) in &operation.failures {
        text.push_str(&format!("\n{class}: {count}"));
    }
    case.set_system_out(text);
    case
}

fn unsuccessful(kind: NonSuccessKind, message: &str, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    if !description.is_empty() {
        status.set_description(description);
    }
    status
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn junit_of(results: &Results) -> String {
        let mut out = Vec::new();
        write(results, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn gates_fail_with_what_was_expected_and_measured() {
        insta::assert_snapshot!(junit_of(&fixture::one_point()), @r##"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="pbxload" tests="6" skipped="1" failures="2" errors="0" time="1.000">
            <testsuite name="friday-morning" tests="6" skipped="1" errors="0" failures="2" timestamp="2026-05-08T09:12:03.000+00:00" time="1.000">
                <properties>
                    <property name="run" value="0197a1c2-5f3e-7b44-9c11-2f6a8d0e4b73"/>
                    <property name="seed" value="42"/>
                    <property name="target" value="wss://pbx.staging.example.com:8887"/>
                    <property name="scenario_hash" value="9f2c4e7ab1d05836"/>
                    <property name="version" value="0.1.0"/>
                </properties>
                <testcase name="verdict" classname="friday-morning" time="1.000">
                    <failure message="Fail: 1 of 3 gates did not hold">`publish.response.p99 &lt; 2ms`: 2.1 ms</failure>
                </testcase>
                <testcase name="publish.response.p99 &lt; 2ms" classname="friday-morning.gates">
                    <failure message="expected publish.response.p99 &lt; 2ms, measured 2.1 ms">gate:     publish.response.p99 &lt; 2ms
        limit:    2 ms
        measured: 2.1 ms
        note:     5% over the limit</failure>
                </testcase>
                <testcase name="delivery.p99 &lt; 1s" classname="friday-morning.gates">
                    <skipped message="no samples; limit 1 s"/>
                </testcase>
                <testcase name="failures.ratio &lt; 50%" classname="friday-morning.gates">
                    <system-out>measured 18.2%, limit 50%</system-out>
                </testcase>
                <testcase name="publish" classname="friday-morning.operations" time="0.005">
                    <system-out>10 started, 9 ok, 1 failed, 0 open, 9.00/s
        response p50 4.10 ms, p95 92.5 ms, p99 92.5 ms, max 92.5 ms
        rejected(503): 1</system-out>
                </testcase>
                <testcase name="upload" classname="friday-morning.operations">
                    <system-out>1 started, 0 ok, 1 failed, 0 open, 0/s
        rejected(503): 1</system-out>
                </testcase>
            </testsuite>
        </testsuites>
        "##);
    }

    #[test]
    fn a_run_that_proved_nothing_is_an_error() {
        let report = junit_of(&fixture::saturated());
        assert!(report.contains(r#"errors="1""#), "{report}");
        assert!(report.contains("<error message=\"No verdict"), "{report}");
        assert!(report.contains("<skipped message="), "{report}");
    }

    #[test]
    fn control_characters_and_markup_do_not_break_it() {
        let report = junit_of(&fixture::hostile());
        assert!(!report.contains("<script>"), "{report}");
        assert!(!report.chars().any(|c| c.is_control() && c != '\n'), "{report}");
        let mut read_back = quick_junit::Report::deserialize_from_str(&report).expect("well-formed");
        assert_eq!(read_back.test_suites.remove(0).test_cases.len(), report.matches("<testcase ").count());
    }
}
