//! `TargetGauges`: the target's own figures, as its endpoints and its process told them.

use std::collections::BTreeMap;

/// What was read of the target in one interval, or in several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetGauges {
    /// Attempts to read a source.
    pub scrapes: u64,
    /// Those that gave nothing. No value is made up for them.
    pub failed: u64,
    /// What was read, by the figure's name.
    pub figures: BTreeMap<String, Gauge>,
}

/// A figure of one instant, over a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gauge {
    /// First value.
    pub first: f64,
    /// Latest value.
    pub last: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sum of all values, for their mean.
    pub sum: f64,
    /// How many values.
    pub count: u64,
}

impl Gauge {
    /// One value.
    pub fn of(value: f64) -> Gauge {
        Gauge { first: value, last: value, min: value, max: value, sum: value, count: 1 }
    }

    /// Mean of the values.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    fn merge(&mut self, later: &Gauge) {
        self.last = later.last;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.sum += later.sum;
        self.count += later.count;
    }
}

impl TargetGauges {
    /// Enters a value.
    pub fn saw(&mut self, figure: &str, value: f64) {
        let value = Gauge::of(value);
        match self.figures.get_mut(figure) {
            Some(gauge) => gauge.merge(&value),
            None => drop(self.figures.insert(figure.to_owned(), value)),
        }
    }

    /// Adds what was read later.
    pub fn merge(&mut self, later: &TargetGauges) {
        self.scrapes += later.scrapes;
        self.failed += later.failed;
        for (name, theirs) in &later.figures {
            match self.figures.get_mut(name) {
                Some(mine) => mine.merge(theirs),
                None => drop(self.figures.insert(name.clone(), *theirs)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_last_and_extremes_are_those_of_all_values() {
        let mut whole = TargetGauges::default();
        let mut later = TargetGauges { scrapes: 2, failed: 1, ..TargetGauges::default() };
        whole.saw("rss_bytes", 5.0);
        whole.saw("rss_bytes", 2.0);
        later.saw("rss_bytes", 9.0);
        later.saw("threads", 1.0);
        whole.merge(&later);
        let gauge = whole.figures["rss_bytes"];
        assert_eq!((gauge.first, gauge.last, gauge.min, gauge.max, gauge.count), (5.0, 9.0, 2.0, 9.0, 3));
        assert!((gauge.mean() - 16.0 / 3.0).abs() < 1e-12);
        assert_eq!((whole.scrapes, whole.failed, whole.figures["threads"].last), (2, 1, 1.0));
    }
}
