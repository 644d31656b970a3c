//! Text that a server, a file or a scenario chose: made visible before it reaches a terminal or a page.
//!
//! Escaping of `<` and `|` belongs to each format. What all of them share is that a control character must not move a
//! cursor and a direction override must not turn a sentence round: they are shown as `\u{1b}` instead.

use std::fmt;

/// Longest text shown in one place, in characters; an example of a failure has no need of more.
const SHOWN_CHARS_MAX: usize = 2_000;

/// One line of text with control and direction characters made visible, cut after 2,000 characters.
pub fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        if index == SHOWN_CHARS_MAX {
            out.push('…');
            break;
        }
        push_visible(&mut out, character);
    }
    out
}

/// The first `width` characters of a visible line, the last one `…` when something was cut.
pub fn cut(text: &str, width: usize) -> String {
    let line = one_line(text);
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width.saturating_sub(1)).chain(std::iter::once('…')).collect()
}

/// A sink that makes control and direction characters visible on their way out; line feeds pass.
///
/// The HTML page goes through it as a whole, so that no place in a template can forget it.
#[derive(Debug, Default)]
pub struct VisibleText(String);

impl VisibleText {
    /// The text written so far.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Write for VisibleText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\n' => self.0.push('\n'),
                other => push_visible(&mut self.0, other),
            }
        }
        Ok(())
    }
}

fn push_visible(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push(' '),
        // Also the marks that change the direction of what follows, and those that take no space.
        hidden @ ('\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{61c}') => {
            out.extend(hidden.escape_unicode());
        }
        control if control.is_control() => out.extend(control.escape_unicode()),
        // Not characters of XML or HTML, although Unicode has them.
        '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
        shown => out.push(shown),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn escape_sequences_and_overrides_are_shown_not_obeyed() {
        assert_eq!(one_line("a\u{1b}[31mred\r\nb\u{202e}c\0"), "a\\u{1b}[31mred\\r\\nb\\u{202e}c\\u{0}");
        assert_eq!(one_line("größer 日本 🎉\u{202f}1"), "größer 日本 🎉\u{202f}1");
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(one_line(&"ü".repeat(5_000)).chars().count(), 2_001);
        assert_eq!(cut("größer", 4), "grö…");
        assert_eq!(cut("groß", 4), "groß");
    }

    #[test]
    fn the_sink_keeps_lines() {
        let mut sink = VisibleText::default();
        sink.write_str("a\nb\u{7}").expect("memory takes it");
        assert_eq!(sink.into_string(), "a\nb\\u{7}");
    }
}
