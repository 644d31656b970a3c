//! The exchange: an arrival that finds nobody parked at its own worker goes to a worker that has somebody.
//!
//! Which arrivals are due, and when, is the plan's and does not depend on the number of workers. Without the
//! exchange, whether one is missed would: each worker would know only its own users. An arrival is handed over at
//! most as often as there are other workers, each time to one that has more users parked than arrivals coming, and
//! it is missed when there is none. Its lag counts from when it was due, so what the way costs shows.
//!
//! No lock: a worker alone writes how many of its users are parked, the others read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;

use crate::tick::Tick;

/// An arrival on its way to another worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) due: Tick,
    /// How often it was handed over.
    hops: u32,
}

impl Passed {
    /// An arrival at the worker that the plan gave it to.
    pub(super) fn planned(due: Tick) -> Passed {
        Passed { due, hops: 0 }
    }
}

/// One worker, as the others see it. On a cache line of its own, because each is written by another thread.
#[derive(Debug)]
#[repr(align(64))]
struct Stand {
    /// Users that are parked.
    parked: AtomicU32,
    /// Arrivals that were handed over and not taken yet.
    coming: AtomicU32,
    arrivals: mpsc::UnboundedSender<Passed>,
}

/// Where workers hand arrivals over.
#[derive(Debug)]
pub(super) struct Exchange(Vec<Stand>);

impl Exchange {
    /// An exchange between so many workers, and each one's own end.
    pub(super) fn between(workers: u32) -> (Arc<Exchange>, Vec<mpsc::UnboundedReceiver<Passed>>) {
        let (stands, ends) = (0..workers)
            .map(|_| {
                let (arrivals, end) = mpsc::unbounded_channel();
                (Stand { parked: AtomicU32::new(0), coming: AtomicU32::new(0), arrivals }, end)
            })
            .unzip();
        (Arc::new(Exchange(stands)), ends)
    }

    /// One more user of this worker is parked, or one less. For the worker itself alone.
    pub(super) fn parked(&self, slot: u32, is_parked: bool) {
        let Some(stand) = self.0.get(slot as usize) else { return };
        let before = stand.parked.load(Ordering::Relaxed);
        let now = if is_parked { before.saturating_add(1) } else { before.saturating_sub(1) };
        stand.parked.store(now, Ordering::Relaxed);
    }

    /// Hands an arrival to another worker that has somebody to take it; false when there is none.
    pub(super) fn pass_on(&self, slot: u32, arrival: Passed) -> bool {
        let count = self.0.len();
        if arrival.hops as usize + 1 >= count {
            return false;
        }
        let next = Passed { hops: arrival.hops + 1, ..arrival };
        let others = (1..count).map(|ahead| &self.0[(slot as usize + ahead) % count]);
        others.into_iter().any(|stand| stand.take_on(next))
    }

    /// A worker has taken an arrival that was handed to it.
    pub(super) fn taken(&self, slot: u32) {
        if let Some(stand) = self.0.get(slot as usize) {
            stand.coming.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Stand {
    /// Queues an arrival if more users are parked than arrivals are coming, and the worker still listens.
    fn take_on(&self, arrival: Passed) -> bool {
        let parked = self.parked.load(Ordering::Relaxed);
        let claim = |coming: u32| (coming < parked).then_some(coming + 1);
        if self.coming.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim).is_err() {
            return false;
        }
        let is_sent = self.arrivals.send(arrival).is_ok();
        if !is_sent {
            self.coming.fetch_sub(1, Ordering::Relaxed);
        }
        is_sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_handed_over_than_can_be_taken() {
        let (exchange, mut ends) = Exchange::between(3);
        let arrival = Passed::planned(Tick::from_micros(7));
        assert!(!exchange.pass_on(0, arrival), "nobody is parked");
        exchange.parked(0, true);
        assert!(!exchange.pass_on(0, arrival), "its own users were asked before");
        exchange.parked(2, true);
        exchange.parked(2, true);
        assert!(exchange.pass_on(0, arrival) && exchange.pass_on(0, arrival) && !exchange.pass_on(0, arrival));
        assert_eq!(ends[2].try_recv().map(|passed| passed.due), Ok(arrival.due));
        exchange.parked(2, false);
        exchange.taken(2);
        // One is parked and one is coming.
        assert!(!exchange.pass_on(1, arrival) || ends[0].try_recv().is_ok());
    }

    #[test]
    fn an_arrival_ends_its_way_and_a_worker_that_left_gets_none() {
        let (exchange, mut ends) = Exchange::between(2);
        exchange.parked(0, true);
        exchange.parked(1, true);
        assert!(exchange.pass_on(0, Passed::planned(Tick::ZERO)));
        let passed = ends[1].try_recv().expect("came");
        assert!(!exchange.pass_on(1, passed), "it was everywhere");
        ends[1].close();
        exchange.taken(1);
        assert!(!exchange.pass_on(0, Passed::planned(Tick::ZERO)));
        exchange.taken(0);
    }
}
