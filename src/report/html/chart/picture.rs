//! A chart put together: grid, regions, shapes, ticks, and what shows under the pointer.

use std::fmt::Write;

use askama::filters::Escaper;

use super::axis::Tick;
use super::shape::Plot;
use super::{Axis, Shape, happening};

/// Why a part of the chart is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::html) enum RegionKind {
    /// A stage of the load, the drain.
    Mark,
    /// An event, at an instant.
    Event,
    /// The run was killed, or broken off, and resumed.
    Interruption,
    /// The generator was the bottleneck.
    Saturated,
}

/// A part of the horizontal axis that is set off and named.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Region {
    pub(in crate::report::html) from: f64,
    pub(in crate::report::html) to: f64,
    pub(in crate::report::html) label: String,
    pub(in crate::report::html) kind: RegionKind,
}

/// What shows when the pointer rests between two places of the horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Hover {
    pub(in crate::report::html) from: f64,
    pub(in crate::report::html) to: f64,
    pub(in crate::report::html) text: String,
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Chart {
    /// Name of the picture, for those who do not see it.
    pub(in crate::report::html) title: String,
    /// What it shows, in a sentence with its main figures.
    pub(in crate::report::html) description: String,
    pub(in crate::report::html) x: Axis,
    pub(in crate::report::html) y: Axis,
    pub(in crate::report::html) regions: Vec<Region>,
    /// Whether events and interruptions are named, in rows above the plot.
    pub(in crate::report::html) names: bool,
    pub(in crate::report::html) shapes: Vec<Shape>,
    pub(in crate::report::html) hovers: Vec<Hover>,
}

/// Units of the drawing; the page scales it. At 560 two charts stand side by side and one fills a telephone.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 224.0;
const PLOT: Plot = Plot { left: 56.0, right: WIDTH - 10.0, top: 26.0, bottom: HEIGHT - 26.0 };
/// Where the strip of stages begins.
const STRIP: f64 = 6.0;
/// Room for a second row of words below the horizontal axis.
const SECOND_ROW: f64 = 15.0;
/// Room that a character of a label takes, about.
const LABEL_CHAR: f64 = 5.9;

impl Chart {
    /// The picture as an SVG element.
    pub(in crate::report::html) fn svg(&self) -> String {
        let mut out = String::with_capacity(16_384);
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    /// Room that the names of what happened take above the plot.
    fn rows(&self) -> f64 {
        if self.names { happening::height_of_rows(&self.regions) } else { 0.0 }
    }

    fn plot(&self) -> Plot {
        Plot { top: PLOT.top + self.rows(), bottom: PLOT.bottom + self.rows(), ..PLOT }
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let plot = self.plot();
        let height = self.rows() + if self.x.second.is_empty() { HEIGHT } else { HEIGHT + SECOND_ROW };
        write!(out, r#"<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img">"#)?;
        write!(out, "<title>{}</title><desc>{}</desc>", escaped(&self.title), escaped(&self.description))?;
        self.regions(out)?;
        self.grid(out)?;
        happening::events(&self.regions, &plot, &self.x, out)?;
        for shape in &self.shapes {
            for (kind, class, data) in shape.paths(&plot, &self.x, &self.y) {
                write!(out, r#"<path class="{kind} {class}" d="{data}"/>"#)?;
            }
        }
        self.saturation(out)?;
        self.hovers(out)?;
        happening::breaks(&self.regions, &plot, &self.x, out)?;
        if self.names {
            happening::names(&self.regions, &plot, &self.x, out)?;
        }
        out.push_str("</svg>");
        Ok(())
    }

    fn regions(&self, out: &mut String) -> std::fmt::Result {
        let plot @ Plot { top, bottom, .. } = self.plot();
        let height = bottom - top;
        for region in &self.regions {
            let (from, to) = (plot.x(&self.x, region.from), plot.x(&self.x, region.to));
            let width = (to - from).max(0.0);
            let label = escaped(&region.label);
            match region.kind {
                RegionKind::Saturated => {
                    write!(
                        out,
                        r#"<g><title>{label}</title><rect class="saturated" x="{from:.1}" y="{top}" width="{width:.1}" height="{height}"/>"#
                    )?;
                    write!(out, r#"<path class="saturated-edge" d="M{from:.1},{top}V{bottom}"/></g>"#)?;
                }
                RegionKind::Mark => {
                    write!(
                        out,
                        r#"<g><title>{label}</title><rect class="mark" x="{from:.1}" y="{STRIP}" width="{width:.1}" height="16"/>"#
                    )?;
                    write!(out, r#"<path class="mark-edge" d="M{from:.1},{STRIP}V{bottom}"/>"#)?;
                    if room(&region.label) <= width {
                        let (x, y) = (from + 5.0, STRIP + 11.5);
                        write!(out, r#"<text class="mark-label" x="{x:.1}" y="{y}">{label}</text>"#)?;
                    }
                    out.push_str("</g>");
                }
                RegionKind::Event | RegionKind::Interruption => {}
            }
        }
        Ok(())
    }

    /// Above the shapes, and never left out for want of room: then it stands left of its edge, or right of its end. One that
    /// would cover another of the same kind is.
    fn saturation(&self, out: &mut String) -> std::fmt::Result {
        let plot = self.plot();
        let y = plot.top + 12.0;
        let mut taken_to = f64::NEG_INFINITY;
        for region in self.regions.iter().filter(|region| region.kind == RegionKind::Saturated) {
            let (from, to) = (plot.x(&self.x, region.from), plot.x(&self.x, region.to));
            let room = room(&region.label);
            let (x, side) = match () {
                () if room <= to - from => (from + 5.0, ""),
                () if from - room >= plot.left => (from - 5.0, " end"),
                () => (to.max(from) + 5.0, ""),
            };
            let left = if side.is_empty() { x } else { x - room };
            if left < taken_to {
                continue;
            }
            taken_to = left + room;
            let label = escaped(&region.label);
            write!(out, r#"<text class="saturated-label{side}" x="{x:.1}" y="{y}">{label}</text>"#)?;
        }
        Ok(())
    }

    fn grid(&self, out: &mut String) -> std::fmt::Result {
        let plot @ Plot { left, right, bottom, top } = self.plot();
        for tick in &self.y.ticks {
            let y = bottom - tick.place * (bottom - top);
            let class = if tick.place == 0.0 { "axis" } else { "grid" };
            write!(out, r#"<path class="{class}" d="M{left},{y:.1}H{right}"/>"#)?;
            write!(
                out,
                r#"<text class="tick end" x="{}" y="{:.1}">{}</text>"#,
                left - 7.0,
                y + 3.6,
                escaped(&tick.label)
            )?;
        }
        row(out, &plot, &self.x.ticks, self.x.unit, bottom)?;
        if !self.x.second.is_empty() {
            row(out, &plot, &self.x.second, self.x.second_unit, bottom + SECOND_ROW)?;
        }
        Ok(())
    }

    fn hovers(&self, out: &mut String) -> std::fmt::Result {
        let plot @ Plot { top, bottom, .. } = self.plot();
        for hover in &self.hovers {
            let (from, to) = (plot.x(&self.x, hover.from), plot.x(&self.x, hover.to));
            let width = (to - from).max(1.0);
            write!(
                out,
                r#"<rect class="hover" x="{from:.1}" y="{top}" width="{width:.1}" height="{}"><title>{}</title></rect>"#,
                bottom - top,
                escaped(&hover.text)
            )?;
        }
        Ok(())
    }
}

/// A row of words below the horizontal axis, and what they are at its end.
fn row(out: &mut String, plot: &Plot, ticks: &[Tick], unit: &str, top: f64) -> std::fmt::Result {
    let Plot { left, right, bottom, .. } = *plot;
    let unit_from = right - unit.len() as f64 * LABEL_CHAR - 24.0;
    for tick in ticks {
        let x = left + tick.place * (right - left);
        let (from, length) = if top > bottom { (top + 2.5, 3) } else { (bottom, 4) };
        write!(out, r#"<path class="axis" d="M{x:.1},{from}v{length}"/>"#)?;
        if x < unit_from {
            let label = escaped(&tick.label);
            write!(out, r#"<text class="tick middle" x="{x:.1}" y="{}">{label}</text>"#, top + 16.0)?;
        }
    }
    write!(out, r#"<text class="tick end unit" x="{right}" y="{}">{unit}</text>"#, top + 16.0)
}

/// Room that a label takes, about.
fn room(label: &str) -> f64 {
    label.chars().count() as f64 * LABEL_CHAR + 8.0
}

/// Text that is safe inside an element and inside a quoted attribute.
pub(in crate::report::html) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Writing to a string cannot fail.
    let _ = askama::filters::Html.write_escaped_str(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Point, Unit};
    use super::*;

    #[test]
    fn a_picture_says_what_it_is_and_escapes_what_it_is_told() {
        let evil = "<script>\"'";
        let chart = Chart {
            title: evil.to_owned(),
            description: evil.to_owned(),
            x: Axis::time(0.0, 10.0),
            y: Axis::linear(10.0, Unit::Count),
            regions: vec![Region { from: 0.0, to: 10.0, label: evil.to_owned(), kind: RegionKind::Mark }],
            names: false,
            shapes: vec![Shape::Line { class: "s1".to_owned(), points: vec![Point { x: 1.0, y: Some(2.0) }] }],
            hovers: vec![Hover { from: 1.0, to: 2.0, text: evil.to_owned() }],
        };
        let svg = chart.svg();
        assert!(svg.contains("<title>&#60;script&#62;"), "{svg}");
        assert!(svg.contains("<desc>"), "{svg}");
        assert!(!svg.contains("<script"), "{svg}");
    }
}
