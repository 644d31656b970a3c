//! The page as a whole: what goes where, and the way out.

use std::io::{self, Write};

use askama::Template;

use crate::report::drift::{self, Drifts};
use crate::report::events::{self, Happenings};
use crate::report::untrusted::VisibleText;
use crate::report::{doubts, figures, wording};
use crate::results::{GateFigures, Outcome, Results, RunInfo, Severity};

use super::balance::{self, Balance, TimeRow};
use super::curves;
use super::details::{self, Failure, Phases, Promise};
use super::figure::{Fact, Figure};
use super::headline::{self, Tile};
use super::operations::{self, Row};
use super::timeline::Timeline;

/// Charts of operations that are open at once; the others are folded away.
const RESPONSES_SHOWN: usize = 4;
/// Events that are told one by one.
const EVENTS_MAX: usize = 20;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    run: &'a RunInfo,
    facts: Vec<Fact>,
    outcome_class: &'static str,
    outcome: &'static str,
    sentence: String,
    reasons: Vec<Vec<wording::Piece<'a>>>,
    doubts: Vec<String>,
    gates: Vec<Gate<'a>>,
    tiles: Vec<Tile>,
    balance: Balance,
    time_columns: [&'static str; 7],
    response_columns: [&'static str; 6],
    operations: Vec<Row>,
    every_time: Vec<TimeRow>,
    over_time: bool,
    load: Vec<Figure>,
    happenings: Happenings,
    responses: Vec<Figure>,
    more_responses: Vec<Figure>,
    drifts: Drifts,
    own: Vec<Figure>,
    own_note: String,
    curves: Vec<Figure>,
    generator_charts: Vec<Figure>,
    promises: Vec<Promise>,
    failures: Vec<Failure>,
    phases: Vec<Phases>,
    connections: Vec<Fact>,
    traffic: Vec<Fact>,
    generator: Vec<Fact>,
    reproduce: Vec<Fact>,
}

struct Gate<'a> {
    figures: &'a GateFigures,
    class: &'static str,
    word: &'static str,
    severity: &'static str,
    /// Where in the load; empty for the whole run.
    place: String,
    measured: &'a str,
}

/// Writes the page.
pub(in crate::report) fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let mut text = VisibleText::default();
    page(results).render_into(&mut text).map_err(io::Error::other)?;
    out.write_all(text.into_string().as_bytes())
}

fn page(results: &Results) -> Page<'_> {
    let timeline = Timeline::new(results);
    let mut responses = timeline.responses();
    let more_responses = responses.split_off(responses.len().min(RESPONSES_SHOWN));
    Page {
        run: &results.run,
        facts: facts(results),
        outcome_class: match results.verdict.outcome {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::NoVerdict => "none",
        },
        outcome: wording::outcome(results.verdict.outcome),
        sentence: wording::verdict(results),
        reasons: results.verdict.reasons.iter().map(|reason| wording::pieces(reason)).collect(),
        doubts: doubts::of(results),
        gates: results.gates.iter().map(gate).collect(),
        tiles: headline::tiles(results),
        balance: balance::balance(results),
        time_columns: balance::TIME_COLUMNS,
        response_columns: operations::RESPONSE_COLUMNS,
        operations: operations::rows(results, &timeline),
        every_time: operations::every_time(results),
        over_time: !timeline.is_empty(),
        load: timeline.load(),
        happenings: events::happenings(results, EVENTS_MAX),
        responses,
        more_responses,
        drifts: drift::drifts(results),
        own: timeline.own(),
        own_note: wording::scrapes(results),
        curves: curves::figures(results),
        generator_charts: timeline.generator(),
        promises: details::promises(results),
        failures: details::failures(results),
        phases: details::phases(results),
        connections: details::connections(results),
        traffic: details::traffic(results),
        generator: details::generator(results),
        reproduce: details::reproduce(results),
    }
}

fn facts(results: &Results) -> Vec<Fact> {
    let run = &results.run;
    let planned = if (run.load_planned_s - run.load_s).abs() < 1.0 {
        String::new()
    } else {
        format!("of {} planned", figures::seconds(run.load_planned_s))
    };
    vec![
        Fact::new("Target", run.target.as_str()),
        Fact::new("When", figures::instant(&run.started_at)),
        Fact::new("Load", figures::seconds(run.load_s)).noted(planned),
        Fact::new("Users", figures::count(u64::from(run.users_planned))),
        Fact::new("Seed", run.seed.to_string()),
        Fact::new("Version", run.version.as_str()),
    ]
}

fn gate(gate: &GateFigures) -> Gate<'_> {
    let (class, word) = match gate.passed {
        Some(true) => ("pass", "pass"),
        Some(false) if gate.severity == Severity::Warn => ("none", "warning"),
        Some(false) => ("fail", "fail"),
        None => ("none", "cannot be told"),
    };
    let severity = match gate.severity {
        Severity::Require => "required",
        Severity::Warn => "warns",
    };
    Gate { figures: gate, class, word, severity, place: wording::place(gate), measured: wording::measured(gate) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn html_of(results: &Results) -> String {
        let mut out = Vec::new();
        write(results, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("UTF-8")
    }

    /// Elements of HTML that have no end.
    const VOID: [&str; 6] = ["meta", "br", "hr", "img", "link", "wbr"];

    /// Finds the first element that is not closed in order.
    fn unbalanced(html: &str) -> Option<String> {
        let mut open: Vec<&str> = Vec::new();
        for (at, _) in html.match_indices('<') {
            let rest = &html[at + 1..];
            let tag = rest.split('>').next().unwrap_or("");
            let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or("");
            if tag.starts_with('!') || tag.ends_with('/') || VOID.contains(&name) {
                continue;
            }
            if !tag.starts_with('/') {
                open.push(name);
            } else if open.pop() != Some(name) {
                return Some(format!("</{name}> after {open:?}"));
            }
        }
        open.pop().map(|name| format!("<{name}> is never closed"))
    }

    #[test]
    fn every_element_is_closed_in_order() {
        for (name, results) in fixture::all() {
            assert_eq!(unbalanced(&html_of(&results)), None, "{name}");
        }
    }

    #[test]
    fn the_page_asks_for_nothing_from_outside() {
        let html = html_of(&fixture::rich());
        let policy = r#"content="default-src 'none'; style-src 'unsafe-inline'; img-src data:""#;
        assert!(html.contains(policy));
        assert!(html.find("Content-Security-Policy") < html.find("<style"), "the policy comes first");
        for outside in ["src=", "<link", "<script", "@import", "url(", "http-equiv=\"refresh\"", "<iframe", "<base"] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(!html.contains("href=\"http"));
    }

    #[test]
    fn what_a_server_says_stays_text() {
        let html = html_of(&fixture::hostile());
        assert!(!html.contains("<script"));
        assert!(!html.contains("<img"));
        assert!(html.contains("&#60;script&#62;"));
        assert!(!html.chars().any(|character| character.is_control() && character != '\n'));
        assert!(!html.contains('\u{202e}'));
    }

    #[test]
    fn every_drawing_says_what_it_is() {
        for (name, results) in fixture::all() {
            let html = html_of(&results);
            for drawing in html.split("<svg").skip(1) {
                let start = drawing.split_once('>').expect("the tag ends").1;
                assert!(start.starts_with("<title>"), "{name}: {}", &start[..start.len().min(80)]);
                assert!(drawing.contains("<desc>"), "{name}");
            }
        }
    }

    #[test]
    fn the_answer_comes_first_and_the_parts_in_their_order() {
        let html = html_of(&fixture::rich());
        let parts = [
            "<h1>friday-morning</h1>",
            "class=\"verdict fail\"",
            "class=\"warnings\"",
            "id=\"gates\"",
            "class=\"tiles\"",
            "id=\"delivery\"",
            "id=\"operations\"",
            "id=\"over-time\"",
            "id=\"percentiles\"",
            "id=\"failures\"",
            "id=\"connections\"",
            "id=\"generator\"",
            "id=\"reproduce\"",
        ];
        let places: Vec<_> = parts.iter().map(|part| html.find(part)).collect();
        assert!(places.iter().all(Option::is_some), "{places:?}");
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn every_colour_has_a_light_and_a_dark_value() {
        let html = html_of(&fixture::rich());
        let names = |block: &str| -> Vec<String> {
            let names = block.split(['{', ';', '}']).filter_map(|rule| rule.trim().split_once(':'));
            names.map(|(name, _)| name.to_owned()).filter(|name| name.starts_with("--")).collect()
        };
        let (light, rest) = html.split_once("@media (prefers-color-scheme: dark)").expect("a dark scheme");
        let dark = rest.split("* { box-sizing").next().expect("its rules");
        assert!(names(light).len() > 20);
        assert_eq!(names(light), names(dark));
    }

    #[test]
    fn charts_are_thinned_and_the_page_stays_small() {
        let html = html_of(&fixture::long());
        assert!(html.len() < 3_000_000, "{} bytes", html.len());
        for path in html.split(" d=\"").skip(1) {
            let data = path.split('"').next().expect("a first part");
            assert!(data.matches(['M', 'L']).count() <= 2_000);
        }
        assert!(html.contains("worst of each"));
    }

    #[test]
    fn nothing_measured_is_said_in_words() {
        let html = html_of(&Results::default());
        assert!(html.contains("no samples"));
        for zero in ["0 µs", "0.00 ms", "NaN", "inf"] {
            assert!(!html.contains(zero), "{zero}");
        }
    }

    #[test]
    fn the_answer_does_not_need_colour() {
        for (results, word) in
            [(fixture::passed(), "Pass"), (fixture::rich(), "Fail"), (fixture::saturated(), "No verdict")]
        {
            let html = html_of(&results);
            assert!(html.contains(&format!("<span class=\"outcome\">{word}</span>")), "{word}");
        }
        assert!(html_of(&fixture::saturated()).contains("saturated-edge"));
    }

    #[test]
    fn a_busy_run_is_written_to_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, results) in fixture::all() {
            let path = folder.path().join(format!("{}.html", name.replace(' ', "-")));
            let mut file = std::fs::File::create(&path).expect("a file");
            write(&results, &mut file).expect("the disk takes it");
            assert!(std::fs::metadata(&path).expect("a file").len() > 5_000, "{name}");
        }
    }
}
