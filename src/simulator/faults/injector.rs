//! The decisions: which request or delivery is hit by which declared fault. Counts what is certain at once; what
//! depends on later events is counted by the server when it has happened.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng};
use rand_pcg::Pcg64;

use super::ageing::Growth;
use super::chance::{Chance, Roll};
use super::corrupt::BadFrame;
use super::delay::Delay;
use super::plan::{FaultPlan, Operation, RefusedHow};
use crate::protocol::Code;
use crate::simulator::counters::InjectedFaults;

/// What is to happen to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestFault {
    /// Refuse it with this code instead of acting upon it.
    pub reject: Option<Code>,
    /// Act upon it, and give no answer.
    pub swallow: bool,
    /// Act upon it, and answer so much later.
    pub slow_reply: Option<Duration>,
    /// For a publish: acknowledge it, and do nothing else.
    pub not_stored: bool,
    /// For a publish: how its number is chosen wrongly.
    pub number: Option<Broken>,
}

/// A promise of the service that is broken without a loss of its own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A session is detached from a topic, and not told.
    SilentDetach,
    /// A number is left out.
    SeqJump,
    /// A number is given again.
    SeqRepeat,
    /// An older number is given again.
    SeqBackward,
    /// Acknowledged twice.
    DoubleAck,
    /// The own copy comes before the acknowledgement.
    EarlyEcho,
    /// To a session that is not attached, or under another topic's name.
    Misdelivered,
    /// To a session that has left.
    AfterLeave,
    /// A message of another run.
    OtherRun,
    /// Less received than read.
    Marks,
    /// The history is not what was live.
    CorruptedHistory,
}

/// What is to happen to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryFault {
    /// Not made.
    Lost,
    /// Made twice.
    Duplicated,
    /// Held back until the next one has gone.
    Reordered,
    /// Made with other content.
    Corrupted,
}

/// Decides, with one generator for each class, so that switching one on leaves the others as they are.
#[derive(Debug)]
pub struct Injector {
    delays: BTreeMap<Operation, (Delay, Pcg64)>,
    growing: BTreeMap<Operation, Growth>,
    slow_accept: Option<(Delay, Pcg64)>,
    rejects: Vec<(Operation, Code, Dice)>,
    swallows: Vec<(Operation, Dice)>,
    slow_replies: Vec<(Operation, Delay, Dice)>,
    not_stored: Option<Dice>,
    deliveries: Vec<(DeliveryFault, Dice)>,
    phantom: Option<Dice>,
    broken: Vec<(Broken, Dice)>,
    bad_frames: Option<(Vec<BadFrame>, usize, Dice)>,
    refused: Option<(RefusedHow, Dice)>,
    drops: Vec<Dice>,
    drop_after_frames: Option<u64>,
    uploads: Option<Dice>,
    downloads: Option<Dice>,
    /// Chooses whom a share of all connections means.
    chooser: Pcg64,
    /// What has been done.
    pub counters: InjectedFaults,
}

#[derive(Debug)]
struct Dice {
    roll: Roll,
    random: Pcg64,
}

impl Dice {
    fn strikes(&mut self) -> bool {
        self.roll.strikes(&mut self.random)
    }
}

impl Injector {
    /// An injector that carries out the plan.
    pub fn new(plan: &FaultPlan) -> Injector {
        let generator = |class: u64| Pcg64::seed_from_u64(plan.seed ^ class.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let dice = |chance: Chance, class: u64| Dice { roll: Roll::new(chance), random: generator(class) };
        let deliveries = [
            (DeliveryFault::Lost, plan.lost),
            (DeliveryFault::Duplicated, plan.duplicated),
            (DeliveryFault::Reordered, plan.reordered),
            (DeliveryFault::Corrupted, plan.corrupted),
        ];
        let broken = [
            (Broken::SilentDetach, plan.silent_detach),
            (Broken::SeqJump, plan.seq_jump),
            (Broken::SeqRepeat, plan.seq_repeat),
            (Broken::SeqBackward, plan.seq_backward),
            (Broken::DoubleAck, plan.double_ack),
            (Broken::EarlyEcho, plan.early_echo),
            (Broken::Misdelivered, plan.misdelivered),
            (Broken::AfterLeave, plan.after_leave),
            (Broken::OtherRun, plan.other_run),
            (Broken::Marks, plan.marks),
            (Broken::CorruptedHistory, plan.corrupted_history),
        ];
        let kinds = |kinds: &Vec<BadFrame>| if kinds.is_empty() { BadFrame::ALL.to_vec() } else { kinds.clone() };
        let (delays, rejects, swallows, slow) = (&plan.delay, &plan.reject, &plan.swallow, &plan.slow_reply);
        let by_chance = plan.drop.iter().filter(|drop| drop.rate.is_some() || drop.every.is_some());
        Injector {
            delays: delays.iter().map(|(op, delay)| (*op, (delay.clone(), generator(100 + *op as u64)))).collect(),
            growing: plan.growing_delay.clone(),
            slow_accept: plan.slow_accept.clone().map(|delay| (delay, generator(16))),
            rejects: (rejects.iter().zip(200..))
                .map(|(reject, class)| (reject.op, Code(reject.code), dice(reject.chance(), class)))
                .collect(),
            swallows: (swallows.iter().zip(300..))
                .map(|(swallow, class)| (swallow.op, dice(swallow.chance(), class)))
                .collect(),
            slow_replies: (slow.iter().zip(400..))
                .map(|(slow, class)| (slow.op, slow.delay.clone(), dice(slow.chance(), class)))
                .collect(),
            not_stored: plan.not_stored.map(|chance| dice(chance, 1)),
            deliveries: (deliveries.into_iter().zip(2..))
                .filter_map(|((fault, chance), class)| Some((fault, dice(chance?, class))))
                .collect(),
            broken: (broken.into_iter().zip(600..))
                .filter_map(|((promise, chance), class)| Some((promise, dice(chance?, class))))
                .collect(),
            phantom: plan.phantom.map(|chance| dice(chance, 10)),
            bad_frames: plan.bad_frames.as_ref().map(|bad| (kinds(&bad.kinds), 0, dice(bad.chance(), 11))),
            refused: plan.refused_connections.map(|refused| (refused.how, dice(refused.chance(), 12))),
            drops: by_chance.zip(500..).map(|(drop, class)| dice(drop.chance(), class)).collect(),
            drop_after_frames: plan.drop.iter().filter_map(|drop| drop.after_frames).min(),
            uploads: plan.corrupted_uploads.map(|chance| dice(chance, 13)),
            downloads: plan.corrupted_downloads.map(|chance| dice(chance, 14)),
            chooser: generator(15),
            counters: InjectedFaults::default(),
        }
    }

    /// How long a request waits before it is acted upon, so long after the start.
    pub fn delay(&mut self, op: Operation, uptime: Duration) -> Option<Duration> {
        let grown = self.growing.get(&op).map(|growth| growth.after(uptime));
        let drawn = self.delays.get_mut(&op).map(|(delay, random)| delay.draw(random));
        let delay = grown.into_iter().chain(drawn).reduce(|one, other| one + other)?;
        InjectedFaults::bump(&mut self.counters.delayed, op);
        Some(delay)
    }

    /// How long a connection waits before it is looked at.
    pub fn slow_accept(&mut self) -> Option<Duration> {
        let (delay, random) = self.slow_accept.as_mut()?;
        self.counters.slow_accepts += 1;
        Some(delay.draw(random))
    }

    /// What happens to a request. A refused one is neither swallowed nor slow.
    pub fn request(&mut self, op: Operation) -> RequestFault {
        let mut fault = RequestFault::default();
        for (_, code, dice) in self.rejects.iter_mut().filter(|(of, ..)| *of == op) {
            if dice.strikes() && fault.reject.is_none() {
                fault.reject = Some(*code);
            }
        }
        if let Some(code) = fault.reject {
            *self.counters.rejected.entry(op).or_default().entry(code.0).or_default() += 1;
            return fault;
        }
        for (_, dice) in self.swallows.iter_mut().filter(|(of, _)| *of == op) {
            fault.swallow |= dice.strikes();
        }
        for (_, delay, dice) in self.slow_replies.iter_mut().filter(|(of, ..)| *of == op) {
            if dice.strikes() {
                fault.slow_reply = Some(delay.draw(&mut dice.random));
            }
        }
        if op == Operation::Pub {
            fault.not_stored = self.not_stored.as_mut().is_some_and(Dice::strikes);
            // One publish, one number: the first that strikes chooses it.
            let numbers = [Broken::SeqJump, Broken::SeqRepeat, Broken::SeqBackward];
            fault.number = numbers.into_iter().find(|promise| self.breaks(*promise));
        }
        fault
    }

    /// Counts that a request went without an answer.
    pub fn count_swallowed(&mut self, op: Operation) {
        InjectedFaults::bump(&mut self.counters.swallowed, op);
    }

    /// Counts that an answer was held back.
    pub fn count_slow_reply(&mut self, op: Operation) {
        InjectedFaults::bump(&mut self.counters.slow_replies, op);
    }

    /// What happens to a delivery. Not counted yet: the server says when it is done.
    pub fn delivery(&mut self) -> Option<DeliveryFault> {
        let mut struck = None;
        for (fault, dice) in &mut self.deliveries {
            if dice.strikes() {
                match struck {
                    None => struck = Some(*fault),
                    // One delivery, one fault: the later class strikes another time.
                    Some(_) => dice.roll.take_back(),
                }
            }
        }
        struck
    }

    /// The fault could not be carried out on that delivery, so it does not use up its `max`.
    pub fn take_back(&mut self, fault: DeliveryFault) {
        if let Some((_, dice)) = self.deliveries.iter_mut().find(|(of, _)| *of == fault) {
            dice.roll.take_back();
        }
    }

    /// Whether a phantom follows a delivery of a stamped message.
    pub fn phantom(&mut self) -> bool {
        self.phantom.as_mut().is_some_and(Dice::strikes)
    }

    /// Whether phantoms are declared at all; finding out whether a message is stamped costs.
    pub fn has_phantoms(&self) -> bool {
        self.phantom.is_some()
    }

    /// Whether any delivery can be hit: without, they are passed on without a look.
    pub fn touches_deliveries(&self) -> bool {
        let by_delivery = [Broken::SilentDetach, Broken::OtherRun, Broken::SeqBackward];
        let is_any = !self.deliveries.is_empty() || self.phantom.is_some() || self.bad_frames.is_some();
        is_any || by_delivery.into_iter().any(|promise| self.may_break(promise))
    }

    /// Whether this promise may be broken at all.
    pub fn may_break(&self, promise: Broken) -> bool {
        self.broken.iter().any(|(of, _)| *of == promise)
    }

    /// Whether this promise is broken here, where it can be and will be seen. Counted when it is done.
    pub fn breaks(&mut self, promise: Broken) -> bool {
        self.broken.iter_mut().find(|(of, _)| *of == promise).is_some_and(|(_, dice)| dice.strikes())
    }

    /// It could not be broken there after all, so that does not use up its `max`.
    pub fn keeps(&mut self, promise: Broken) {
        if let Some((_, dice)) = self.broken.iter_mut().find(|(of, _)| *of == promise) {
            dice.roll.take_back();
        }
    }

    /// The bad frame that follows a delivery, if any.
    pub fn bad_frame(&mut self) -> Option<BadFrame> {
        let (kinds, next, dice) = self.bad_frames.as_mut()?;
        if !dice.strikes() {
            return None;
        }
        let kind = kinds[*next % kinds.len()];
        *next += 1;
        *self.counters.bad_frames.entry(kind.name().into()).or_default() += 1;
        Some(kind)
    }

    /// Whether a connection is refused in this way, at the point where that way is taken.
    pub fn refuses(&mut self, how: RefusedHow) -> bool {
        let refused = self.refused.as_mut().is_some_and(|(of, dice)| *of == how && dice.strikes());
        self.counters.refused_connections += u64::from(refused);
        refused
    }

    /// Whether the publisher's connection is cut after an accepted publish. Counted when it is done.
    pub fn drops_publisher(&mut self) -> bool {
        self.drops.iter_mut().fold(false, |drops, dice| dice.strikes() | drops)
    }

    /// After how many of its frames each session is cut.
    pub fn drop_after_frames(&self) -> Option<u64> {
        self.drop_after_frames
    }

    /// The file as it is stored.
    pub fn upload(&mut self, bytes: bytes::Bytes) -> bytes::Bytes {
        let Some(dice) = self.uploads.as_mut().filter(|_| !bytes.is_empty()) else { return bytes };
        if !dice.strikes() {
            return bytes;
        }
        self.counters.corrupted_uploads += 1;
        super::corrupt::corrupted_bytes(&bytes, &mut dice.random).into()
    }

    /// The file as it is handed out.
    pub fn download(&mut self, bytes: bytes::Bytes) -> bytes::Bytes {
        let Some(dice) = self.downloads.as_mut().filter(|_| !bytes.is_empty()) else { return bytes };
        if !dice.strikes() {
            return bytes;
        }
        self.counters.corrupted_downloads += 1;
        super::corrupt::corrupted_bytes(&bytes, &mut dice.random).into()
    }

    /// Which of so many sessions are cut when a share of all is.
    pub fn choose(&mut self, of: usize, share: f64) -> Vec<bool> {
        let wanted = (of as f64 * share).round() as usize;
        let mut chosen = vec![false; of];
        let mut left = wanted.min(of);
        for (at, place) in chosen.iter_mut().enumerate() {
            // Each remaining place is as likely as any other: exactly `wanted` are chosen.
            *place = self.chooser.random_range(0..of - at) < left;
            left -= usize::from(*place);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injector(plan: &str) -> Injector {
        Injector::new(&FaultPlan::parse(plan).expect("a valid plan"))
    }

    #[test]
    fn a_delivery_is_hit_by_one_fault_at_most() {
        let mut injector =
            injector("lost = { every = 2 }\nduplicated = { every = 2, max = 1 }\ncorrupted = { every = 3 }");
        let hits: Vec<_> = (0..6).map(|_| injector.delivery()).collect();
        use DeliveryFault::{Corrupted, Lost};
        assert_eq!(hits, [None, Some(Lost), Some(Corrupted), Some(Lost), None, Some(Lost)]);
    }

    #[test]
    fn refusals_are_counted_by_operation_and_code() {
        let mut injector =
            injector("[[reject]]\nop = \"pub\"\ncode = 503\nevery = 2\n[[swallow]]\nop = \"pub\"\nevery = 1");
        let codes: Vec<_> = (0..4).map(|_| injector.request(Operation::Pub)).collect();
        assert_eq!(codes[1].reject, Some(Code::UNAVAILABLE));
        assert!(codes[0].swallow && !codes[1].swallow);
        assert_eq!(injector.request(Operation::Sub), RequestFault::default());
        assert_eq!(injector.counters.rejected[&Operation::Pub][&503], 2);
    }

    #[test]
    fn exactly_the_share_is_chosen() {
        let mut injector = injector("");
        for (of, share, wanted) in [(10, 0.5, 5), (7, 1.0, 7), (7, 0.0, 0), (0, 1.0, 0), (1000, 0.1, 100)] {
            assert_eq!(injector.choose(of, share).iter().filter(|chosen| **chosen).count(), wanted);
        }
    }

    #[test]
    fn bad_frames_take_turns() {
        let mut injector = injector("bad_frames = { kinds = [\"giant\", \"not_json\"], every = 1 }");
        let kinds: Vec<_> = (0..3).map(|_| injector.bad_frame()).collect();
        assert_eq!(kinds, [Some(BadFrame::Giant), Some(BadFrame::NotJson), Some(BadFrame::Giant)]);
        assert_eq!(injector.counters.bad_frames["giant"], 2);
    }

    #[test]
    fn files_are_changed_and_counted() {
        let mut injector = injector("corrupted_uploads = { every = 1 }\ncorrupted_downloads = { every = 2 }");
        assert_ne!(injector.upload("abc".into()), "abc");
        assert_eq!(injector.upload("".into()), "");
        assert_eq!(injector.download("abc".into()), "abc");
        assert_ne!(injector.download("abc".into()), "abc");
        assert_eq!((injector.counters.corrupted_uploads, injector.counters.corrupted_downloads), (1, 1));
    }
}
