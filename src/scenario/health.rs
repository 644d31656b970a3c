//! `[health]`: from where on the generator is the bottleneck and its run gives no verdict.

use std::time::Duration;

use toml::de::DeTable;

use super::Health;
use super::read::{Reader, Value};
use crate::ops::PayloadSize;

pub(super) const HEALTH_KEYS: &[&str] =
    &["lag_p99", "worker_cpu", "starvation", "memory", "send_queue", "intervals", "tolerate"];
const SHARE: &str = "a share such as `95%`";
const TOLERATED: &str = "a share such as `0.1%`, or `0%` for none";
const SIZE: &str = "a size such as `256 KiB`";
const LAG_MAX: Duration = Duration::from_secs(60);
const INTERVALS_MAX: u64 = 3_600;

impl Default for Health {
    fn default() -> Self {
        Health {
            lag_p99: Duration::from_millis(50),
            worker_cpu: 0.95,
            starvation: 0.5,
            memory: 0.9,
            send_queue: None,
            intervals: 3,
            tolerate: 0.001,
        }
    }
}

/// `[health]`; what is not given has a sane default.
pub(super) fn health(reader: &mut Reader, value: Option<&Value<'_>>) -> Option<Health> {
    let usual = Health::default();
    let Some(value) = value else { return Some(usual) };
    let fields = reader.table("`[health]`", value, HEALTH_KEYS)?;
    let mut share = |key: &str, usual: f64| match fields.get(key) {
        Some(value) => reader.parsed(&format!("`{key}`"), value, SHARE, parse_share),
        None => Some(usual),
    };
    let worker_cpu = share("worker_cpu", usual.worker_cpu);
    let starvation = share("starvation", usual.starvation);
    let memory = share("memory", usual.memory);
    let send_queue = match fields.get("send_queue") {
        Some(value) => reader.parsed("`send_queue`", value, SIZE, parse_size).map(Some),
        None => Some(usual.send_queue),
    };
    let lag_p99 = match fields.get("lag_p99") {
        Some(value) => reader.duration("`lag_p99`", value, Duration::from_millis(1)..=LAG_MAX),
        None => Some(usual.lag_p99),
    };
    let intervals = match fields.get("intervals") {
        Some(value) => reader.whole("`intervals`", value, 1..=INTERVALS_MAX).map(|intervals| intervals as u32),
        None => Some(usual.intervals),
    };
    let tolerate = match fields.get("tolerate") {
        Some(value) => reader.parsed("`tolerate`", value, TOLERATED, parse_percentage),
        None => Some(usual.tolerate),
    };
    Some(Health {
        lag_p99: lag_p99?,
        worker_cpu: worker_cpu?,
        starvation: starvation?,
        memory: memory?,
        send_queue: send_queue?,
        intervals: intervals?,
        tolerate: tolerate?,
    })
}

/// What a scenario that ran tolerates, for who judges the run once more; nothing when that cannot be read.
pub fn tolerated_of(text: &str) -> f64 {
    let (root, _) = DeTable::parse_recoverable(text);
    let section = root.get_ref().get("health").and_then(|value| value.get_ref().as_table());
    match section.and_then(|section| section.get("tolerate")) {
        Some(value) => Reader::partial().parsed("`tolerate`", value, TOLERATED, parse_percentage).unwrap_or(0.0),
        None => Health::default().tolerate,
    }
}

/// One size, not a range of them.
fn parse_size(text: &str) -> Option<u64> {
    text.parse::<PayloadSize>().ok().filter(|size| size.min == size.max && size.min > 0).map(|size| size.min)
}

/// A share that is a limit: of nothing it would be none.
fn parse_share(text: &str) -> Option<f64> {
    parse_percentage(text).filter(|share| *share > 0.0)
}

fn parse_percentage(text: &str) -> Option<f64> {
    let digits = text.trim().strip_suffix('%')?.trim_end();
    // The parser of floats also takes `inf`, `1e9` and `+1`.
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let percent: f64 = digits.parse().ok().filter(|_| is_number)?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_one_number_of_bytes() {
        assert_eq!((parse_size("256 KiB"), parse_size("5000")), (Some(262_144), Some(5_000)));
        for wrong in ["0 B", "1..2 KiB", "lots", "-1 B", ""] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(parse_share("95%"), Some(0.95));
        assert_eq!(parse_share(" 12.5 %"), Some(0.125));
        for wrong in ["95", "0%", "101%", "-5%", "1e1%", "inf%", "%", ""] {
            assert_eq!(parse_share(wrong), None, "{wrong}");
        }
        let [usual, given] = ["", "[health]\ntolerate = \"2 %\""].map(tolerated_of);
        assert_eq!((usual, given), (0.001, 0.02));
        assert_eq!((parse_percentage("0%"), parse_percentage("0.1%")), (Some(0.0), Some(0.001)));
    }
}
