//! One record of the journal as text.
//!
//! A segment is a HdrHistogram interval log (version 1.3, V2 histograms with deflate) that other tools read, and each
//! record ends with one comment line that seals it:
//!
//! ```text
//! Tag=publish.response,12.000,1.000,41823.000,HISTFAAA…
//! Tag=delivery,12.000,1.000,40127.000,HISTFAAA…
//! #pbxload 1c291ca3 {"block":1234,"record":{"interval":{…}}}
//! ```
//!
//! The number is the CRC-32 of the record's histogram lines, `block` bytes that end where the seal line begins, followed
//! by the JSON. Because the block is measured backwards from its seal, damage before a record never takes it along.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde::{Deserialize, Serialize};

use super::counters::Counters;
use super::{JOURNAL_FORMAT, histogram, tags};
use crate::results::{EndedBy, Interruption, IntervalRecord, Mark, Record, RunEnd, RunInfo};
use crate::tick::Tick;

/// How a seal line begins.
pub(super) const SEAL: &[u8] = b"#pbxload ";

/// What a seal line holds.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    /// Bytes of histogram lines that belong to the record.
    block: usize,
    /// Tag of the run, see [`run_tag`]; absent before format 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<u32>,
    record: Payload,
}

/// What tells the records of two runs apart, should their files be mixed.
pub(super) fn run_tag(run: &RunInfo) -> u32 {
    crc32fast::hash(run.id.as_bytes())
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Payload {
    Start { format: u32, load_planned_s: Exact, run: Box<RunInfo> },
    Interval(Box<Counters>),
    Mark { from_s: Exact, to_s: Exact, label: String },
    Warning(String),
    Resume { at_s: Exact, from: String, to: String, lasted_s: Exact },
    End { ended_by: EndedBy, ended_at: String, load_end: Tick },
}

/// A number that must come back to the last bit: JSON numbers with many digits are read to the last bit but one.
#[derive(Debug, Clone, Copy)]
struct Exact(f64);

impl Serialize for Exact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Exact, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Exact).map_err(serde::de::Error::custom)
    }
}

/// Appends the seal line of a record of this run whose histogram lines are `block`.
pub(super) fn seal(record: &Record, block: &[u8], run: Option<u32>, line: &mut Vec<u8>) -> serde_json::Result<()> {
    let payload = match record {
        Record::Start(run) => Payload::Start {
            format: JOURNAL_FORMAT,
            load_planned_s: Exact(run.load_planned_s),
            run: Box::new(RunInfo { load_planned_s: 0.0, load_s: 0.0, ..(**run).clone() }),
        },
        Record::Interval(record) => Payload::Interval(Box::new(Counters::of(record))),
        Record::Mark(Mark { from_s, to_s, label }) => {
            Payload::Mark { from_s: Exact(*from_s), to_s: Exact(*to_s), label: label.clone() }
        }
        Record::Warning(text) => Payload::Warning(text.clone()),
        Record::Resume(Interruption { at_s, from, to, lasted_s }) => {
            Payload::Resume { at_s: Exact(*at_s), from: from.clone(), to: to.clone(), lasted_s: Exact(*lasted_s) }
        }
        Record::End(RunEnd { ended_by, ended_at, load_end }) => {
            Payload::End { ended_by: *ended_by, ended_at: ended_at.clone(), load_end: *load_end }
        }
    };
    let json = serde_json::to_vec(&Envelope { block: block.len(), run, record: payload })?;
    line.extend_from_slice(SEAL);
    line.extend_from_slice(format!("{:08x} ", checksum(block, &json)).as_bytes());
    line.extend_from_slice(&json);
    line.push(b'\n');
    Ok(())
}

fn checksum(block: &[u8], json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(block);
    hasher.update(json);
    hasher.finalize()
}

/// Why a seal line gives no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// Not what was written.
    Damaged(String),
    /// As written, and beyond this build.
    Unknown(String),
    /// Written by a newer build.
    TooNew(u32),
}

/// A record, and how many of the pending bytes belong to it.
#[derive(Debug)]
pub(super) struct Opened {
    /// The record.
    pub(super) record: Record,
    /// Bytes of its block, the last of the pending ones.
    pub(super) block: usize,
    /// Tag of the run it belongs to, if it says.
    pub(super) run: Option<u32>,
}

/// End of the interval that this line seals, damage aside; `None` when it seals none. Looked at for the age of a segment.
pub(super) fn end_of_interval(line: &[u8]) -> Option<Tick> {
    #[derive(Deserialize)]
    struct Sealed {
        record: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        interval: Ends,
    }
    #[derive(Deserialize)]
    struct Ends {
        to: Tick,
    }
    let json = line.strip_prefix(SEAL)?.get(9..)?;
    serde_json::from_slice::<Sealed>(json).ok().map(|sealed| sealed.record.interval.to)
}

/// Tag of the run in a seal line that is not damaged otherwise; a glance before anything is read.
pub(super) fn tag_of(line: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Sealed {
        run: Option<u32>,
        record: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        start: Option<Start>,
    }
    #[derive(Deserialize)]
    struct Start {
        run: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let sealed: Sealed = serde_json::from_slice(line.strip_prefix(SEAL)?.get(9..)?).ok()?;
    sealed.run.or_else(|| Some(crc32fast::hash(sealed.record.start?.run.id.as_bytes())))
}

/// Opens a seal line; `pending` are the bytes before it that belong to no record yet.
///
/// The checksum is compared before anything is decoded, so no histogram of damaged bytes is ever built.
pub(super) fn open(line: &[u8], pending: &[u8]) -> Result<Opened, Broken> {
    let damaged = |why: &str| Broken::Damaged(why.to_owned());
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let rest = line.strip_prefix(SEAL).ok_or_else(|| damaged("the seal is damaged"))?;
    let (sum, json) = rest.split_at_checked(8).ok_or_else(|| damaged("the seal is cut off"))?;
    let json = json.strip_prefix(b" ").ok_or_else(|| damaged("the seal is damaged"))?;
    let sum = std::str::from_utf8(sum).ok().and_then(|sum| u32::from_str_radix(sum, 16).ok());
    let sum = sum.ok_or_else(|| damaged("the checksum is damaged"))?;
    let probe: Probe = serde_json::from_slice(json).map_err(|_| damaged("the seal is damaged"))?;
    let from = pending.len().checked_sub(probe.block).ok_or_else(|| damaged("its first lines are missing"))?;
    let block = &pending[from..];
    // A fuzzer would never find a checksum, and not come to what is behind it.
    if !cfg!(fuzzing) && checksum(block, json) != sum {
        return Err(damaged("the checksum differs"));
    }
    if let Some(ProbeStart { format }) = probe.record.start
        && format > JOURNAL_FORMAT
    {
        return Err(Broken::TooNew(format));
    }
    let envelope: Envelope = serde_json::from_slice(json).map_err(|error| Broken::Unknown(error.to_string()))?;
    let record = envelope.record.into_record(block).map_err(Broken::Unknown)?;
    Ok(Opened { record, block: probe.block, run: envelope.run })
}

/// The record in these bytes: its histogram lines and its seal, and nothing else.
pub(super) fn decode(bytes: &[u8]) -> Option<Record> {
    let seal = bytes.strip_suffix(b"\n")?.rsplit(|&byte| byte == b'\n').next()?;
    let block = bytes.len().checked_sub(seal.len() + 1)?;
    open(seal, &bytes[..block]).ok().map(|opened| opened.record)
}

/// What is read before the checksum and the format are known to fit.
#[derive(Deserialize)]
struct Probe {
    block: usize,
    record: ProbeRecord,
}

#[derive(Deserialize)]
struct ProbeRecord {
    start: Option<ProbeStart>,
}

#[derive(Deserialize)]
struct ProbeStart {
    format: u32,
}

impl Payload {
    fn into_record(self, block: &[u8]) -> Result<Record, String> {
        Ok(match self {
            Payload::Start { load_planned_s, mut run, .. } => {
                run.load_planned_s = load_planned_s.0;
                Record::Start(run)
            }
            Payload::Interval(counters) => {
                let mut record = counters.into_record()?;
                add_histograms(&mut record, block)?;
                Record::Interval(Box::new(record))
            }
            Payload::Mark { from_s, to_s, label } => Record::Mark(Mark { from_s: from_s.0, to_s: to_s.0, label }),
            Payload::Warning(text) => Record::Warning(text),
            Payload::Resume { at_s, from, to, lasted_s } => {
                Record::Resume(Interruption { at_s: at_s.0, from, to, lasted_s: lasted_s.0 })
            }
            Payload::End { ended_by, ended_at, load_end } => Record::End(RunEnd { ended_by, ended_at, load_end }),
        })
    }
}

fn add_histograms(record: &mut IntervalRecord, block: &[u8]) -> Result<(), String> {
    for entry in IntervalLogIterator::new(block) {
        let Ok(LogEntry::Interval(line)) = entry else {
            return Err("a histogram line is malformed".to_owned());
        };
        let tag = line.tag().map_or("", |tag| tag.as_str());
        let unreadable = |why: &dyn std::fmt::Display| format!("the histogram `{tag}` is unreadable: {why}");
        let latency = tags::by_tag(record, tag).ok_or_else(|| format!("unknown histogram `{tag}`"))?;
        let bytes = BASE64.decode(line.encoded_histogram()).map_err(|error| unreadable(&error))?;
        histogram::add_to(latency, &bytes).map_err(|error| unreadable(&error))?;
    }
    Ok(())
}
