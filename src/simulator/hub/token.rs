//! Tokens that carry their own meaning, so that issuing millions of them takes no memory.
//!
//! Their signature keeps honest clients honest; it is no cryptography, and nothing here is worth stealing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::protocol::UserId;

/// What a REST token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Access,
    Refresh,
}

/// A REST token, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RestToken {
    pub purpose: Purpose,
    pub user: UserId,
    pub expires_us: i64,
    /// Unlike every other token's.
    pub mark: u64,
}

/// Issues and reads tokens.
#[derive(Debug)]
pub(super) struct Mint {
    secret: u64,
    serial: u32,
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const REST_BYTES: usize = 30;
/// Of a login's token: 8 bytes of user, 8 of tenant where there are tenants, 10 of expiry, level and flags, 32 of
/// signature.
const LOGIN_BYTES: usize = 50;
const TENANT_BYTES: usize = 8;
const SIGNATURE_BYTES: usize = 32;

impl Mint {
    pub fn new(seed: u64) -> Mint {
        Mint { secret: mix(seed ^ 0x5eed_0f70_6b65_6e73), serial: 0 }
    }

    /// Forty-eight letters and digits, as the vendor prints them.
    pub fn rest(&mut self, purpose: Purpose, user: UserId, expires_us: i64) -> String {
        self.serial = self.serial.wrapping_add(1);
        let mut bytes = [0u8; REST_BYTES];
        bytes[0] = purpose as u8;
        bytes[1..9].copy_from_slice(&user.0.to_be_bytes());
        bytes[9..17].copy_from_slice(&expires_us.to_be_bytes());
        bytes[17..21].copy_from_slice(&self.serial.to_be_bytes());
        let signature = self.sign(&bytes[..22]);
        bytes[22..].copy_from_slice(&signature.to_be_bytes());
        to_base32(&bytes)
    }

    /// `None` when it was not issued here, or not by this server's run.
    pub fn read_rest(&self, text: &str) -> Option<RestToken> {
        let bytes = from_base32(text)?;
        let mark = u64::from_be_bytes(bytes[22..].try_into().ok()?);
        if mark != self.sign(&bytes[..22]) {
            return None;
        }
        Some(RestToken {
            purpose: if bytes[0] == Purpose::Access as u8 { Purpose::Access } else { Purpose::Refresh },
            user: UserId(u64::from_be_bytes(bytes[1..9].try_into().ok()?)),
            expires_us: i64::from_be_bytes(bytes[9..17].try_into().ok()?),
            mark,
        })
    }

    /// The token of a login's reply, as padded base64: in the layout of the vendor's sample, 58 bytes, or without
    /// a tenant in that of its ancestor, 50 bytes.
    pub fn login(&self, user: UserId, tenant: Option<u64>, expires: Timestamp) -> String {
        let mut bytes = Vec::with_capacity(LOGIN_BYTES + TENANT_BYTES);
        bytes.extend(user.0.to_le_bytes());
        bytes.extend(tenant.map(u64::to_le_bytes).into_iter().flatten());
        bytes.extend(u32::try_from(expires.as_second()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend([20, 0, 0, 0, 1, 0]);
        let signature = self.sign_login(&bytes);
        bytes.extend(signature);
        STANDARD.encode(bytes)
    }

    /// The user of a login's token and the second in which it expires; `None` when it is forged.
    pub fn read_login(&self, bytes: &[u8]) -> Option<(UserId, i64)> {
        if bytes.len() != LOGIN_BYTES && bytes.len() != LOGIN_BYTES + TENANT_BYTES {
            return None;
        }
        let (body, signature) = bytes.split_at(bytes.len() - SIGNATURE_BYTES);
        if self.sign_login(body) != signature {
            return None;
        }
        let expires = u32::from_le_bytes(body[body.len() - 10..body.len() - 6].try_into().ok()?);
        Some((UserId(u64::from_le_bytes(body[..8].try_into().ok()?)), i64::from(expires)))
    }

    fn sign_login(&self, body: &[u8]) -> Vec<u8> {
        (0..SIGNATURE_BYTES as u64 / 8).flat_map(|index| mix(self.sign(body) ^ index).to_le_bytes()).collect()
    }

    fn sign(&self, bytes: &[u8]) -> u64 {
        mix(hash(bytes) ^ self.secret)
    }
}

/// FNV-1a, the same on every machine and in every release.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finalizer of splitmix64: spreads a hash over all bits.
pub(super) const fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn to_base32(bytes: &[u8; REST_BYTES]) -> String {
    let group = |five: &[u8]| five.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
    let letters = |word: u64| (0..8).map(move |at| char::from(BASE32[(word >> (35 - 5 * at)) as usize & 31]));
    bytes.chunks_exact(5).flat_map(|five| letters(group(five))).collect()
}

fn from_base32(text: &str) -> Option<[u8; REST_BYTES]> {
    let text = text.as_bytes();
    if text.len() != REST_BYTES / 5 * 8 {
        return None;
    }
    let mut bytes = [0u8; REST_BYTES];
    for (eight, five) in text.chunks_exact(8).zip(bytes.chunks_exact_mut(5)) {
        let word = eight.iter().try_fold(0u64, |word, letter| {
            let value = BASE32.iter().position(|candidate| candidate == letter)?;
            Some((word << 5) | value as u64)
        })?;
        five.copy_from_slice(&word.to_be_bytes()[3..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_token_says_whose_it_is_and_refuses_changes() {
        let mut mint = Mint::new(1);
        let text = mint.rest(Purpose::Refresh, UserId(42), 1_000);
        assert_eq!(text.len(), 48);
        let token = mint.read_rest(&text).expect("own token");
        assert_eq!((token.purpose, token.user, token.expires_us), (Purpose::Refresh, UserId(42), 1_000));
        let forged = text.replacen(&text[3..4], if &text[3..4] == "A" { "B" } else { "A" }, 1);
        assert_eq!(mint.read_rest(&forged), None);
        assert_eq!(Mint::new(2).read_rest(&text), None);
        assert_ne!(mint.rest(Purpose::Refresh, UserId(42), 1_000), text);
    }

    #[test]
    fn a_logins_token_has_the_samples_layout_and_refuses_changes() {
        let mint = Mint::new(1);
        let now = Timestamp::from_second(1_729_731_998).expect("in range");
        for (tenant, length) in [(Some(9), 80), (None, 68)] {
            let text = mint.login(UserId(7), tenant, now);
            assert_eq!(text.len(), length);
            let mut bytes = STANDARD.decode(&text).expect("padded base64");
            assert_eq!(mint.read_login(&bytes), Some((UserId(7), 1_729_731_998)));
            assert_eq!(mint.read_login(&bytes[1..]), None);
            bytes[3] ^= 1;
            assert_eq!(mint.read_login(&bytes), None);
        }
    }
}
