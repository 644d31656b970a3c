//! Charts of the target's own figures, and what there is to say of how they were read.

use crate::report::wording;
use crate::results::{GaugeUnit, SeriesPoint};

use super::chart::{Axis, Unit};
use super::figure::Figure;
use super::thinning::Bucket;
use super::timeline::{Timeline, points_of};

impl Timeline<'_> {
    /// One chart for each figure of the target's own. Where none could be read there is a gap, and no zero.
    pub(super) fn own(&self) -> Vec<Figure> {
        self.results.target.figures.keys().map(|name| self.own_figure(name)).collect()
    }

    fn own_figure(&self, name: &str) -> Figure {
        let max_of = |bucket: &Bucket<'_>| {
            let values = bucket.points.iter().filter_map(|point: &SeriesPoint| Some(point.target.get(name)?.max));
            values.filter(|value| value.is_finite()).reduce(f64::max)
        };
        let values: Vec<f64> = self.lines.buckets.iter().filter_map(max_of).collect();
        let (Some(min), Some(max)) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max))
        else {
            return Figure::without(name, "nothing was read");
        };
        if min < 0.0 {
            return Figure::without(name, "not drawn: it has values below zero");
        }
        let (unit, scale) = match GaugeUnit::of(name) {
            GaugeUnit::Bytes => (Unit::Bytes, 1.0),
            GaugeUnit::Seconds => (Unit::Micros, 1e6),
            GaugeUnit::Number if name.ends_with("_percent") => (Unit::Percent, 1.0),
            GaugeUnit::Number => (Unit::Count, 1.0),
        };
        let points = points_of(&self.lines, |bucket| max_of(bucket).map(|value| value * scale));
        let said = |value: f64| wording::own_figure(name, value);
        let description = format!("From {} to {}.", said(min), said(max));
        let hover = |bucket: &Bucket<'_>| max_of(bucket).map_or_else(|| "nothing was read".to_owned(), said);
        self.filled(name, description, "s4", Axis::linear(max * scale, unit), points, &hover)
    }
}
