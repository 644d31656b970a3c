//! `report.html`: one page for people. Offline, without a script, light and dark, and fit for paper.
//!
//! Each part of the page has a file that turns figures into words and rows; the templates in `templates/report` only arrange.
//! `chart` draws. Start reading at `page`.

mod balance;
mod chart;
mod comparison;
mod curves;
mod details;
mod figure;
mod headline;
mod operations;
mod own;
mod page;
mod thinning;
mod timeline;

pub(super) use comparison::{write_comparison, write_trend};
pub(super) use page::write;
