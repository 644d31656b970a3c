//! What stderr and stdout are: terminals or files, wide or narrow, coloured or not.

use std::io::IsTerminal as _;

use crate::report::text::{Colour, Layout};
use crate::scenario::{Problems, Style};

/// Columns of a terminal that does not say.
const COLUMNS: usize = 100;

/// Whether a stream may be coloured. `NO_COLOR` is obeyed.
fn is_coloured(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How problems are shown on stderr.
pub(super) fn problem_style() -> Style {
    if is_coloured(std::io::stderr().is_terminal()) { Style::Coloured } else { Style::Plain }
}

/// How the summary is laid out on stdout.
pub(super) fn layout() -> Layout {
    let is_terminal = std::io::stdout().is_terminal();
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(COLUMNS);
    Layout { colour: if is_coloured(is_terminal) { Colour::Ansi } else { Colour::None }, columns }
}

/// Prints to stdout; a closed pipe is no error of ours.
pub(super) fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Tells a line on stderr; one that nobody can read any more, as after a terminal was closed, is no error of ours and
/// no end of a run, which `eprintln!` makes of it.
pub fn tell(line: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Shows what is wrong with a scenario on stderr.
pub(super) fn tell_problems(problems: &Problems) {
    use std::io::Write as _;
    let _ = write!(std::io::stderr().lock(), "{}", problems.render(problem_style()));
}
