//! `JournalReader`: everything of a journal that is intact, whatever happened to the rest.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::seal::{self, Broken, Opened, SEAL};
use super::{StoreError, writer};
use crate::results::{Record, RunInfo};

/// Most bytes of one record. A real one of all operations and phases stays below 15 MiB.
const RECORD_BYTES_MAX: usize = 32 << 20;
/// Skipped places that are kept one by one; further ones are only counted.
const SKIPPED_MAX: usize = 100;

/// A place of the journal that gave no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The segment's file.
    pub segment: PathBuf,
    /// Line, from 1.
    pub line: u64,
    /// What is wrong there.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record of the journal was skipped: `{}`, line {}: {}", self.segment.display(), self.line, self.why)
    }
}

/// Reads the records of a journal one by one, in the order in which they were written.
///
/// Damaged records are skipped and listed in [`JournalReader::skipped`]; each record that comes out is, byte for byte,
/// what was written. Memory stays bounded whatever the files hold. The run's [`Record::Start`] comes out once, although
/// each segment repeats it; a different one, of a run that was resumed, comes out too. The only errors are [`StoreError::TooNew`], after which nothing more comes, and an unreadable
/// file, after which the next segment follows.
#[derive(Debug)]
pub struct JournalReader {
    waiting: VecDeque<PathBuf>,
    open: Option<Segment>,
    /// The latest one that came out.
    start: Option<Box<RunInfo>>,
    skipped: Vec<Skipped>,
    skipped_count: u64,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: BufReader<File>,
    /// Number of the line under way.
    line: u64,
    /// Bytes since the last record.
    pending: Vec<u8>,
    /// Number of the first pending line.
    pending_line: u64,
    /// The pending bytes are already listed as skipped.
    is_reported: bool,
}

impl JournalReader {
    /// The journal in this folder.
    ///
    /// Errors: the folder is missing or holds no segment.
    pub fn open(folder: &Path) -> Result<JournalReader, StoreError> {
        let way_out = "without a journal there is nothing to rebuild the results from";
        if !folder.is_dir() {
            return Err(StoreError::Missing { path: folder.to_owned(), way_out });
        }
        let waiting: VecDeque<PathBuf> = writer::segments(folder)?.into_iter().map(|(_, path)| path).collect();
        if waiting.is_empty() {
            return Err(StoreError::Missing { path: folder.join("00000.hlog"), way_out });
        }
        Ok(JournalReader { waiting, open: None, start: None, skipped: Vec::new(), skipped_count: 0 })
    }

    /// What has been skipped so far: the first hundred places.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// How many places have been skipped so far.
    pub fn skipped_count(&self) -> u64 {
        self.skipped_count
    }

    fn skip(&mut self, skipped: Skipped) {
        self.skipped_count += 1;
        if self.skipped.len() < SKIPPED_MAX {
            self.skipped.push(skipped);
        }
    }

    /// One step: a record, an error, or `None` when there is more to do.
    fn step(&mut self, segment: &mut Segment) -> Result<Step, StoreError> {
        let mut line = Vec::new();
        let read = read_line(&mut segment.file, &mut line);
        match read.map_err(|source| StoreError::Read { path: segment.path.clone(), source })? {
            Line::End => {
                self.leave(segment, "the segment ends in the middle of a record");
                return Ok(Step::SegmentEnd);
            }
            Line::TooLong => {
                segment.line += 1;
                segment.is_reported = false;
                segment.pending.push(b'?');
                self.leave(segment, "the line is longer than any record");
                return Ok(Step::Nothing);
            }
            Line::Whole => segment.line += 1,
        }
        if !line.starts_with(SEAL) {
            segment.hold(&line);
            if segment.pending.len() > RECORD_BYTES_MAX {
                self.leave(segment, "there is more text than in any record");
            }
            return Ok(Step::Nothing);
        }
        match seal::open(&line, &segment.pending) {
            Ok(Opened { record, block }) => {
                segment.pending.truncate(segment.pending.len() - block);
                self.leave(segment, "these lines belong to no record");
                if let Record::Start(run) = &record {
                    if self.start.as_ref() == Some(run) {
                        return Ok(Step::Nothing);
                    }
                    self.start = Some(run.clone());
                }
                Ok(Step::Record(record))
            }
            Err(Broken::TooNew(found)) => Err(StoreError::TooNew { path: segment.path.clone(), found }),
            Err(Broken::Unknown(why)) => {
                segment.pending.clear();
                self.skip(Skipped { segment: segment.path.clone(), line: segment.line, why });
                segment.pending_line = segment.line + 1;
                Ok(Step::Nothing)
            }
            Err(Broken::Damaged(why)) => {
                if !segment.is_reported {
                    self.skip(Skipped { segment: segment.path.clone(), line: segment.line, why });
                }
                // Kept: a damaged line end may hide the first line of the next record in this one.
                segment.hold(&line);
                segment.is_reported = true;
                Ok(Step::Nothing)
            }
        }
    }

    /// Drops the pending bytes, listing them as skipped unless they are or are mere comments.
    fn leave(&mut self, segment: &mut Segment, why: &str) {
        if !segment.is_reported && !is_heading(&segment.pending) {
            self.skip(Skipped { segment: segment.path.clone(), line: segment.pending_line, why: why.to_owned() });
        }
        segment.pending.clear();
        segment.pending_line = segment.line + 1;
        segment.is_reported = false;
    }
}

enum Step {
    Record(Record),
    Nothing,
    SegmentEnd,
}

impl Iterator for JournalReader {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Result<Record, StoreError>> {
        loop {
            let mut segment = match self.open.take() {
                Some(segment) => segment,
                None => match Segment::open(self.waiting.pop_front()?) {
                    Ok(segment) => segment,
                    Err(error) => return Some(Err(error)),
                },
            };
            match self.step(&mut segment) {
                Ok(Step::SegmentEnd) => {}
                Ok(Step::Nothing) => self.open = Some(segment),
                Ok(Step::Record(record)) => {
                    self.open = Some(segment);
                    return Some(Ok(record));
                }
                Err(error) => {
                    if matches!(error, StoreError::TooNew { .. }) {
                        self.waiting.clear();
                    }
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Segment {
    fn open(path: PathBuf) -> Result<Segment, StoreError> {
        match File::open(&path) {
            Ok(file) => Ok(Segment {
                path,
                file: BufReader::with_capacity(256 << 10, file),
                line: 0,
                pending: Vec::new(),
                pending_line: 1,
                is_reported: false,
            }),
            Err(source) => Err(StoreError::Read { path, source }),
        }
    }

    fn hold(&mut self, line: &[u8]) {
        if self.pending.is_empty() {
            self.pending_line = self.line;
        }
        self.pending.extend_from_slice(line);
    }
}

/// Whether these lines are blank or what each segment begins with. Other comments may be damaged seals.
fn is_heading(lines: &[u8]) -> bool {
    let is_ours = |line: &[u8]| writer::EXPLANATION.iter().any(|ours| line.strip_prefix(b"#") == Some(ours.as_bytes()));
    let mut lines = lines.split(|&byte| byte == b'\n');
    lines.all(|line| line.is_empty() || line.starts_with(b"#[") || line == writer::LEGEND.as_bytes() || is_ours(line))
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads a line of bounded length; a longer one is passed over without being kept.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    let mut is_too_long = false;
    loop {
        let available = match file.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = available.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let part = &available[..end.unwrap_or(available.len())];
        if line.len() + part.len() > RECORD_BYTES_MAX {
            is_too_long = true;
            *line = Vec::new();
        }
        if !is_too_long {
            line.extend_from_slice(part);
        }
        let is_end = part.is_empty();
        let length = part.len();
        file.consume(length);
        if is_end || end.is_some() {
            return Ok(match (is_too_long, is_end && line.is_empty()) {
                (true, _) => Line::TooLong,
                (false, true) => Line::End,
                (false, false) => Line::Whole,
            });
        }
    }
}
