//! The hot path in parts, without sockets: nanoseconds of processor time each.

use std::hint::black_box;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use pbxload::ledger::{AttachId, AttachRecord, Batch, Book, DeliveryRecord, PublishOutcome, PublishRecord, TopicKey};
use pbxload::metrics::{Interval, Sample};
use pbxload::ops::OpId;
use pbxload::protocol::server::CtrlParams;
use pbxload::protocol::{ServerMessage, Stamp};
use pbxload::tick::Tick;

use super::Size;
use super::pair::{Pair, data_frame};
use super::table::{Bar, Table};

const ROUNDS: usize = 7;

pub fn measure(size: Size, table: &mut Table) {
    let times = size.pick(200_000, 100);
    let mut add = |what: &str, work: &mut dyn FnMut(u64)| {
        let mut next = 0;
        let nanos: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let begun = cpu();
                for _ in 0..times {
                    work(next);
                    next += 1;
                }
                (cpu() - begun).as_secs_f64() * 1e9 / f64::from(times)
            })
            .collect();
        table.add(format!("micro: {what}"), &nanos, "ns", Bar::None);
    };
    let stamp = Stamp { run: 7, synthetic: true, user: 1, counter: 9, sent: Tick::from_micros(12_345_678) };
    let id = stamp.encode();
    let ctrl = format!(
        r#"{{"ctrl":{{"id":"{}","topic":"usr4611686018427387905","params":{{"seq":377}},"code":202,"text":"accepted","ts":"2024-10-24T08:24:41.913558Z"}}}}"#,
        id.as_str()
    );
    let data = data_frame("usr4611686018427387905", 377, stamp);
    add("decode a `ctrl` with its params", &mut |_| {
        let Ok(ServerMessage::Ctrl(ctrl)) = serde_json::from_str(black_box(&ctrl)) else { unreachable!() };
        black_box(CtrlParams::read(ctrl.params.as_ref()).seq);
    });
    add("decode a `data`", &mut |_| {
        black_box(serde_json::from_str::<ServerMessage<'_>>(black_box(&data)).is_ok());
    });
    add("read a stamp", &mut |_| {
        black_box(Stamp::decode(black_box(id.as_str())));
    });
    add("make a stamp", &mut |counter| {
        black_box(Stamp { counter: counter as u32, ..stamp }.encode());
    });
    let mut figures = Interval::default();
    add("record an operation, three histograms", &mut |index| {
        let sent = Tick::from_micros(index);
        figures.ok(Sample { op: OpId::Publish, due: sent, sent, done: sent + Duration::from_micros(index % 5_000) });
    });
    let mut pair = Pair::new();
    add("`User::on`, a reply, and the next publish", &mut |_| pair.publish());
    let mut pair = Pair::new();
    add("`User::on`, a delivery", &mut |index| pair.receive(index));
    let mut messages = Messages::new();
    add("ledger: a publish and its delivery", &mut |index| messages.pass(index));
}

fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).expect("a thread has a clock")
}

/// A ledger of one conversation.
struct Messages {
    book: Book,
    batch: Batch,
}

impl Messages {
    fn new() -> Messages {
        let mut batch = Batch::default();
        for id in [AttachId(1), AttachId(1 << 32)] {
            batch.attachments.push(AttachRecord::Requested { id, topic: TopicKey(5), at: Tick::from_micros(1) });
            batch.attachments.push(AttachRecord::Confirmed { id, at: Tick::from_micros(2) });
        }
        Messages { book: Book::new(Duration::from_secs(10), Duration::from_secs(20)), batch }
    }

    fn pass(&mut self, index: u64) {
        let sent = Tick::from_micros(1_000 + 10 * index);
        let settled = sent + Duration::from_micros(100);
        let seq = index + 1;
        self.batch.publishes.push(PublishRecord {
            key: index,
            topic: TopicKey(5),
            sent,
            settled,
            outcome: PublishOutcome::Accepted { seq },
            own: Some(AttachId(1)),
            echo: false,
        });
        self.batch.deliveries.push(DeliveryRecord {
            attach: AttachId(1 << 32),
            key: index,
            seq,
            sent,
            received: settled,
            is_intact: true,
            has_waited: false,
        });
        if self.batch.publishes.len() == 10_000 {
            self.book.take(&self.batch);
            self.batch.clear();
            self.book.settle(settled);
        }
    }
}
