//! `try`: one virtual user once through, every frame printed with its time.

use std::rc::Rc;
use std::sync::Arc;

use super::args::TryArgs;
use super::load::scenario;
use super::{Exit, targets, terminal};
use crate::engine::{TapEvent, try_once};
use crate::ops::OpId;
use crate::plan::Plan;
use crate::report::figures;
use crate::report::untrusted::one_line;
use crate::simulator::faults::FaultPlan;

/// Longest frame that is printed whole.
const FRAME_CHARS_MAX: usize = 2_000;

pub(super) fn execute(args: &TryArgs) -> anyhow::Result<Exit> {
    let ready = match scenario(&args.scenario, &args.flags) {
        Ok(ready) => ready,
        Err(problems) => {
            eprint!("{}", problems.render(terminal::problem_style()));
            return Ok(Exit::BadInput);
        }
    };
    let scenario = Arc::new(ready.scenario);
    let names: Vec<&str> = scenario.personas.iter().map(|persona| persona.name.as_str()).collect();
    let wanted = args.persona.as_deref().unwrap_or(names[0]);
    let Some(persona) = names.iter().position(|name| *name == wanted) else {
        eprintln!("error: there is no persona `{wanted}`; the scenario has {}", names.join(", "));
        return Ok(Exit::BadInput);
    };
    let service = targets::open(&scenario, FaultPlan::default())?;
    // A slot for each user: the one that is tried has its own.
    let plan = Arc::new(Plan::new(Arc::clone(&scenario), "try", scenario.users.count));
    let Some(user) = (0..plan.users()).find(|&user| plan.persona_index(user) == persona) else {
        anyhow::bail!("of {} users none is a `{wanted}`; plan more users", plan.users());
    };
    eprintln!("user {} as `{wanted}`", plan.user_name(user));
    let figures = try_once(
        plan,
        user,
        &service.targets,
        Rc::new(|tick, _, event| {
            let (sign, text) = match event {
                TapEvent::Sent(frame) => ("→", shown(frame)),
                TapEvent::Received(frame) => ("←", shown(frame)),
                TapEvent::Note(note) => ("·", note.to_owned()),
            };
            terminal::print(&format!("{:>10.6} {sign} {text}\n", tick.as_secs_f64()));
        }),
    )?;
    eprintln!();
    let mut failed = 0;
    for op in OpId::ALL {
        let op_figures = &figures.ops[op.index()];
        if op_figures.started > 0 {
            failed += op_figures.failed;
            let response = figures::micros(op_figures.response.quantile(0.5));
            let response = if op_figures.ok > 0 { format!(", median {response}") } else { String::new() };
            eprintln!("{:<15} {} ok, {} failed{response}", op.name(), op_figures.ok, op_figures.failed);
        }
    }
    for (op, kind, stat) in figures.failures.iter() {
        let examples: Vec<String> = stat.examples.iter().map(|example| one_line(example).to_string()).collect();
        eprintln!("failed: {} {kind} {}", op.name(), examples.join("; "));
    }
    Ok(if failed == 0 { Exit::Pass } else { Exit::GateFailed })
}

/// A frame without its secrets, cut to a readable length.
fn shown(frame: &str) -> String {
    let mut text = one_line(&without_secrets(frame)).to_string();
    if let Some((end, _)) = text.char_indices().nth(FRAME_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Blots out `login.secret` and `ctrl.params.token`.
fn without_secrets(frame: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(frame) else { return frame.to_owned() };
    let mut is_changed = false;
    for pointer in ["/login/secret", "/ctrl/params/token", "/acc/secret"] {
        if let Some(secret) = value.pointer_mut(pointer) {
            *secret = "…".into();
            is_changed = true;
        }
    }
    if is_changed { value.to_string() } else { frame.to_owned() }
}
