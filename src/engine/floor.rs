//! The floor of one worker: what its users, its pacer and its drivers share. One thread, no lock.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use tokio::sync::{Notify, mpsc};

use super::Clock;
use super::collector::Handover;
use super::exchange::Exchange;
use super::tokens::TokenDesk;
use super::watchdog::Keepalive;
use crate::plan::Occurrence;
use crate::tick::Tick;
use crate::transport::{Dialer, FileClient, SendQueues, Socket};
use crate::user::{User, World};

/// What the users of one worker share.
pub(super) struct Floor {
    pub(super) slot: u32,
    pub(super) clock: Clock,
    pub(super) world: RefCell<World>,
    pub(super) desks: Vec<Desk>,
    pub(super) parked: RefCell<VecDeque<u32>>,
    pub(super) timers: RefCell<BinaryHeap<Reverse<(Tick, u32)>>>,
    /// The earliest thing that the pacer is waiting for.
    pub(super) pacer_wakes: Cell<Tick>,
    /// Tells the pacer that something earlier has come up.
    pub(super) earlier: Notify,
    pub(super) dialer: Dialer,
    pub(super) files: FileClient,
    pub(super) tokens: TokenDesk,
    pub(super) handovers: mpsc::UnboundedSender<Handover>,
    pub(super) tap: Option<Tap>,
    /// Where arrivals go that find nobody here.
    pub(super) exchange: Arc<Exchange>,
    /// Tells send queues, where the system does.
    pub(super) send_queues: Option<SendQueues>,
    /// Users that have a driver.
    pub(super) driven: Cell<u32>,
    /// When silent connections are pinged, and when they are dead.
    pub(super) keepalive: Keepalive,
}

/// Sees every frame; for `try`.
pub type Tap = Rc<dyn Fn(Tick, u32, TapEvent<'_>)>;

/// What a tap sees.
#[derive(Debug, Clone, Copy)]
pub enum TapEvent<'a> {
    /// A text frame goes out.
    Sent(&'a str),
    /// A text frame came in.
    Received(&'a str),
    /// Something else happens.
    Note(&'a str),
}

/// One user's place on the floor.
pub(super) struct Desk {
    pub(super) signals: Cell<Signals>,
    /// When the arrival in [`Signals::ARRIVAL`] was due.
    pub(super) arrival: Cell<Tick>,
    /// What [`Signals::EVENT`] is about.
    pub(super) event: Cell<Option<Occurrence>>,
    /// The earliest timer that is set for this user.
    pub(super) armed: Cell<Tick>,
    pub(super) is_parked: Cell<bool>,
    /// It is in [`Floor::parked`], once.
    pub(super) is_queued: Cell<bool>,
    pub(super) waker: RefCell<Option<Waker>>,
    /// The user while nobody drives it.
    pub(super) user: RefCell<Option<Box<User>>>,
}

/// What a driver has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signals(u16);

impl Signals {
    pub(super) const ONLINE: Signals = Signals(1);
    pub(super) const OFFLINE: Signals = Signals(2);
    pub(super) const ARRIVAL: Signals = Signals(4);
    pub(super) const WAKE: Signals = Signals(8);
    pub(super) const DRAIN: Signals = Signals(16);
    pub(super) const LEAVE: Signals = Signals(32);
    pub(super) const LOOK: Signals = Signals(64);
    pub(super) const ASK_AGAIN: Signals = Signals(128);
    pub(super) const EVENT: Signals = Signals(256);

    pub(super) fn has(self, signal: Signals) -> bool {
        self.0 & signal.0 != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Desk {
    pub(super) fn new(user: Box<User>) -> Desk {
        Desk {
            signals: Cell::default(),
            arrival: Cell::new(Tick::ZERO),
            event: Cell::new(None),
            armed: Cell::new(Tick::NEVER),
            is_parked: Cell::new(false),
            is_queued: Cell::new(false),
            waker: RefCell::new(None),
            user: RefCell::new(Some(user)),
        }
    }

    /// Tells the driver something.
    pub(super) fn signal(&self, signal: Signals) {
        let mut signals = self.signals.get();
        // The last word of the users curve counts.
        if signal == Signals::ONLINE {
            signals.0 &= !Signals::OFFLINE.0;
        } else if signal == Signals::OFFLINE {
            signals.0 &= !Signals::ONLINE.0;
        }
        self.signals.set(Signals(signals.0 | signal.0));
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

impl Floor {
    /// The desk of a user of the plan.
    pub(super) fn desk_of(&self, user: u32) -> u32 {
        user / self.world.borrow().plan.slots
    }

    pub(super) fn desk(&self, desk: u32) -> &Desk {
        &self.desks[desk as usize]
    }

    /// Notes whether a user is parked, and tells whether it was.
    pub(super) fn set_parked(&self, desk: u32, is_parked: bool) -> bool {
        let was_parked = self.desk(desk).is_parked.replace(is_parked);
        if was_parked != is_parked {
            self.exchange.parked(self.slot, is_parked);
        }
        was_parked
    }

    /// Looks at the send queue of a user's connection. `is_blocked`: the kernel took no more at the last attempt.
    pub(super) fn look_at_send_queue(&self, socket: &Socket, is_blocked: bool) {
        let bytes = self.send_queues.as_ref().and_then(|queues| queues.bytes_of(socket.stream()));
        if let Some(bytes) = bytes {
            self.world.borrow_mut().books.figures.send_queue.saw(bytes, is_blocked);
        }
    }

    /// Sets a timer for a desk unless an earlier one is set; that one will look again.
    pub(super) fn arm(&self, desk: u32, at: Tick) {
        let armed = &self.desk(desk).armed;
        if at >= armed.get() {
            return;
        }
        armed.set(at);
        self.timers.borrow_mut().push(Reverse((at, desk)));
        if at < self.pacer_wakes.get() {
            self.earlier.notify_one();
        }
    }

    /// Hands the ledger's records over before the interval ends when there are many.
    pub(super) fn relieve(&self) {
        const RECORDS_MAX: usize = 32_768;
        let mut world = self.world.borrow_mut();
        if world.books.batch.len() >= RECORDS_MAX {
            let batch = std::mem::take(&mut world.books.batch);
            let _ = self.handovers.send(Handover::Records { batch });
        }
    }
}
