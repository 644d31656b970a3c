//! Baselines on disk.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{StoreError, write_whole};
use crate::compare::Baseline;

/// Where baselines go unless `--out` says otherwise.
pub const BASELINES: &str = "reports/baselines";
/// Most bytes that are read of a file that calls itself a baseline.
const BYTES_MAX: u64 = 8 << 20;

/// Writes a baseline to `out`, or to its own name in [`BASELINES`], and tells where.
///
/// Errors: the place cannot be written. An older baseline there is replaced as a whole.
pub fn write_baseline(baseline: &Baseline, out: Option<&Path>) -> Result<PathBuf, StoreError> {
    let path = out.map_or_else(|| Path::new(BASELINES).join(baseline.file_name()), Path::to_owned);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|source| StoreError::Write { path: folder.to_owned(), source })?;
    }
    write_whole(&path, baseline.text().as_bytes())?;
    Ok(path)
}

/// Reads a baseline.
///
/// Errors: it cannot be read, or it is cut, edited, newer than this build, or none at all.
pub fn read_baseline(path: &Path) -> Result<Baseline, StoreError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text));
    read.map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    Baseline::parse(&text).map_err(|source| StoreError::Baseline { path: path.to_owned(), source })
}
