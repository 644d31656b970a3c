//! What templates put on the page again and again: a chart with its caption, a fact, a row of a legend.

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
}

impl Fact {
    pub(super) fn new(name: impl Into<String>, value: impl Into<String>) -> Fact {
        Fact { name: name.into(), value: value.into(), note: String::new() }
    }

    pub(super) fn noted(mut self, note: impl Into<String>) -> Fact {
        self.note = note.into();
        self
    }
}
