//! `init`: writes a commented scenario to start from.

use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::Context as _;

use super::Exit;
use super::args::InitArgs;
use crate::scenario::starter;

pub(super) fn execute(args: &InitArgs) -> anyhow::Result<Exit> {
    let name = args.file.file_stem().map_or_else(|| "first".to_owned(), |stem| stem.to_string_lossy().into_owned());
    // `create_new`: a file that is there already may be somebody's work.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&args.file)
        .with_context(|| format!("cannot write `{}`; name a file that does not exist yet", args.file.display()))?;
    file.write_all(starter(&name).as_bytes())?;
    tell!("wrote {0}; run it with `pbxload run {0}`", args.file.display());
    Ok(Exit::Pass)
}
