//! Problems as people read them: the compiler's own layout, a marker under the line, help below.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::problem::{Place, Problem, Problems};

/// Most problems that are shown; the rest is counted.
const SHOWN_MAX: usize = 50;

/// Longest part of a line that is shown.
const LINE_BYTES_MAX: usize = 2_000;

/// Whether the reader is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text alone: files, pipes, tests.
    Plain,
    /// With colours.
    Coloured,
}

pub(super) fn render(problems: &Problems, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let mut text = String::new();
    for problem in problems.list.iter().take(SHOWN_MAX) {
        text.push_str(&block(problem, problems, &renderer));
        text.push_str("\n\n");
    }
    let count = problems.list.len();
    if count > SHOWN_MAX {
        text.push_str(&format!("and {} more\n\n", count - SHOWN_MAX));
    }
    let noun = if count == 1 { "problem" } else { "problems" };
    text.push_str(&format!("{count} {noun} in {}\n", problems.file_name()));
    text
}

fn block(problem: &Problem, problems: &Problems, renderer: &Renderer) -> String {
    let helps = problem.help.iter().map(|help| Level::HELP.message(help));
    let title = Level::ERROR.primary_title(problem.message.as_str());
    match &problem.place {
        Place::Text(place) => {
            let found = problems.sources.locate(place);
            // A line this long is no line that a person wrote; its start says which one it is.
            let is_whole = found.text.len() <= LINE_BYTES_MAX;
            if found.text.trim().is_empty() || !is_whole {
                let origin = Origin::path(found.name).line(found.line).char_column(found.column);
                return renderer.render(&[title.element(origin).elements(helps)]);
            }
            let mark = AnnotationKind::Primary.span(found.marked.clone()).label(problem.expected.as_deref());
            let snippet = Snippet::source(&found.text).line_start(found.line).path(found.name).annotation(mark);
            renderer.render(&[title.element(snippet).elements(helps)])
        }
        Place::File { name, line } => {
            let expected = problem.expected.iter().map(|expected| Level::NOTE.message(expected));
            let origin = Origin::path(name.as_str()).line(*line).char_column(1);
            renderer.render(&[title.element(origin).elements(expected).elements(helps)])
        }
    }
}
