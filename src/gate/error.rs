//! A mistake in a gate, with its place.

use std::fmt;
use std::ops::Range;

/// A mistake in a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateError {
    /// Bytes of the expression that are wrong; empty at a place where something is missing.
    pub range: Range<usize>,
    /// What is wrong, and what was expected.
    pub message: String,
    /// The way out, where there is one.
    pub help: Option<String>,
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for GateError {}
