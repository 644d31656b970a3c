//! What happened at an instant: events as small triangles above the plot, interruptions as breaks through it, and their
//! names in rows of their own where a chart has them.

use std::fmt::Write;

use super::Axis;
use super::picture::{Region, RegionKind, escaped};
use super::shape::Plot;

/// Height of a row of names.
const ROW: f64 = 13.0;
/// Room that a character of a name takes, about.
const NAME_CHAR: f64 = 5.2;
/// Width of a break.
const BREAK: f64 = 5.0;
/// The kinds that have a row of names each, the upper one first.
const KINDS: [RegionKind; 2] = [RegionKind::Interruption, RegionKind::Event];

/// Room that the rows of names take.
pub(super) fn height_of_rows(regions: &[Region]) -> f64 {
    ROW * rows(regions).count() as f64
}

fn rows(regions: &[Region]) -> impl Iterator<Item = RegionKind> {
    KINDS.into_iter().filter(|kind| regions.iter().any(|region| region.kind == *kind))
}

/// Triangles and lines of events, below whatever the chart shows.
pub(super) fn events(regions: &[Region], plot: &Plot, x: &Axis, out: &mut String) -> std::fmt::Result {
    let Plot { top, bottom, .. } = plot;
    for region in regions.iter().filter(|region| region.kind == RegionKind::Event) {
        let (at, label) = (plot.x(x, region.from), escaped(&region.label));
        write!(out, r#"<g><title>{label}</title><path class="event-edge" d="M{at:.1},{top}V{bottom}"/>"#)?;
        write!(out, r#"<path class="event" d="M{:.1},{:.1}h7l-3.5,5Z"/></g>"#, at - 3.5, top - 4.0)?;
    }
    Ok(())
}

/// Breaks over everything: where the run was interrupted the axis goes on at the same second, and no line goes through.
pub(super) fn breaks(regions: &[Region], plot: &Plot, x: &Axis, out: &mut String) -> std::fmt::Result {
    let (top, height) = (plot.top - 4.0, plot.bottom - plot.top + 8.0);
    for region in regions.iter().filter(|region| region.kind == RegionKind::Interruption) {
        let (from, label) = (plot.x(x, region.from) - BREAK / 2.0, escaped(&region.label));
        write!(out, "<g><title>{label}</title>")?;
        write!(out, r#"<rect class="break" x="{from:.1}" y="{top}" width="{BREAK}" height="{height}"/>"#)?;
        write!(out, r#"<path class="break-edge" d="M{from:.1},{top}v{height}m{BREAK},0v-{height}"/></g>"#)?;
    }
    Ok(())
}

/// The names, in rows above the plot. One that would cover the one before it is left out: its triangle tells it when the
/// pointer rests there.
pub(super) fn names(regions: &[Region], plot: &Plot, x: &Axis, out: &mut String) -> std::fmt::Result {
    let rows: Vec<RegionKind> = rows(regions).collect();
    for (index, kind) in rows.iter().enumerate() {
        let y = plot.top - 7.0 - ROW * (rows.len() - 1 - index) as f64;
        let mut here: Vec<&Region> = regions.iter().filter(|region| region.kind == *kind).collect();
        here.sort_by(|one, other| one.from.total_cmp(&other.from));
        let mut taken_to = f64::NEG_INFINITY;
        for region in here {
            let width = region.label.chars().count() as f64 * NAME_CHAR + 6.0;
            let left = (plot.x(x, region.from) - width / 2.0).min(plot.right - width).max(plot.left);
            if left < taken_to || left + width > plot.right + 1.0 {
                continue;
            }
            taken_to = left + width;
            let (middle, label) = (left + width / 2.0, escaped(&region.label));
            write!(out, r#"<text class="happening middle" x="{middle:.1}" y="{y}">{label}</text>"#)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: Plot = Plot { left: 0.0, right: 400.0, top: 50.0, bottom: 100.0 };

    fn region(at: f64, label: &str, kind: RegionKind) -> Region {
        Region { from: at, to: at, label: label.to_owned(), kind }
    }

    fn named(regions: &[Region]) -> Vec<String> {
        let mut svg = String::new();
        names(regions, &PLOT, &Axis::time(0.0, 100.0), &mut svg).expect("a string takes it");
        svg.split("</text>").filter_map(|text| text.rsplit_once('>').map(|(_, name)| name.to_owned())).collect()
    }

    #[test]
    fn names_that_would_cover_each_other_are_left_out() {
        let drops: Vec<_> = (0..50).map(|at| region(f64::from(at) * 2.0, "drop", RegionKind::Event)).collect();
        let shown = named(&drops).len();
        assert!((8..=12).contains(&shown), "{shown}");
        assert_eq!(named(&[region(50.0, &"x".repeat(100), RegionKind::Event)]), [""; 0], "longer than the plot");
    }

    #[test]
    fn interruptions_have_a_row_of_their_own() {
        let regions = [
            region(50.0, "restart-storm", RegionKind::Event),
            region(51.0, "interrupted for 7s", RegionKind::Interruption),
            region(100.0, "<drop>", RegionKind::Event),
        ];
        assert_eq!(named(&regions), ["interrupted for 7s", "restart-storm", "&#60;drop&#62;"]);
        assert_eq!(height_of_rows(&regions), 2.0 * ROW);
        assert_eq!(height_of_rows(&regions[..1]), ROW);
    }
}
