//! `JournalWriter`: appends the records of a run, so that a kill loses at most the interval under way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag};
use jiff::Timestamp;

use super::whole::sync_folder_of;
use super::{StoreError, seal, tags};
use crate::results::{IntervalRecord, Record, RunInfo};

/// Size after which a journal goes on in its next segment, bytes.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// What a segment says of itself to a reader without this program.
pub(super) const EXPLANATION: [&str; 2] = [
    "Times are in microseconds. Each record is sealed by a line: #pbxload CRC32 JSON,",
    "where CRC32 covers the histogram lines before it, as many bytes as the JSON's block says, and the JSON.",
];
/// The legend of interval logs.
pub(super) const LEGEND: &str = r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;

/// Ending of a segment's file name.
pub(super) const SEGMENT_ENDING: &str = "hlog";

/// Appends records to the segments of a journal: `00000.hlog`, `00001.hlog` and so on.
///
/// Each record is one write of one buffer. Writing waits for the disk now and then, so this belongs on a thread that
/// carries no load. An error does not end the journal: later records are written again once there is room.
#[derive(Debug)]
pub struct JournalWriter {
    folder: PathBuf,
    segment_bytes_max: u64,
    next_segment: u32,
    open: Option<Segment>,
    /// Repeated at the head of each segment, so that a lost segment does not take the run's name along.
    start: Option<Box<RunInfo>>,
    serializer: Serializer,
}

#[derive(Debug)]
struct Segment {
    file: File,
    path: PathBuf,
    bytes: u64,
    /// An earlier write stopped half-way: the next record begins on a line of its own.
    is_torn: bool,
}

impl JournalWriter {
    /// A journal in this folder, which is made when it is missing. A journal that is there already is continued in a new
    /// segment, whatever state its last one is in.
    ///
    /// Errors: the folder cannot be made or listed.
    pub fn open(folder: &Path) -> Result<JournalWriter, StoreError> {
        JournalWriter::with_segments_of(folder, SEGMENT_BYTES_MAX)
    }

    /// As [`JournalWriter::open`], with segments of another size.
    pub fn with_segments_of(folder: &Path, segment_bytes_max: u64) -> Result<JournalWriter, StoreError> {
        fs::create_dir_all(folder).map_err(|source| StoreError::CreateFolder { path: folder.to_owned(), source })?;
        let last = segments(folder)?.into_iter().map(|(number, _)| number).max();
        Ok(JournalWriter {
            folder: folder.to_owned(),
            segment_bytes_max,
            next_segment: last.map_or(0, |number| number.saturating_add(1)),
            open: None,
            start: None,
            serializer: Serializer::default(),
        })
    }

    /// Appends a record. It survives the end of this process at once, and the machine's after [`JournalWriter::sync`].
    pub fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        if let Record::Start(run) = record {
            self.start = Some(run.clone());
        }
        let mut buffer = Vec::new();
        self.serializer.encode(record, &mut buffer)?;
        let is_full = |open: &Segment| open.bytes > 0 && open.bytes + buffer.len() as u64 > self.segment_bytes_max;
        if self.open.as_ref().is_some_and(is_full) {
            self.close()?;
        }
        if self.open.is_none() {
            let mut head = self.head();
            if let (Some(run), false) = (&self.start, matches!(record, Record::Start(_))) {
                self.serializer.encode(&Record::Start(run.clone()), &mut head)?;
            }
            head.append(&mut buffer);
            buffer = head;
            self.begin_segment()?;
        }
        match &mut self.open {
            Some(segment) => segment.write(&mut buffer),
            None => Ok(()),
        }
    }

    /// Waits until all records so far would survive a loss of power.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        match &self.open {
            Some(segment) => {
                segment.file.sync_data().map_err(|source| StoreError::Write { path: segment.path.clone(), source })
            }
            None => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let synced = self.sync();
        self.open = None;
        synced
    }

    fn begin_segment(&mut self) -> Result<(), StoreError> {
        let path = self.folder.join(format!("{:05}.{SEGMENT_ENDING}", self.next_segment));
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(|source| StoreError::Write { path: path.clone(), source })?;
        sync_folder_of(&path);
        self.next_segment = self.next_segment.saturating_add(1);
        self.open = Some(Segment { file, path, bytes: 0, is_torn: false });
        Ok(())
    }

    /// The comment lines that make a segment an interval log.
    fn head(&self) -> Vec<u8> {
        let mut log = IntervalLogWriterBuilder::new();
        log.add_comment("[Histogram log format version 1.3]");
        for line in EXPLANATION {
            log.add_comment(line);
        }
        if let Some(began) = self.start.as_ref().and_then(|run| run.started_at.parse::<Timestamp>().ok()) {
            let began = SystemTime::from(began);
            log.with_start_time(began).with_base_time(began);
        }
        let mut head = Vec::new();
        // Writing to memory cannot fail.
        let _ = log.begin_log_with(&mut head, &mut V2DeflateSerializer::new());
        head.extend_from_slice(LEGEND.as_bytes());
        head.push(b'\n');
        head
    }
}

impl Segment {
    fn write(&mut self, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        if self.is_torn {
            buffer.insert(0, b'\n');
        }
        self.bytes += buffer.len() as u64;
        let written = self.file.write_all(buffer).and_then(|()| self.file.flush());
        self.is_torn = written.is_err();
        written.map_err(|source| StoreError::Write { path: self.path.clone(), source })
    }
}

/// Turns records into text and keeps the memory for it.
#[derive(Default)]
struct Serializer {
    deflate: V2DeflateSerializer,
}

impl std::fmt::Debug for Serializer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serializer")
    }
}

impl Serializer {
    fn encode(&mut self, record: &Record, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        let from = buffer.len();
        if let Record::Interval(interval) = record {
            self.histograms(interval, buffer)?;
        }
        let mut line = Vec::new();
        let sealed = seal::seal(record, &buffer[from..], &mut line);
        sealed.map_err(|error| StoreError::Encode { tag: "counters".to_owned(), source: error.into() })?;
        buffer.append(&mut line);
        Ok(())
    }

    fn histograms(&mut self, record: &IntervalRecord, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        // Interval logs count from the start of the load and know no time before it.
        let start = record.from.since(record.load_start);
        let length: Duration = record.to.since(record.from);
        let encode = |tag: &str, source: io::Error| StoreError::Encode { tag: tag.to_owned(), source };
        let mut log = IntervalLogWriterBuilder::new()
            .begin_log_with(buffer, &mut self.deflate)
            .map_err(|source| encode("interval", source))?;
        for (tag, latency) in tags::filled(record) {
            let Some(histogram) = latency.get() else { continue };
            log.write_histogram(histogram, start, length, Tag::new(tag)).map_err(|error| {
                encode(
                    tag,
                    match error {
                        IntervalLogWriterError::IoError(error) => error,
                        IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
                    },
                )
            })?;
        }
        Ok(())
    }
}

/// The segments of a journal in order. Files of other names are none of ours.
pub(super) fn segments(folder: &Path) -> Result<Vec<(u32, PathBuf)>, StoreError> {
    let unreadable = |source| StoreError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u32>().ok());
        if let Some(number) = number
            && path.extension().is_some_and(|ending| ending == SEGMENT_ENDING)
        {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::JournalReader;

    #[test]
    fn a_full_disk_costs_the_records_that_did_not_fit_and_no_other() {
        let place = tempfile::tempdir().expect("temporary folder");
        let mut writer = JournalWriter::open(place.path()).expect("journal");
        let warning = |text: &str| Record::Warning(text.to_owned());
        writer.append(&warning("before")).expect("room");
        let full = OpenOptions::new().append(true).open("/dev/full").expect("a device that is always full");
        let segment = writer.open.as_mut().expect("a segment");
        let disk = std::mem::replace(&mut segment.file, full);
        let error = writer.append(&warning("lost")).expect_err("no room");
        assert!(error.to_string().contains("00000.hlog"), "{error}");
        let segment = writer.open.as_mut().expect("a segment");
        segment.file = disk;
        // What a real disk keeps of the record that did not fit.
        segment.file.write_all(b"#pbxload 0000").expect("room");
        writer.append(&warning("after")).expect("room again");
        let mut reader = JournalReader::open(place.path()).expect("journal");
        let texts: Vec<String> = reader.by_ref().map(|record| format!("{:?}", record.expect("intact"))).collect();
        assert_eq!(texts, [r#"Warning("before")"#, r#"Warning("after")"#]);
        assert_eq!(reader.skipped_count(), 1);
    }
}
