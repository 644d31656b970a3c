//! One histogram of the journal, read without making the library's own of it first: that one takes 184 KiB, and a day has
//! 200,000 of them.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::ZlibDecoder;
use hdrhistogram::serialization::Deserializer;

use crate::metrics::{Latency, SAMPLES_MAX, UnpackError, V2_BYTES_MAX};

/// How HdrHistogram's V2 encoding begins, deflated and not.
const DEFLATED: u32 = 0x1c84_9314;
const PLAIN: u32 = 0x1c84_9313;
/// Bytes of the header of either.
const DEFLATED_HEADER: usize = 8;
const PLAIN_HEADER: usize = 40;

/// Most bytes of a histogram that is none of ours: three times what ours can have.
///
/// The library makes room for as many bytes as the header announces, before it reads them.
const FOREIGN_BYTES_MAX: usize = PLAIN_HEADER + 3 * V2_BYTES_MAX;

/// Adds the samples of a histogram in the V2 encoding, deflated or not.
///
/// # Errors
/// Bytes that are no histogram; some of their samples have been added then.
pub(super) fn add_to(latency: &mut Latency, bytes: &[u8]) -> Result<(), String> {
    let inflated = match u32_at(bytes, 0) {
        Some(DEFLATED) => Cow::Owned(inflated(bytes).ok_or("a histogram that is damaged or too long")?),
        _ => Cow::Borrowed(bytes),
    };
    let (header, counters) = opened(&inflated).ok_or("no histogram")?;
    if is_ours(header) {
        return latency.add_v2(counters).map_err(|error| error.to_string());
    }
    // Of other bounds: the library knows.
    let histogram = Deserializer::new().deserialize(&mut &*inflated).map_err(|error| error.to_string())?;
    if histogram.len() > SAMPLES_MAX {
        return Err(UnpackError::TooMany.to_string());
    }
    latency.add(&histogram);
    Ok(())
}

/// What is behind the outer header; `None` when that announces another length, or what is behind it is too long.
fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let (header, rest) = bytes.split_at_checked(DEFLATED_HEADER)?;
    if u32_at(header, 4)? as usize != rest.len() {
        return None;
    }
    let mut inflated = Vec::new();
    ZlibDecoder::new(rest).take(FOREIGN_BYTES_MAX as u64 + 1).read_to_end(&mut inflated).ok()?;
    (inflated.len() <= FOREIGN_BYTES_MAX).then_some(inflated)
}

/// The inner header and the counters behind it, as many as it announces.
fn opened(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, counters) = bytes.split_at_checked(PLAIN_HEADER)?;
    (u32_at(header, 0)? == PLAIN && u32_at(header, 4)? as usize == counters.len()).then_some((header, counters))
}

/// Whether a header names the buckets that ours have.
fn is_ours(header: &[u8]) -> bool {
    let is_ours = || {
        let (offset, digits) = (u32_at(header, 8)?, u32_at(header, 12)?);
        let (low, high, ratio) = (u64_at(header, 16)?, u64_at(header, 24)?, u64_at(header, 32)?);
        Some((offset, f64::from_bits(ratio)) == (0, 1.0) && Latency::has_bounds(low, high, digits))
    };
    is_ours().unwrap_or(false)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::read::ZlibEncoder;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer, V2Serializer};
    use proptest::prelude::*;

    use super::*;

    fn deflated(histogram: &Histogram<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("written");
        bytes
    }

    proptest! {
        #[test]
        fn what_the_library_wrote_is_read(samples in prop::collection::vec(1u64..4_000_000_000, 1..200)) {
            let mut latency = Latency::default();
            samples.iter().for_each(|micros| latency.record(*micros));
            let bytes = deflated(&latency.to_histogram().expect("samples"));
            let inflated = inflated(&bytes).expect("deflated");
            prop_assert!(opened(&inflated).is_some_and(|(header, _)| is_ours(header)), "without the library");
            let mut read = Latency::default();
            add_to(&mut read, &bytes).expect("whole");
            prop_assert_eq!(read.pack(), latency.pack());
        }

        #[test]
        fn damaged_bytes_are_read_or_refused(at in any::<prop::sample::Index>(), flip in 1u8.., cut in any::<prop::sample::Index>()) {
            let mut latency = Latency::default();
            (0..500).for_each(|micros| latency.record(micros * micros));
            let mut bytes = deflated(&latency.to_histogram().expect("samples"));
            let half = cut.index(bytes.len() / 2);
            prop_assert!(add_to(&mut Latency::default(), &bytes[..half]).is_err());
            let place = at.index(bytes.len());
            bytes[place] ^= flip;
            let mut read = Latency::default();
            if add_to(&mut read, &bytes).is_ok() {
                prop_assert_eq!(read.recorded().map(|(_, count)| count).sum::<u64>(), read.count());
            }
        }
    }

    #[test]
    fn other_bounds_and_encodings_are_read_by_the_library() {
        let mut other = Histogram::<u64>::new_with_bounds(1, 10_000_000, 2).expect("constant bounds");
        other.record(1_000).expect("within the bounds");
        let mut read = Latency::default();
        add_to(&mut read, &deflated(&other)).expect("two digits");
        let mut plain = Vec::new();
        V2Serializer::new().serialize(&other, &mut plain).expect("written");
        add_to(&mut read, &plain).expect("not deflated");
        assert_eq!(read.count(), 2);
        assert!((1_000..1_010).contains(&read.quantile(0.5)), "{}", read.quantile(0.5));
    }
    #[test]
    fn a_header_that_announces_more_than_there_is_makes_no_room_for_it() {
        let mut latency = Latency::default();
        latency.record(7);
        let mut plain = Vec::new();
        V2Serializer::new().serialize(&latency.to_histogram().expect("a sample"), &mut plain).expect("written");
        plain[4..8].copy_from_slice(&(1_u32 << 30).to_be_bytes());
        assert_eq!(add_to(&mut Latency::default(), &plain), Err("no histogram".to_owned()));

        // Two million zeros, deflated to two thousand bytes.
        let mut bomb = ZlibEncoder::new(&[0; 2 << 20][..], Compression::best());
        let mut rest = Vec::new();
        bomb.read_to_end(&mut rest).expect("deflated");
        let header = [DEFLATED.to_be_bytes(), (rest.len() as u32).to_be_bytes()].concat();
        let refused = add_to(&mut Latency::default(), &[header, rest].concat());
        assert_eq!(refused, Err("a histogram that is damaged or too long".to_owned()));
    }
}
