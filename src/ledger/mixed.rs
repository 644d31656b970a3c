//! `Mixed`: hashing for keys that are numbers of our own making.

use std::hash::{BuildHasher, Hasher};

use crate::random::mix;

/// Hashes one word: keys here are numbers of our own making.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mixed;

#[derive(Debug, Default)]
pub(super) struct MixedHasher(u64);

impl BuildHasher for Mixed {
    type Hasher = MixedHasher;

    fn build_hasher(&self) -> MixedHasher {
        MixedHasher::default()
    }
}

impl Hasher for MixedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = mix(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0 ^ word);
    }
}
