//! What the scenario's events did to users, and when the run was interrupted: in order of time, and never more than fit.
//!
//! A week with an event an hour has hundreds of them. Then those are told one by one that somebody has to look at, and
//! the rest kind by kind.

use crate::results::{EventFigures, Interruption, Results};
use crate::scenario::Disturbance;

use super::figures;
use super::untrusted::cut;

/// The kinds of which a rest is told; what is none of them is told as "other".
const KINDS: [Disturbance; 5] = [
    Disturbance::Drop,
    Disturbance::RestartStorm,
    Disturbance::HalfOpen,
    Disturbance::PauseReading,
    Disturbance::Burst,
];
const OTHER: &str = "other";
const INTERRUPTED: &str = "interrupted";
/// Longest name of an event that is shown, characters.
const NAME_MAX: usize = 40;

/// What happened in the middle of a load.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Happenings {
    /// Told one by one, in order of time.
    pub(super) shown: Vec<Happening>,
    /// All others, those of a kind together.
    pub(super) rest: Vec<Happening>,
}

/// Something that happened, or several of a kind together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Happening {
    kind: Kind,
    name: String,
    times: u64,
    first_s: f64,
    last_s: f64,
    /// How long an interruption lasted.
    lasted_s: f64,
    figures: EventFigures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Users were hit.
    Hit,
    /// Arrivals fell due.
    Burst,
    /// The run was killed, or broken off, and resumed.
    Hole,
}

/// What happened in a run: at most `most` of it one by one.
pub(super) fn happenings(results: &Results, most: usize) -> Happenings {
    let holes = results.interruptions.iter().map(Happening::hole);
    let mut all: Vec<Happening> = results.events.iter().map(Happening::event).chain(holes).collect();
    if all.len() > most {
        all.sort_by(|one, other| other.weight().partial_cmp(&one.weight()).unwrap_or(std::cmp::Ordering::Equal));
    }
    let mut happenings = Happenings { rest: together(all.split_off(most.min(all.len()))), shown: all };
    for list in [&mut happenings.shown, &mut happenings.rest] {
        list.sort_by(|one, other| one.first_s.total_cmp(&other.first_s));
    }
    happenings
}

/// Those of a kind as one.
fn together(rest: Vec<Happening>) -> Vec<Happening> {
    let mut kinds: Vec<Happening> = Vec::new();
    for mut next in rest {
        if next.kind == Kind::Hit && !KINDS.iter().any(|kind| kind.word() == next.name) {
            OTHER.clone_into(&mut next.name);
        }
        match kinds.iter_mut().find(|kind| (kind.kind, &kind.name) == (next.kind, &next.name)) {
            Some(kind) => kind.add(&next),
            None => kinds.push(next),
        }
    }
    kinds
}

impl Happenings {
    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// How many are told kind by kind.
    pub(super) fn others(&self) -> u64 {
        self.rest.iter().map(|kind| kind.times).sum()
    }

    /// Which of how many are told one by one; empty when all are.
    pub(super) fn choice(&self) -> String {
        if self.rest.is_empty() {
            return String::new();
        }
        let shown = self.shown.len() as u64;
        format!(
            "{} of {} one by one: where somebody was not back, something was not recovered or the run was interrupted, then those \
             that took longest",
            figures::count(shown),
            figures::count(shown + self.others())
        )
    }
}

impl Happening {
    fn event(event: &EventFigures) -> Happening {
        let kind = if event.what == Disturbance::Burst.word() { Kind::Burst } else { Kind::Hit };
        let (name, at_s) = (cut(&event.what, NAME_MAX), event.at_s);
        Happening { kind, name, times: 1, first_s: at_s, last_s: at_s, lasted_s: 0.0, figures: event.clone() }
    }

    fn hole(hole: &Interruption) -> Happening {
        let (first_s, last_s) = (hole.at_s, hole.at_s);
        let (name, figures) = (INTERRUPTED.to_owned(), EventFigures::default());
        Happening { kind: Kind::Hole, name, times: 1, first_s, last_s, lasted_s: hole.lasted_s, figures }
    }

    /// Adds another of the kind. Percentiles of several are not made of percentiles of each.
    fn add(&mut self, other: &Happening) {
        self.times += other.times;
        self.first_s = self.first_s.min(other.first_s);
        self.last_s = self.last_s.max(other.last_s);
        self.lasted_s += other.lasted_s;
        let (mine, theirs) = (&mut self.figures, &other.figures);
        for (sum, more) in [
            (&mut mine.affected, theirs.affected),
            (&mut mine.back, theirs.back),
            (&mut mine.overtaken, theirs.overtaken),
            (&mut mine.missed, theirs.missed),
            (&mut mine.recovered, theirs.recovered),
        ] {
            *sum = sum.saturating_add(more);
        }
        mine.back_ms_max = mine.back_ms_max.max(theirs.back_ms_max);
    }

    /// What somebody has to look at weighs most.
    fn weight(&self) -> (bool, bool, f64) {
        let longest = if self.figures.back_ms_max.is_finite() { self.figures.back_ms_max } else { 0.0 };
        (self.is_late() || self.not_recovered() > 0, self.kind == Kind::Hole, longest)
    }

    /// Where in the load; of several the first and the last.
    pub(super) fn when(&self) -> String {
        let [first, last] = [self.first_s, self.last_s].map(figures::position);
        if self.times > 1 { format!("{first}–{last}") } else { first }
    }

    /// What happened, and how often when it is several.
    pub(super) fn name(&self) -> String {
        if self.times > 1 { format!("{}, {} times", self.name, figures::count(self.times)) } else { self.name.clone() }
    }

    /// What there is to say of something that has no figures of users; empty for what has.
    pub(super) fn note(&self) -> String {
        match self.kind {
            Kind::Hit => String::new(),
            Kind::Burst => figures::counted(self.figures.affected, "arrival"),
            Kind::Hole if self.times > 1 => format!("for {} in all, and resumed", figures::seconds(self.lasted_s)),
            Kind::Hole => format!("for {}, and resumed", figures::seconds(self.lasted_s)),
        }
    }

    /// Users that were hit.
    pub(super) fn hit(&self) -> String {
        figures::count(self.figures.affected)
    }

    /// Until half and until 99 % of those who came back were back; of several it is not known.
    pub(super) fn back_shares(&self) -> [String; 2] {
        let EventFigures { back, back_ms_p50, back_ms_p99, .. } = self.figures;
        let is_known = self.times == 1 && back > 0;
        [back_ms_p50, back_ms_p99].map(|ms| if is_known { millis(ms) } else { figures::NO_FIGURE.to_owned() })
    }

    /// Until the last one was back, or how many were.
    pub(super) fn back(&self) -> String {
        match &self.figures {
            figures if figures.affected == 0 => figures::NO_FIGURE.to_owned(),
            _ if self.is_late() => format!("{} back", self.back_of()) + &self.taken_over(),
            figures if figures.back == 0 => "none".to_owned() + &self.taken_over(),
            figures => millis(figures.back_ms_max) + &self.taken_over(),
        }
    }

    /// How many a later event hit before they were back, after what is said of the others; empty when none.
    fn taken_over(&self) -> String {
        match self.figures.overtaken {
            0 => String::new(),
            overtaken => format!(", {} taken over by a later event", figures::count(overtaken)),
        }
    }

    fn back_of(&self) -> String {
        format!("{} of {}", figures::count(self.figures.back), figures::count(self.figures.affected))
    }

    /// Whether somebody was not back until the end.
    pub(super) fn is_late(&self) -> bool {
        self.kind == Kind::Hit && self.figures.not_back() > 0
    }

    /// Messages missed and recovered.
    pub(super) fn messages(&self) -> [String; 2] {
        [self.figures.missed, self.figures.recovered].map(figures::count)
    }

    /// Messages that were missed and that the history did not have.
    pub(super) fn not_recovered(&self) -> u64 {
        self.figures.missed.saturating_sub(self.figures.recovered)
    }

    /// Whether somebody has to look at it.
    pub(super) fn is_bad(&self) -> bool {
        self.is_late() || self.not_recovered() > 0
    }

    /// All of it in a line.
    pub(super) fn line(&self) -> String {
        let (when, name, note) = (self.when(), self.name(), self.note());
        match self.kind {
            Kind::Hit => format!("{when} {name}: {}", self.sentence()),
            Kind::Burst => format!("{when} {name}: {note}"),
            Kind::Hole => format!("{when} {name} {note}"),
        }
    }

    fn sentence(&self) -> String {
        let EventFigures { affected, back, back_ms_max, missed, recovered, .. } = self.figures;
        if affected == 0 {
            return "nobody was connected whom it could hit".to_owned();
        }
        let hit = figures::counted(affected, "user");
        let longest = if self.times > 1 { "at the longest after" } else { "after" };
        let came_back = match (self.is_late(), back) {
            (false, _) if back == affected => format!("all back {longest} {}", millis(back_ms_max)),
            (_, 0) => "none back".to_owned(),
            (false, _) => format!("{} back {longest} {}", figures::count(back), millis(back_ms_max)),
            (true, _) => format!("not all back: {}, the last after {}", self.back_of(), millis(back_ms_max)),
        };
        let came_back = came_back + &self.taken_over();
        let messages = match (missed, recovered) {
            (0, 0) => "nothing missed".to_owned(),
            (missed, recovered) if missed == recovered => format!("missed {}, all recovered", figures::count(missed)),
            (missed, recovered) => format!(
                "missed {}, recovered {}, not recovered {}",
                figures::count(missed),
                figures::count(recovered),
                figures::count(self.not_recovered())
            ),
        };
        format!("{hit} hit, {came_back}; {messages}")
    }
}

fn millis(millis: f64) -> String {
    if millis.is_finite() && millis >= 0.0 {
        figures::micros((millis * 1e3).round() as u64)
    } else {
        figures::NO_FIGURE.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn lines(happenings: &Happenings) -> Vec<String> {
        happenings.shown.iter().map(Happening::line).collect()
    }

    #[test]
    fn each_is_told_in_order_of_time() {
        let results = fixture::eventful();
        let happenings = happenings(&results, 10);
        assert!(happenings.rest.is_empty() && happenings.choice().is_empty());
        insta::assert_snapshot!(lines(&happenings).join("\n"), @r##"
        2:00 drop: 50 users hit, all back after 512 ms; missed 17, all recovered
        3:00 restart-storm: 200 users hit, not all back: 198 of 200, the last after 512 ms; missed 31, all recovered
        4:00 pause-reading: 40 users hit, all back after 512 ms; nothing missed
        5:00 half-open: 40 users hit, all back after 512 ms; missed 12, recovered 8, not recovered 4
        6:00 burst: 500 arrivals
        6:42 interrupted for 1 min 5 s, and resumed
        7:00 drop: nobody was connected whom it could hit
        "##);
    }

    #[test]
    fn whom_a_later_event_takes_over_is_no_cause_for_a_warning() {
        let event = |back: u64, overtaken: u64| {
            let event = EventFigures { overtaken, ..fixture::event(5.0, "pause-reading", 100, back, 0) };
            Happening::event(&event)
        };
        let told = [event(70, 30), event(60, 30), event(0, 100), event(0, 30)];
        assert_eq!(told.each_ref().map(Happening::is_bad), [false, true, false, true]);
        insta::assert_snapshot!(told.each_ref().map(Happening::line).join("\n"), @r"
        0:05 pause-reading: 100 users hit, 70 back after 512 ms, 30 taken over by a later event; nothing missed
        0:05 pause-reading: 100 users hit, not all back: 60 of 100, the last after 512 ms, 30 taken over by a later event; nothing missed
        0:05 pause-reading: 100 users hit, none back, 100 taken over by a later event; nothing missed
        0:05 pause-reading: 100 users hit, none back, 30 taken over by a later event; nothing missed
        ");
        insta::assert_snapshot!(told.each_ref().map(Happening::back).join("\n"), @r"
        512 ms, 30 taken over by a later event
        60 of 100 back, 30 taken over by a later event
        none, 100 taken over by a later event
        0 of 100 back, 30 taken over by a later event
        ");
    }

    #[test]
    fn of_many_those_are_told_that_somebody_has_to_look_at_and_the_rest_by_kind() {
        let mut results = fixture::eventful();
        results.events.extend((1..=164).map(|hour| fixture::event(f64::from(hour) * 3_600.0, "drop", 10, 10, 4)));
        let happenings = happenings(&results, 5);
        assert_eq!((happenings.shown.len(), happenings.others()), (5, 166));
        insta::assert_snapshot!(lines(&happenings).join("\n"), @r##"
        2:00 drop: 50 users hit, all back after 512 ms; missed 17, all recovered
        3:00 restart-storm: 200 users hit, not all back: 198 of 200, the last after 512 ms; missed 31, all recovered
        4:00 pause-reading: 40 users hit, all back after 512 ms; nothing missed
        5:00 half-open: 40 users hit, all back after 512 ms; missed 12, recovered 8, not recovered 4
        6:42 interrupted for 1 min 5 s, and resumed
        "##);
        insta::assert_snapshot!(happenings.rest.iter().map(Happening::line).collect::<Vec<_>>().join("\n"), @r##"
        6:00 burst: 500 arrivals
        7:00–164:00:00 drop, 165 times: 1 640 users hit, all back at the longest after 512 ms; missed 656, all recovered
        "##);
        let shares = happenings.rest.iter().filter(|kind| kind.times > 1).map(Happening::back_shares);
        assert!(shares.flatten().all(|share| share == figures::NO_FIGURE), "of several nobody knows");
    }

    fn page(results: &Results) -> String {
        let mut page = Vec::new();
        crate::report::render(crate::report::Format::Html, results, &mut page).expect("memory takes it");
        String::from_utf8(page).expect("UTF-8")
    }

    #[test]
    fn the_page_has_a_bounded_table_beside_the_charts_and_none_without_events() {
        assert!(!page(&fixture::rich()).contains("id=\"events\""));
        let eventful = page(&fixture::eventful());
        let places = ["id=\"over-time\"", "<h3>Successes per second", "<h2 id=\"events\"", "id=\"responses\""]
            .map(|part| eventful.find(part));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
        for cell in
            ["<th scope=\"row\">half-open</th>", "some\">198 of 200 back<", "some\">4<", ">for 1 min 5 s, and resumed<"]
        {
            assert!(eventful.contains(cell), "{cell}");
        }
        let hostile = page(&fixture::hostile());
        let table = hostile.split("<table class=\"events\">").nth(1).and_then(|rest| rest.split("</table>").next());
        let table = table.expect("a table");
        assert!(table.matches("<tr>").count() <= 1 + 20 + 7, "31 happenings");
        assert!(table.contains("&#60;script") && !table.contains("<script"));
    }

    #[test]
    fn names_that_no_scenario_has_make_no_kinds_and_odd_figures_no_times() {
        let mut results = Results::default();
        let odd = |at: u32| EventFigures {
            back_ms_max: f64::NAN,
            ..fixture::event(f64::NAN, &format!("{at}\u{1b}|"), 1, 1, 0)
        };
        results.events = (0..50).map(odd).collect();
        let happenings = happenings(&results, 3);
        assert_eq!(happenings.rest.len(), 1);
        assert_eq!(happenings.rest[0].name(), "other, 47 times");
        assert_eq!(lines(&happenings)[0], "– 0\\u{1b}|: 1 user hit, all back after –; nothing missed");
    }
}
