//! Lines, areas and bars, as SVG path data in the coordinates of a plot.

use std::fmt::Write;

use super::Axis;

/// One value at one place; no value leaves a gap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report::html) struct Point {
    /// Place on the horizontal axis.
    pub(in crate::report::html) x: f64,
    /// The value, if there was one.
    pub(in crate::report::html) y: Option<f64>,
}

/// Something drawn from points.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) enum Shape {
    /// A line that ends where values are missing; a lone value is a dot.
    Line { class: String, points: Vec<Point> },
    /// The room between a line and the axis.
    Area { class: String, points: Vec<Point> },
    /// The room between two lines over the same places.
    Between { class: String, upper: Vec<Point>, lower: Vec<Point> },
    /// A bar from the axis up for each value, so many units of the horizontal axis wide.
    Bars { class: String, width: f64, points: Vec<Point> },
}

/// The rectangle that is drawn into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Plot {
    pub(super) fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + axis.place(value) * (self.right - self.left)
    }

    pub(super) fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom - axis.place(value) * (self.bottom - self.top)
    }
}

impl Shape {
    /// The paths to draw: their kind, their class, and their data.
    pub(super) fn paths(&self, plot: &Plot, x: &Axis, y: &Axis) -> Vec<(&'static str, &str, String)> {
        let paths = match self {
            Shape::Line { class, points } => {
                let (line, dots) = line(points, plot, x, y);
                vec![("line", class.as_str(), line), ("dots", class.as_str(), dots)]
            }
            Shape::Area { class, points } => {
                let floor: Vec<_> = points.iter().map(|point| Point { x: point.x, y: point.y.map(|_| 0.0) }).collect();
                vec![("area", class.as_str(), between(points, &floor, plot, x, y))]
            }
            Shape::Between { class, upper, lower } => vec![("area", class.as_str(), between(upper, lower, plot, x, y))],
            Shape::Bars { class, width, points } => vec![("bars", class.as_str(), bars(points, *width, plot, x, y))],
        };
        paths.into_iter().filter(|(_, _, data)| !data.is_empty()).collect()
    }
}

/// Runs of neighbouring points that all have a value.
fn runs(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    points.split(|point| point.y.is_none()).filter(|run| !run.is_empty())
}

/// Lines through runs of values, and dots for the lone ones.
fn line(points: &[Point], plot: &Plot, x: &Axis, y: &Axis) -> (String, String) {
    let (mut line, mut dots) = (String::new(), String::new());
    for run in runs(points) {
        if let [lone] = run {
            push(&mut dots, 'M', lone, plot, x, y);
            // Round caps make a dot of a line without length.
            dots.push_str("h0.01");
            continue;
        }
        for (index, point) in run.iter().enumerate() {
            push(&mut line, if index == 0 { 'M' } else { 'L' }, point, plot, x, y);
        }
    }
    (line, dots)
}

fn between(upper: &[Point], lower: &[Point], plot: &Plot, x: &Axis, y: &Axis) -> String {
    let mut data = String::new();
    let mut below = runs(lower);
    for (run, floor) in runs(upper).map_while(|run| below.next().map(|floor| (run, floor))) {
        for (index, point) in run.iter().chain(floor.iter().rev()).enumerate() {
            push(&mut data, if index == 0 { 'M' } else { 'L' }, point, plot, x, y);
        }
        data.push('Z');
    }
    data
}

fn bars(points: &[Point], width: f64, plot: &Plot, x: &Axis, y: &Axis) -> String {
    let mut data = String::new();
    for (place, value) in points.iter().filter_map(|point| point.y.map(|value| (point.x, value))) {
        if value > 0.0 {
            let (left, right) = (plot.x(x, place), plot.x(x, place + width));
            // A single failure in a long run stays visible: no bar is thinner than a line.
            let width = (right - left - 0.4).max(1.2);
            let top = plot.y(y, value).min(plot.bottom - 1.0);
            let _ = write!(data, "M{left:.1},{:.1}V{top:.1}h{width:.1}V{:.1}Z", plot.bottom, plot.bottom);
        }
    }
    data
}

fn push(data: &mut String, command: char, point: &Point, plot: &Plot, x: &Axis, y: &Axis) {
    if let Some(value) = point.y {
        // Writing to a string cannot fail.
        let _ = write!(data, "{command}{:.1},{:.1}", plot.x(x, point.x), plot.y(y, value));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Unit;
    use super::*;

    const PLOT: Plot = Plot { left: 0.0, right: 100.0, top: 0.0, bottom: 10.0 };

    fn points(values: &[Option<f64>]) -> Vec<Point> {
        values.iter().enumerate().map(|(x, y)| Point { x: x as f64, y: *y }).collect()
    }

    #[test]
    fn lines_break_at_gaps_and_lone_values_are_dots() {
        let shape = Shape::Line { class: "a".into(), points: points(&[Some(0.0), Some(10.0), None, Some(5.0), None]) };
        let paths = shape.paths(&PLOT, &Axis::time(0.0, 10.0), &Axis::linear(10.0, Unit::Count));
        let line = ("line", "a", "M0.0,10.0L10.0,0.0".to_owned());
        assert_eq!(paths, [line, ("dots", "a", "M30.0,5.0h0.01".to_owned())]);
    }

    #[test]
    fn bars_are_never_thinner_than_a_line_and_zero_has_none() {
        let shape = Shape::Bars { class: "a".into(), width: 0.001, points: points(&[Some(0.0), Some(10.0), None]) };
        let paths = shape.paths(&PLOT, &Axis::time(0.0, 10.0), &Axis::linear(10.0, Unit::Count));
        assert_eq!(paths[0].2, "M10.0,10.0V0.0h1.2V10.0Z");
    }
}
