//! A chart as small as a word, for a cell of a table.

use super::shape::Plot;
use super::{Axis, Point, Shape, escaped};

const WIDTH: f64 = 110.0;
const HEIGHT: f64 = 24.0;
const PLOT: Plot = Plot { left: 2.0, right: WIDTH - 2.0, top: 3.0, bottom: HEIGHT - 3.0 };

/// A line without axes.
pub(in crate::report::html) fn sparkline(
    title: &str,
    description: &str,
    points: Vec<Point>,
    x: &Axis,
    y: &Axis,
) -> String {
    let line = Shape::Line { class: "spark".to_owned(), points };
    let mut out = format!(
        r#"<svg class="sparkline" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{}</title><desc>{}</desc>"#,
        escaped(title),
        escaped(description)
    );
    for (kind, class, data) in line.paths(&PLOT, x, y) {
        out.push_str(&format!(r#"<path class="{kind} {class}" d="{data}"/>"#));
    }
    out.push_str("</svg>");
    out
}
