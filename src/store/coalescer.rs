//! `Coalescer`: makes the intervals of old segments wider, so that a week fits in a few hundred MB.
//!
//! A step at a time, on the thread that writes the journal: each interval that is appended pays for a few old ones that are
//! read. What is made has its name only when it is complete and on the disk; then what it stands for is removed. A kill at
//! any instant leaves the one, or the other, or both, and both count once (`segment.rs`).

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::merger::Merger;
use super::segment::Segment;
use super::whole::sync_folder_of;
use super::writer::{Closed, Serializer, head_of};
use super::{JournalReader, StoreError};
use crate::results::Record;
use crate::tick::Tick;

/// Old records that are read for each new one. One in eleven would do to keep up.
const RECORDS_A_STEP: usize = 8;
/// Steps to wait after the disk had no room.
const STEPS_OF_REST: u32 = 600;
/// Longest stretch of a run that is rewritten at once.
const STRETCH_MAX: Duration = Duration::from_secs(4 * 3_600);
/// Widths of old intervals, seconds, the youngest first.
pub(super) const WIDTHS_S: [u32; 2] = [10, 60];

/// How long intervals stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// So long they are kept as they were written, one a second.
    pub fine: Duration,
    /// So long they are kept at 10 s; then at 60 s.
    pub medium: Duration,
}

impl Default for Ages {
    fn default() -> Ages {
        Ages { fine: Duration::from_secs(3_600), medium: Duration::from_secs(24 * 3_600) }
    }
}

impl Ages {
    fn of(self, level: usize) -> Duration {
        if level == 0 { self.fine } else { self.medium }
    }

    /// The stretch of a segment that is being written: short against the age at which it is rewritten.
    pub(super) fn segment_span(self) -> Duration {
        (self.fine / 6).max(Duration::from_secs(1))
    }

    /// The stretch that is rewritten at once.
    fn stretch(self, level: usize) -> Duration {
        let width = Duration::from_secs(WIDTHS_S[level].into());
        let usual = if level == 0 { self.segment_span() } else { (self.medium / 6).min(STRETCH_MAX) };
        usual.max(width)
    }
}

/// Rewrites old segments.
#[derive(Debug)]
pub(super) struct Coalescer {
    folder: PathBuf,
    ages: Ages,
    /// Segments that are complete, in order.
    closed: Vec<Closed>,
    job: Option<Job>,
    rest: u32,
}

/// A stretch that is being rewritten.
#[derive(Debug)]
struct Job {
    inputs: Vec<Closed>,
    reader: JournalReader,
    merger: Merger,
    output: Segment,
    file: BufWriter<File>,
    serializer: Serializer,
}

impl Coalescer {
    /// Of the journal in this folder.
    pub(super) fn new(folder: &Path, ages: Ages) -> Coalescer {
        Coalescer { folder: folder.to_owned(), ages, closed: Vec::new(), job: None, rest: 0 }
    }

    /// Segments that are complete now.
    pub(super) fn add(&mut self, closed: Vec<Closed>) {
        self.closed.extend(closed);
        self.closed.sort_by(|one, other| one.segment.cmp(&other.segment));
    }

    /// A bounded piece of work, after an interval that ends now.
    ///
    /// Errors: a segment could not be rewritten; it stays as it is.
    pub(super) fn step(&mut self, now: Tick) -> Result<(), StoreError> {
        if self.rest > 0 {
            self.rest -= 1;
            return Ok(());
        }
        if self.job.is_none() {
            let Some((inputs, width_s)) = self.due(now) else { return Ok(()) };
            self.job = self.give_up_on_error(|this| Job::begin(&this.folder, inputs, width_s).map(Some))?;
        }
        let Some(mut job) = self.job.take() else { return Ok(()) };
        match job.advance() {
            Ok(true) => self.give_up_on_error(|this| this.complete(job)),
            Ok(false) => {
                self.job = Some(job);
                Ok(())
            }
            Err(error) => self.give_up_on_error(|_| {
                let _ = fs::remove_file(job.output.temporary());
                Err(error)
            }),
        }
    }

    /// After an error there is a rest: the disk may be full, and rewriting needs room.
    fn give_up_on_error<T>(
        &mut self,
        work: impl FnOnce(&mut Coalescer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = work(self);
        if done.is_err() {
            self.rest = STEPS_OF_REST;
        }
        done
    }

    /// The oldest stretch that is to be rewritten.
    fn due(&self, now: Tick) -> Option<(Vec<Closed>, u32)> {
        (0..WIDTHS_S.len()).rev().find_map(|level| self.due_at(level, now).map(|stretch| (stretch, WIDTHS_S[level])))
    }

    fn due_at(&self, level: usize, now: Tick) -> Option<Vec<Closed>> {
        let width_s = if level == 0 { 0 } else { WIDTHS_S[level - 1] };
        let first = self.closed.iter().position(|closed| closed.segment.width_s == width_s)?;
        let begins = first.checked_sub(1).map_or(Tick::ZERO, |before| self.closed[before].to);
        let mut stretch = Vec::new();
        for closed in &self.closed[first..] {
            if closed.segment.width_s != width_s || now.since(closed.to) < self.ages.of(level) {
                return None;
            }
            stretch.push(closed.clone());
            if closed.to.since(begins) >= self.ages.stretch(level) {
                return Some(stretch);
            }
        }
        None
    }

    /// Gives the new segment its name and removes what it stands for.
    fn complete(&mut self, job: Job) -> Result<(), StoreError> {
        let Some(made) = job.finish()? else {
            return Ok(());
        };
        self.closed
            .retain(|closed| closed.segment.first < made.segment.first || closed.segment.last > made.segment.last);
        self.add(vec![made]);
        Ok(())
    }
}

impl Job {
    fn begin(folder: &Path, inputs: Vec<Closed>, width_s: u32) -> Result<Job, StoreError> {
        let paths: Vec<PathBuf> = inputs.iter().map(|closed| closed.segment.path.clone()).collect();
        let reader = JournalReader::of_segments(&paths, None)?;
        let number = |pick: fn(&Segment) -> u32| inputs.iter().map(move |closed| pick(&closed.segment));
        let first = number(|segment| segment.first).min().unwrap_or(0);
        let last = number(|segment| segment.last).max().unwrap_or(0);
        let output = Segment::coarse(folder, first, last, width_s);
        let path = output.temporary();
        let file = File::create(&path).map_err(|source| StoreError::Write { path, source })?;
        Ok(Job {
            inputs,
            reader,
            merger: Merger::new(width_s),
            output,
            file: BufWriter::new(file),
            serializer: Serializer::default(),
        })
    }

    /// Reads a few records; true when there are no more.
    fn advance(&mut self) -> Result<bool, StoreError> {
        let mut complete = Vec::new();
        for _ in 0..RECORDS_A_STEP {
            match self.reader.next() {
                Some(record) => self.merger.push(record?, &mut complete),
                None => {
                    self.merger.flush(&mut complete);
                    // What could not be read is gone with the segments: the word of it stays.
                    complete.extend(self.reader.skipped().iter().map(|skipped| Record::Warning(skipped.warning())));
                    self.write(complete)?;
                    return Ok(true);
                }
            }
        }
        self.write(complete)?;
        Ok(false)
    }

    fn write(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        let mut buffer = Vec::new();
        for record in records {
            if let Record::Start(run) = &record {
                buffer.extend(head_of(Some(run)));
            }
            self.serializer.encode(&record, &mut buffer)?;
        }
        self.file.write_all(&buffer).map_err(|source| StoreError::Write { path: self.output.temporary(), source })
    }

    /// Puts the new segment in the place of the old ones; `None` when those hold what only another build can read, or
    /// another run's records, and stay.
    fn finish(self) -> Result<Option<Closed>, StoreError> {
        let temporary = self.output.temporary();
        if self.reader.has_passed_over() {
            let _ = fs::remove_file(&temporary);
            return Ok(None);
        }
        let synced = self.file.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all());
        let named = synced.and_then(|()| fs::rename(&temporary, &self.output.path));
        named.map_err(|source| {
            let _ = fs::remove_file(&temporary);
            StoreError::Write { path: self.output.path.clone(), source }
        })?;
        // The new name is durable before the old ones go.
        sync_folder_of(&self.output.path);
        for closed in &self.inputs {
            // One that stays is looked past.
            let _ = fs::remove_file(&closed.segment.path);
        }
        let to = self.inputs.last().map_or(Tick::ZERO, |closed| closed.to);
        Ok(Some(Closed { segment: self.output, to }))
    }
}
