//! What can go wrong with files of a run.

use std::io;
use std::path::PathBuf;

use crate::results::RESULTS_FORMAT;

use super::JOURNAL_FORMAT;

/// A file or folder of a run could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The run folder could not be made.
    #[error("cannot create the run folder `{path}`; choose a writable place with `--out DIR`")]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The run folder holds something already.
    #[error("`{path}` exists and is not empty; a run never overwrites another: choose a new place with `--out DIR`")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The journal holds nothing.
    #[error(
        "`{path}` holds no record: the run was ended before its load began, or the files are gone, so there is nothing to \
         report and nothing to go on with; start it anew, with another `--out` or after removing its folder"
    )]
    NotBegun {
        /// The journal's folder.
        path: PathBuf,
    },
    /// The run folder holds a run that has nothing to tell.
    #[error(
        "`{path}` holds what is left of a run that was ended before its load began, and no figures: remove it, or choose a new \
         place with `--out DIR`"
    )]
    Leftover {
        /// The folder.
        path: PathBuf,
    },
    /// There is no such run folder.
    #[error(
        "there is no run folder `{path}`; runs are written to `reports/runs/<name>-<UTC time>` unless `--out` says otherwise"
    )]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds no run.
    #[error(
        "`{path}` is not a run folder: it has neither `results.json` nor `journal/`; give the folder that `pbxload run` wrote"
    )]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the run is missing.
    #[error("`{path}` is missing; {way_out}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// What helps.
        way_out: &'static str,
    },
    /// A file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`; make room on the disk, and see to it that its folder can be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A results file is not one.
    #[error("`{path}` does not hold results; rebuild it with `pbxload report` from the same run folder")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// Results of a newer build.
    #[error("`{path}` has results format {found}, this build reads {RESULTS_FORMAT} and older; use a newer pbxload")]
    ResultsTooNew {
        /// The file.
        path: PathBuf,
        /// Its format number.
        found: u32,
    },
    /// A journal of a newer build.
    #[error("`{path}` has journal format {found}, this build reads {JOURNAL_FORMAT} and older; use a newer pbxload")]
    TooNew {
        /// The segment.
        path: PathBuf,
        /// Its format number.
        found: u32,
    },
    /// Another process writes the run.
    #[error("`{path}` is being written by {holder}: wait for its end, or end it")]
    InUse {
        /// The run folder.
        path: PathBuf,
        /// The process.
        holder: String,
    },
    /// A baseline that cannot be used.
    #[error("cannot use `{path}` as a baseline")]
    Baseline {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: crate::compare::BaselineError,
    },
    /// A histogram could not be written as text; a mistake of this program.
    #[error("cannot encode the histogram `{tag}` for the journal")]
    Encode {
        /// Its tag.
        tag: String,
        /// What the encoder said.
        #[source]
        source: io::Error,
    },
}
