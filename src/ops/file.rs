//! Synthetic files: bytes that a downloader can check without having seen them uploaded.
//!
//! A file begins with a line that names its length and key; the rest is cut from the shared text, starting at a
//! place that follows from the key. Files shorter than the line are filled with the shared text alone and cannot
//! be checked beyond their length.

use super::payload::file_bytes;
use crate::random::mix;

/// Length of the first line.
const HEADER_BYTES: usize = 64;
const MAGIC: &str = "pbxload-file-1 ";

fn header(bytes: u64, key: u64) -> [u8; HEADER_BYTES] {
    let line = format!("{MAGIC}{bytes:016x} {key:016x}");
    let mut header = [b'.'; HEADER_BYTES];
    header[..line.len()].copy_from_slice(line.as_bytes());
    header[HEADER_BYTES - 1] = b'\n';
    header
}

/// The byte at `at` onwards, as one slice of the shared bytes.
fn shared(key: u64, at: u64, most: usize) -> &'static [u8] {
    let all = file_bytes();
    let start = ((mix(key) % all.len() as u64 + at) % all.len() as u64) as usize;
    &all[start..all.len().min(start + most)]
}

/// A synthetic file, read in slices that are never copied.
#[derive(Debug, Clone)]
pub struct SyntheticFile {
    bytes: u64,
    key: u64,
    at: u64,
}

impl SyntheticFile {
    /// The file of so many bytes under this key.
    pub fn new(bytes: u64, key: u64) -> SyntheticFile {
        SyntheticFile { bytes, key, at: 0 }
    }

    /// The next slice, at most `most` bytes; `None` at the end. The first one may have to be owned.
    pub fn next_slice(&mut self, most: usize) -> Option<bytes::Bytes> {
        let left = self.bytes - self.at;
        if left == 0 {
            return None;
        }
        let most = most.min(usize::try_from(left).unwrap_or(usize::MAX));
        let slice = if self.at == 0 && self.bytes >= HEADER_BYTES as u64 {
            bytes::Bytes::copy_from_slice(&header(self.bytes, self.key))
        } else {
            bytes::Bytes::from_static(shared(self.key, self.at, most))
        };
        self.at += slice.len() as u64;
        Some(slice)
    }
}

/// Checks a file while it arrives.
#[derive(Debug, Default)]
pub struct FileCheck {
    head: Vec<u8>,
    expected: Option<(u64, u64)>,
    received: u64,
    is_wrong: bool,
}

impl FileCheck {
    /// Takes the next bytes.
    pub fn feed(&mut self, mut chunk: &[u8]) {
        if self.head.len() < HEADER_BYTES {
            let take = chunk.len().min(HEADER_BYTES - self.head.len());
            self.head.extend_from_slice(&chunk[..take]);
            self.received += take as u64;
            chunk = &chunk[take..];
            if self.head.len() == HEADER_BYTES {
                self.expected = read_header(&self.head);
            }
        }
        let Some((_, key)) = self.expected else {
            self.received += chunk.len() as u64;
            return;
        };
        while !chunk.is_empty() {
            let expected = shared(key, self.received, chunk.len());
            self.is_wrong |= expected != &chunk[..expected.len()];
            self.received += expected.len() as u64;
            chunk = &chunk[expected.len()..];
        }
    }

    /// Bytes so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether the whole file is intact; a file that is not ours counts as intact.
    pub fn is_intact(&self) -> bool {
        match self.expected {
            Some((bytes, _)) => !self.is_wrong && bytes == self.received,
            None => !resembles_ours(&self.head),
        }
    }
}

/// Whether this was one of our first lines before some of it was changed: no file of others shares most of its words.
fn resembles_ours(head: &[u8]) -> bool {
    let same = head.iter().zip(MAGIC.as_bytes()).filter(|(byte, ours)| byte == ours).count();
    same > MAGIC.len() / 2
}

fn read_header(head: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(head).ok()?;
    let rest = text.strip_prefix(MAGIC)?;
    let bytes = u64::from_str_radix(rest.get(..16)?, 16).ok()?;
    let key = u64::from_str_radix(rest.get(17..33)?, 16).ok()?;
    (header(bytes, key) == head).then_some((bytes, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: u64, key: u64) -> Vec<u8> {
        let mut file = SyntheticFile::new(bytes, key);
        let mut all = Vec::new();
        while let Some(slice) = file.next_slice(10_000) {
            all.extend_from_slice(&slice);
        }
        all
    }

    fn check(content: &[u8], chunk: usize) -> FileCheck {
        let mut check = FileCheck::default();
        content.chunks(chunk).for_each(|part| check.feed(part));
        check
    }

    #[test]
    fn files_of_any_size_come_back_intact_in_any_chunks() {
        for bytes in [0, 1, 63, 64, 65, 100_000, 1_200_000] {
            let content = whole(bytes, 99);
            assert_eq!(content.len() as u64, bytes);
            for chunk in [1_000, 7, 1 << 20] {
                let check = check(&content, chunk);
                assert!(check.is_intact(), "{bytes} in {chunk}");
                assert_eq!(check.received(), bytes);
            }
        }
    }

    #[test]
    fn a_changed_byte_and_a_cut_file_are_noticed() {
        let mut content = whole(10_000, 5);
        assert!(!check(&content[..9_999], 512).is_intact());
        content[5_000] ^= 1;
        assert!(!check(&content, 512).is_intact());
        let mut content = whole(10_000, 5);
        content[20] ^= 1;
        assert!(!check(&content, 512).is_intact());
    }

    #[test]
    fn a_changed_byte_is_noticed_wherever_it_is() {
        let content = whole(100, 5);
        for at in 0..content.len() {
            let mut changed = content.clone();
            changed[at] ^= 0x55;
            assert!(!check(&changed, 512).is_intact(), "byte {at}");
        }
    }

    #[test]
    fn files_of_others_are_not_judged() {
        assert!(check(&[7; 5_000], 512).is_intact());
    }
}
