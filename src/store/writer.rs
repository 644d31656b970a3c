//! `JournalWriter`: appends the records of a run, so that a kill loses at most the interval under way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag};
use jiff::Timestamp;

use super::segment::{self, Segment, Segments};
use super::whole::sync_folder_of;
use super::{StoreError, seal, tags};
use crate::results::{IntervalRecord, Record, RunInfo};
use crate::tick::Tick;

/// Size after which a journal goes on in its next segment, bytes.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// What a segment says of itself to a reader without this program.
pub(super) const EXPLANATION: [&str; 2] = [
    "Times are in microseconds. Each record is sealed by a line: #pbxload CRC32 JSON,",
    "where CRC32 covers the histogram lines before it, as many bytes as the JSON's block says, and the JSON.",
];
/// The legend of interval logs.
pub(super) const LEGEND: &str = r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;

/// Longest stretch of a run in one segment: a segment is rewritten as a whole when it gets old.
const SEGMENT_SPAN_MAX: Duration = Duration::from_secs(600);

/// Appends records to the segments of a journal: `00000.hlog`, `00001.hlog` and so on.
///
/// Each record is one write of one buffer. Writing waits for the disk now and then, so this belongs on a thread that
/// carries no load. After an error the record is not in the journal and nothing of it is: it can be written again, which
/// then goes to a new segment.
#[derive(Debug)]
pub struct JournalWriter {
    folder: PathBuf,
    segment_bytes_max: u64,
    segment_span_max: Duration,
    next_segment: u32,
    open: Option<Open>,
    /// Segments that are complete and not yet asked for.
    closed: Vec<Closed>,
    /// Repeated at the head of each segment, so that a lost segment does not take the run's name along.
    start: Option<Box<RunInfo>>,
    serializer: Serializer,
}

/// A segment that is written no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) segment: Segment,
    /// End of its last interval.
    pub(super) to: Tick,
}

/// A record as text.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// End of the interval that it is.
    to: Option<Tick>,
    is_start: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    segment: Segment,
    bytes: u64,
    /// Ends of its first and of its last interval.
    span: Option<(Tick, Tick)>,
    /// An earlier write stopped half-way: the next record begins on a line of its own.
    is_torn: bool,
}

impl JournalWriter {
    /// A journal in this folder, which is made when it is missing. A journal that is there already is continued in a new
    /// segment, whatever state its last one is in. What a kill left over of segments that others stand for is removed.
    ///
    /// Errors: the folder cannot be made or listed.
    pub fn open(folder: &Path) -> Result<JournalWriter, StoreError> {
        JournalWriter::with_segments_of(folder, SEGMENT_BYTES_MAX)
    }

    /// As [`JournalWriter::open`], with segments of another size.
    pub fn with_segments_of(folder: &Path, segment_bytes_max: u64) -> Result<JournalWriter, StoreError> {
        fs::create_dir_all(folder).map_err(|source| StoreError::CreateFolder { path: folder.to_owned(), source })?;
        let Segments { valid, left_over } = Segments::of(folder)?;
        for path in left_over {
            // What stays does no harm: it is looked past.
            let _ = fs::remove_file(path);
        }
        let last = valid.iter().map(|segment| segment.last).max();
        let mut to = Tick::ZERO;
        let closed = valid.into_iter().map(|segment| {
            to = segment::end_of(&segment.path).unwrap_or(to);
            Closed { segment, to }
        });
        Ok(JournalWriter {
            folder: folder.to_owned(),
            segment_bytes_max,
            segment_span_max: SEGMENT_SPAN_MAX,
            next_segment: last.map_or(0, |number| number.saturating_add(1)),
            open: None,
            closed: closed.collect(),
            start: None,
            serializer: Serializer::default(),
        })
    }

    /// Ends segments after this stretch of the run, if that is shorter than usual.
    pub(super) fn end_segments_after(&mut self, span: Duration) {
        self.segment_span_max = self.segment_span_max.min(span);
    }

    /// The journal's folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Segments that have been completed since this was asked last; at first, those that were there.
    pub(super) fn take_closed(&mut self) -> Vec<Closed> {
        std::mem::take(&mut self.closed)
    }

    /// Appends a record. It survives the end of this process at once, and the machine's after [`JournalWriter::sync`].
    pub fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        let encoded = self.encode(record)?;
        self.write(&encoded)
    }

    /// A record as text, ready to be written.
    pub(super) fn encode(&mut self, record: &Record) -> Result<Encoded, StoreError> {
        if let Record::Start(run) = record {
            self.start = Some(run.clone());
        }
        let mut bytes = Vec::new();
        self.serializer.encode(record, &mut bytes)?;
        let to = match record {
            Record::Interval(interval) => Some(interval.to),
            _ => None,
        };
        Ok(Encoded { bytes, to, is_start: matches!(record, Record::Start(_)) })
    }

    /// Appends a record that was encoded.
    pub(super) fn write(&mut self, record: &Encoded) -> Result<(), StoreError> {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.is_full_for(record, self.segment_bytes_max, self.segment_span_max))
        {
            self.close()?;
        }
        let mut head = Vec::new();
        if self.open.is_none() {
            head = head_of(self.start.as_deref());
            if let (Some(run), false) = (&self.start, record.is_start) {
                self.serializer.encode(&Record::Start(run.clone()), &mut head)?;
            }
            self.begin_segment()?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let written = open.write(head, record);
        if written.is_err()
            && let Some(open) = self.open.take()
        {
            if open.bytes == 0 {
                // An empty one a second would fill a folder, if not the disk.
                let _ = fs::remove_file(&open.segment.path);
                self.next_segment = open.segment.first;
            } else {
                self.closed.extend(open.closed());
            }
        }
        written
    }

    /// Waits until all records so far would survive a loss of power.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        match &self.open {
            Some(open) => {
                open.file.sync_data().map_err(|source| StoreError::Write { path: open.segment.path.clone(), source })
            }
            None => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let synced = self.sync();
        self.closed.extend(self.open.take().and_then(Open::closed));
        synced
    }

    fn begin_segment(&mut self) -> Result<(), StoreError> {
        let segment = Segment::fine(&self.folder, self.next_segment);
        let file = OpenOptions::new().append(true).create_new(true).open(&segment.path);
        let file = file.map_err(|source| StoreError::Write { path: segment.path.clone(), source })?;
        sync_folder_of(&segment.path);
        self.next_segment = self.next_segment.saturating_add(1);
        self.open = Some(Open { file, segment, bytes: 0, span: None, is_torn: false });
        Ok(())
    }
}

/// The comment lines that make a segment an interval log.
pub(super) fn head_of(run: Option<&RunInfo>) -> Vec<u8> {
    let mut log = IntervalLogWriterBuilder::new();
    log.add_comment("[Histogram log format version 1.3]");
    for line in EXPLANATION {
        log.add_comment(line);
    }
    if let Some(began) = run.and_then(|run| run.started_at.parse::<Timestamp>().ok()) {
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

impl Open {
    fn is_full_for(&self, record: &Encoded, bytes_max: u64, span_max: Duration) -> bool {
        let is_long = match (self.span, record.to) {
            (Some((first, _)), Some(to)) => to.since(first) > span_max,
            _ => false,
        };
        self.bytes > 0 && (is_long || self.bytes + record.bytes.len() as u64 > bytes_max)
    }

    fn write(&mut self, head: Vec<u8>, record: &Encoded) -> Result<(), StoreError> {
        let mut buffer = head;
        if self.is_torn {
            buffer.push(b'\n');
        }
        buffer.extend_from_slice(&record.bytes);
        let written = self.file.write_all(&buffer).and_then(|()| self.file.flush());
        match written {
            Ok(()) => {
                self.is_torn = false;
                self.bytes += buffer.len() as u64;
                if let Some(to) = record.to {
                    self.span = Some((self.span.map_or(to, |(first, _)| first), to));
                }
                Ok(())
            }
            Err(source) => {
                // The part that did fit is taken back, or else it is a torn record, which readers pass over.
                self.is_torn = self.file.set_len(self.bytes).is_err();
                Err(StoreError::Write { path: self.segment.path.clone(), source })
            }
        }
    }

    /// The segment, written no more; `None` when it has no interval, so that nothing is gained by rewriting it.
    fn closed(self) -> Option<Closed> {
        let (_, to) = self.span?;
        Some(Closed { segment: self.segment, to })
    }
}

/// Turns records into text and keeps the memory for it.
#[derive(Default)]
pub(super) struct Serializer {
    deflate: V2DeflateSerializer,
    /// Tag of the run, once its first record has named it.
    run: Option<u32>,
}

impl std::fmt::Debug for Serializer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serializer")
    }
}

impl Serializer {
    pub(super) fn encode(&mut self, record: &Record, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        if let Record::Start(run) = record {
            self.run = Some(seal::run_tag(run));
        }
        let from = buffer.len();
        if let Record::Interval(interval) = record {
            self.histograms(interval, buffer)?;
        }
        let mut line = Vec::new();
        let sealed = seal::seal(record, &buffer[from..], self.run, &mut line);
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
            let Some(histogram) = latency.to_histogram() else { continue };
            log.write_histogram(&histogram, start, length, Tag::new(tag)).map_err(|error| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::JournalReader;

    fn warning(text: &str) -> Record {
        Record::Warning(text.to_owned())
    }

    fn read(place: &Path) -> (Vec<String>, u64) {
        let mut reader = JournalReader::open(place).expect("journal");
        let texts = reader.by_ref().map(|record| format!("{:?}", record.expect("intact"))).collect();
        (texts, reader.skipped_count())
    }

    #[test]
    fn a_full_disk_costs_nothing_once_there_is_room_again() {
        let place = tempfile::tempdir().expect("temporary folder");
        let mut writer = JournalWriter::open(place.path()).expect("journal");
        writer.append(&warning("before")).expect("room");
        let full = OpenOptions::new().append(true).open("/dev/full").expect("a device that is always full");
        let disk = std::mem::replace(&mut writer.open.as_mut().expect("a segment").file, full);
        let error = writer.append(&warning("later")).expect_err("no room");
        assert!(error.to_string().contains("00000.hlog"), "{error}");
        // What a real disk may keep of the record that did not fit.
        (&disk).write_all(b"#pbxload 0000").expect("room");
        writer.append(&warning("later")).expect("room again");
        let (texts, skipped) = read(place.path());
        assert_eq!(texts, [r#"Warning("before")"#, r#"Warning("later")"#]);
        assert_eq!(skipped, 1);
    }

    #[test]
    fn what_does_not_fit_is_taken_back() {
        let place = tempfile::tempdir().expect("temporary folder");
        let mut writer = JournalWriter::open(place.path()).expect("journal");
        writer.append(&warning("before")).expect("room");
        let open = writer.open.as_mut().expect("a segment");
        let bytes = open.bytes;
        open.file.write_all(b"#pbxload 0000").expect("a part of a record");
        let read_only = File::open(&open.segment.path).expect("readable");
        let disk = std::mem::replace(&mut open.file, read_only);
        writer.append(&warning("later")).expect_err("not writable");
        disk.set_len(bytes).expect("as the writer does on a disk that is full");
        writer.append(&warning("later")).expect("a new segment");
        assert_eq!(read(place.path()), (vec![r#"Warning("before")"#.into(), r#"Warning("later")"#.into()], 0));
    }

    #[test]
    fn a_folder_in_which_nothing_can_be_written_gets_no_empty_segments() {
        let place = tempfile::tempdir().expect("temporary folder");
        let mut writer = JournalWriter::open(place.path()).expect("journal");
        for _ in 0..3 {
            writer.begin_segment().expect("a name costs nothing");
            let full = OpenOptions::new().append(true).open("/dev/full").expect("a device that is always full");
            writer.open.as_mut().expect("a segment").file = full;
            writer.append(&warning("never")).expect_err("no room");
        }
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 0);
    }
}
