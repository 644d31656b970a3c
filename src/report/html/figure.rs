//! What templates put on the page again and again: a chart with its caption, a fact, a row of a legend.

use crate::report::figures;

use super::chart::Chart;

/// An entry of a legend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    /// Class that gives the colour.
    pub(super) class: String,
    /// What has it.
    pub(super) label: String,
}

impl Key {
    pub(super) fn new(class: &str, label: &str) -> Key {
        Key { class: class.to_owned(), label: label.to_owned() }
    }
}

/// A chart with its caption, or the words for why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) note: String,
    pub(super) legend: Vec<Key>,
    /// The SVG element: the only text that templates do not escape. Empty when there is nothing to draw.
    pub(super) svg: String,
    /// What stands in its place then.
    pub(super) instead: &'static str,
}

impl Figure {
    /// A chart under its own title.
    pub(super) fn of(chart: &Chart, note: String, legend: Vec<Key>) -> Figure {
        Figure { title: chart.title.clone(), note, legend, svg: chart.svg(), instead: "" }
    }

    /// A title with words in place of a chart.
    pub(super) fn without(title: &str, instead: &'static str) -> Figure {
        Figure { title: title.to_owned(), note: String::new(), legend: Vec::new(), svg: String::new(), instead }
    }
}

/// A name and what goes with it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
    /// Said in small print.
    pub(super) note: String,
    /// Should be zero and is not.
    pub(super) bad: bool,
}

impl Fact {
    pub(super) fn new(name: impl Into<String>, value: impl Into<String>) -> Fact {
        let value: String = value.into();
        let value = if value.is_empty() { figures::NO_FIGURE.to_owned() } else { value };
        Fact { name: name.into(), value, note: String::new(), bad: false }
    }

    pub(super) fn noted(mut self, note: impl Into<String>) -> Fact {
        self.note = note.into();
        self
    }
}

/// A percentile in a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Why it says less than it seems to; empty when it does not.
    pub(super) doubt: &'static str,
}

impl Cell {
    /// A percentile of so many samples. The rarest one that it speaks of has to be there: 1 in 100 for p99.
    pub(super) fn of(micros: u64, samples: u64, samples_min: u64) -> Cell {
        let doubt = if samples < samples_min { "too few samples: no more than the maximum" } else { "" };
        Cell { text: figures::micros(micros), doubt }
    }
}
