//! `results.json`: the results as they are. Written here, read here, and described by a JSON Schema.

use std::io::{self, Read, Write};

use serde::Deserialize;

use crate::results::{RESULTS_FORMAT, Results};

/// Why a text is not results of ours.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source failed.
    #[error("cannot read the results")]
    Source(#[source] io::Error),
    /// Not JSON, or without a format number.
    #[error("not a results file: no JSON object with a `format` number")]
    NotResults(#[source] serde_json::Error),
    /// Written by a newer version.
    #[error("has results format {found}, this build reads {RESULTS_FORMAT} and older; use the pbxload that wrote it")]
    TooNew {
        /// Its format number.
        found: u32,
    },
    /// The format number is known and the content does not fit it.
    #[error("has results format {format} but does not fit it")]
    Unfit {
        /// Its format number.
        format: u32,
        /// What does not fit, with line and column.
        #[source]
        source: serde_json::Error,
    },
}

/// Writes the results, indented, with a line feed at the end.
pub(super) fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, results)?;
    writeln!(out)
}

/// Reads results of this format or an older one.
pub fn read(mut source: impl Read) -> Result<Results, ReadError> {
    /// The number is looked at first: a newer format must be named as such, not as a field that is missing.
    #[derive(Deserialize)]
    struct Header {
        format: u32,
    }

    let mut text = Vec::new();
    source.read_to_end(&mut text).map_err(ReadError::Source)?;
    let header: Header = serde_json::from_slice(&text).map_err(ReadError::NotResults)?;
    if header.format > RESULTS_FORMAT {
        return Err(ReadError::TooNew { found: header.format });
    }
    serde_json::from_slice(&text).map_err(|source| ReadError::Unfit { format: header.format, source })
}

/// The JSON Schema of the results.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Results);
    schema.insert("title".to_owned(), format!("pbxload results, format {RESULTS_FORMAT}").into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::fixture;

    /// Whether two values are the same, but for the last digit of a fraction, which the JSON parser may round.
    fn same(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
            }
            (Value::Number(x), Value::Number(y)) if x.is_f64() => match (x.as_f64(), y.as_f64()) {
                (Some(x), Some(y)) => (x - y).abs() <= x.abs() * 1e-15,
                _ => false,
            },
            _ => a == b,
        }
    }

    #[test]
    fn what_was_written_reads_back_the_same() {
        for (name, results) in fixture::all() {
            let mut out = Vec::new();
            write(&results, &mut out).expect("memory takes it");
            let back = read(out.as_slice()).expect("our own");
            let [back, results] = [back, results].map(|results| serde_json::to_value(results).expect("plain data"));
            assert!(same(&back, &results), "{name}");
        }
    }

    #[test]
    fn a_newer_format_is_named_with_what_is_supported() {
        let error = read(&br#"{"format": 99, "shape": "unknown"}"#[..]).expect_err("too new");
        insta::assert_snapshot!(error, @"has results format 99, this build reads 1 and older; use the pbxload that wrote it");
    }

    #[test]
    fn other_files_are_told_from_damaged_ones() {
        assert!(matches!(read(&b"<html>"[..]), Err(ReadError::NotResults(_))));
        assert!(matches!(read(&b"{}"[..]), Err(ReadError::NotResults(_))));
        assert!(matches!(read(&br#"{"format": 1, "run": 3}"#[..]), Err(ReadError::Unfit { format: 1, .. })));
    }

    #[test]
    fn the_schema_describes_every_key_that_is_written() {
        let schema = schema();
        let described = schema["properties"].as_object().expect("an object");
        let written = serde_json::to_value(fixture::rich()).expect("plain data");
        for key in written.as_object().expect("an object").keys() {
            assert!(described.contains_key(key), "{key}");
        }
    }
}
