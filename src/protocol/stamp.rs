//! The stamp: request ids that say who sent them, when, and in which run.
//!
//! Every request id is a version-8 UUID (RFC 9562) of our own layout. The service repeats a publish's id as
//! `data.reqid`, so a receiver reads send instant, author and run from the message itself, without a table
//! shared between users and without touching the content.
//!
//! | bits | holds |
//! |---|---|
//! | 25 | run tag: a hash of the run's id; other runs' messages are told apart by it |
//! | 1 | the payload is synthetic, so a receiver can check it |
//! | 24 | index of the virtual user |
//! | 30 | the user's request counter |
//! | 42 | send instant in microseconds since the start: 50 days |
//! | 6 | UUID version and variant |

use std::fmt;

use crate::tick::Tick;

/// Length of a request id as text.
pub const TEXT_LEN: usize = 36;
/// Most users of one run: the stamp has 24 bits for the index.
pub const USERS_MAX: u32 = 1 << 24;

const RUN_BITS: u32 = 25;
const USER_BITS: u32 = 24;
const COUNTER_BITS: u32 = 30;
const TICK_BITS: u32 = 42;

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Tag of the run, 25 bits.
    pub run: u32,
    /// Whether the payload is this tool's synthetic text.
    pub synthetic: bool,
    /// Index of the virtual user in the plan.
    pub user: u32,
    /// How many requests this user had made before, modulo 2^30.
    pub counter: u32,
    /// When it was sent.
    pub sent: Tick,
}

impl Stamp {
    /// The 25-bit tag for a run's id.
    pub fn run_tag(run_id: &str) -> u32 {
        crc32fast::hash(run_id.as_bytes()) >> (32 - RUN_BITS)
    }

    /// The counter after `counter`.
    pub const fn next_counter(counter: u32) -> u32 {
        (counter + 1) & ((1 << COUNTER_BITS) - 1)
    }

    /// Author and counter in one word: unique within a run.
    pub const fn key(self) -> u64 {
        ((self.user as u64) << COUNTER_BITS) | self.counter as u64
    }

    /// The author in a [`Stamp::key`].
    pub const fn author_of(key: u64) -> u32 {
        (key >> COUNTER_BITS) as u32
    }

    /// The counter in a [`Stamp::key`].
    pub const fn counter_of(key: u64) -> u32 {
        (key & ((1 << COUNTER_BITS) - 1)) as u32
    }

    fn to_bits(self) -> u128 {
        let tick = u128::from(self.sent.as_micros() & ((1 << TICK_BITS) - 1));
        let packed = (u128::from(self.run & ((1 << RUN_BITS) - 1)) << (1 + USER_BITS + COUNTER_BITS + TICK_BITS))
            | (u128::from(self.synthetic) << (USER_BITS + COUNTER_BITS + TICK_BITS))
            | (u128::from(self.user & (USERS_MAX - 1)) << (COUNTER_BITS + TICK_BITS))
            | (u128::from(self.counter & ((1 << COUNTER_BITS) - 1)) << TICK_BITS)
            | tick;
        // RFC 9562: 48 bits, version (4), 12 bits, variant (2), 62 bits.
        let high = packed >> 74;
        let middle = (packed >> 62) & 0xfff;
        let low = packed & ((1 << 62) - 1);
        (high << 80) | (8 << 76) | (middle << 64) | (0b10 << 62) | low
    }

    fn from_bits(bits: u128) -> Option<Stamp> {
        if (bits >> 76) & 0xf != 8 || (bits >> 62) & 0b11 != 0b10 {
            return None;
        }
        let packed = ((bits >> 80) << 74) | (((bits >> 64) & 0xfff) << 62) | (bits & ((1 << 62) - 1));
        Some(Stamp {
            run: ((packed >> (1 + USER_BITS + COUNTER_BITS + TICK_BITS)) & ((1 << RUN_BITS) - 1)) as u32,
            synthetic: (packed >> (USER_BITS + COUNTER_BITS + TICK_BITS)) & 1 == 1,
            user: ((packed >> (COUNTER_BITS + TICK_BITS)) & u128::from(USERS_MAX - 1)) as u32,
            counter: ((packed >> TICK_BITS) & ((1 << COUNTER_BITS) - 1)) as u32,
            sent: Tick::from_micros((packed & ((1 << TICK_BITS) - 1)) as u64),
        })
    }

    /// The id as the 36 characters that go on the wire.
    pub fn encode(self) -> StampText {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bytes = self.to_bits().to_be_bytes();
        let mut text = [b'-'; TEXT_LEN];
        let mut at = 0;
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 0xf)];
            at += 2;
        }
        StampText(text)
    }

    /// Reads an id; `None` when it is not one of this tool's.
    pub fn decode(text: &str) -> Option<Stamp> {
        let text = text.as_bytes();
        if text.len() != TEXT_LEN {
            return None;
        }
        let mut bits: u128 = 0;
        for (index, &byte) in text.iter().enumerate() {
            if matches!(index, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                _ => return None,
            };
            bits = (bits << 4) | u128::from(digit);
        }
        Stamp::from_bits(bits)
    }
}

/// A stamp's text, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StampText([u8; TEXT_LEN]);

impl StampText {
    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only hexadecimal digits and dashes are written")
    }
}

impl fmt::Debug for StampText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for StampText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stamps_round_trip(run in 0u32..1 << 25, synthetic: bool, user in 0u32..1 << 24,
                             counter in 0u32..1 << 30, sent in 0u64..1 << 42) {
            let stamp = Stamp { run, synthetic, user, counter, sent: Tick::from_micros(sent) };
            let text = stamp.encode();
            prop_assert_eq!(Stamp::decode(text.as_str()), Some(stamp));
            prop_assert_eq!((Stamp::author_of(stamp.key()), Stamp::counter_of(stamp.key())), (user, counter));
            let uuid = uuid::Uuid::parse_str(text.as_str()).expect("a valid UUID");
            prop_assert_eq!(uuid.get_version_num(), 8);
            prop_assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        }

        #[test]
        fn no_text_makes_decode_panic(text in "\\PC{0,40}") {
            let _ = Stamp::decode(&text);
        }
    }

    #[test]
    fn ids_of_others_are_not_ours() {
        assert_eq!(Stamp::decode("99c5075a-cf52-493c-8572-9e30437a02ce"), None);
    }
}
