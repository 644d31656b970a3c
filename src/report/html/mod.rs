//! stub
use crate::results::Results;
use std::io::{self, Write};
pub(super) fn write(_results: &Results, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "x")
}
