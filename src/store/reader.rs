//! `JournalReader`: everything of a journal that is intact, whatever happened to the rest.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::seal::{self, Broken, Opened, SEAL};
use super::segment::Segments;
use super::{StoreError, writer};
use crate::results::{Interruption, Record, RunInfo};
use crate::tick::Tick;

/// Most bytes of one record. A real one of all operations and phases stays below 15 MiB.
const RECORD_BYTES_MAX: usize = 32 << 20;
/// Skipped places that are kept one by one; further ones are only counted.
const SKIPPED_MAX: usize = 100;
/// How often the folder is listed again because files of the list are gone.
const LOOKS_MAX: u32 = 10;
/// Bytes at the beginning of a segment in which its run's name is looked for.
const HEAD_BYTES: usize = 64 << 10;

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

impl Skipped {
    /// As a doubt that travels with the figures.
    pub fn warning(&self) -> String {
        format!("a part of the journal could not be used: {self}")
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record of the journal was skipped: `{}`, line {}: {}", self.segment.display(), self.line, self.why)
    }
}

/// Reads the records of a journal one by one, in the order in which they were written.
///
/// Damaged records are skipped and listed in [`JournalReader::skipped`], as are those of another run, those that tell a
/// time again that was told before, and segments of a newer build; each record that comes out is, byte for byte, what was written. Memory stays bounded whatever the files
/// hold. The run's [`Record::Start`] comes out once, although each segment repeats it; a different one comes out too. The
/// only errors are an unreadable file, after which the next segment follows, and, at the end, [`StoreError::TooNew`] when
/// a newer build wrote all of it.
#[derive(Debug)]
pub struct JournalReader {
    waiting: VecDeque<Source>,
    open: Option<Segment>,
    /// Tag of the run whose records come out.
    run: Option<u32>,
    /// Whether anything has come out.
    has_records: bool,
    /// Records of another run, and segments of a newer build, were passed over.
    has_passed_over: bool,
    too_new: Option<StoreError>,
    /// The latest one that came out.
    start: Option<Box<RunInfo>>,
    /// Part and end of the latest interval that came out.
    told_to: Option<(u32, Tick)>,
    /// Those that came out.
    interruptions: Vec<Interruption>,
    skipped: Vec<Skipped>,
    skipped_count: u64,
}

/// A segment that is still to be read. Open from the start: what a run that goes on rewrites meanwhile stays readable.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// Tag of the run that its first lines name.
    tag: Option<u32>,
    bytes: u64,
    content: Content,
}

/// The bytes of a segment, wherever they are.
struct Content(Box<dyn io::Read + Send>);

impl io::Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content")
    }
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    /// Tag of the run that its last [`Record::Start`] names, for records of format 1.
    run: Option<u32>,
    /// Records of another run are listed once a segment.
    is_foreign_listed: bool,
    /// Its latest interval was of a time that had been told before it.
    is_behind: bool,
    file: BufReader<Content>,
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
        if !folder.is_dir() {
            let way_out = "without a journal there is nothing to rebuild the results from";
            return Err(StoreError::Missing { path: folder.to_owned(), way_out });
        }
        let mut looks = 0;
        let waiting = loop {
            let segments = Segments::of(folder)?.valid;
            match segments.iter().map(|segment| Source::open(segment.path.clone())).collect() {
                // It was rewritten and removed between the two.
                Err(StoreError::Missing { .. }) if looks < LOOKS_MAX => looks += 1,
                opened => break opened?,
            }
        };
        let reader = JournalReader::of(waiting, None);
        if reader.waiting.is_empty() {
            return Err(StoreError::NotBegun { path: folder.to_owned() });
        }
        Ok(reader)
    }

    /// These segments of one run.
    pub(super) fn of_segments(paths: &[PathBuf], run: Option<u32>) -> Result<JournalReader, StoreError> {
        let sources: Result<VecDeque<Source>, StoreError> = paths.iter().cloned().map(Source::open).collect();
        Ok(JournalReader::of(sources?, run))
    }

    /// Segments that are in memory, in order: the way in for tests with any bytes.
    pub fn of_bytes(segments: Vec<Vec<u8>>) -> JournalReader {
        let sources = segments.into_iter().enumerate().map(|(number, bytes)| Source::of_bytes(number, bytes));
        JournalReader::of(sources.collect(), None)
    }

    fn of(waiting: VecDeque<Source>, run: Option<u32>) -> JournalReader {
        JournalReader {
            run: run.or_else(|| most_named(&waiting)),
            waiting,
            open: None,
            has_records: false,
            has_passed_over: false,
            too_new: None,
            start: None,
            told_to: None,
            interruptions: Vec::new(),
            skipped: Vec::new(),
            skipped_count: 0,
        }
    }

    /// Whether records were passed over that are intact and that somebody else could read.
    pub(super) fn has_passed_over(&self) -> bool {
        self.has_passed_over
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
            Ok(Opened { record, block, run }) => {
                segment.pending.truncate(segment.pending.len() - block);
                self.leave(segment, "these lines belong to no record");
                if let Record::Start(run) = &record {
                    segment.run = Some(seal::run_tag(run));
                }
                if !self.is_of_this_run(run.or(segment.run)) {
                    self.has_passed_over = true;
                    if !std::mem::replace(&mut segment.is_foreign_listed, true) {
                        let why = "from here on it holds records of another run".to_owned();
                        self.skip(Skipped { segment: segment.path.clone(), line: segment.line, why });
                    }
                    return Ok(Step::Nothing);
                }
                if let Record::Start(run) = &record {
                    if self.start.as_ref() == Some(run) {
                        return Ok(Step::Nothing);
                    }
                    self.start = Some(run.clone());
                }
                if self.is_told(segment, &record) {
                    self.has_passed_over = true;
                    return Ok(Step::Nothing);
                }
                Ok(Step::Record(record))
            }
            Err(Broken::TooNew(found)) => {
                // What a newer build wrote is beyond this one; what an older one wrote beside it is not.
                let error = StoreError::TooNew { path: segment.path.clone(), found };
                self.skip(Skipped { segment: segment.path.clone(), line: segment.line, why: error.to_string() });
                self.too_new.get_or_insert(error);
                self.has_passed_over = true;
                Ok(Step::SegmentEnd)
            }
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

    /// Whether a record tells again what has been told, as those of a copied segment, or of one out of its place, do.
    fn is_told(&mut self, segment: &mut Segment, record: &Record) -> bool {
        match record {
            Record::Interval(interval) => {
                let begins = (interval.part, interval.from);
                let was_behind = segment.is_behind;
                segment.is_behind = self.told_to.is_some_and(|told_to| begins < told_to);
                if segment.is_behind && !was_behind {
                    let seconds = |tick: Tick| tick.since_start().as_secs_f64();
                    let why = format!(
                        "from here on it holds again, or out of order, what was recorded from second {:.1} of the process \
                         on: it is a copy of another segment, or in the place of another",
                        seconds(interval.from),
                    );
                    self.skip(Skipped { segment: segment.path.clone(), line: segment.line, why });
                }
                if !segment.is_behind {
                    self.told_to = Some((interval.part, interval.to));
                }
                segment.is_behind
            }
            Record::Resume(interruption) if self.interruptions.contains(interruption) => true,
            Record::Resume(interruption) => {
                if self.interruptions.len() < SKIPPED_MAX {
                    self.interruptions.push(interruption.clone());
                }
                segment.is_behind
            }
            Record::Start(_) => false,
            Record::Mark(_) | Record::Warning(_) | Record::End(_) => segment.is_behind,
        }
    }

    /// Whether a record is of the run that is read; the first one to name a run decides when the heads did not.
    fn is_of_this_run(&mut self, run: Option<u32>) -> bool {
        run.is_none_or(|run| *self.run.get_or_insert(run) == run)
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
                None => match self.waiting.pop_front() {
                    Some(source) => Segment::of(source),
                    None => return self.too_new.take().filter(|_| !self.has_records).map(Err),
                },
            };
            match self.step(&mut segment) {
                Ok(Step::SegmentEnd) => {}
                Ok(Step::Nothing) => self.open = Some(segment),
                Ok(Step::Record(record)) => {
                    self.open = Some(segment);
                    self.has_records = true;
                    return Some(Ok(record));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Source {
    fn open(path: PathBuf) -> Result<Source, StoreError> {
        match File::open(&path) {
            Ok(file) => {
                let mut head = vec![0; HEAD_BYTES];
                let length = file.read_at(&mut head, 0).unwrap_or(0);
                let bytes = file.metadata().map_or(0, |metadata| metadata.len());
                Ok(Source { path, tag: tag_in(&head[..length]), bytes, content: Content(Box::new(file)) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Missing { path, way_out: "it was there a moment ago: try again" })
            }
            Err(source) => Err(StoreError::Read { path, source }),
        }
    }

    fn of_bytes(number: usize, bytes: Vec<u8>) -> Source {
        let path = PathBuf::from(format!("{number:05}.hlog"));
        let tag = tag_in(&bytes[..bytes.len().min(HEAD_BYTES)]);
        Source { path, tag, bytes: bytes.len() as u64, content: Content(Box::new(io::Cursor::new(bytes))) }
    }
}

/// Tag of the run that these first lines of a segment name.
fn tag_in(head: &[u8]) -> Option<u32> {
    head.split(|&byte| byte == b'\n').find_map(seal::tag_of)
}

/// Tag of the run that most of these segments name, by size.
fn most_named(sources: &VecDeque<Source>) -> Option<u32> {
    let mut bytes: Vec<(u32, u64)> = Vec::new();
    for source in sources {
        let Some(tag) = source.tag else { continue };
        match bytes.iter_mut().find(|(known, _)| *known == tag) {
            Some((_, sum)) => *sum += source.bytes,
            None => bytes.push((tag, source.bytes)),
        }
    }
    // Of equals the first.
    bytes.into_iter().rev().max_by_key(|(_, sum)| *sum).map(|(tag, _)| tag)
}

impl Segment {
    fn of(source: Source) -> Segment {
        Segment {
            path: source.path,
            run: None,
            is_foreign_listed: false,
            is_behind: false,
            file: BufReader::with_capacity(256 << 10, source.content),
            line: 0,
            pending: Vec::new(),
            pending_line: 1,
            is_reported: false,
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
