//! A whole and its parts, as one bar.

use std::fmt::Write;

use super::escaped;

/// A part of the whole.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Part {
    /// Class that gives the colour.
    pub(in crate::report::html) class: String,
    pub(in crate::report::html) size: f64,
    /// What shows under the pointer.
    pub(in crate::report::html) text: String,
}

/// A part that is there is seen, however small: at least this many of a thousand.
const PART_WIDTH_MIN: f64 = 6.0;
/// Room between neighbours, so that they are told apart without colour.
const GAP: f64 = 1.6;

/// The bar as an SVG element; empty when the parts come to nothing.
pub(in crate::report::html) fn stacked_bar(title: &str, description: &str, parts: &[Part]) -> String {
    let sizes = || parts.iter().map(|part| if part.size.is_finite() { part.size.max(0.0) } else { 0.0 });
    let whole: f64 = sizes().sum();
    if whole <= 0.0 {
        return String::new();
    }
    let widths: Vec<f64> =
        sizes().map(|size| if size > 0.0 { (size / whole * 1_000.0).max(PART_WIDTH_MIN) } else { 0.0 }).collect();
    let scale = 1_000.0 / widths.iter().sum::<f64>();
    let mut out = String::from(r#"<svg class="stacked" viewBox="0 0 1000 24" preserveAspectRatio="none" role="img">"#);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<title>{}</title><desc>{} Small parts are drawn wider than they are.</desc>",
        escaped(title),
        escaped(description)
    );
    let mut from = 0.0;
    for (part, width) in parts.iter().zip(widths).filter(|(_, width)| *width > 0.0) {
        let width = width * scale;
        let _ = write!(
            out,
            r#"<rect class="{}" x="{from:.2}" y="0" width="{:.2}" height="24"><title>{}</title></rect>"#,
            part.class,
            (width - GAP).max(1.0),
            escaped(&part.text)
        );
        from += width;
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(sizes: &[f64]) -> Vec<Part> {
        sizes.iter().map(|size| Part { class: "s1".to_owned(), size: *size, text: "<a>".to_owned() }).collect()
    }

    #[test]
    fn small_parts_are_seen_and_missing_ones_are_not() {
        let bar = stacked_bar("a", "b.", &parts(&[80_000.0, 2.0, 0.0]));
        assert_eq!(bar.matches("<rect").count(), 2, "{bar}");
        assert!(!bar.contains("<a>"), "{bar}");
    }

    #[test]
    fn nothing_is_no_bar() {
        assert_eq!(stacked_bar("a", "b.", &parts(&[0.0, f64::NAN, -1.0])), "");
    }
}
