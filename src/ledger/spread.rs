//! `Spread`: from the first receiver of a message to the last, by how many there were.

use crate::metrics::Latency;

/// Numbers of receivers that are told apart, each up to the next: 2, 3 to 4, 5 to 9, … and 1,000 and more.
pub const SPREAD_FROM: [u32; 10] = [2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000];

/// One histogram for all messages, and one for each number of receivers.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    /// All messages with at least two receivers.
    pub all: Latency,
    /// By the places of [`SPREAD_FROM`].
    pub by_receivers: [Latency; SPREAD_FROM.len()],
}

impl Spread {
    /// Records a message that so many received; with fewer than two there is no spread.
    pub fn record(&mut self, receivers: u32, micros: u64) {
        let place = SPREAD_FROM.partition_point(|from| *from <= receivers);
        if let Some(place) = place.checked_sub(1) {
            self.all.record(micros);
            self.by_receivers[place].record(micros);
        }
    }

    /// Adds another's samples.
    pub fn merge(&mut self, other: &Spread) {
        self.all.merge(&other.all);
        for (mine, theirs) in self.by_receivers.iter_mut().zip(&other.by_receivers) {
            mine.merge(theirs);
        }
    }

    /// Forgets all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.all.clear();
        self.by_receivers.iter_mut().for_each(Latency::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_in_the_row_of_its_receivers() {
        let mut spread = Spread::default();
        for (receivers, micros) in [(0, 1), (1, 1), (2, 10), (4, 20), (5, 30), (9, 40), (5_000, 50)] {
            spread.record(receivers, micros);
        }
        let counts = spread.by_receivers.each_ref().map(Latency::count);
        assert_eq!(counts, [1, 1, 2, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(spread.all.count(), 5);
    }
}
