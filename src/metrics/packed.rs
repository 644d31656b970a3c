//! Histograms as bytes: as short as they get, for those that wait in memory, and the counters of a journal's.

use super::Latency;
use super::counts::{BUCKETS, Counts};

/// Most bytes of the counters of a histogram in HdrHistogram's V2 encoding: every bucket full.
pub const V2_BYTES_MAX: usize = BUCKETS * VARINT_BYTES_MAX;
const VARINT_BYTES_MAX: usize = 9;
/// Most samples of a histogram that is read: a million a second for twelve days. So many of them can be added up that no
/// journal has them all.
pub const SAMPLES_MAX: u64 = 1 << 40;

/// Why bytes are no histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// The last number ends in the middle.
    #[error("it is cut off")]
    CutOff,
    /// Numbers go on behind the last bucket.
    #[error("it has more buckets than one hour needs")]
    TooLong,
    /// More samples than any interval has.
    #[error("it has more samples than any interval has")]
    TooMany,
}

impl Latency {
    /// All samples as bytes; none without samples.
    ///
    /// For each bucket with samples how many without lie before it, doubled, and one more if it has several; then how many
    /// beyond two. Most buckets of a short stretch have one, and their neighbours are near: a byte for each.
    pub fn pack(&self) -> Box<[u8]> {
        let mut bytes = Vec::new();
        let mut next = 0;
        for (bucket, count) in self.counts().into_iter().flat_map(Counts::filled) {
            let empty = (bucket - next) as u64;
            write_number(&mut bytes, empty << 1 | u64::from(count > 1));
            if count > 1 {
                write_number(&mut bytes, count - 2);
            }
            next = bucket + 1;
        }
        bytes.into()
    }

    /// Adds the samples in bytes that [`pack`](Self::pack) has made.
    ///
    /// # Errors
    /// Other bytes; some of their samples have been added then.
    pub fn unpack(&mut self, mut bytes: &[u8]) -> Result<(), UnpackError> {
        let mut bucket = 0;
        while !bytes.is_empty() {
            let number = read_number(&mut bytes)?;
            let count = if number & 1 == 0 { 1 } else { read_number(&mut bytes)?.saturating_add(2) };
            bucket = within(behind(bucket, number >> 1)?)?;
            self.counts_mut().add(bucket, count);
            bucket += 1;
        }
        Ok(())
    }

    /// Adds the samples of these counters in HdrHistogram's V2 encoding, without its header.
    ///
    /// One number a bucket, up to the last with samples: its samples, or, below 0, how many buckets without samples follow.
    /// Numbers are zig-zag coded.
    ///
    /// # Errors
    /// Bytes that are no histogram of at most one hour; some of their samples have been added then.
    pub fn add_v2(&mut self, mut bytes: &[u8]) -> Result<(), UnpackError> {
        let (mut bucket, mut samples) = (0, 0_u64);
        while !bytes.is_empty() {
            let number = read_number(&mut bytes)?;
            let half = number >> 1;
            if number & 1 == 1 {
                bucket = behind(bucket, half.saturating_add(1))?;
                continue;
            }
            within(bucket)?;
            samples = samples.saturating_add(half);
            if samples > SAMPLES_MAX {
                return Err(UnpackError::TooMany);
            }
            if half > 0 {
                self.counts_mut().add(bucket, half);
            }
            bucket += 1;
        }
        Ok(())
    }
}

fn within(bucket: usize) -> Result<usize, UnpackError> {
    if bucket < BUCKETS { Ok(bucket) } else { Err(UnpackError::TooLong) }
}

/// The bucket that lies so many behind another one.
fn behind(bucket: usize, empty: u64) -> Result<usize, UnpackError> {
    let next = usize::try_from(empty).ok().and_then(|empty| bucket.checked_add(empty));
    next.filter(|next| *next <= BUCKETS).ok_or(UnpackError::TooLong)
}

/// Writes a number as LEB128 of at most nine bytes, of which the ninth is whole.
fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    for _ in 1..VARINT_BYTES_MAX {
        if number < 0x80 {
            break;
        }
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Result<u64, UnpackError> {
    let mut number = 0;
    for index in 0..VARINT_BYTES_MAX {
        let (&byte, rest) = bytes.split_first().ok_or(UnpackError::CutOff)?;
        *bytes = rest;
        let is_whole = index == VARINT_BYTES_MAX - 1;
        let value = if is_whole { byte } else { byte & 0x7f };
        number |= u64::from(value) << (7 * index);
        if byte < 0x80 {
            break;
        }
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Serializer, V2Serializer};
    use proptest::prelude::*;

    use super::*;

    /// Bytes of the header in HdrHistogram's V2 encoding.
    const HEADER: usize = 40;

    proptest! {
        #[test]
        fn nothing_is_lost_by_packing(samples in prop::collection::vec((1u64..4_000_000_000, 0u64..1 << 33), 0..100)) {
            let mut latency = Latency::default();
            for &(micros, count) in &samples {
                latency.record(micros);
                latency.record_n(micros, count);
            }
            let mut back = Latency::default();
            back.unpack(&latency.pack()).expect("whole");
            prop_assert_eq!(back.count(), latency.count());
            prop_assert_eq!(back.recorded().collect::<Vec<_>>(), latency.recorded().collect::<Vec<_>>());
            let Some(histogram) = latency.to_histogram() else { return Ok(()) };
            let mut theirs = Vec::new();
            V2Serializer::new().serialize(&histogram, &mut theirs).expect("written");
            let mut read = Latency::default();
            read.add_v2(&theirs[HEADER..]).expect("whole");
            prop_assert_eq!(read.to_histogram(), Some(histogram));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for read in [Latency::unpack, Latency::add_v2] {
                let mut latency = Latency::default();
                if read(&mut latency, &bytes).is_ok() {
                    let mut again = Latency::default();
                    again.unpack(&latency.pack()).expect("what was written is whole");
                    prop_assert_eq!(again.count(), latency.count());
                }
            }
        }
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let unpack = |bytes: &[u8]| Latency::default().unpack(bytes);
        let add_v2 = |bytes: &[u8]| Latency::default().add_v2(bytes);
        assert_eq!((unpack(&[0x80]), add_v2(&[0x80])), (Err(UnpackError::CutOff), Err(UnpackError::CutOff)));
        assert_eq!(unpack(&[1]), Err(UnpackError::CutOff), "several, and not how many");
        let numbers = |numbers: &[u64]| {
            let mut bytes = Vec::new();
            numbers.iter().for_each(|number| write_number(&mut bytes, *number));
            bytes
        };
        let buckets = BUCKETS as u64;
        assert_eq!(unpack(&numbers(&[(buckets - 1) << 1])), Ok(()));
        assert_eq!(unpack(&numbers(&[(buckets - 1) << 1, 0])), Err(UnpackError::TooLong));
        assert_eq!(unpack(&numbers(&[u64::MAX - 1])), Err(UnpackError::TooLong));
        assert_eq!(unpack(&numbers(&[1, u64::MAX, 1, u64::MAX])), Ok(()), "as many as can be counted");
        // Below 0, all of them and one more; then the count of another bucket.
        assert_eq!(add_v2(&numbers(&[(buckets << 1) - 1])), Ok(()));
        assert_eq!(add_v2(&numbers(&[(buckets << 1) - 1, 2])), Err(UnpackError::TooLong));
        assert_eq!(add_v2(&numbers(&[u64::MAX])), Err(UnpackError::TooLong));
        assert_eq!(add_v2(&numbers(&[u64::MAX - 1])), Err(UnpackError::TooMany));
        assert_eq!(add_v2(&numbers(&[SAMPLES_MAX; 2])), Ok(()));
        assert_eq!(add_v2(&numbers(&[SAMPLES_MAX, SAMPLES_MAX + 2])), Err(UnpackError::TooMany));
    }

    #[test]
    fn a_second_of_samples_takes_a_byte_for_each() {
        let mut latency = Latency::default();
        (0..400).for_each(|sample| latency.record(200 + sample * 7));
        assert!(latency.pack().len() < 420, "{}", latency.pack().len());
    }
}
