//! What a build server is told besides the files: a job summary and annotations, where the surroundings ask for them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::report::{self, Format, annotations};
use crate::results::Results;

/// GitHub refuses a step's summary that is longer.
const SUMMARY_BYTES_MAX: u64 = 1 << 20;

/// Tells GitHub what a run came to. What cannot be written is a warning: it changes no verdict.
pub(super) fn tell(results: &Results) {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = variable("GITHUB_STEP_SUMMARY")
        && let Err(error) = append_summary(results, Path::new(&path))
    {
        tell!("warning: the job summary `{}` could not be written: {error:#}", path.to_string_lossy());
    }
    if variable("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        let mut lines = Vec::new();
        if annotations::write(results, &mut lines).is_ok() {
            super::terminal::print(&String::from_utf8_lossy(&lines));
        }
    }
}

/// Appends the summary, as far as there is room for it beside what other steps wrote.
fn append_summary(results: &Results, path: &Path) -> anyhow::Result<()> {
    let mut summary = Vec::new();
    report::render(Format::Markdown, results, &mut summary)?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let room = SUMMARY_BYTES_MAX.saturating_sub(file.metadata()?.len());
    file.write_all(&bounded(summary, room as usize))?;
    Ok(())
}

/// Whole lines that fit, with a word about those that do not.
fn bounded(mut summary: Vec<u8>, room: usize) -> Vec<u8> {
    const CUT: &[u8] = b"\n_The rest did not fit; it is in `summary.md`._\n";
    if summary.len() <= room {
        return summary;
    }
    summary.truncate(room.saturating_sub(CUT.len()));
    let end = summary.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    summary.truncate(end);
    if room >= CUT.len() {
        summary.extend_from_slice(CUT);
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_cut_at_a_line() {
        let text = b"first line\nsecond line\nthird line\n".to_vec();
        assert_eq!(bounded(text.clone(), 100), text);
        let cut = bounded(vec![b"x\n".to_vec(); 100].concat(), 80);
        assert!(cut.len() <= 80 && cut.starts_with(b"x\nx\n") && cut.ends_with(b"._\n"));
        assert!(bounded(text, 5).is_empty());
    }
}
