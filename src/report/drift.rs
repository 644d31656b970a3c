//! What drifted while the load held still, in words.

use crate::results::{DriftVerdict, Results};

use super::figures;

/// Sentences about drift, by what they say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drifts {
    /// One sentence on what was looked at; empty when nothing was.
    pub summary: String,
    /// What drifted.
    pub drifting: Vec<String>,
    /// What cannot be told.
    pub open: Vec<String>,
    /// What stayed as it was.
    pub steady: Vec<String>,
}

/// The drift of every figure of a run.
pub fn drifts(results: &Results) -> Drifts {
    let of = |verdict: DriftVerdict| {
        let fitting = results.drift.iter().filter(|drift| drift.verdict == verdict);
        fitting.map(|drift| drift.says.clone()).collect::<Vec<_>>()
    };
    let (drifting, open, steady) = (of(DriftVerdict::Drifting), of(DriftVerdict::CannotTell), of(DriftVerdict::Steady));
    let Some(first) = results.drift.first() else { return Drifts::default() };
    let summary = if results.drift.iter().all(|drift| drift.blocks == 0) {
        format!("nothing can be told: {}", first.says.split_once(": ").map_or("", |(_, why)| why))
    } else {
        let [from, to] = [first.window.from_s, first.window.to_s].map(figures::position);
        format!(
            "from {from} to {to}, while the load held still: {} drifted, {} stayed steady, of {} it cannot be told",
            figures::counted(drifting.len() as u64, "figure"),
            figures::count(steady.len() as u64),
            figures::count(open.len() as u64)
        )
    };
    Drifts { summary, drifting, open, steady }
}

/// Whether the run was long enough to say anything.
pub fn is_told(results: &Results) -> bool {
    results.drift.iter().any(|drift| drift.blocks > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Format, fixture, render};
    use crate::results::{DriftFigures, GaugeFigures, SeriesPoint, TargetFigures};

    fn drift(verdict: DriftVerdict, says: &str, blocks: u64) -> DriftFigures {
        DriftFigures { verdict, says: says.to_owned(), blocks, ..DriftFigures::default() }
    }

    fn written(results: &Results) -> [String; 2] {
        let mut page = Vec::new();
        render(Format::Html, results, &mut page).expect("memory takes it");
        let mut text = Vec::new();
        crate::report::text::write(results, crate::report::text::Layout::default(), &mut text)
            .expect("memory takes it");
        [page, text].map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
    }

    #[test]
    fn what_drifted_is_said_first_and_what_a_target_says_stays_text() {
        let mut results = fixture::rich();
        results.drift = vec![
            drift(DriftVerdict::Drifting, "target.held_bytes grew by 4.10 %/h", 60),
            drift(DriftVerdict::CannotTell, "whether upload.rate drifted cannot be told", 24),
            drift(DriftVerdict::Steady, "publish.rate stayed steady", 60),
        ];
        let gauge = GaugeFigures { first: 1e6, last: 2e6, min: 1e6, max: 2e6, mean: 1.5e6, samples: 9 };
        let name = "<script>held_bytes".to_owned();
        results.target = TargetFigures { scrapes: 10, failed: 1, figures: [(name.clone(), gauge)].into() };
        for (at, point) in results.series.points.iter_mut().enumerate().filter(|(at, _)| at % 3 > 0) {
            let value = 1e6 + at as f64;
            let point: &mut SeriesPoint = point;
            point.target.insert(name.clone(), crate::results::GaugePoint { last: value, max: value });
        }
        let [page, text] = written(&results);
        assert!(page.contains("1 figure drifted, 1 stayed steady, of 1 it cannot be told"), "{text}");
        assert!(page.contains("<strong>target.held_bytes grew by 4.10 %/h</strong>") && !page.contains("<script"));
        assert!(page.contains("of which 1 gave nothing"));
        assert!(text.contains("  drifting  target.held_bytes grew by 4.10 %/h"), "{text}");
        assert!(text.contains("<script>held_bytes 977 KiB → 1.91 MiB"), "{text}");
    }

    #[test]
    fn a_run_too_short_to_tell_says_so_on_the_page_alone() {
        let mut results = fixture::rich();
        results.drift =
            vec![drift(DriftVerdict::CannotTell, "whether it drifted cannot be told: the load was short", 0)];
        let [page, text] = written(&results);
        assert!(page.contains("nothing can be told: the load was short"));
        assert!(!text.contains("drift"), "{text}");
    }
}
