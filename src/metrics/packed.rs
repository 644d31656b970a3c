//! Histograms as a few hundred bytes: the counters of HdrHistogram's V2 encoding.
//!
//! One number a bucket, up to the last with samples: its samples, or, below 0, how many buckets without samples follow.
//! Numbers are zig-zag coded, in LEB128 of at most nine bytes, of which the ninth is whole.

use super::Latency;
use super::counts::{BUCKETS, Counts};

/// Most bytes that a histogram takes: every bucket full.
pub const PACKED_BYTES_MAX: usize = BUCKETS * VARINT_BYTES_MAX;
const VARINT_BYTES_MAX: usize = 9;

/// Why bytes are no histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// The last number ends in the middle.
    #[error("it is cut off")]
    CutOff,
    /// Numbers go on behind the last bucket.
    #[error("it has more buckets than one hour needs")]
    TooLong,
    /// More samples than can be counted.
    #[error("it has more samples than can be counted")]
    Overflow,
}

impl Latency {
    /// All samples as bytes; none without samples.
    pub fn pack(&self) -> Box<[u8]> {
        let mut bytes = Vec::new();
        let mut next = 0;
        for (bucket, count) in self.counts().into_iter().flat_map(Counts::filled) {
            match bucket - next {
                0 => {}
                // A single empty bucket is its count, which has the same length and is what other programs write.
                1 => write_number(&mut bytes, 0),
                empty => write_number(&mut bytes, -(empty as i64)),
            }
            // No run counts up to 2^63.
            write_number(&mut bytes, count.min(i64::MAX as u64) as i64);
            next = bucket + 1;
        }
        bytes.into()
    }

    /// Adds the samples in these bytes.
    ///
    /// # Errors
    /// Bytes that are no histogram of at most one hour; some of their samples have been added then.
    pub fn unpack(&mut self, mut bytes: &[u8]) -> Result<(), UnpackError> {
        let mut bucket = 0;
        while !bytes.is_empty() {
            match read_number(&mut bytes)? {
                empty @ ..0 => {
                    let empty = usize::try_from(empty.unsigned_abs()).map_err(|_| UnpackError::TooLong)?;
                    bucket = empty.checked_add(bucket).filter(|next| *next <= BUCKETS).ok_or(UnpackError::TooLong)?;
                }
                count => {
                    if bucket >= BUCKETS {
                        return Err(UnpackError::TooLong);
                    }
                    if count > 0 {
                        self.count().checked_add(count as u64).ok_or(UnpackError::Overflow)?;
                        self.counts_mut().add(bucket, count as u64);
                    }
                    bucket += 1;
                }
            }
        }
        Ok(())
    }
}

fn write_number(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    for _ in 1..VARINT_BYTES_MAX {
        if rest < 0x80 {
            break;
        }
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn read_number(bytes: &mut &[u8]) -> Result<i64, UnpackError> {
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
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
    use proptest::prelude::*;

    use super::*;

    /// Bytes of the header in HdrHistogram's V2 encoding.
    const HEADER: usize = 40;

    proptest! {
        #[test]
        fn other_programs_read_and_write_the_same(samples in prop::collection::vec((1u64..4_000_000_000, 1u64..1 << 40), 1..100)) {
            let mut latency = Latency::default();
            for &(micros, count) in &samples {
                latency.record(micros);
                latency.record_n(micros, count);
            }
            let histogram: Histogram<u64> = latency.to_histogram().expect("samples");
            let mut theirs = Vec::new();
            V2Serializer::new().serialize(&histogram, &mut theirs).expect("written");
            let packed = latency.pack();
            prop_assert_eq!(&theirs[HEADER..], &packed[..]);
            let read: Histogram<u64> = Deserializer::new().deserialize(&mut &theirs[..]).expect("read");
            let mut back = Latency::default();
            back.unpack(&packed).expect("whole");
            prop_assert_eq!(back.to_histogram(), Some(read));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut latency = Latency::default();
            if latency.unpack(&bytes).is_ok() {
                let mut again = Latency::default();
                again.unpack(&latency.pack()).expect("what was written is whole");
                prop_assert_eq!(again.count(), latency.count());
            }
        }
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let unpack = |bytes: &[u8]| Latency::default().unpack(bytes);
        assert_eq!(unpack(&[0x80]), Err(UnpackError::CutOff));
        let mut beyond = Vec::new();
        write_number(&mut beyond, -(BUCKETS as i64));
        assert_eq!(unpack(&beyond), Ok(()));
        beyond.push(2);
        assert_eq!(unpack(&beyond), Err(UnpackError::TooLong));
        let mut far = Vec::new();
        write_number(&mut far, i64::MIN);
        assert_eq!(unpack(&far), Err(UnpackError::TooLong));
        let mut many = Vec::new();
        (0..3).for_each(|_| write_number(&mut many, i64::MAX));
        assert_eq!(unpack(&many), Err(UnpackError::Overflow));
    }
}
