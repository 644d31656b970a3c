//! The charts over time.

use crate::report::{figures, wording};
use crate::results::{Mark, OperationPoint, PercentilePoint, Results, SeriesPoint};

use super::chart::{Axis, Chart, Hover, Point, Region, RegionKind, Shape, Unit, sparkline};
use super::figure::{Figure, Key};
use super::thinning::{Bucket, Thinned, thin};

/// Most points of a line of percentiles: about one for each dot of the screen.
const LINE_POINTS_MAX: usize = 600;
/// Most points of a line of counts. Fewer: a sum over some seconds is exact, and calmer.
const COUNT_POINTS_MAX: usize = 150;
/// Most points of a line of percentiles of something that happens only now and then.
const ROUGH_POINTS_MAX: usize = 40;
/// Most places with a text under the pointer; each costs some hundred bytes of the page.
const HOVERS_MAX: usize = 120;
/// Most spells of the generator that are drawn; all are in `results.json`.
const SPELLS_MAX: usize = 100;
/// The chart in which what happened is named; in the others it is only marked.
const FIRST: &str = "Users online";
/// As many operations as can be told apart in one chart.
const OPERATIONS_MAX: usize = 6;

/// A count of one point.
type Count = fn(&SeriesPoint) -> u64;
/// A percentile of one point.
type Pick = fn(PercentilePoint) -> u64;

/// The percentiles that are drawn: their classes, which are also their names.
const PICKS: [(&str, Pick); 3] = [("p50", |point| point.p50), ("p95", |point| point.p95), ("p99", |point| point.p99)];

/// A run over time, ready to be drawn.
pub(super) struct Timeline<'a> {
    pub(super) results: &'a Results,
    x: Axis,
    regions: Vec<Region>,
    pub(super) lines: Thinned<'a>,
    counts: Thinned<'a>,
    rough: Thinned<'a>,
    hovers: Thinned<'a>,
}

/// Where the generator was the bottleneck: its longest spells. Results of older versions know only from where on.
fn bottlenecks(results: &Results, end: f64) -> Vec<Region> {
    let generator = &results.generator;
    let region =
        |from, to| Region { from, to, label: "generator was the bottleneck".to_owned(), kind: RegionKind::Saturated };
    if generator.spells.is_empty() {
        return generator.saturated_from.map(|from| region(from, end)).into_iter().collect();
    }
    let mut spells: Vec<_> = generator.spells.iter().map(|spell| region(spell.from_s, spell.to_s)).collect();
    spells.sort_by(|one, other| (other.to - other.from).total_cmp(&(one.to - one.from)));
    spells.truncate(SPELLS_MAX);
    spells.sort_by(|one, other| one.from.total_cmp(&other.from));
    spells
}

/// A stage, the drain, or what happened at an instant.
fn marked(mark: &Mark) -> Region {
    let kind = match () {
        () if mark.to_s > mark.from_s => RegionKind::Mark,
        () if mark.label.starts_with("interrupted") => RegionKind::Interruption,
        () => RegionKind::Event,
    };
    Region { from: mark.from_s, to: mark.to_s, label: mark.label.clone(), kind }
}

impl<'a> Timeline<'a> {
    pub(super) fn new(results: &'a Results) -> Timeline<'a> {
        let series = &results.series;
        let lines = thin(series, LINE_POINTS_MAX);
        let from = series.points.first().map_or(0.0, |point| point.at_s.min(0.0));
        let end_of_points = series.points.last().map_or(0.0, |point| point.at_s + series.width_of(point));
        let ends = series.marks.iter().map(|mark| mark.to_s).chain([end_of_points]);
        let to = ends.filter(|end| end.is_finite()).fold(from, f64::max);
        let mut regions: Vec<_> = series.marks.iter().map(marked).collect();
        regions.extend(bottlenecks(results, to));
        let mut x = Axis::time(from, to);
        if let Some(day) = &results.run.day {
            x = x.with_times_of_day(day.from_s, f64::from(day.start_minute), day.speed_up / 60.0);
        }
        let [counts, rough, hovers] = [COUNT_POINTS_MAX, ROUGH_POINTS_MAX, HOVERS_MAX].map(|most| thin(series, most));
        Timeline { results, x, regions, lines, counts, rough, hovers }
    }

    /// Whether anything was recorded over time.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.buckets.is_empty()
    }

    /// What the target was given, what it did, and what went wrong.
    pub(super) fn load(&self) -> Vec<Figure> {
        let delivery = |point: &SeriesPoint| Some(point.delivery_us);
        let (failed, _) = wording::failures(self.results);
        let no_failures = if failed == 0 { "no failures" } else { "no failures but in the set-up" };
        let mut figures = vec![
            self.users(),
            self.throughput(),
            self.percentiles("Delivery time", &delivery),
            self.rate("Deliveries per second", "s3", |point| point.delivered),
            self.bars("Failures", "bad", failed, no_failures, |point| {
                point.operations.values().map(|operation| operation.failed).fold(0, u64::saturating_add)
            }),
        ];
        if self.results.arrivals.planned > 0 {
            figures.push(self.bars("Arrivals missed", "s2", 0, "none missed", |point| point.arrivals_missed));
        }
        figures
    }

    /// Response time of each operation, the busiest first.
    pub(super) fn responses(&self) -> Vec<Figure> {
        let operations = wording::busiest(self.results);
        let sampled = operations.iter().filter(|(_, operation)| operation.response_us.count > 0);
        sampled.map(|(name, _)| self.percentiles(name, &|point| response(point, name))).collect()
    }

    /// The generator's own health.
    pub(super) fn generator(&self) -> Vec<Figure> {
        vec![
            self.gauge("Processor time, of one core", "s1", Unit::Percent, |point| point.cpu_percent),
            self.gauge("Busiest worker, of its core", "s3", Unit::Percent, |point| point.worker_cpu_percent),
            self.gauge("Own lag, 99th percentile", "s2", Unit::Micros, |point| point.lag_us_p99 as f64),
            self.gauge("Resident memory", "s5", Unit::Bytes, |point| point.rss_bytes as f64),
            self.gauge("Descriptors", "s4", Unit::Count, |point| point.descriptors as f64),
            self.gauge("Send queues of the sampled connections", "s6", Unit::Bytes, |point| {
                point.send_queue_bytes as f64
            }),
            self.wire(),
        ]
    }

    /// The 99th percentile of one operation's response time, as small as a word.
    pub(super) fn sparkline(&self, name: &str) -> Option<String> {
        let p99 = |bucket: &Bucket<'_>| {
            bucket.worst(|point| response(point, name).and_then(sampled).map(|response| response.p99))
        };
        let values: Vec<u64> = self.counts.buckets.iter().filter_map(p99).collect();
        let (min, max) = (*values.iter().min()?, *values.iter().max()?);
        let points = points_of(&self.counts, |bucket| p99(bucket).map(|value| value as f64));
        let title = format!("p99 of {name} over time");
        let description = format!("between {} and {}", figures::micros(min), figures::micros(max));
        Some(sparkline(&title, &description, points, &self.x, &Axis::log_micros(min, max)))
    }

    fn users(&self) -> Figure {
        let online = |bucket: &Bucket<'_>| bucket.worst(|point| Some(point.online));
        let points = points_of(&self.lines, |bucket| online(bucket).map(|users| users as f64));
        let max = self.lines.buckets.iter().filter_map(online).max().unwrap_or(0);
        let description = format!("At most {} at once.", figures::counted(max, "user"));
        let hover = |bucket: &Bucket<'_>| figures::counted(online(bucket).unwrap_or(0), "user");
        self.filled(FIRST, description, "s1", Axis::linear(max as f64, Unit::Count), points, &hover)
    }

    fn rate(&self, title: &str, class: &str, figure: impl Fn(&SeriesPoint) -> u64) -> Figure {
        let per_s = |bucket: &Bucket<'_>| bucket.per_s(self.counts.interval_s, &figure);
        let max = self.counts.buckets.iter().map(per_s).fold(0.0, f64::max);
        let points = points_of(&self.counts, |bucket| Some(per_s(bucket)));
        let description = format!("At most {} over {}.", figures::rate(max), figures::seconds(self.counts.width_s));
        self.filled(title, description, class, Axis::linear(max, Unit::Count), points, &|bucket| {
            figures::rate(per_s(bucket))
        })
    }

    fn gauge(&self, title: &str, class: &str, unit: Unit, figure: impl Fn(&SeriesPoint) -> f64) -> Figure {
        let max = self.lines.buckets.iter().map(|bucket| bucket.largest(&figure)).fold(0.0, f64::max);
        let points = points_of(&self.lines, |bucket| Some(bucket.largest(&figure)));
        let say = |value: f64| match unit {
            Unit::Percent => format!("{value:.1}%"),
            Unit::Bytes => figures::bytes(value as u64),
            Unit::Micros => figures::micros(value as u64),
            Unit::Count => figures::count(value as u64),
        };
        let hover = |bucket: &Bucket<'_>| say(bucket.largest(&figure));
        self.filled(title, format!("At most {}.", say(max)), class, Axis::linear(max, unit), points, &hover)
    }

    pub(super) fn filled(
        &self,
        title: &str,
        description: String,
        class: &str,
        y: Axis,
        points: Vec<Point>,
        hover: &dyn Fn(&Bucket<'_>) -> String,
    ) -> Figure {
        let shapes = vec![
            Shape::Area { class: class.to_owned(), points: points.clone() },
            Shape::Line { class: class.to_owned(), points },
        ];
        let note = description.clone();
        Figure::of(&self.chart(title, description, y, shapes, hover), note, Vec::new())
    }

    fn wire(&self) -> Figure {
        const WAYS: [(&str, &str, Count); 2] =
            [("s1", "received", |point| point.bytes_received), ("s2", "sent", |point| point.bytes_sent)];
        let per_s = |bucket: &Bucket<'_>, way| bucket.per_s(self.counts.interval_s, way);
        let lines = WAYS.map(|(class, _, way)| {
            let points = points_of(&self.counts, |bucket| Some(per_s(bucket, way)));
            Shape::Line { class: class.to_owned(), points }
        });
        let largest = |bucket: &Bucket<'_>| per_s(bucket, WAYS[0].2).max(per_s(bucket, WAYS[1].2));
        let max = self.counts.buckets.iter().map(largest).fold(0.0, f64::max);
        let description = format!("At most {} a second.", figures::bytes(max as u64));
        let hover = |bucket: &Bucket<'_>| {
            WAYS.map(|(_, name, way)| format!("{name} {}/s", figures::bytes(per_s(bucket, way) as u64))).join("\n")
        };
        let (note, y) = (description.clone(), Axis::linear(max, Unit::Bytes));
        let chart = self.chart("Bytes in frames, per second", description, y, lines.into(), &hover);
        Figure::of(&chart, note, WAYS.map(|(class, name, _)| Key::new(class, name)).into())
    }

    fn throughput(&self) -> Figure {
        let operations = wording::busiest(self.results);
        let mut shown: Vec<_> = operations.iter().filter(|(_, figures)| figures.ok > 0).collect();
        let all = shown.len();
        shown.truncate(OPERATIONS_MAX);
        if shown.is_empty() {
            return Figure::without("Successes per second", figures::NO_SAMPLES);
        }
        let per_s = |bucket: &Bucket<'_>, name: &str| bucket.per_s(self.counts.interval_s, |point| ok(point, name));
        let mut max = 0.0_f64;
        let (mut shapes, mut legend) = (Vec::new(), Vec::new());
        for (index, (name, _)) in shown.iter().enumerate() {
            let class = format!("s{}", index + 1);
            let points = points_of(&self.counts, |bucket| Some(per_s(bucket, name)));
            max = points.iter().filter_map(|point| point.y).fold(max, f64::max);
            legend.push(Key::new(&class, name));
            shapes.push(Shape::Line { class, points });
        }
        // The busiest on top of the others.
        shapes.reverse();
        let note = if all == shown.len() { String::new() } else { format!("The {} busiest of {all}.", shown.len()) };
        let description = format!("Operations answered as they should be, per second; at most {}.", figures::rate(max));
        let hover = |bucket: &Bucket<'_>| {
            shown
                .iter()
                .map(|(name, _)| format!("{name} {}", figures::rate(per_s(bucket, name))))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let chart = self.chart("Successes per second", description, Axis::linear(max, Unit::Count), shapes, &hover);
        Figure::of(&chart, note, legend)
    }

    /// Counts over time; `all` of the run are more where some are of a set-up, which is no part of the load's course.
    fn bars(
        &self,
        title: &str,
        class: &str,
        all: u64,
        instead: &'static str,
        figure: impl Fn(&SeriesPoint) -> u64,
    ) -> Figure {
        let max = self.counts.buckets.iter().map(|bucket| bucket.sum(&figure)).max().unwrap_or(0);
        if max == 0 {
            return Figure::without(title, instead);
        }
        let points = self.counts.buckets.iter().map(|bucket| {
            let y = Some(bucket.sum(&figure) as f64);
            Point { x: bucket.at_s, y }
        });
        let shapes =
            vec![Shape::Bars { class: class.to_owned(), width: self.counts.width_s, points: points.collect() }];
        let title = format!("{title} per {}", figures::seconds(self.counts.width_s));
        let total = self.counts.buckets.iter().map(|bucket| bucket.sum(&figure)).fold(0, u64::saturating_add);
        let whole = match all.saturating_sub(total) {
            0 => format!("{} in all", figures::count(total)),
            others => format!("{} in the load and {} in the set-up", figures::count(total), figures::count(others)),
        };
        let description = format!("{whole}, at most {} at a time.", figures::count(max));
        let hover = |bucket: &Bucket<'_>| figures::count(bucket.sum(&figure));
        let note = description.clone();
        let chart = self.chart(&title, description, Axis::linear(max as f64, Unit::Count), shapes, &hover);
        Figure::of(&chart, note, Vec::new())
    }

    fn percentiles(&self, title: &str, figure: &dyn Fn(&SeriesPoint) -> Option<PercentilePoint>) -> Figure {
        let worst = |bucket: &Bucket<'_>, pick: Pick| bucket.worst(|point| figure(point).and_then(sampled).map(pick));
        // What happens now and then is a scatter of dots at full width: wider buckets make it a line again.
        let levels = [&self.lines, &self.counts, &self.rough];
        let is_line = |thinned: &&Thinned<'_>| is_line(thinned, |bucket| worst(bucket, |point| point.p99).is_some());
        let thinned = levels.into_iter().find(is_line).unwrap_or(&self.lines);
        let buckets = &thinned.buckets;
        let Some(max) = buckets.iter().filter_map(|bucket| worst(bucket, PICKS[2].1)).max() else {
            return Figure::without(title, figures::NO_SAMPLES);
        };
        let min = buckets.iter().filter_map(|bucket| worst(bucket, PICKS[0].1)).min().unwrap_or(max);
        let lines = PICKS.map(|(_, pick)| points_of(thinned, |bucket| worst(bucket, pick).map(|us| us as f64)));
        let mut shapes =
            vec![Shape::Between { class: "range".into(), upper: lines[2].clone(), lower: lines[0].clone() }];
        shapes.extend(PICKS.iter().zip(lines).map(|((name, _), points)| Shape::Line { class: (*name).into(), points }));
        let legend = PICKS.iter().rev().map(|(name, _)| Key::new(name, name)).collect();
        let description = format!("p50 from {}, p99 up to {}.", figures::micros(min), figures::micros(max));
        let note = if thinned.width_s > thinned.interval_s * 1.5 {
            format!("log scale; worst of each {}", figures::seconds(thinned.width_s))
        } else {
            "log scale".to_owned()
        };
        let hover = |bucket: &Bucket<'_>| {
            let said = PICKS
                .iter()
                .filter_map(|(name, pick)| Some(format!("{name} {}", figures::micros(worst(bucket, *pick)?))));
            let said: Vec<_> = said.collect();
            if said.is_empty() { figures::NO_SAMPLES.to_owned() } else { said.join("\n") }
        };
        Figure::of(&self.chart(title, description, Axis::log_micros(min, max), shapes, &hover), note, legend)
    }

    fn chart(
        &self,
        title: &str,
        description: String,
        y: Axis,
        shapes: Vec<Shape>,
        hover: &dyn Fn(&Bucket<'_>) -> String,
    ) -> Chart {
        let hovers = self.hovers.buckets.iter().map(|bucket| {
            let (from, to) = (bucket.at_s, bucket.at_s + self.hovers.width_s);
            let [from_said, to_said] = [from, to].map(figures::position);
            let clock = self.results.run.day.and_then(|day| day.clock_at(from));
            let clock = clock.map_or_else(String::new, |clock| format!(" ({clock})"));
            let text = format!("{from_said} to {to_said}{clock}\n{}", hover(bucket));
            Hover { from, to, text }
        });
        Chart {
            title: title.to_owned(),
            description,
            x: self.x.clone(),
            y,
            regions: self.regions.clone(),
            names: title == FIRST,
            shapes,
            hovers: hovers.collect(),
        }
    }
}

/// A value for each bucket, in its middle, and a gap wherever nothing was recorded.
pub(super) fn points_of(thinned: &Thinned<'_>, value: impl Fn(&Bucket<'_>) -> Option<f64>) -> Vec<Point> {
    let mut points = Vec::with_capacity(thinned.buckets.len());
    for bucket in &thinned.buckets {
        let x = bucket.at_s + thinned.width_s / 2.0;
        if bucket.after_gap {
            points.push(Point { x, y: None });
        }
        points.push(Point { x, y: value(bucket) });
    }
    points
}

/// Whether most values have a value just before them, so that they make a line and not a scatter of dots.
fn is_line(thinned: &Thinned<'_>, has_value: impl Fn(&Bucket<'_>) -> bool) -> bool {
    let (mut values, mut joined, mut before) = (0_usize, 0_usize, false);
    for bucket in &thinned.buckets {
        let here = has_value(bucket);
        values += usize::from(here);
        joined += usize::from(here && before && !bucket.after_gap);
        before = here;
    }
    joined * 4 >= values * 3
}

fn operation<'p>(point: &'p SeriesPoint, name: &str) -> Option<&'p OperationPoint> {
    point.operations.get(name)
}

fn response(point: &SeriesPoint, name: &str) -> Option<PercentilePoint> {
    operation(point, name).filter(|operation| operation.ok > 0).map(|operation| operation.response_us)
}

fn ok(point: &SeriesPoint, name: &str) -> u64 {
    operation(point, name).map_or(0, |operation| operation.ok)
}

/// An interval without a sample has zeros, which are no measurement.
fn sampled(point: PercentilePoint) -> Option<PercentilePoint> {
    (point.max > 0 || point.p99 > 0).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::SpellFigures;

    #[test]
    fn each_spell_is_shaded_alone_where_spells_are_known() {
        let places = |results: &Results| -> Vec<_> {
            bottlenecks(results, 605.0).iter().map(|region| (region.from, region.to)).collect()
        };
        let mut results = fixture::saturated();
        assert_eq!(places(&results), [(420.0, 605.0)], "an older version knows no more");
        let spell = |from_s: f64, length_s: f64| SpellFigures { from_s, to_s: from_s + length_s, ..Default::default() };
        results.generator.spells = vec![spell(420.0, 3.0), spell(500.0, 2.0)];
        assert_eq!(places(&results), [(420.0, 423.0), (500.0, 502.0)]);
        // Of too many the longest.
        results.generator.spells = (0..300).map(|at| spell(f64::from(at), if at < 200 { 0.1 } else { 0.2 })).collect();
        assert_eq!(places(&results).len(), SPELLS_MAX);
        assert_eq!(places(&results)[0].0, 200.0);
    }

    #[test]
    fn interruptions_break_every_chart_and_the_first_names_what_happened() {
        let mut results = fixture::eventful();
        results.series.marks.push(Mark { from_s: 402.0, to_s: 402.0, label: "interrupted for 1m 5s".to_owned() });
        let figures = Timeline::new(&results).load();
        for figure in figures.iter().filter(|figure| !figure.svg.is_empty()) {
            assert_eq!(figure.svg.matches(r#"class="break""#).count(), 1, "{}", figure.title);
            assert_eq!(figure.svg.matches(r#"class="event""#).count(), results.events.len(), "{}", figure.title);
            assert_eq!(figure.svg.contains(r#"class="happening"#), figure.title == FIRST, "{}", figure.title);
        }
        assert!(figures[0].svg.contains(">interrupted for 1m 5s</text>") && figures[0].svg.contains(">drop</text>"));
    }

    #[test]
    fn failures_of_the_set_up_are_counted_beside_those_of_the_load() {
        let mut results = fixture::rich();
        let note = |results: &Results| {
            let figures = Timeline::new(results).load();
            figures.into_iter().find(|figure| figure.title.starts_with("Failures")).expect("a chart").note
        };
        let (all, _) = wording::failures(&results);
        assert!(note(&results).starts_with(&format!("{all} in all")), "{}", note(&results));
        results.operations.values_mut().for_each(|operation| operation.failed += 7);
        let of_set_up = 7 * results.operations.len();
        assert!(
            note(&results).starts_with(&format!("{all} in the load and {of_set_up} in the set-up")),
            "{}",
            note(&results)
        );
    }
}
