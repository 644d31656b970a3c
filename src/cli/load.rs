//! From a path and flags to a checked scenario with its gates, or to every mistake in them.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::args::ScenarioFlags;
use crate::gate::{AbortRule, Gate, GateError, Jury, Rules, ScenarioFacts, Severity};
use crate::results::{RulesInfo, WrittenGate};
use crate::scenario::{
    GateRules, GateSeverity, GateText, Loaded, Overrides, Problem, Problems, Scenario, Source, Surroundings, TargetUrl,
    load,
};

/// A scenario that can be run.
pub(super) struct Ready {
    pub(super) scenario: Scenario,
    /// Its text as it runs, without secrets.
    pub(super) effective: String,
    pub(super) gates: Compiled,
}

/// Gates and rules that are understood.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) gates: Vec<Gate>,
    pub(super) aborts: Vec<AbortRule>,
    pub(super) rules: Rules,
    /// All of them as written, in their order.
    written: Vec<WrittenGate>,
    /// Those that are not understood, and why.
    unread: Vec<(WrittenGate, String)>,
}

impl Compiled {
    /// The gates as a run left them: what is not understood any more cannot be told.
    pub(super) fn of(info: &RulesInfo) -> Compiled {
        let &RulesInfo { min_samples, missing_baseline_fails, tolerate, .. } = info;
        let mut compiled = Compiled::with(GateRules { min_samples, missing_baseline_fails }, tolerate);
        for written in &info.gates {
            if let Err(error) = compiled.add(written, None) {
                compiled.unread.push((written.clone(), error.message));
            }
        }
        compiled
    }

    /// What a run is judged by, for those who judge it once more.
    pub(super) fn info(&self) -> RulesInfo {
        let Rules { min_samples, missing_baseline_fails, tolerate } = self.rules;
        RulesInfo { gates: self.written.clone(), min_samples, missing_baseline_fails, tolerate }
    }

    fn with(rules: GateRules, tolerate: f64) -> Compiled {
        let GateRules { min_samples, missing_baseline_fails } = rules;
        Compiled { rules: Rules { min_samples, missing_baseline_fails, tolerate }, ..Compiled::default() }
    }

    /// Reads one, and checks it against what the scenario does, where that is known.
    fn add(&mut self, written: &WrittenGate, facts: Option<&ScenarioFacts>) -> Result<(), GateError> {
        match written.severity {
            None => {
                let rule = AbortRule::parse(&written.gate)?;
                facts.map_or(Ok(()), |facts| rule.check_against(facts))?;
                self.aborts.push(rule);
            }
            Some(severity) => {
                let gate = Gate::parse(&written.gate)?;
                facts.map_or(Ok(()), |facts| gate.check_against(facts))?;
                self.gates.push(gate.with_severity(severity));
            }
        }
        self.written.push(written.clone());
        Ok(())
    }

    /// Who hears a run with these gates.
    pub(super) fn jury(&self) -> Jury {
        let mut jury = Jury::new(&self.gates, &self.aborts, self.rules);
        for (written, why) in &self.unread {
            // A rule that never ended the run leaves no trace.
            if let Some(severity) = written.severity {
                jury.leave_out(&written.gate, severity, why);
            }
        }
        jury
    }
}

/// Reads, checks and compiles a scenario.
pub(super) fn scenario(path: &Path, flags: &ScenarioFlags) -> Result<Ready, Problems> {
    scenario_of(path, path.parent().unwrap_or(Path::new("")), flags)
}

/// As [`scenario`], with the files that it names in a folder of its own.
pub(super) fn scenario_of(path: &Path, folder: &Path, flags: &ScenarioFlags) -> Result<Ready, Problems> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        Problems::unreadable(
            &name,
            format!("the scenario cannot be read: {error}; `pbxload init` writes one to start from"),
        )
    })?;
    let source = Source { name, text };
    let overrides = Overrides {
        set: flags.set.clone(),
        users: flags.users,
        duration: flags.duration,
        seed: flags.seed,
        target: flags.target.clone(),
        gates: flags.gates.clone(),
    };
    let around = Surroundings {
        variable: &|name| std::env::var(name).ok(),
        read_file: &|wanted| fs::read_to_string(folder.join(wanted)).map_err(|error| error.to_string()),
    };
    let loaded = load(&source, &overrides, &around).map_err(|problems| {
        let wrong = problems.gates().iter().filter_map(|written| {
            let error = Compiled::default().add(&as_written(written), None).err()?;
            Some(gate_problem(problems.place_in_gate(written, error.range.clone()), error))
        });
        let wrong = wrong.collect();
        problems.and(wrong)
    })?;
    let mut problems = Vec::new();
    check_host(&loaded, flags, &mut problems);
    let gates = compile_gates(&loaded, &mut problems);
    if problems.is_empty() {
        Ok(Ready { scenario: loaded.scenario, effective: loaded.effective, gates })
    } else {
        Err(loaded.problems(problems))
    }
}

/// Gates of a scenario, checked against what it does.
fn compile_gates(loaded: &Loaded, problems: &mut Vec<Problem>) -> Compiled {
    let facts = ScenarioFacts::of(&loaded.scenario);
    let mut compiled = Compiled::with(loaded.scenario.gate_rules, loaded.scenario.health.tolerate);
    for written in &loaded.scenario.gates {
        if let Err(error) = compiled.add(&as_written(written), Some(&facts)) {
            problems.push(gate_problem(loaded.place_in_gate(written, error.range.clone()), error));
        }
    }
    compiled
}

/// A gate of the scenario without its place in the text.
pub(super) fn as_written(GateText { text, severity, .. }: &GateText) -> WrittenGate {
    let severity = match severity {
        GateSeverity::Abort => None,
        GateSeverity::Require => Some(Severity::Require),
        GateSeverity::Warn => Some(Severity::Warn),
    };
    WrittenGate { gate: text.clone(), severity }
}

fn gate_problem(place: Range<usize>, error: GateError) -> Problem {
    let problem = Problem::at(place, error.message);
    match error.help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// A typed-in target must be one that the scenario names, one that is allowed, or this machine: load on the wrong
/// host is a mistake that cannot be taken back.
fn check_host(loaded: &Loaded, flags: &ScenarioFlags, problems: &mut Vec<Problem>) {
    let (Some(url), TargetUrl::Service(endpoint)) = (&flags.target, &loaded.scenario.target.url) else { return };
    let host = endpoint.host.as_str();
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_named = named_hosts(&loaded.source().text).iter().any(|named| named.eq_ignore_ascii_case(host));
    let is_allowed = flags.allow_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host));
    if is_loopback || is_named || is_allowed {
        return;
    }
    let end = loaded.source().text.len();
    problems.push(
        Problem::at(end..end, format!("the scenario does not name the host `{host}` of `--target {url}`"))
            .help(format!("if that is the machine you mean to load, say `--allow-host {host}`")),
    );
}

/// Hosts in the URLs of `[target]`, as the file has them.
fn named_hosts(text: &str) -> Vec<String> {
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let Some(target) = table.get("target").and_then(toml::Value::as_table) else { return Vec::new() };
    let urls = ["url", "rest_url", "file_url"].iter().filter_map(|key| target.get(*key)?.as_str());
    urls.filter_map(|url| {
        reqwest::Url::parse(url).ok()?.host_str().map(|host| host.trim_matches(['[', ']']).to_owned())
    })
    .collect()
}
