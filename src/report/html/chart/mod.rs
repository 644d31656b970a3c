//! Charts as static SVG: axes, shapes, and the picture made of them. Knows nothing of results.
//!
//! Colours are class names that the page's style sheet fills in for light, dark and paper. Start reading at [`Chart`].

mod axis;
mod happening;
mod picture;
mod shape;
mod sparkline;
mod stacked;

pub(super) use axis::{Axis, Unit};
pub(super) use picture::{Chart, Hover, Region, RegionKind, escaped};
pub(super) use shape::{Point, Shape};
pub(super) use sparkline::sparkline;
pub(super) use stacked::{Part, stacked_bar};
