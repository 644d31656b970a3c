//! Things to do later, in order of time and, at the same time, in order of arrival.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::shell::Shell;

type Action = Box<dyn FnOnce(&Rc<Shell>)>;

struct Entry {
    at: Instant,
    serial: u64,
    action: Action,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    // Reversed: the heap's greatest is the earliest.
    fn cmp(&self, other: &Entry) -> Ordering {
        (other.at, other.serial).cmp(&(self.at, self.serial))
    }
}

/// What is to be done later. One task for all of it, so that order is kept.
#[derive(Default)]
pub(in crate::simulator) struct Scheduler {
    entries: RefCell<BinaryHeap<Entry>>,
    serial: Cell<u64>,
    changed: Notify,
}

impl Scheduler {
    pub fn at(&self, at: Instant, action: impl FnOnce(&Rc<Shell>) + 'static) {
        self.serial.set(self.serial.get() + 1);
        let entry = Entry { at, serial: self.serial.get(), action: Box::new(action) };
        self.entries.borrow_mut().push(entry);
        self.changed.notify_one();
    }

    /// Carries everything out when it is due; never ends.
    pub async fn run(shell: Rc<Shell>) {
        let scheduler = &shell.scheduler;
        loop {
            let next = scheduler.entries.borrow().peek().map(|entry| entry.at);
            match next {
                None => scheduler.changed.notified().await,
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => {}
                        () = scheduler.changed.notified() => {}
                    }
                }
            }
            while let Some(action) = scheduler.due() {
                action(&shell);
            }
        }
    }

    fn due(&self) -> Option<Action> {
        let mut entries = self.entries.borrow_mut();
        if entries.peek()?.at > Instant::now() {
            return None;
        }
        entries.pop().map(|entry| entry.action)
    }
}
