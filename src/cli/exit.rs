//! Exit codes, and nothing else that decides them.

use std::process::ExitCode;

use crate::results::{Outcome, Verdict};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well: every gate held.
    Pass = 0,
    /// A gate failed.
    GateFailed = 1,
    /// A scenario or a flag is wrong.
    BadInput = 2,
    /// The run could not be carried out.
    NotCarriedOut = 3,
    /// No verdict: the generator was the bottleneck, too few samples, or interrupted.
    NoVerdict = 4,
}

impl Exit {
    /// Every code with its meaning, for the README and the help text.
    pub const ALL: [(Exit, &'static str); 5] = [
        (Exit::Pass, "pass: every gate held"),
        (Exit::GateFailed, "a gate failed, or a rule of `abort_when` ended the run"),
        (Exit::BadInput, "a scenario or a flag is wrong; every mistake is shown"),
        (Exit::NotCarriedOut, "the run could not be carried out: no target, no token, no disk"),
        (Exit::NoVerdict, "no verdict: the generator was the bottleneck, too few samples, or interrupted"),
    ];

    /// The code that a verdict leads to.
    pub fn of(verdict: &Verdict) -> Exit {
        match verdict.outcome {
            Outcome::Pass => Exit::Pass,
            Outcome::Fail => Exit::GateFailed,
            Outcome::NoVerdict => Exit::NoVerdict,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
