//! Tags of the journal's histograms: which histogram of an interval a line holds.
//!
//! Tags are public: other HdrHistogram tools select by them. They hold no comma and no blank.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::ledger::SPREAD_FROM;
use crate::metrics::{Latency, Phase};
use crate::ops::OpId;
use crate::results::IntervalRecord;

/// One histogram of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// `<op>.response`
    Response(OpId),
    /// `<op>.service`
    Service(OpId),
    /// `<op>.lag`
    Lag(OpId),
    /// `<op>.failed`
    Failed(OpId),
    /// `<op>.phase.<phase>`
    Phase(OpId, Phase),
    /// `delivery`
    Delivery,
    /// `delivery.spread`
    Spread,
    /// `delivery.spread.<fewest receivers>`
    SpreadOf(usize),
    /// `arrivals.lag`
    ArrivalLag,
    /// `timer.lag`
    TimerLag,
}

static SLOTS: LazyLock<Vec<(String, Slot)>> = LazyLock::new(|| {
    let mut slots = Vec::new();
    for &op in OpId::ALL {
        let name = op.name();
        slots.push((format!("{name}.response"), Slot::Response(op)));
        slots.push((format!("{name}.service"), Slot::Service(op)));
        slots.push((format!("{name}.lag"), Slot::Lag(op)));
        slots.push((format!("{name}.failed"), Slot::Failed(op)));
        slots.extend(Phase::ALL.map(|(phase, word)| (format!("{name}.phase.{word}"), Slot::Phase(op, phase))));
    }
    let others = [
        ("delivery", Slot::Delivery),
        ("delivery.spread", Slot::Spread),
        ("arrivals.lag", Slot::ArrivalLag),
        ("timer.lag", Slot::TimerLag),
    ];
    slots.extend(others.map(|(tag, slot)| (tag.to_owned(), slot)));
    let rows = SPREAD_FROM.iter().enumerate();
    slots.extend(rows.map(|(row, from)| (format!("delivery.spread.{from}"), Slot::SpreadOf(row))));
    slots
});

static BY_TAG: LazyLock<BTreeMap<&'static str, Slot>> =
    LazyLock::new(|| SLOTS.iter().map(|(tag, slot)| (tag.as_str(), *slot)).collect());

/// Every histogram with samples, with its tag.
pub(super) fn filled(record: &IntervalRecord) -> impl Iterator<Item = (&'static str, &Latency)> {
    let all: &'static [(String, Slot)] = &SLOTS;
    all.iter().map(|(tag, slot)| (tag.as_str(), slot.of(record))).filter(|(_, latency)| !latency.is_empty())
}

/// The histogram with this tag.
pub(super) fn by_tag<'a>(record: &'a mut IntervalRecord, tag: &str) -> Option<&'a mut Latency> {
    BY_TAG.get(tag).map(|slot| slot.of_mut(record))
}

impl Slot {
    fn of(self, record: &IntervalRecord) -> &Latency {
        let op = |op: OpId| &record.figures.ops[op.index()];
        match self {
            Slot::Response(id) => &op(id).response,
            Slot::Service(id) => &op(id).service,
            Slot::Lag(id) => &op(id).lag,
            Slot::Failed(id) => &op(id).failed_response,
            Slot::Phase(id, phase) => &op(id).phases[phase as usize],
            Slot::Delivery => &record.figures.delivery,
            Slot::Spread => &record.ledger.spread.all,
            Slot::SpreadOf(row) => &record.ledger.spread.by_receivers[row],
            Slot::ArrivalLag => &record.figures.arrivals.lag,
            Slot::TimerLag => &record.figures.timer_lag,
        }
    }

    fn of_mut(self, record: &mut IntervalRecord) -> &mut Latency {
        match self {
            Slot::Response(id) => &mut record.figures.ops[id.index()].response,
            Slot::Service(id) => &mut record.figures.ops[id.index()].service,
            Slot::Lag(id) => &mut record.figures.ops[id.index()].lag,
            Slot::Failed(id) => &mut record.figures.ops[id.index()].failed_response,
            Slot::Phase(id, phase) => &mut record.figures.ops[id.index()].phases[phase as usize],
            Slot::Delivery => &mut record.figures.delivery,
            Slot::Spread => &mut record.ledger.spread.all,
            Slot::SpreadOf(row) => &mut record.ledger.spread.by_receivers[row],
            Slot::ArrivalLag => &mut record.figures.arrivals.lag,
            Slot::TimerLag => &mut record.figures.timer_lag,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_unique_and_other_tools_can_read_them() {
        assert_eq!(SLOTS.len(), BY_TAG.len());
        for (tag, _) in SLOTS.iter() {
            assert!(hdrhistogram::serialization::interval_log::Tag::new(tag).is_some(), "{tag}");
        }
    }
}
