//! `target.metrics` and `target.process`: where the target's own figures are read.

use std::path::PathBuf;

use super::problem::Problem;
use super::read::{Fields, Reader, Value, in_order};
use super::{Endpoint, MetricsSource, MetricsUrl, ProcessSource, TargetUrl, Watched, endpoint};
use crate::protocol::exposition::Selector;

pub(super) const METRICS_KEYS: &[&str] = &["url", "figures"];
pub(super) const PROCESS_KEYS: &[&str] = &["pid", "pid_file"];
/// Figures of a local process.
pub const PROCESS_FIGURES: [&str; 5] = ["rss_bytes", "cpu_s", "cpu_percent", "descriptors", "threads"];
/// Most sources, and most figures of all of them: each has a place in every interval of the journal.
pub(super) const SOURCES_MAX: usize = 8;
const FIGURES_MAX: usize = 32;
const NAME_CHARS_MAX: usize = 40;
const PATH_USUAL: &str = "/metrics";

/// What is watched beside the load itself.
pub(super) fn watched(reader: &mut Reader, target: &Fields<'_, '_>, url: Option<&TargetUrl>) -> Option<Watched> {
    let process = match target.get("process") {
        Some(value) => process(reader, value, url).map(Some),
        None => Some(None),
    };
    let mut taken: Vec<String> = Vec::new();
    if target.get("process").is_some() {
        taken.extend(PROCESS_FIGURES.map(str::to_owned));
    }
    let metrics = match target.get("metrics") {
        Some(value) => sources(reader, value, &mut taken),
        None => Some(Vec::new()),
    };
    Some(Watched { metrics: metrics?, process: process? })
}

fn sources(reader: &mut Reader, value: &Value<'_>, taken: &mut Vec<String>) -> Option<Vec<MetricsSource>> {
    let kind = "a list such as `[ { url = \"http://127.0.0.1:9100/metrics\", figures = { rss_bytes = \"process_resident_memory_bytes\" } } ]`";
    let list = reader.array("`metrics`", value, kind)?;
    if list.len() > SOURCES_MAX {
        let message = format!("`metrics` has more than {SOURCES_MAX} endpoints");
        reader.problem(
            Problem::at(value.span(), message).help("the generator is no monitoring system: name the few that matter"),
        );
        return None;
    }
    let sources: Vec<Option<MetricsSource>> = list.iter().map(|item| source(reader, item, taken)).collect();
    sources.into_iter().collect()
}

fn source(reader: &mut Reader, value: &Value<'_>, taken: &mut Vec<String>) -> Option<MetricsSource> {
    let fields = reader.table("an endpoint of `metrics`", value, METRICS_KEYS)?;
    let way =
        "write `url = \"http://127.0.0.1:9100/metrics\"`, or only `url = \"/metrics\"` for a path of the target itself";
    let url = fields.need(reader, "url", way).and_then(|value| metrics_url(reader, value));
    let way = "name what is read: `figures = { rss_bytes = \"process_resident_memory_bytes\" }`";
    let figures = fields.need(reader, "figures", way).and_then(|value| figures(reader, value, taken));
    Some(MetricsSource { url: url?, figures: figures? })
}

fn metrics_url(reader: &mut Reader, value: &Value<'_>) -> Option<MetricsUrl> {
    let kind = "a URL such as `http://127.0.0.1:9100/metrics`, or a path of the target such as `/metrics`";
    let text = reader.text_as("`url`", value, kind)?;
    if text.text.starts_with('/') {
        let is_path = text.text.chars().all(|c| c.is_ascii_graphic()) && !text.text.contains('#');
        if is_path {
            return Some(MetricsUrl::Path(text.text.to_owned()));
        }
        let problem = Problem::at(text.place, format!("`url` is no path: `{}`", text.shown));
        reader.problem(problem.expected(format!("expected {kind}")));
        return None;
    }
    if text.text.starts_with("ws") && text.text.contains("://") {
        let problem = Problem::at(text.place, "metrics are read over HTTP, not over a WebSocket");
        reader.problem(problem.help("write `http://` or `https://`"));
        return None;
    }
    let Endpoint { is_tls, host, mut port, mut path } = endpoint::read(reader, "url", &text, 80)?;
    if is_tls && port == 80 && !text.text.contains(":80") {
        port = 443;
    }
    if path.is_empty() {
        PATH_USUAL.clone_into(&mut path);
    }
    Some(MetricsUrl::Endpoint(Endpoint { is_tls, host, port, path }))
}

fn figures(reader: &mut Reader, value: &Value<'_>, taken: &mut Vec<String>) -> Option<Vec<(String, Selector)>> {
    let toml::de::DeValue::Table(table) = value.get_ref() else {
        return reader.wrong_kind(
            "`figures`",
            value,
            "a table such as `{ rss_bytes = \"process_resident_memory_bytes\" }`",
        );
    };
    if table.is_empty() {
        reader.problem(Problem::at(value.span(), "`figures` is empty").help("name a figure, or drop the endpoint"));
        return None;
    }
    let before = reader.count();
    let mut figures = Vec::new();
    for (key, value) in in_order(table) {
        let name = key.get_ref().as_ref();
        let place = key.span();
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_part);
        if !is_name || name.len() > NAME_CHARS_MAX || name == "scrapes" {
            let problem = Problem::at(place, format!("a figure cannot be called `{}`", super::read::shorten(name)));
            let problem = problem.expected("expected small letters, digits and `_`, at most 40");
            reader.problem(
                problem.help("gates call it `target.NAME.max`; a name that ends in `_bytes` or `_s` has a unit"),
            );
        } else if taken.iter().any(|known| known == name) {
            let problem = Problem::at(place, format!("the figure `{name}` is there twice"));
            reader.problem(problem.help(format!(
                "call one of them otherwise; `process` has {}",
                PROCESS_FIGURES.map(|name| format!("`{name}`")).join(", ")
            )));
        } else {
            taken.push(name.to_owned());
        }
        let Some(text) = reader.text_as(&format!("`{}`", super::read::shorten(name)), value, "the name of a metric")
        else {
            continue;
        };
        match Selector::parse(text.text) {
            Ok(selector) => figures.push((name.to_owned(), selector)),
            Err(why) => {
                let problem = Problem::at(text.place, format!("`{}` selects no metric: {why}", text.shown));
                reader.problem(problem.help(
                    "such as `queue_depth`, `queue_depth{kind=\"out\"}`, `max(queue_depth)` or `rate(requests_total)`",
                ));
            }
        }
    }
    if taken.len() > FIGURES_MAX {
        reader.problem(Problem::at(value.span(), format!("`target` has more than {FIGURES_MAX} figures of its own")));
    }
    (reader.count() == before).then_some(figures)
}

fn process(reader: &mut Reader, value: &Value<'_>, url: Option<&TargetUrl>) -> Option<ProcessSource> {
    let fields = reader.table("`process`", value, PROCESS_KEYS)?;
    if url == Some(&TargetUrl::Embedded) {
        let problem = Problem::at(fields.place.clone(), "`embedded` starts the simulator in this very process");
        reader.problem(problem.help("its memory is part of `generator.rss_bytes_max`; drop `process`"));
        return None;
    }
    match (fields.get("pid"), fields.get("pid_file")) {
        (Some(value), None) => {
            let pid = reader.whole("`pid`", value, 1..=4_194_304)?;
            u32::try_from(pid).ok().map(ProcessSource::Pid)
        }
        (None, Some(value)) => {
            let text = reader.text("`pid_file`", value)?;
            Some(ProcessSource::PidFile(PathBuf::from(text.text)))
        }
        (one, _) => {
            let message = if one.is_some() { "a process has either `pid` or `pid_file`" } else { "which process?" };
            let help = "write `process = { pid_file = \"/run/pbx/im.pid\" }` or `process = { pid = 4711 }`: a process of this machine";
            reader.problem(Problem::at(fields.place, message).help(help));
            None
        }
    }
}
