//! The list of formats: their words, their files, and who writes them.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use crate::results::Results;

use super::{csv, html, json, junit, markdown};

/// A format that a report can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// One page for people: offline, no script.
    Html,
    /// The results themselves; what `compare` and `report` read.
    Json,
    /// For the test page of a CI system.
    Junit,
    /// For the summary of a CI job.
    Markdown,
    /// The figures over time, for a spreadsheet.
    Csv,
}

impl Format {
    /// Every format, in the order in which they are offered.
    pub const ALL: [Format; 5] = [Format::Html, Format::Json, Format::Junit, Format::Markdown, Format::Csv];

    /// The word of the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Json => "json",
            Format::Junit => "junit",
            Format::Markdown => "markdown",
            Format::Csv => "csv",
        }
    }

    /// Name of the file in the run folder.
    pub const fn file_name(self) -> &'static str {
        match self {
            Format::Html => "report.html",
            Format::Json => "results.json",
            Format::Junit => "junit.xml",
            Format::Markdown => "summary.md",
            Format::Csv => "series.csv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no report format; there are html, json, junit, markdown and csv")]
pub struct UnknownFormat {
    /// The word.
    pub word: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Format, UnknownFormat> {
        Format::ALL
            .into_iter()
            .find(|format| format.word() == word)
            .ok_or_else(|| UnknownFormat { word: word.to_owned() })
    }
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The sink refused.
    #[error("cannot write the {format} report")]
    Write {
        /// The report being written.
        format: Format,
        /// What the sink said.
        #[source]
        source: io::Error,
    },
}

/// Writes one report.
pub fn render(format: Format, results: &Results, out: &mut impl Write) -> Result<(), RenderError> {
    let written = match format {
        Format::Html => html::write(results, out),
        Format::Json => json::write(results, out),
        Format::Junit => junit::write(results, out),
        Format::Markdown => markdown::write(results, out),
        Format::Csv => csv::write(results, out),
    };
    written.and_then(|()| out.flush()).map_err(|source| RenderError::Write { format, source })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::fixture;

    #[test]
    fn words_lead_back_to_their_format() {
        for format in Format::ALL {
            assert_eq!(format.word().parse(), Ok(format));
        }
        let unknown = "pdf".parse::<Format>().expect_err("no such format").to_string();
        for format in Format::ALL {
            assert!(unknown.contains(format.word()), "{unknown} does not offer {format}");
        }
    }

    #[test]
    fn every_format_takes_every_fixture() {
        for (name, results) in fixture::all() {
            for format in Format::ALL {
                let mut out = Vec::new();
                render(format, &results, &mut out).expect("memory takes it");
                assert!(!out.is_empty(), "{format} of {name}");
                assert!(String::from_utf8(out).is_ok(), "{format} of {name}");
            }
        }
    }

    #[test]
    fn a_refusing_sink_is_reported_with_the_format() {
        let mut full = io::Cursor::new([0_u8; 8]);
        let error = render(Format::Markdown, &fixture::rich(), &mut full.get_mut().as_mut_slice())
            .expect_err("eight bytes are full");
        assert_eq!(error.to_string(), "cannot write the markdown report");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_text_and_any_number_can_be_reported(text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}", seed in any::<u64>()) {
            let results = fixture::arbitrary(&text, seed);
            for format in Format::ALL {
                let mut out = Vec::new();
                render(format, &results, &mut out).expect("memory takes it");
                prop_assert!(String::from_utf8(out).is_ok());
            }
        }
    }
}
