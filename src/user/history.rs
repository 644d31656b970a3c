//! Pages of history: telling what was asked for from what arrives live in between.
//!
//! Messages of a page carry no request id. One that lies at or below the last live seq, or was sent before the
//! session attached, is history. One above may be either: it is held back until the closing `ctrl` says how
//! many messages the page had; what is over is live, the highest first, because a page is cut before it.

use crate::ledger::DeliveryRecord;
use crate::ops::{PageState, Topic};

/// A page that is being received.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Messages that are certainly of the page.
    certain: u32,
    /// Messages that may be live.
    held: Vec<DeliveryRecord>,
    /// Smallest seq so far.
    lowest: u64,
}

impl Page {
    /// A message that is certainly of the page.
    pub(super) fn take(&mut self, seq: u64) {
        self.certain += 1;
        self.note(seq);
    }

    /// A message that may be live.
    pub(super) fn hold(&mut self, record: DeliveryRecord) {
        self.note(record.seq);
        self.held.push(record);
    }

    /// Whether this message was held back already.
    pub(super) fn holds(&self, key: u64) -> bool {
        self.held.iter().any(|record| record.key == key)
    }

    fn note(&mut self, seq: u64) {
        if seq > 0 && (self.lowest == 0 || seq < self.lowest) {
            self.lowest = seq;
        }
    }

    /// Ends the page. `count` is what the server says it held; without it, nothing held back is taken for
    /// history, because a live message must not go missing. Returns the live ones in order of receipt.
    pub(super) fn finish(&mut self, count: Option<u32>) -> Vec<DeliveryRecord> {
        self.split(count).1
    }

    /// Ends the page as [`Page::finish`] does, and returns those of the page that were held back, too: first.
    pub(super) fn split(&mut self, count: Option<u32>) -> (Vec<DeliveryRecord>, Vec<DeliveryRecord>) {
        let mut past = std::mem::take(&mut self.held);
        let history = count.map_or(0, |count| count.saturating_sub(self.certain)) as usize;
        let mut live = if history > 0 {
            past.sort_by_key(|record| record.seq);
            past.split_off(history.min(past.len()))
        } else {
            std::mem::take(&mut past)
        };
        live.sort_by_key(|record| record.received);
        (past, live)
    }

    /// Where the next page begins.
    pub(super) fn next(&self, before: PageState, received: u32) -> PageState {
        let lowest = if self.lowest > 0 { self.lowest } else { before.lowest };
        PageState { received: before.received.saturating_add(received), lowest }
    }
}

/// The topic of a page, kept with the request.
#[derive(Debug)]
pub(super) struct Paging {
    pub(super) topic: Topic,
    pub(super) page: Page,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::AttachId;
    use crate::tick::Tick;

    fn held(seq: u64) -> DeliveryRecord {
        DeliveryRecord {
            attach: AttachId(1),
            key: seq,
            seq,
            sent: Tick::ZERO,
            received: Tick::from_micros(seq),
            is_intact: true,
            has_waited: false,
        }
    }

    #[test]
    fn what_is_over_the_pages_count_is_live() {
        let mut page = Page::default();
        page.take(3);
        [5, 6, 4].into_iter().for_each(|seq| page.hold(held(seq)));
        let live: Vec<u64> = page.finish(Some(3)).iter().map(|record| record.seq).collect();
        assert_eq!(live, [6]);
        assert_eq!(page.next(PageState::default(), 3), PageState { received: 3, lowest: 3 });
    }

    #[test]
    fn without_a_count_nothing_live_goes_missing() {
        let mut page = Page::default();
        page.hold(held(9));
        assert_eq!(page.finish(None).len(), 1);
    }
}
