//! `check`: validates scenarios and prints what they would do.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::args::CheckArgs;
use super::doubts::doubts;
use super::load::{Ready, scenario};
use super::{Exit, terminal};
use crate::engine::{PortNeed, PortRange, descriptors_needed};
use crate::gate::ScenarioFacts;
use crate::plan::{Plan, burst_arrivals};
use crate::report::figures;
use crate::scenario::{
    Day, Disturbance, Endpoint, Journal, LoadEvent, MetricsSource, MetricsUrl, NamedStage, PROCESS_FIGURES,
    ProcessSource, Reconnect, Stage, TargetUrl,
};

/// Between two values of a row for people.
const BELOW: &str = "\n               ";

pub(super) fn execute(args: &CheckArgs) -> anyhow::Result<Exit> {
    let mut exit = Exit::Pass;
    let mut documents = Vec::new();
    for path in &args.scenarios {
        match scenario(path, &args.flags) {
            Ok(ready) if args.json => documents.push(describe(&path.display().to_string(), ready)),
            Ok(ready) => terminal::print(&prose(&describe(&path.display().to_string(), ready))),
            Err(problems) => {
                exit = Exit::BadInput;
                if args.json {
                    let list: Vec<_> = problems.iter().collect();
                    let detail = serde_json::to_value(&problems).unwrap_or_else(|_| json!(list.len()));
                    documents.push(json!({ "file": path.display().to_string(), "ok": false, "problems": detail }));
                } else {
                    terminal::tell_problems(&problems);
                }
            }
        }
    }
    if args.json {
        terminal::print(&format!("{:#}\n", serde_json::Value::Array(documents)));
    }
    Ok(exit)
}

/// The effective plan, as data.
fn describe(file: &str, ready: Ready) -> serde_json::Value {
    let Ready { scenario, gates, .. } = ready;
    let scenario = Arc::new(scenario);
    let plan = Plan::new(Arc::clone(&scenario), "check", 1);
    let users = plan.users();
    let mut personas = vec![0u32; scenario.personas.len()];
    (0..users).for_each(|user| personas[plan.persona_index(user)] += 1);
    let personas: Vec<_> = scenario
        .personas
        .iter()
        .zip(personas)
        .map(|(persona, users)| {
            let states: Vec<_> = persona.states.iter().map(|state| state.name.as_str()).collect();
            json!({ "name": persona.name, "users": users, "states": states })
        })
        .collect();
    let groups: Vec<_> = scenario
        .topology
        .groups
        .iter()
        .map(|kind| json!({ "name": kind.name, "members": kind.members.min(users) }))
        .collect();
    let target = match &scenario.target.url {
        TargetUrl::Embedded => "embedded simulator".to_owned(),
        TargetUrl::Service(endpoint) => format!("{}:{}", endpoint.host, endpoint.port),
    };
    let ports = PortNeed::of(&scenario, PortRange::of_system());
    let bursts = burst_arrivals(&scenario);
    let arrivals =
        if scenario.load.arrivals.is_empty() { None } else { Some(plan.arrivals(0).count() as u64 + bursts) };
    // Of a day the times say more than the lengths.
    let named = if scenario.load.day.is_some() { scenario.load.stages.as_slice() } else { &[] };
    let (users_named, arrivals_named) = named.split_at(scenario.load.users.len().min(named.len()));
    json!({
        "file": file,
        "ok": true,
        "name": scenario.name,
        "description": scenario.description,
        "target": target,
        "dialect": scenario.target.dialect.name,
        "seed": scenario.seed,
        "users": users,
        "personas": personas,
        "pairs": scenario.topology.pairs.is_some(),
        "groups": groups,
        "group_count": plan.topology.groups(),
        "load": {
            "duration_s": scenario.load.duration().as_secs_f64(),
            "day": scenario.load.day.map(day),
            "users": curve(&scenario.load.users, users_named, ""),
            "arrivals": curve(&scenario.load.arrivals, arrivals_named, "/s"),
            "arrivals_planned": arrivals,
            "arrivals_of_bursts": bursts,
            "drain_s": scenario.load.drain.as_secs_f64(),
        },
        "events": scenario.events.iter().map(event).collect::<Vec<_>>(),
        "metrics": scenario.target.watched.metrics.iter().map(metrics).collect::<Vec<_>>(),
        "process": scenario.target.watched.process.as_ref().map(process),
        "journal": journal(scenario.journal),
        "doubts": doubts(&scenario, &gates, &plan),
        "operations": ScenarioFacts::of(&scenario).ops.iter().map(|op| op.name()).collect::<Vec<_>>(),
        "gates": gates.gates.iter().map(|gate| gate.written().to_owned()).collect::<Vec<_>>(),
        "abort_when": gates.aborts.iter().map(|rule| rule.written().to_owned()).collect::<Vec<_>>(),
        "needs": {
            "descriptors": descriptors_needed(&scenario),
            "ports_per_source_address": ports.per_address(),
            "ports_available_per_source_address": ports.available,
            "token_seconds": f64::from(users) / scenario.auth.rate_per_s,
        },
    })
}

/// An event in a sentence.
fn event(event: &LoadEvent) -> String {
    let LoadEvent { at, every, what, share, length, reconnect, arrivals } = *event;
    let seconds = |span: Duration| figures::seconds(span.as_secs_f64());
    let again = every.map_or_else(String::new, |every| format!(" and every {} after", seconds(every)));
    let whom = match what {
        Disturbance::Burst => format!("{arrivals} arrivals"),
        _ => {
            // Enough digits to be no zero.
            let digits = if share < 0.001 { 1e5 } else { 10.0 };
            format!("{}% of all users", (share * 100.0 * digits).round() / digits)
        }
    };
    let lasts = match what {
        Disturbance::PauseReading | Disturbance::HalfOpen => format!(", for {}", seconds(length)),
        _ => String::new(),
    };
    let back = match (what, reconnect) {
        (Disturbance::Drop | Disturbance::HalfOpen, Reconnect::AtOnce) => ", back at once",
        (Disturbance::RestartStorm, Reconnect::Jitter) => ", back with jitter",
        _ => "",
    };
    format!("{} at {}{again}: {whom}{lasts}{back}", what.word(), seconds(at))
}

/// Where the target's own figures are read.
fn metrics(source: &MetricsSource) -> String {
    let names: Vec<&str> = source.figures.iter().map(|(name, _)| name.as_str()).collect();
    let from = match &source.url {
        MetricsUrl::Path(path) => format!("{} of the target", path.split('?').next().unwrap_or_default()),
        MetricsUrl::Endpoint(Endpoint { is_tls, host, port, path }) => {
            // What follows the path may be a key.
            let path = path.split('?').next().unwrap_or_default();
            format!("http{}://{host}:{port}{path}", if *is_tls { "s" } else { "" })
        }
    };
    format!("{} from {from}", names.join(", "))
}

fn process(source: &ProcessSource) -> String {
    let from = match source {
        ProcessSource::Pid(pid) => format!("process {pid}"),
        ProcessSource::PidFile(path) => format!("the process of `{}`", path.display()),
    };
    format!("{} of {from}", PROCESS_FIGURES.join(", "))
}

fn journal(journal: Journal) -> String {
    let age = |span: Duration| figures::seconds(span.as_secs_f64());
    format!("a record a second for {}, every 10 s up to {}, every 60 s then", age(journal.fine), age(journal.medium))
}

/// A compressed day in a sentence.
fn day(day: Day) -> String {
    let Day { speed_up, days, opening, .. } = day;
    let length = figures::seconds(f64::from(days) * 86_400.0 / speed_up);
    let (days, opening) = (figures::counted(u64::from(days), "day"), figures::seconds(opening.as_secs_f64()));
    let (speed_up, start) = (figures::number(speed_up), day.starts_at());
    format!("{days} from {start} on in {length}, {speed_up} times as fast as the clock, after an opening of {opening}")
}

fn curve(stages: &[Stage], named: &[NamedStage], unit: &str) -> Vec<String> {
    stages
        .iter()
        .enumerate()
        .map(|(index, stage)| {
            let name = named.get(index).map_or_else(String::new, |named| format!("{}: ", named.name));
            let over = figures::seconds(stage.over.as_secs_f64());
            match stage.to {
                Some(to) => format!("{name}to {}{unit} over {over}", (to * 10.0).round() / 10.0),
                None => format!("{name}hold {over}"),
            }
        })
        .collect()
}

/// The plan for people.
fn prose(plan: &serde_json::Value) -> String {
    let mut text = String::new();
    let word = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let list = |value: &serde_json::Value, between: &str| {
        value.as_array().map_or_else(String::new, |items| items.iter().map(&word).collect::<Vec<_>>().join(between))
    };
    let _ = writeln!(text, "{}: {}", word(&plan["file"]), word(&plan["name"]));
    let description = word(&plan["description"]);
    if !description.is_empty() {
        let _ = writeln!(text, "  {description}");
    }
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<12} {value}");
        }
    };
    row("target", format!("{} ({})", word(&plan["target"]), word(&plan["dialect"])));
    row("users", word(&plan["users"]));
    for persona in plan["personas"].as_array().into_iter().flatten() {
        let states = list(&persona["states"], ", ");
        row("persona", format!("{}: {} users; states {states}", word(&persona["name"]), word(&persona["users"])));
    }
    let groups = plan["groups"].as_array().into_iter().flatten();
    let groups: Vec<_> =
        groups.map(|kind| format!("{} of up to {}", word(&kind["name"]), word(&kind["members"]))).collect();
    if !groups.is_empty() {
        row("groups", format!("{} in all: {}", word(&plan["group_count"]), groups.join(", ")));
    }
    if let Some(day) = plan["load"]["day"].as_str() {
        row("day", day.to_owned());
    }
    row("online", list(&plan["load"]["users"], ", "));
    row("arrivals", list(&plan["load"]["arrivals"], ", "));
    if let Some(planned) = plan["load"]["arrivals_planned"].as_u64() {
        let of_bursts = match plan["load"]["arrivals_of_bursts"].as_u64() {
            Some(bursts) if bursts > 0 => format!(", {bursts} of them in bursts"),
            _ => String::new(),
        };
        row("", format!("{planned} arrivals planned{of_bursts}"));
    }
    row("events", list(&plan["events"], BELOW));
    row("metrics", list(&plan["metrics"], BELOW));
    if let Some(process) = plan["process"].as_str() {
        row("process", process.to_owned());
    }
    row("journal", word(&plan["journal"]));
    row("operations", list(&plan["operations"], ", "));
    row("gates", list(&plan["gates"], BELOW));
    row("aborts when", list(&plan["abort_when"], BELOW));
    row("doubtful", list(&plan["doubts"], BELOW));
    let needs = &plan["needs"];
    row(
        "needs",
        format!(
            "{} descriptors, {} of {} ports of each source address, {:.0} s for tokens",
            needs["descriptors"],
            needs["ports_per_source_address"],
            needs["ports_available_per_source_address"],
            needs["token_seconds"].as_f64().unwrap_or_default()
        ),
    );
    row("seed", word(&plan["seed"]));
    text
}
