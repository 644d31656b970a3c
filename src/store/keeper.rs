//! `JournalKeeper`: writes the journal of a run on a thread of its own, so that no disk ever holds the run up.
//!
//! Each interval is written and synced; then old ones are made wider, a few at a time. While the disk takes nothing, records
//! wait in bounded memory: when there are too many, waiting intervals are merged, so the journal gets coarser there and
//! nothing in it gets lost. Each new interval is another attempt.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread::JoinHandle;

use super::coalescer::Coalescer;
use super::merger::Merger;
use super::seal;
use super::writer::Encoded;
use super::{Ages, JournalWriter, StoreError};
use crate::results::Record;
use crate::tick::Tick;

/// Records on their way to the thread. While the disk does not answer, further intervals wait merged into one.
const QUEUE: usize = 16;
/// Most bytes of records that wait for the disk to take them.
const WAITING_BYTES_MAX: usize = 8 << 20;
/// Marks and warnings that wait with the intervals while the queue is full.
const NOTES_MAX: usize = 100;

/// Writes a journal in the background.
#[derive(Debug)]
pub struct JournalKeeper {
    queue: SyncSender<Record>,
    /// What did not fit in the queue: at most one interval, and some notes.
    held: VecDeque<Record>,
    troubles: Receiver<String>,
    thread: JoinHandle<()>,
    folder: PathBuf,
}

impl JournalKeeper {
    /// Keeps this journal.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut journal: JournalWriter, ages: Ages) -> std::io::Result<JournalKeeper> {
        let (queue, records) = sync_channel(QUEUE);
        let (told, troubles) = channel();
        journal.end_segments_after(ages.segment_span());
        let folder = journal.folder().to_owned();
        let mut coalescer = Coalescer::new(&folder, ages);
        coalescer.add(journal.take_closed());
        let desk =
            Desk { journal, coalescer, waiting: Waiting::default(), told, is_in_trouble: false, is_stuck: false };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || desk.work(&records))?;
        Ok(JournalKeeper { queue, held: VecDeque::new(), troubles, thread, folder })
    }

    /// Writes a record down, now or as soon as the disk lets it. Never waits.
    pub fn put(&mut self, record: Record) {
        self.hold(record);
        while let Some(record) = self.held.pop_front() {
            match self.queue.try_send(record) {
                Ok(()) => {}
                Err(TrySendError::Full(record)) => {
                    self.held.push_front(record);
                    return;
                }
                // The thread has ended with an error of its own, which `finish` tells.
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }

    /// Keeps a record until the queue has room, intervals merged.
    fn hold(&mut self, record: Record) {
        let is_crowded = self.held.len() >= NOTES_MAX;
        match (record, self.held.back_mut()) {
            (Record::Interval(next), Some(Record::Interval(last))) if last.is_followed_by(&next) => last.absorb(*next),
            (Record::Mark(_) | Record::Warning(_), Some(_)) if is_crowded => {}
            (record, _) => self.held.push_back(record),
        }
    }

    /// What went wrong since this was asked last, a sentence each.
    pub fn troubles(&self) -> Vec<String> {
        self.troubles.try_iter().collect()
    }

    /// Waits until everything is written or given up, and tells what went wrong.
    pub fn finish(mut self) -> Vec<String> {
        for record in std::mem::take(&mut self.held) {
            if self.queue.send(record).is_err() {
                break;
            }
        }
        drop(self.queue);
        let is_whole = self.thread.join().is_ok();
        let mut troubles: Vec<String> = self.troubles.try_iter().collect();
        if !is_whole {
            troubles.push(format!("the journal in `{}` is not complete: its thread failed", self.folder.display()));
        }
        troubles
    }
}

/// The thread's side.
struct Desk {
    journal: JournalWriter,
    coalescer: Coalescer,
    waiting: Waiting,
    told: Sender<String>,
    /// The last attempt to write failed.
    is_in_trouble: bool,
    /// The last attempt to make old intervals wider failed.
    is_stuck: bool,
}

impl Desk {
    fn work(mut self, records: &Receiver<Record>) {
        for record in records {
            self.take(&record);
        }
        self.write_waiting();
        let lost = self.waiting.records.len();
        if lost > 0 {
            self.tell(format!(
                "the last {lost} records never reached the journal; the figures of this report have them"
            ));
        }
    }

    fn take(&mut self, record: &Record) {
        match self.journal.encode(record) {
            Ok(encoded) => self.waiting.push(encoded),
            Err(error) => return self.tell(format!("a record is missing in the journal: {error}")),
        }
        self.write_waiting();
        let Record::Interval(interval) = record else {
            if matches!(record, Record::End(_)) {
                self.sync();
            }
            return;
        };
        if !self.is_in_trouble {
            self.sync();
            self.coalesce(interval.to);
        }
    }

    fn write_waiting(&mut self) {
        while let Some(encoded) = self.waiting.records.front() {
            // A second attempt goes to a segment of its own: the limit may be that of a file.
            match self.journal.write(encoded).or_else(|_| self.journal.write(encoded)) {
                Ok(()) => {
                    self.waiting.pop();
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.is_in_trouble, true) {
                        self.tell(format!(
                            "the journal cannot be written: {}; the run goes on, keeps its records in memory and tries \
                             again every interval",
                            with_cause(&error)
                        ));
                    }
                    self.waiting.squeeze(&mut self.journal);
                    return;
                }
            }
        }
        if std::mem::replace(&mut self.is_in_trouble, false) {
            self.tell("the journal can be written again; what waited is written".to_owned());
        }
    }

    fn sync(&mut self) {
        if let Err(error) = self.journal.sync() {
            let error = with_cause(&error);
            self.tell(format!("the journal may be missing on the disk from then on: {error}"));
        }
    }

    fn coalesce(&mut self, now: Tick) {
        self.coalescer.add(self.journal.take_closed());
        match self.coalescer.step(now) {
            Ok(()) => self.is_stuck = false,
            Err(error) => {
                if !std::mem::replace(&mut self.is_stuck, true) {
                    let error = with_cause(&error);
                    self.tell(format!("old parts of the journal stay as large as they are: {error}"));
                }
            }
        }
    }

    fn tell(&self, trouble: String) {
        // Nobody listens any more: then nobody wants to know.
        let _ = self.told.send(trouble);
    }
}

fn with_cause(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Records that the disk has not taken.
#[derive(Default)]
struct Waiting {
    records: VecDeque<Encoded>,
    bytes: usize,
    /// How wide waiting intervals have become, seconds.
    width_s: u32,
}

impl Waiting {
    fn push(&mut self, encoded: Encoded) {
        self.bytes += encoded.bytes.len();
        self.records.push_back(encoded);
    }

    fn pop(&mut self) {
        if let Some(encoded) = self.records.pop_front() {
            self.bytes -= encoded.bytes.len();
        }
        if self.records.is_empty() {
            self.width_s = 0;
        }
    }

    /// Merges waiting intervals until they fit. What fits at no width is dropped, the oldest first.
    fn squeeze(&mut self, journal: &mut JournalWriter) {
        while self.bytes > WAITING_BYTES_MAX && self.width_s < 1 << 20 {
            self.width_s = (self.width_s * 2).max(4);
            let mut merger = Merger::new(self.width_s);
            let mut merged = Vec::new();
            for encoded in std::mem::take(&mut self.records) {
                if let Some(record) = seal::decode(&encoded.bytes) {
                    merger.push(record, &mut merged);
                }
                self.encode(journal, &mut merged);
            }
            merger.flush(&mut merged);
            self.encode(journal, &mut merged);
            self.bytes = self.records.iter().map(|encoded| encoded.bytes.len()).sum();
        }
        while self.bytes > WAITING_BYTES_MAX {
            self.pop();
        }
    }

    fn encode(&mut self, journal: &mut JournalWriter, merged: &mut Vec<Record>) {
        self.records.extend(merged.drain(..).filter_map(|record| journal.encode(&record).ok()));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::metrics::Interval;
    use crate::ops::OpId;
    use crate::results::{HealthSample, IntervalRecord, RunInfo};
    use crate::store::JournalReader;

    fn interval(index: u64) -> Record {
        let mut figures = Interval::default();
        figures.started(OpId::Publish);
        figures.delivery.record(1_000 + index);
        let from = Tick::from_micros(index * 1_000_000);
        let (ledger, health) = (Default::default(), HealthSample::default());
        let (to, load_start, load_from, part) = (from + Duration::from_secs(1), Tick::ZERO, Tick::ZERO, 0);
        Record::Interval(Box::new(IntervalRecord { from, to, load_start, load_from, part, figures, ledger, health }))
    }

    fn desk(folder: &Path) -> (Desk, Receiver<String>) {
        let journal = JournalWriter::open(folder).expect("journal");
        let (told, troubles) = channel();
        let coalescer = Coalescer::new(folder, Ages::default());
        (
            Desk { journal, coalescer, waiting: Waiting::default(), told, is_in_trouble: false, is_stuck: false },
            troubles,
        )
    }

    /// Publishes begun and intervals, as the journal has them.
    fn read(folder: &Path) -> (u64, usize) {
        let records = JournalReader::open(folder).expect("journal").map(|record| record.expect("intact"));
        let intervals = records.filter_map(|record| match record {
            Record::Interval(interval) => Some(interval.figures.ops[OpId::Publish.index()].started),
            _ => None,
        });
        intervals.fold((0, 0), |(sum, count), started| (sum + started, count + 1))
    }

    #[test]
    fn what_the_disk_does_not_take_waits_and_is_written_when_it_does() {
        let place = tempfile::tempdir().expect("temporary folder");
        let folder = place.path().join("journal");
        let (mut desk, troubles) = desk(&folder);
        desk.take(&Record::Start(Box::new(RunInfo { id: "0190".to_owned(), ..RunInfo::default() })));
        (0..3).for_each(|index| desk.take(&interval(index)));
        desk.journal.end_segments_after(Duration::ZERO);
        fs::rename(&folder, place.path().join("away")).expect("renamed");
        (3..9).for_each(|index| desk.take(&interval(index)));
        let told: Vec<String> = troubles.try_iter().collect();
        assert_eq!(told.len(), 1, "told once: {told:?}");
        assert!(told[0].contains("the journal cannot be written") && told[0].contains("the run goes on"), "{told:?}");
        fs::rename(place.path().join("away"), &folder).expect("renamed");
        desk.take(&interval(9));
        assert!(troubles.try_iter().any(|told| told.contains("can be written again")));
        assert_eq!(read(&folder), (10, 10));
    }

    #[test]
    fn what_waits_is_merged_before_it_takes_too_much_memory() {
        let place = tempfile::tempdir().expect("temporary folder");
        let mut journal = JournalWriter::open(place.path()).expect("journal");
        let mut waiting = Waiting::default();
        (0..400).for_each(|index| waiting.push(journal.encode(&interval(index)).expect("text")));
        // As if each record were large.
        waiting.bytes = WAITING_BYTES_MAX + 1;
        waiting.squeeze(&mut journal);
        assert_eq!((waiting.records.len(), waiting.width_s), (100, 4));
        waiting.records.iter().for_each(|record| journal.write(record).expect("room"));
        assert_eq!(read(place.path()), (400, 100));
    }

    #[test]
    fn a_thread_that_does_not_keep_up_gets_wider_intervals() {
        let (queue, records) = sync_channel(1);
        let (_told, troubles) = channel();
        let thread = std::thread::spawn(|| ());
        let mut keeper = JournalKeeper { queue, held: VecDeque::new(), troubles, thread, folder: PathBuf::new() };
        (0..50).for_each(|index| keeper.put(interval(index)));
        assert_eq!(keeper.held.len(), 1);
        let Some(Record::Interval(held)) = keeper.held.front() else { panic!("an interval") };
        assert_eq!((held.from, held.to), (Tick::from_micros(1_000_000), Tick::from_micros(50_000_000)));
        assert_eq!(held.figures.delivery.count(), 49);
        drop(records);
    }
}
