//! `/metrics`: the simulator's own figures as a Prometheus text page, so that scraping them can be tested.

use std::rc::Rc;

use axum::http::{Response, header};

use super::http::Answer;
use super::shell::Shell;

/// What a process of this kind takes before anything leaks.
const RESIDENT_BYTES: u64 = 64 << 20;

/// The page.
pub(super) fn answer(shell: &Rc<Shell>) -> Answer {
    let response = Response::builder().header(header::CONTENT_TYPE, "text/plain; version=0.0.4");
    response.body(page(shell).into()).unwrap_or_default()
}

fn page(shell: &Rc<Shell>) -> String {
    let counters = shell.counters();
    let (totals, uptime) = (counters.totals, shell.clock.uptime());
    let leaked = shell.faults().leak.map_or(0, |leak| leak.after(uptime));
    let figures = [
        (
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory; what `leak` declares is part of it.",
            RESIDENT_BYTES + leaked,
        ),
        ("simulator_sessions", "gauge", "WebSocket sessions open now.", totals.sessions_open),
        ("simulator_sessions_total", "counter", "WebSocket sessions opened.", totals.sessions),
        ("simulator_publishes_total", "counter", "Publishes acknowledged.", totals.publishes_accepted),
        (
            "simulator_deliveries_total",
            "counter",
            "Deliveries queued for others than the publisher.",
            totals.deliveries_pushed,
        ),
        ("simulator_restarts_total", "counter", "Restarts.", counters.restarts),
    ];
    figures
        .into_iter()
        .map(|(name, kind, help, value)| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"))
        .chain([format!("# TYPE simulator_uptime_seconds gauge\nsimulator_uptime_seconds {}\n", uptime.as_secs_f64())])
        .collect()
}
