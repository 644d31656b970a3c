//! Results → HTML page, JSON, JUnit, Markdown, CSV, and the table a terminal shows at the end of a run.
//!
//! Every report is a pure function of [`Results`](crate::results::Results) and writes to any `io::Write`; no file, no
//! clock, no measuring, no judging: what is not in the results is not in a report. Start reading at [`Format`] and
//! [`render`]; [`figures`] says how numbers are written, `untrusted` how foreign text is made harmless.

pub mod annotations;
pub mod comparison;
mod csv;
pub mod doubts;
pub mod drift;
mod events;
mod failures;
#[cfg(test)]
mod fixture;
mod format;
mod html;
pub mod json;
mod junit;
mod markdown;
mod promises;
pub mod text;
pub mod untrusted;
mod wording;

pub use crate::results::figures;
pub use format::{Format, RenderError, UnknownFormat, render};

/// Writes the page of a comparison: offline, no script.
///
/// # Errors
/// The sink refuses.
pub fn comparison_html(comparison: &crate::compare::Comparison, out: &mut impl std::io::Write) -> std::io::Result<()> {
    html::write_comparison(comparison, out)
}

/// Writes the page of a trend: offline, no script.
///
/// # Errors
/// The sink refuses.
pub fn trend_html(trend: &crate::compare::Trend, out: &mut impl std::io::Write) -> std::io::Result<()> {
    html::write_trend(trend, out)
}
