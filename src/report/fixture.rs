//! Results to try reports on: a busy run, and the edges.

use std::collections::BTreeMap;

use crate::report::figures;
use crate::results::*;

/// Every fixture by name.
pub fn all() -> Vec<(&'static str, Results)> {
    vec![
        ("rich", rich()),
        ("passed", passed()),
        ("saturated", saturated()),
        ("one point", one_point()),
        ("empty", Results { format: RESULTS_FORMAT, ..Results::default() }),
        ("huge", huge()),
        ("hostile", hostile()),
        ("long", long()),
        ("eventful", eventful()),
    ]
}

/// Ten minutes with 200 users, a slow minute in the middle, some failures, one gate broken.
pub fn rich() -> Results {
    let seconds = 600;
    let mut draw = Draw(7);
    let points: Vec<_> = (0..seconds).filter(|at| !(402..408).contains(at)).map(|at| point(at, &mut draw)).collect();
    let mut results = Results {
        format: RESULTS_FORMAT,
        run: run_info(f64::from(seconds)),
        series: Series { interval_s: 1.0, points, marks: marks() },
        ..Results::default()
    };
    sum_operations(&mut results);
    fill_delivery(&mut results);
    let missed = results.series.points.iter().map(|point| point.arrivals_missed).sum();
    let planned: u64 = results.series.points.iter().map(|point| point.arrivals_planned).sum();
    let started = planned - missed;
    results.arrivals = ArrivalFigures { planned, started, missed, lag_us: latency(started, 140, 2.1) };
    results.users = UserFigures {
        resubscribed: Default::default(),
        caught_up: Default::default(),
        dead_links: 0,
        peak: 200,
        logins: 236,
        reconnects: 12,
        closed_by_code: by([("1001", 4), ("1006", 7), ("none", 1)]),
        unsolicited_by_code: by([("205", 2)]),
        late_replies: 9,
        duplicate_replies: 0,
        unmatched_replies: 0,
    };
    results.traffic = TrafficFigures {
        frames_sent: 27_804,
        frames_received: 112_940,
        bytes_sent: 7_913_204,
        bytes_received: 48_220_117,
        bytes_uploaded: 301_989_888,
        bytes_downloaded: 243_269_632,
        received_by_kind: by([("ctrl", 27_795), ("data", 81_034), ("pres", 4_111)]),
    };
    let publish_p99 = figures::micros(results.operations["publish"].response_us.p99);
    let delivery_p99 = figures::micros(results.delivery.delivery_us.p99);
    results.gates = vec![
        gate("publish.response.p99 < 250ms", &publish_p99, "250 ms", Some(false), "24% over the limit"),
        gate("delivery.p99 < 500ms", &delivery_p99, "500 ms", Some(true), ""),
        gate("delivery.lost == 0", "2", "0", Some(false), "2 messages were accepted and stored but not pushed"),
        gate("failures.ratio < 0.5%", "0.209%", "0.5%", Some(true), ""),
        gate("arrivals.missed <= 10", "7", "10", Some(true), ""),
        gate("history.response.p99 < 1s", "", "1 s", None, "the operation never succeeded"),
        GateFigures {
            severity: Severity::Warn,
            samples: Some(1_240),
            stage: "hold-1".to_owned(),
            window: Some(WindowFigures { from_s: 305.0, to_s: 315.0 }),
            ..gate(
                "publish.service.p99 over 10s during \"hold-1\" < 300ms",
                "352 ms",
                "300 ms",
                Some(false),
                "52.0 ms above the limit",
            )
        },
    ];
    results.verdict = Verdict {
        outcome: Outcome::Fail,
        reasons: vec![
            format!("`publish.response.p99 < 250ms` did not hold: {publish_p99}"),
            "`delivery.lost == 0` did not hold: 2".to_owned(),
        ],
    };
    results.failures = failures();
    results.generator = GeneratorFigures {
        workers: 2,
        cpu_s: 81.4,
        rss_bytes_max: 61_865_984,
        lag_us: latency(1_204_331, 62, 1.8),
        descriptors_max: 431,
        saturated_from: None,
        spoilt_s: 0.0,
        spells: Vec::new(),
        tolerated_share: None,
        per_worker: vec![worker(41.2, 0.31, 18_402), worker(40.2, 0.29, 21_337)],
        send_queue: SendQueueFigures { sampled: 57_600, blocked: 3, bytes_max: 262_144, bytes_sampled_max: 301_880 },
    };
    results.warnings =
        vec!["no interval was recorded from 6:42 to 6:48: the generator was suspended for 6 s".to_owned()];
    results
}

/// The busy run with one event of each kind, and killed once.
pub fn eventful() -> Results {
    let mut results = rich();
    results.events = vec![
        event(120.0, "drop", 50, 50, 17),
        event(180.0, "restart-storm", 200, 198, 31),
        event(240.0, "pause-reading", 40, 40, 0),
        EventFigures { recovered: 8, ..event(300.0, "half-open", 40, 40, 12) },
        event(360.0, "burst", 500, 0, 0),
        event(420.0, "drop", 0, 0, 0),
    ];
    let (from, to) = ("2026-05-08T09:18:45Z".to_owned(), "2026-05-08T09:19:50Z".to_owned());
    results.interruptions = vec![Interruption { at_s: 402.0, from, to, lasted_s: 65.0 }];
    let marks = results.events.iter().map(|event| (event.at_s, event.what.clone()));
    let marks = marks.map(|(at_s, label)| Mark { from_s: at_s, to_s: at_s, label });
    results.series.marks.extend(marks.collect::<Vec<_>>());
    results
}

/// An event that hit so many users, of whom so many were back, and had fetched what they missed.
pub fn event(at_s: f64, what: &str, affected: u64, back: u64, missed: u64) -> EventFigures {
    let (back_ms_p50, back_ms_p99, back_ms_max) = if back > 0 { (210.4, 480.2, 511.9) } else { (0.0, 0.0, 0.0) };
    let (what, recovered) = (what.to_owned(), missed);
    let times = EventFigures { back_ms_p50, back_ms_p99, back_ms_max, ..EventFigures::default() };
    EventFigures { at_s, what, affected, back, missed, recovered, ..times }
}

fn worker(cpu_s: f64, cpu_share_max: f64, lag_us_max: u64) -> WorkerFigures {
    let (waited_s, starved_share_max, lag_us_p99_max) = (cpu_s / 100.0, 0.04, lag_us_max / 20);
    WorkerFigures { cpu_s, cpu_share_max, waited_s, starved_share_max, lag_us_p99_max, lag_us_max }
}

/// The same run with every gate held and nothing lost.
pub fn passed() -> Results {
    let mut results = rich();
    results.delivery.delivered += results.delivery.lost;
    results.delivery.lost = 0;
    results.gates.pop();
    results.gates[0] = gate("publish.response.p99 < 500ms", "312 ms", "500 ms", Some(true), "");
    results.gates[2] = gate("delivery.lost == 0", "0", "0", Some(true), "");
    results.verdict = Verdict { outcome: Outcome::Pass, reasons: Vec::new() };
    results.warnings.clear();
    results
}

/// The same run on a machine that was too slow.
pub fn saturated() -> Results {
    let mut results = rich();
    results.generator.saturated_from = Some(420.0);
    for point in results.series.points.iter_mut().filter(|point| point.at_s >= 420.0) {
        point.saturated = true;
        point.cpu_percent = 197.0;
        point.lag_us_p99 *= 400;
    }
    results.verdict = Verdict {
        outcome: Outcome::NoVerdict,
        reasons: vec!["the generator was the bottleneck from 7:00 on: timers fired up to 48 ms late".to_owned()],
    };
    for gate in &mut results.gates {
        gate.passed = None;
        gate.note = "the generator was the bottleneck".to_owned();
    }
    results
}

/// A run of one second: one operation with samples, one without.
pub fn one_point() -> Results {
    let mut results = Results { format: RESULTS_FORMAT, run: run_info(1.0), ..Results::default() };
    let response = PercentilePoint { p50: 900, p95: 1_500, p99: 2_100, max: 2_100 };
    let operations = BTreeMap::from([
        ("publish".to_owned(), OperationPoint { ok: 9, failed: 1, response_us: response }),
        ("upload".to_owned(), OperationPoint { ok: 0, failed: 1, response_us: PercentilePoint::default() }),
    ]);
    let point = SeriesPoint { online: 2, operations, cpu_percent: 3.5, rss_bytes: 1 << 24, ..SeriesPoint::default() };
    let mark = Mark { from_s: 0.0, to_s: 1.0, label: "hold 2 users".to_owned() };
    results.series = Series { interval_s: 1.0, points: vec![point], marks: vec![mark] };
    sum_operations(&mut results);
    results.gates = vec![
        gate("publish.response.p99 < 2ms", "2.1 ms", "2 ms", Some(false), "5% over the limit"),
        gate("delivery.p99 < 1s", "", "1 s", None, "no samples"),
        gate("failures.ratio < 50%", "18.2%", "50%", Some(true), ""),
    ];
    results.verdict = Verdict { outcome: Outcome::Fail, reasons: vec!["`publish.response.p99 < 2ms`: 2.1 ms".into()] };
    results
}

/// Numbers at the end of their type.
pub fn huge() -> Results {
    let mut results = one_point();
    let latency = LatencyFigures {
        count: u64::MAX,
        min: 0,
        mean: 1e300,
        p50: u64::MAX,
        p90: u64::MAX,
        p95: u64::MAX,
        p99: u64::MAX,
        p999: u64::MAX,
        p9999: u64::MAX,
        max: u64::MAX,
        curve: vec![(0.0, 0), (0.5, 1), (1.0, u64::MAX)],
    };
    for operation in results.operations.values_mut() {
        *operation = OperationFigures {
            started: u64::MAX,
            ok: u64::MAX,
            failed: u64::MAX,
            open: u64::MAX,
            rate_per_s: f64::MAX,
            response_us: latency.clone(),
            ..operation.clone()
        };
    }
    results.delivery.expected = u64::MAX;
    results.delivery.delivered = u64::MAX;
    results.delivery.lost = u64::MAX;
    results.delivery.delivery_us = latency;
    results.run.load_s = 1e18;
    results.series.points[0].at_s = 1e15;
    results.series.points[0].cpu_percent = 1e30;
    results.series.points[0].rss_bytes = u64::MAX;
    results.series.points[0].online = u64::MAX;
    results
}

/// Text that wants to be markup, a command of the terminal, or both.
pub fn hostile() -> Results {
    let evil = "<script>alert('x')</script>\"><img src=x onerror=y> | `a` \u{1b}[31m\u{202e}\0\r\n&amp; ]]> \u{9b}1m";
    let mut results = arbitrary(evil, 3);
    results.failures[0].examples.push(evil.repeat(40));
    results
}

/// A whole day at a point every 15 s: more points than a chart may draw.
pub fn long() -> Results {
    let mut results = rich();
    let mut draw = Draw(11);
    results.run.load_s = 75_000.0;
    results.series.interval_s = 15.0;
    results.series.points = (0..5_000)
        .map(|index| {
            let mut point = point(60 + index % 480, &mut draw);
            point.at_s = f64::from(index) * 15.0;
            point
        })
        .collect();
    results.series.marks = vec![Mark { from_s: 0.0, to_s: 75_000.0, label: "hold 200 users".to_owned() }];
    results
}

/// The same text in every place that holds text, numbers drawn from a seed.
pub fn arbitrary(text: &str, seed: u64) -> Results {
    let mut draw = Draw(seed);
    let t = || text.to_owned();
    let mut results = one_point();
    let run = &mut results.run;
    for field in [&mut run.id, &mut run.name, &mut run.description, &mut run.target, &mut run.dialect, &mut run.version]
    {
        *field = t();
    }
    for field in [&mut run.scenario_hash, &mut run.machine, &mut run.started_at, &mut run.ended_at, &mut run.command] {
        *field = t();
    }
    run.tls_verification = t();
    run.load_s = draw.unit() * 1e6;
    let [from_s, speed_up] = [draw.unit() * 1e3 - 500.0, draw.unit() * 1e4 - 1.0];
    run.day = Some(DayFigures { start_minute: draw.below(1 << 32) as u32, from_s, speed_up });
    results.verdict.reasons = vec![t()];
    let shape = OperationFigures {
        started: draw.next(),
        failures: by([(text, draw.next())]),
        phases_us: BTreeMap::from([(t(), latency(draw.below(3), draw.below(1 << 40), 3.0))]),
        response_us: latency(draw.below(3), draw.below(1 << 50), 40.0),
        ..OperationFigures::default()
    };
    results.operations.insert(t(), shape);
    results.delivery.excused = draw.next();
    results.delivery.excused_by = by([(text, draw.next())]);
    results.users.closed_by_code = by([(text, draw.next())]);
    results.users.unsolicited_by_code = by([(text, draw.next())]);
    results.traffic.received_by_kind = by([(text, draw.next())]);
    results.gates.push(gate(text, text, text, None, text));
    let (first_s, last_s) = (draw.unit(), draw.unit() * 1e9);
    results.failures =
        vec![FailureFigures { operation: t(), class: t(), count: draw.next(), first_s, last_s, examples: vec![t()] }];
    results.warnings = vec![t()];
    results.events = (0..30).map(|_| event(draw.unit() * 1e6, text, draw.next(), draw.below(9), draw.next())).collect();
    results.interruptions =
        vec![Interruption { at_s: draw.unit() * 1e6, from: t(), to: t(), lasted_s: draw.unit() * 1e9 }];
    results.generator.saturated_from = Some(draw.unit() * 10.0 - 2.0);
    results.series.marks.push(Mark { from_s: draw.unit() * 9.0, to_s: draw.unit(), label: t() });
    let response_us = PercentilePoint { p50: draw.next(), p95: draw.next(), p99: draw.next(), max: draw.next() };
    let (ok, failed) = (draw.next(), draw.next());
    let operations = BTreeMap::from([(t(), OperationPoint { ok, failed, response_us })]);
    results.series.points.push(SeriesPoint { at_s: draw.unit() * 1e4, operations, ..SeriesPoint::default() });
    results
}

fn run_info(load_s: f64) -> RunInfo {
    RunInfo {
        steady: None,
        day: None,
        rules: None,
        id: "0197a1c2-5f3e-7b44-9c11-2f6a8d0e4b73".to_owned(),
        name: "friday-morning".to_owned(),
        description: "200 colleagues chat in pairs and teams and now and then share a file".to_owned(),
        seed: 42,
        target: "wss://pbx.staging.example.com:8887".to_owned(),
        dialect: "portsip".to_owned(),
        tls_verification: "on".to_owned(),
        scenario_hash: "9f2c4e7ab1d05836".to_owned(),
        load_hash: "41d07a2bc3e95f18".to_owned(),
        hardware: None,
        users_planned: 200,
        load_planned_s: load_s,
        stages: vec![
            StageFigures { name: "ramp-1".to_owned(), from_s: 0.0, to_s: load_s / 10.0 },
            StageFigures { name: "hold-1".to_owned(), from_s: load_s / 10.0, to_s: load_s },
        ],
        version: "0.1.0".to_owned(),
        machine: "4 processors, Linux 6.1 x86_64".to_owned(),
        started_at: "2026-05-08T09:12:03Z".to_owned(),
        ended_at: "2026-05-08T09:22:09Z".to_owned(),
        load_s,
        ended_by: EndedBy::Plan,
        command: "pbxload run scenarios/friday-morning.toml --seed 42 --users 200".to_owned(),
    }
}

fn marks() -> Vec<Mark> {
    [
        (0.0, 60.0, "ramp to 200 users"),
        (60.0, 570.0, "hold 200 users"),
        (570.0, 600.0, "ramp down"),
        (600.0, 605.0, "drain"),
    ]
    .map(|(from_s, to_s, label)| Mark { from_s, to_s, label: label.to_owned() })
    .to_vec()
}

/// Operation, how often a second while all are online, median response in microseconds.
const SHAPES: [(&str, f64, f64); 8] = [
    ("connect", 0.06, 3_400.0),
    ("disconnect", 0.05, 310.0),
    ("download", 1.9, 34_000.0),
    ("leave", 0.3, 1_150.0),
    ("login", 0.06, 6_200.0),
    ("publish", 38.0, 4_100.0),
    ("subscribe", 0.4, 2_300.0),
    ("upload", 2.4, 61_000.0),
];

fn point(at: u32, draw: &mut Draw) -> SeriesPoint {
    let at_s = f64::from(at);
    let online = if at_s < 60.0 { at_s / 60.0 } else { ((600.0 - at_s) / 30.0).min(1.0) };
    let bump = 1.0 + 22.0 * (-((at_s - 330.0) / 22.0).powi(2)).exp();
    let mut operations = BTreeMap::new();
    for (name, per_s, median) in SHAPES {
        let ramp = matches!(name, "connect" | "login" | "subscribe") && at_s < 60.0;
        let leaving = matches!(name, "leave" | "disconnect") && at_s > 570.0;
        let wanted = if ramp {
            3.4
        } else if leaving {
            6.2
        } else {
            per_s * online
        };
        let ok = (wanted * (0.75 + draw.unit() * 0.5) + draw.unit() * 0.7).floor() as u64;
        let failed = u64::from((bump > 8.0 && draw.unit() < per_s / 45.0) || draw.unit() < per_s / 2_500.0);
        let response_us = percentiles(ok, median * bump, draw);
        if ok + failed > 0 {
            operations.insert(name.to_owned(), OperationPoint { ok, failed, response_us });
        }
    }
    let published = operations.get("publish").map_or(0, |publish| publish.ok);
    let delivered = published * 3 + draw.below(9).min(published);
    SeriesPoint {
        at_s,
        width_s: 1.0,
        online: (200.0 * online).round() as u64,
        operations,
        delivered,
        delivery_us: percentiles(delivered, 5_200.0 * bump, draw),
        arrivals_planned: published,
        arrivals_missed: u64::from(bump > 21.0 && draw.unit() < 0.4),
        bytes_sent: published * 287 + 900,
        bytes_received: delivered * 401 + 1_500,
        cpu_percent: 2.0 + 11.0 * online + draw.unit() * 3.0,
        descriptors: 431,
        worker_cpu_percent: 1.0 + 5.5 * online,
        send_queue_bytes: 300 * published,
        rss_bytes: 31_000_000 + (29_000_000.0 * (at_s / 80.0).min(1.0)) as u64 + draw.below(900_000),
        lag_us_p99: 90 + draw.below(160),
        target: Default::default(),
        saturated: false,
    }
}

fn percentiles(samples: u64, median: f64, draw: &mut Draw) -> PercentilePoint {
    if samples == 0 {
        return PercentilePoint::default();
    }
    let tail = if samples < 4 { 1.3 } else { 2.1 };
    let p50 = median * (0.88 + 0.24 * draw.unit());
    let p95 = p50 * (tail + 0.5 * draw.unit());
    let p99 = p95 * (1.2 + 0.9 * draw.unit());
    let max = p99 * (1.0 + 0.8 * draw.unit());
    let [p50, p95, p99, max] = [p50, p95, p99, max].map(|value| value as u64);
    PercentilePoint { p50, p95, p99, max }
}

fn sum_operations(results: &mut Results) {
    for point in &results.series.points {
        for (name, operation) in &point.operations {
            let figures = results.operations.entry(name.clone()).or_default();
            figures.ok += operation.ok;
            figures.failed += operation.failed;
        }
    }
    for (name, figures) in &mut results.operations {
        let median = SHAPES.iter().find(|shape| shape.0 == name).map_or(1_000.0, |shape| shape.2) as u64;
        figures.open = u64::from(name == "publish" && figures.ok > 1_000);
        figures.started = figures.ok + figures.failed + figures.open;
        figures.rate_per_s = figures.ok as f64 / results.run.load_s;
        figures.response_us = latency(figures.ok, median, 86.0);
        figures.service_us = latency(figures.ok, median - median / 40, 86.0);
        figures.lag_us = latency(figures.started, 80, 1.9);
        figures.failed_us = latency(figures.failed, 10_000_000, 0.1);
        if figures.failed > 0 {
            let timed_out = figures.failed / 3;
            figures.failures = by([("timed_out", timed_out), ("rejected(503)", figures.failed - timed_out)]);
            figures.failures.retain(|_, count| *count > 0);
        }
        if name == "connect" {
            let phases = [("dns", 210), ("tcp", 480), ("tls", 1_900), ("upgrade", 760)];
            figures.phases_us = phases.map(|(phase, us)| (phase.to_owned(), latency(figures.ok, us, 2.5))).into();
        }
    }
}

fn fill_delivery(results: &mut Results) {
    let publish = results.operations.get("publish").cloned().unwrap_or_default();
    let delivered: u64 = results.series.points.iter().map(|point| point.delivered).sum();
    let (lost, excused) = (2, 46);
    results.delivery = DeliveryFigures {
        published: publish.started,
        accepted: publish.ok + 4,
        refused: publish.failed.saturating_sub(4),
        unknown: publish.open,
        expected: delivered + lost + excused,
        delivered,
        lost,
        duplicated: 1,
        excused,
        excused_by: by([("raced with an attach", 31), ("raced with a detach", 9), ("connection lost", 6)]),
        late: 12,
        echo_expected: publish.ok,
        echo_delivered: publish.ok,
        delivery_us: latency(delivered, 5_200, 88.0),
        spread_us: latency(publish.ok / 2, 700, 3.0),
        ..DeliveryFigures::default()
    };
}

fn failures() -> Vec<FailureFigures> {
    let examples = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let kind = |operation: &str, class: &str, count, (first_s, last_s), texts: &[&str]| FailureFigures {
        operation: operation.to_owned(),
        class: class.to_owned(),
        count,
        first_s,
        last_s,
        examples: examples(texts),
    };
    vec![
        kind(
            "publish",
            "rejected(503)",
            29,
            (306.2, 352.9),
            &[
                r#"{"ctrl":{"id":"…","code":503,"text":"too many requests"}}"#,
                r#"{"ctrl":{"id":"…","code":503,"text":"<b>hub overloaded</b>"}}"#,
            ],
        ),
        kind("publish", "timed_out", 14, (298.4, 361.0), &["no reply within 10 s, topic p2p `1001`–`1002`"]),
        kind("upload", "timed_out", 3, (311.5, 340.1), &[]),
        kind("connect", "upgrade(502)", 1, (331.0, 331.0), &["HTTP/1.1 502 Bad Gateway"]),
    ]
}

fn gate(gate: &str, measured: &str, limit: &str, passed: Option<bool>, note: &str) -> GateFigures {
    let [gate, measured, limit, note] = [gate, measured, limit, note].map(str::to_owned);
    GateFigures { gate, measured, limit, passed, note, ..GateFigures::default() }
}

fn by<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(key, count)| (key.to_owned(), count)).into()
}

/// A histogram's figures with this median and a tail that grows with the cube of the nines of the quantile.
fn latency(count: u64, median: u64, tail: f64) -> LatencyFigures {
    if count == 0 {
        return LatencyFigures::default();
    }
    let at = |quantile: f64| {
        let nines = -(1.0 - quantile).max(0.5 / count as f64).log10();
        let below = 0.55 + 0.45 * (quantile / 0.5).min(1.0);
        let stretched = tail * (nines - 0.301).max(0.0).powi(3) / 3.0;
        (median as f64 * below * (1.0 + stretched / (1.0 + stretched / 160.0))) as u64
    };
    let quantiles = (0..=100).map(|step| 1.0 - 10_f64.powf(-f64::from(step) / 20.0)).chain([1.0]);
    LatencyFigures {
        count,
        min: at(0.0),
        mean: median as f64 * 1.2,
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        p9999: at(0.9999),
        max: at(1.0),
        curve: quantiles.map(|quantile| (quantile, at(quantile))).collect(),
    }
}

/// A small linear congruential generator: the fixtures are the same on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 >> 29) ^ self.0;
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }
}
