//! Access modes: what a member of a topic may do. Source: protocol reference, section 6.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// A set of permissions; written as letters out of `JRWPASDO`, or `N` for the empty set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Mode(u8);

/// Letters in canonical order; the position is the bit.
const LETTERS: &[u8; 8] = b"JRWPASDO";

impl Mode {
    /// No access at all.
    pub const NONE: Mode = Mode(0);
    /// Subscribe and attach.
    pub const JOIN: Mode = Mode(1);
    /// Receive messages and notes, read history.
    pub const READ: Mode = Mode(2);
    /// Publish.
    pub const WRITE: Mode = Mode(4);
    /// Receive presence.
    pub const PRESENCE: Mode = Mode(8);
    /// Admit, remove and ban members.
    pub const APPROVE: Mode = Mode(16);
    /// Invite others.
    pub const SHARE: Mode = Mode(32);
    /// Delete messages for everyone.
    pub const DELETE: Mode = Mode(64);
    /// Everything; one owner per topic.
    pub const OWNER: Mode = Mode(128);
    /// What the creator of a group has: `JRWPASDO`.
    pub const FULL: Mode = Mode(255);
    /// Most that a side of a P2P topic grants: `JRWPA`.
    pub const P2P: Mode = Mode(1 | 2 | 4 | 8 | 16);
    /// Default of a group: `JRWPS`.
    pub const GROUP: Mode = Mode(1 | 2 | 4 | 8 | 32);
    /// Default of a user: `JRWPAS`.
    pub const USER: Mode = Mode(1 | 2 | 4 | 8 | 16 | 32);
    /// Access to one's own `me`: `JPS`.
    pub const ME: Mode = Mode(1 | 8 | 32);

    /// Reads letters in any order and case; `None` for other characters, or for `N` beside letters.
    /// The empty text is the empty set here: callers treat it as "not specified" before they ask.
    pub fn parse(text: &str) -> Option<Mode> {
        if text.eq_ignore_ascii_case("n") {
            return Some(Mode::NONE);
        }
        text.bytes().try_fold(Mode::NONE, |mode, byte| {
            let bit = LETTERS.iter().position(|letter| *letter == byte.to_ascii_uppercase())?;
            Some(Mode(mode.0 | (1 << bit)))
        })
    }

    /// Whether all of `wanted` is in the set.
    pub const fn has(self, wanted: Mode) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Whether the set is empty.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// This set without `other`.
    pub const fn without(self, other: Mode) -> Mode {
        Mode(self.0 & !other.0)
    }

    /// Owner, or may approve.
    pub const fn is_administrator(self) -> bool {
        self.0 & (Mode::OWNER.0 | Mode::APPROVE.0) != 0
    }

    /// Administrator, or may share.
    pub const fn is_sharer(self) -> bool {
        self.is_administrator() || self.has(Mode::SHARE)
    }

    /// The change from `before` to this set, such as `+S-O`; empty when nothing changed.
    pub fn delta_from(self, before: Mode) -> String {
        let (added, removed) = (self.without(before), before.without(self));
        let mut text = String::new();
        if !added.is_none() {
            text.push('+');
            text.push_str(&added.to_string());
        }
        if !removed.is_none() {
            text.push('-');
            text.push_str(&removed.to_string());
        }
        text
    }
}

impl BitAnd for Mode {
    type Output = Mode;

    fn bitand(self, other: Mode) -> Mode {
        Mode(self.0 & other.0)
    }
}

impl BitOr for Mode {
    type Output = Mode;

    fn bitor(self, other: Mode) -> Mode {
        Mode(self.0 | other.0)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("N");
        }
        for (bit, letter) in LETTERS.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                write!(f, "{}", char::from(*letter))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn modes_round_trip(bits: u8) {
            prop_assert_eq!(Mode::parse(&Mode(bits).to_string()), Some(Mode(bits)));
        }

        #[test]
        fn no_text_makes_parse_panic(text in "\\PC{0,20}") {
            let _ = Mode::parse(&text);
        }
    }

    #[test]
    fn named_modes_are_written_in_canonical_order() {
        for (mode, text) in [
            (Mode::FULL, "JRWPASDO"),
            (Mode::P2P, "JRWPA"),
            (Mode::GROUP, "JRWPS"),
            (Mode::USER, "JRWPAS"),
            (Mode::ME, "JPS"),
            (Mode::NONE, "N"),
        ] {
            assert_eq!(mode.to_string(), text);
        }
        assert_eq!(Mode::parse("odsapwrj"), Some(Mode::FULL));
    }

    #[test]
    fn other_letters_and_a_mixed_n_are_refused() {
        for text in ["X", "JN", "J R", "é"] {
            assert_eq!(Mode::parse(text), None, "{text}");
        }
    }

    #[test]
    fn deltas_list_additions_first() {
        assert_eq!(Mode::GROUP.delta_from(Mode::FULL), "-ADO");
        assert_eq!(Mode::FULL.delta_from(Mode::GROUP), "+ADO");
        assert_eq!((Mode::JOIN | Mode::SHARE).delta_from(Mode::JOIN | Mode::OWNER), "+S-O");
        assert_eq!(Mode::GROUP.delta_from(Mode::GROUP), "");
    }
}
