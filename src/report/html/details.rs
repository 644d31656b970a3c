//! Failures, connections, traffic, the generator, and how to do it again.

use crate::report::{failures, figures, untrusted, wording};
use crate::results::{OperationFigures, Results, SendQueueFigures, WorkerFigures};

use super::balance::TimeRow;
use super::chart::{Part, stacked_bar};
use super::figure::{Fact, Key};

/// A kind of failure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) operation: String,
    pub(super) class: String,
    pub(super) count: String,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) examples: Vec<String>,
}

/// The failures, most frequent first.
pub(super) fn failures(results: &Results) -> Vec<Failure> {
    failures::in_order(results)
        .into_iter()
        .map(|failure| Failure {
            operation: failure.operation.clone(),
            class: failure.class.clone(),
            count: figures::count(failure.count),
            first: figures::position(failure.first_s),
            last: figures::position(failure.last_s),
            examples: failure.examples.iter().map(|example| untrusted::one_line(example)).collect(),
        })
        .collect()
}

/// A promise of the service.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Promise {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) says: String,
    pub(super) checked: String,
    pub(super) violated: String,
    pub(super) bad: bool,
    pub(super) when: String,
    pub(super) examples: Vec<String>,
}

/// The promises that were looked at, in order.
pub(super) fn promises(results: &Results) -> Vec<Promise> {
    let looked_at = results.invariants.iter().filter(|promise| promise.checked + promise.violated > 0);
    let promises = looked_at.map(|promise| Promise {
        number: promise.number,
        name: promise.name.clone(),
        says: promise.says.clone(),
        checked: figures::count(promise.checked),
        violated: figures::count(promise.violated),
        bad: promise.violated > 0,
        when: match (promise.first_s, promise.last_s) {
            (Some(first), Some(last)) => format!("{} to {}", figures::position(first), figures::position(last)),
            _ => String::new(),
        },
        examples: promise.examples.iter().map(|example| untrusted::one_line(example)).collect(),
    });
    promises.collect()
}

/// What an operation is made of, such as connecting or uploading.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Phases {
    pub(super) operation: String,
    /// An SVG element. Means, because they add up; medians do not. Empty without samples.
    pub(super) bar: String,
    pub(super) legend: Vec<Key>,
    pub(super) rows: Vec<TimeRow>,
}

/// The phases of each operation that has some.
pub(super) fn phases(results: &Results) -> Vec<Phases> {
    let parted = wording::in_order(results).into_iter().filter(|(_, operation)| !operation.phases_us.is_empty());
    parted.map(|(name, operation)| phases_of(name, operation)).collect()
}

fn phases_of(name: &str, operation: &OperationFigures) -> Phases {
    // In the order in which they happen where we know it, not in that of the alphabet.
    let mut phases: Vec<_> = operation.phases_us.iter().collect();
    phases.sort_by_key(|(phase, _)| order(phase));
    let sampled = phases.iter().filter(|(_, latency)| latency.count > 0).take(PHASE_COLOURS);
    let (mut parts, mut legend) = (Vec::new(), Vec::new());
    for (index, (phase, latency)) in sampled.enumerate() {
        let class = format!("s{}", index + 1);
        let mean = figures::micros(latency.mean as u64);
        legend.push(Key::new(&class, &format!("{phase} {mean}")));
        parts.push(Part { class, size: latency.mean, text: format!("{phase}: {mean} on average") });
    }
    let said: Vec<_> = legend.iter().map(|key| key.label.as_str()).collect();
    let bar = stacked_bar(&format!("Phases of {name}"), &format!("On average {}.", said.join(", ")), &parts);
    let rows = phases.into_iter().map(|(phase, latency)| TimeRow::new(phase.as_str(), "", latency)).collect();
    Phases { operation: name.to_owned(), bar, legend, rows }
}

/// As many parts of a bar as there are colours.
const PHASE_COLOURS: usize = 6;

fn order(phase: &str) -> usize {
    const KNOWN: [&str; 8] = ["dns", "tcp", "connect", "tls", "upgrade", "send", "wait", "receive"];
    KNOWN.iter().position(|known| *known == phase).unwrap_or(KNOWN.len())
}

/// Users and their connections.
pub(super) fn connections(results: &Results) -> Vec<Fact> {
    let users = &results.users;
    let mut facts = vec![
        Fact::new("logins", figures::count(users.logins)),
        Fact::new("reconnects", figures::count(users.reconnects)).noted("after a loss or a failure"),
        Fact::new("late replies", figures::count(users.late_replies)).noted("after their request was given up"),
        Fact::new("duplicate replies", figures::count(users.duplicate_replies)),
        Fact::new("unmatched replies", figures::count(users.unmatched_replies)).noted("to nothing that was asked"),
        Fact::new("still attached", figures::count(users.resubscribed.still_attached)).noted("asked after a gap"),
        Fact::new("silently detached", figures::count(users.resubscribed.silently_detached)).noted("asked after a gap"),
    ];
    for (code, number) in &users.closed_by_code {
        let name = if code == "none" { "closed without a code".to_owned() } else { format!("closed with {code}") };
        facts.push(Fact::new(name, figures::count(*number)).noted(close_code(code)));
    }
    for (code, number) in &users.unsolicited_by_code {
        facts.push(Fact::new(format!("unsolicited {code}"), figures::count(*number)));
    }
    facts
}

/// Names of RFC 6455, section 7.4.1.
fn close_code(code: &str) -> &'static str {
    match code {
        "1000" => "normal closure",
        "1001" => "going away",
        "1002" => "protocol error",
        "1003" => "unsupported data",
        "1006" => "abnormal closure",
        "1007" => "invalid payload",
        "1008" => "policy violation",
        "1009" => "message too big",
        "1011" => "internal error",
        "1012" => "service restart",
        "1013" => "try again later",
        "none" => "the connection just ended",
        _ => "",
    }
}

/// What went over the wire.
pub(super) fn traffic(results: &Results) -> Vec<Fact> {
    let traffic = &results.traffic;
    let frames = |frames: u64, bytes: u64| (figures::bytes(bytes), figures::counted(frames, "frame"));
    let (sent, frames_sent) = frames(traffic.frames_sent, traffic.bytes_sent);
    let (received, frames_received) = frames(traffic.frames_received, traffic.bytes_received);
    let mut facts = vec![
        Fact::new("sent", sent).noted(frames_sent),
        Fact::new("received", received).noted(frames_received),
        Fact::new("files uploaded", figures::bytes(traffic.bytes_uploaded)),
        Fact::new("files downloaded", figures::bytes(traffic.bytes_downloaded)),
    ];
    let kinds = traffic.received_by_kind.iter();
    facts.extend(kinds.map(|(kind, number)| Fact::new(format!("received {kind}"), figures::count(*number))));
    facts
}

/// The generator's own health.
pub(super) fn generator(results: &Results) -> Vec<Fact> {
    let (generator, run) = (&results.generator, &results.run);
    let cores = if run.load_s > 0.0 && generator.cpu_s.is_finite() {
        format!("{:.2} cores on average, of {}", generator.cpu_s / run.load_s, run.machine)
    } else {
        run.machine.clone()
    };
    let lag = match generator.lag_us.count {
        0 => Fact::new("own lag", figures::NO_SAMPLES),
        _ => Fact::new("own lag p99", figures::micros(generator.lag_us.p99))
            .noted(format!("max {}; how late our timers fired", figures::micros(generator.lag_us.max))),
    };
    let saturated = match wording::bottleneck(generator) {
        None => Fact::new("bottleneck", "never").noted("the generator kept up with the plan"),
        Some(spells) => Fact::new("bottleneck", spells).noted(match generator.tolerated_share {
            Some(_) => "so short that it was tolerated",
            None if generator.spells.is_empty() => "figures after that are about us, not the target",
            None => "figures of these spells are about us, not the target",
        }),
    };
    let mut facts = vec![
        saturated,
        Fact::new("processor time", figures::seconds(generator.cpu_s)).noted(cores),
        Fact::new("memory", figures::bytes(generator.rss_bytes_max)).noted(per_user(results)),
        lag,
        Fact::new("descriptors", figures::count(generator.descriptors_max)).noted("most at once"),
        Fact::new("workers", figures::count(u64::from(generator.workers))),
        send_queue(&generator.send_queue),
    ];
    facts.extend(generator.per_worker.iter().enumerate().map(worker));
    let arrivals = &results.arrivals;
    if arrivals.planned > 0 {
        let [planned, started] = [arrivals.planned, arrivals.started].map(figures::count);
        let missed = Fact::new("arrivals missed", figures::count(arrivals.missed));
        facts.push(missed.noted(format!("of {planned} planned; {started} started")));
    }
    facts
}

fn send_queue(queue: &SendQueueFigures) -> Fact {
    if queue.sampled == 0 {
        return Fact::new("send queues", "not measured");
    }
    let looks = figures::counted(queue.sampled, "look");
    let note = format!("the longest, of {looks}; {} found it full", figures::count(queue.blocked));
    Fact::new("send queues", figures::bytes(queue.bytes_max)).noted(note)
}

fn worker((number, worker): (usize, &WorkerFigures)) -> Fact {
    let cpu = format!("{} of processor time", figures::seconds(worker.cpu_s));
    let [busy, starved] =
        [worker.cpu_share_max, worker.starved_share_max].map(|part| figures::share((part * 1_000.0) as u64, 1_000));
    let [p99, max] = [worker.lag_us_p99_max, worker.lag_us_max].map(figures::micros);
    Fact::new(format!("worker {number}"), cpu).noted(format!(
        "at worst {busy} of a core, {starved} of its runnable time without one, lag p99 {p99}, max {max}"
    ))
}

fn per_user(results: &Results) -> String {
    match results.users.peak {
        0 => "at most".to_owned(),
        peak => format!("at most; {} a user", figures::bytes(results.generator.rss_bytes_max / peak)),
    }
}

/// How to do it again.
pub(super) fn reproduce(results: &Results) -> Vec<Fact> {
    let run = &results.run;
    vec![
        Fact::new("seed", run.seed.to_string()),
        Fact::new("scenario hash", run.scenario_hash.as_str()),
        Fact::new("pbxload", run.version.as_str()),
        Fact::new("run", run.id.as_str()),
        Fact::new("dialect", run.dialect.as_str()),
        Fact::new("TLS verification", run.tls_verification.as_str()),
        Fact::new("machine", run.machine.as_str()),
        Fact::new("started", figures::instant(&run.started_at)),
        Fact::new("ended", figures::instant(&run.ended_at)).noted(wording::ended_by(run.ended_by)),
    ]
}
