//! `Finding`: what was looked at, how it stands, and what mends it.

use serde::Serialize;

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// A run is possible, and this will show in it.
    Warn,
    /// The scenario cannot be carried out like this.
    Bad,
}

impl Level {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, one word.
    pub check: &'static str,
    /// How it stands.
    pub level: Level,
    /// What was found, one sentence.
    pub message: String,
    /// The command or setting that mends it.
    pub fix: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Finding {
        Finding { check, level: Level::Ok, message: message.into(), fix: None }
    }

    /// It will show.
    pub fn warn(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check, level: Level::Warn, message: message.into(), fix: Some(fix.into()) }
    }

    /// It cannot work.
    pub fn bad(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check, level: Level::Bad, message: message.into(), fix: Some(fix.into()) }
    }

    /// A line for people, and one more for the remedy.
    pub fn prose(&self) -> String {
        let line = format!("{:<4}  {:<12}  {}\n", self.level.word(), self.check, self.message);
        match &self.fix {
            None => line,
            Some(fix) => format!("{line}{:20}fix: {fix}\n", ""),
        }
    }
}
