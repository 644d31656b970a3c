//! The files of a journal: their names, and which of them count.
//!
//! `00007.hlog` is what the run wrote, one record an interval. `00003-00007.10s.hlog` stands for the files 3 to 7 with
//! intervals of 10 s. Its name alone says so, and it gets that name by one rename: at every instant a reader finds either
//! what it replaces, or it, or both, and then the wider one counts. So nothing is lost and nothing is counted twice.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::{StoreError, seal};
use crate::tick::Tick;

/// Ending of a segment's file name.
pub(super) const SEGMENT_ENDING: &str = "hlog";
/// Where the end of a segment is looked for its last record's seal, bytes.
const TAIL_BYTES: u64 = 4 << 20;

/// A file of a journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// First and last number of the files it stands for.
    pub(super) first: u32,
    pub(super) last: u32,
    /// Width of its intervals, seconds; 0 as the run wrote them.
    pub(super) width_s: u32,
    /// Where it is.
    pub(super) path: PathBuf,
}

impl Segment {
    /// The file that the run itself writes.
    pub(super) fn fine(folder: &Path, number: u32) -> Segment {
        let path = folder.join(format!("{number:05}.{SEGMENT_ENDING}"));
        Segment { first: number, last: number, width_s: 0, path }
    }

    /// The file that stands for others.
    pub(super) fn coarse(folder: &Path, first: u32, last: u32, width_s: u32) -> Segment {
        let path = folder.join(format!("{first:05}-{last:05}.{width_s}s.{SEGMENT_ENDING}"));
        Segment { first, last, width_s, path }
    }

    /// A file by its path; `None` when its name is none of ours.
    fn by_path(path: &Path) -> Option<Segment> {
        let stem = path.file_name()?.to_str()?.strip_suffix(SEGMENT_ENDING)?.strip_suffix('.')?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let (first, last, width_s) = match stem.split_once('-') {
            None => (number(stem)?, number(stem)?, 0),
            Some((first, rest)) => {
                let (last, width) = rest.split_once('.')?;
                (number(first)?, number(last)?, number(width.strip_suffix('s')?)?)
            }
        };
        (first <= last).then(|| Segment { first, last, width_s, path: path.to_owned() })
    }

    fn is_replaced_by(&self, other: &Segment) -> bool {
        other.width_s > self.width_s && other.first <= self.first && self.last <= other.last
    }

    /// Where it is written before it gets its name.
    pub(super) fn temporary(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".tmp");
        name.into()
    }
}

/// The files of a journal.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// Those that count, in order.
    pub(super) valid: Vec<Segment>,
    /// Those that others stand for, and those that never got their name: left over by a kill.
    pub(super) left_over: Vec<PathBuf>,
}

impl Segments {
    /// The files of this folder. Those of other names are none of ours.
    pub(super) fn of(folder: &Path) -> Result<Segments, StoreError> {
        let unreadable = |source| StoreError::Read { path: folder.to_owned(), source };
        let (mut found, mut left_over) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if let Some(segment) = Segment::by_path(&path) {
                found.push(segment);
            } else if path.to_str().is_some_and(|path| path.ends_with(".hlog.tmp")) {
                left_over.push(path);
            }
        }
        let is_replaced = |one: &Segment| found.iter().any(|other| one.is_replaced_by(other));
        let (replaced, mut valid): (Vec<_>, Vec<_>) = found.iter().cloned().partition(is_replaced);
        left_over.extend(replaced.into_iter().map(|segment| segment.path));
        valid.sort();
        Ok(Segments { valid, left_over })
    }
}

/// End of the last interval of a segment; `None` when its end holds none that is intact.
pub(super) fn end_of(path: &Path) -> Option<Tick> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail).ok()?;
    tail.split(|&byte| byte == b'\n').rev().find_map(seal::end_of_interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(names: &[&str]) -> (Vec<String>, usize) {
        let place = tempfile::tempdir().expect("temporary folder");
        for name in names {
            fs::write(place.path().join(name), "").expect("written");
        }
        let Segments { valid, left_over } = Segments::of(place.path()).expect("listed");
        let name = |segment: &Segment| segment.path.file_name().expect("a name").to_string_lossy().into_owned();
        (valid.iter().map(name).collect(), left_over.len())
    }

    #[test]
    fn the_widest_stands_for_the_others() {
        let names =
            ["00000.hlog", "00001.hlog", "00002.hlog", "lock", "00000-00001.10s.hlog", "00009-00010.60s.hlog.tmp"];
        assert_eq!(valid(&names), (vec!["00000-00001.10s.hlog".into(), "00002.hlog".into()], 3));
        let names = ["00000-00001.10s.hlog", "00002-00003.10s.hlog", "00000-00003.60s.hlog", "00004.hlog"];
        assert_eq!(valid(&names), (vec!["00000-00003.60s.hlog".into(), "00004.hlog".into()], 2));
        assert_eq!(valid(&["5-3.10s.hlog", "x.hlog", "1-2.hlog", "+1.hlog", ".hlog"]), (vec![], 0));
    }
}
