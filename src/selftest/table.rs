//! Rows as people and programs read them.

use serde_json::{Value, json};

use super::conduct::Examined;
use super::row::{Bound, Row, Unit};

/// The table, and the summary as its last line.
pub fn to_text(examined: &[Examined]) -> String {
    let head = ["class", "what", "injected", "reported", "exact", "compared"].map(str::to_owned);
    let shown = examined.iter().flat_map(|case| &case.rows).filter(|row| !row.is_common || !row.agrees());
    let lines: Vec<[String; 6]> = std::iter::once(head).chain(shown.map(cells)).collect();
    let widths: Vec<usize> =
        (0..5).map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or(0);
            text += &match column {
                5 => cell.clone(),
                2 | 3 => format!("{cell:>width$}  "),
                _ => format!("{cell:<width$}  "),
            };
        }
        text.push('\n');
    }
    for case in examined {
        for doubt in &case.doubts {
            text += &format!("{}: {doubt}\n", case.class);
        }
    }
    text + "\n" + &summary(examined) + "\n"
}

/// One line on all rows.
pub fn summary(examined: &[Examined]) -> String {
    let rows = examined.iter().map(|case| case.rows.len()).sum::<usize>();
    let off: Vec<&str> = examined.iter().filter(|case| !agrees(case)).map(|case| case.class).collect();
    let classes = examined.len();
    match off.as_slice() {
        [] => format!("every fault was reported as it was injected: {classes} classes, {rows} comparisons"),
        off => {
            format!("{} of {classes} classes were not reported as they were injected: {}", off.len(), off.join(", "))
        }
    }
}

/// Everything, for programs.
pub fn to_json(examined: &[Examined]) -> Value {
    let row = |row: &Row| {
        let mut value = json!(row);
        value["exact"] = row.agrees().into();
        value
    };
    let case = |case: &Examined| {
        let rows: Vec<Value> = case.rows.iter().map(row).collect();
        json!({ "class": case.class, "exact": agrees(case), "rows": rows, "doubts": case.doubts })
    };
    let cases: Vec<Value> = examined.iter().map(case).collect();
    json!({ "exact": examined.iter().all(agrees), "summary": summary(examined), "classes": cases })
}

/// Whether all rows of a case agree.
fn agrees(case: &Examined) -> bool {
    case.rows.iter().all(Row::agrees)
}

fn cells(row: &Row) -> [String; 6] {
    let exact = match (row.agrees(), row.bound) {
        (false, _) => "NO",
        (true, Bound::Exact) => "yes",
        (true, _) => "in bound",
    };
    let shown = |value: u64| match row.unit {
        Unit::Count => value.to_string(),
        Unit::Us => format!("{:.1} ms", value as f64 / 1e3),
    };
    let bound = match row.bound {
        Bound::Exact => String::new(),
        Bound::Within(low, high) => format!(", within {} to {}", shown(low), shown(high)),
        Bound::AtLeast(low) => format!(", at least {}", shown(low)),
    };
    let nothing = if row.must_occur && row.injected == 0 { "; the fault never happened" } else { "" };
    let compared = format!("{}{bound}{nothing}", row.compared);
    let (injected, reported) = (shown(row.injected), shown(row.reported));
    [row.class.to_owned(), row.what.clone(), injected, reported, exact.to_owned(), compared]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examined(reported: u64) -> Vec<Examined> {
        let mut claims = super::super::Claims::new("lose");
        claims.fault("lost deliveries", 7, reported, "lost = delivery.lost");
        claims.common("phantom", 0, 0, "no other fault is reported");
        vec![Examined { class: "lose", rows: claims.into_rows(), doubts: Vec::new() }]
    }

    #[test]
    fn a_row_that_is_off_says_so_and_so_does_the_last_line() {
        let text = to_text(&examined(6));
        assert!(text.contains("7         6  NO"), "{text}");
        assert!(text.ends_with("1 of 1 classes were not reported as they were injected: lose\n"), "{text}");
        assert_eq!(to_json(&examined(6))["exact"], false);
    }

    #[test]
    fn common_rows_are_shown_only_when_they_are_off() {
        let text = to_text(&examined(7));
        assert!(!text.contains("phantom"), "{text}");
        assert!(text.ends_with("1 classes, 2 comparisons\n"), "{text}");
        assert_eq!(to_json(&examined(7))["classes"][0]["rows"][1]["exact"], true);
    }
}
