//! `try`: one virtual user once through, every frame printed with its time.

use std::cell::RefCell;
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
            terminal::tell_problems(&problems);
            return Ok(Exit::BadInput);
        }
    };
    let scenario = Arc::new(ready.scenario);
    let names: Vec<&str> = scenario.personas.iter().map(|persona| persona.name.as_str()).collect();
    let wanted = args.persona.as_deref().unwrap_or(names[0]);
    let Some(persona) = names.iter().position(|name| *name == wanted) else {
        tell!("error: there is no persona `{wanted}`; the scenario has {}", names.join(", "));
        return Ok(Exit::BadInput);
    };
    let service = targets::open(&scenario, FaultPlan::default())?;
    // A slot for each user: the one that is tried has its own.
    let plan = Arc::new(Plan::new(Arc::clone(&scenario), "try", scenario.users.count));
    let Some(user) = (0..plan.users()).find(|&user| plan.persona_index(user) == persona) else {
        anyhow::bail!("of {} users none is a `{wanted}`; plan more users", plan.users());
    };
    tell!("user {} as `{wanted}`", plan.user_name(user));
    let secrets = RefCell::new(Vec::new());
    let figures = try_once(
        plan,
        user,
        &service.targets,
        Rc::new(move |tick, _, event| {
            let mut secrets = secrets.borrow_mut();
            let (sign, text) = match event {
                TapEvent::Sent(frame) => ("→", shown(frame, &mut secrets)),
                TapEvent::Received(frame) => ("←", shown(frame, &mut secrets)),
                TapEvent::Note(note) => ("·", note.to_owned()),
            };
            terminal::print(&format!("{:>10.6} {sign} {text}\n", tick.as_secs_f64()));
        }),
    )?;
    tell!("");
    let mut failed = 0;
    for op in OpId::ALL {
        let op_figures = &figures.ops[op.index()];
        if op_figures.started > 0 {
            failed += op_figures.failed;
            let service = figures::micros(op_figures.service.quantile(0.5));
            let service = if op_figures.ok > 0 { format!(", answered within {service}") } else { String::new() };
            tell!("{:<15} {} ok, {} failed{service}", op.name(), op_figures.ok, op_figures.failed);
        }
    }
    for (op, kind, stat) in figures.failures.iter() {
        let examples: Vec<String> = stat.examples.iter().map(|example| one_line(example).to_string()).collect();
        tell!("failed: {} {kind} {}", op.name(), examples.join("; "));
    }
    Ok(if failed == 0 { Exit::Pass } else { Exit::GateFailed })
}

/// A frame without its secrets, cut to a readable length.
fn shown(frame: &str, secrets: &mut Vec<String>) -> String {
    let mut text = one_line(&without_secrets(frame, secrets)).to_string();
    if let Some((end, _)) = text.char_indices().nth(FRAME_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Blots out `login.secret` and `ctrl.params.token`, and wherever else a server repeats one of them.
fn without_secrets(frame: &str, secrets: &mut Vec<String>) -> String {
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(frame) {
        for pointer in ["/login/secret", "/ctrl/params/token", "/acc/secret"] {
            if let Some(secret) = value.pointer(pointer).and_then(serde_json::Value::as_str)
                && !secret.is_empty()
                && !secrets.iter().any(|known| known == secret)
            {
                secrets.push(secret.to_owned());
            }
        }
    }
    secrets.iter().fold(frame.to_owned(), |text, secret| text.replace(secret, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out_wherever_they_turn_up() {
        let mut secrets = Vec::new();
        let mut shown = |frame: &str| without_secrets(frame, &mut secrets);
        assert_eq!(shown(r#"{"login":{"id":"1","secret":"YTpi"}}"#), r#"{"login":{"id":"1","secret":"…"}}"#);
        assert_eq!(
            shown(r#"{"ctrl":{"text":"no YTpi","params":{"token":"t0"}}}"#),
            r#"{"ctrl":{"text":"no …","params":{"token":"…"}}}"#
        );
        assert_eq!(shown("no JSON: YTpi and t0"), "no JSON: … and …");
        assert_eq!(shown(r#"{"login":{"secret":""}}"#), r#"{"login":{"secret":""}}"#);
    }
}
