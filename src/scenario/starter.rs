//! The file that `pbxload init` writes: short enough to be read, complete enough to run.

/// A commented scenario with this name; letters, digits, `-`, `_` and `.` of it are kept.
pub fn starter(name: &str) -> String {
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let kept: String = name.chars().filter(is_allowed).take(64).collect();
    let kept = kept.trim_start_matches('.');
    include_str!("starter.toml").replace("@NAME@", if kept.is_empty() { "first" } else { kept })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, Source, Surroundings, load};

    #[test]
    fn the_starter_loads_whatever_its_name() {
        for (name, wanted) in [("friday", "friday"), ("../a b\"", "ab"), ("", "first"), ("Ünï", "n")] {
            let source = Source { name: "starter".into(), text: starter(name) };
            let around = Surroundings { variable: &|_| None, read_file: &|_| Err("no such file".into()) };
            let loaded = load(&source, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(loaded.scenario.name, wanted);
        }
    }

    #[test]
    fn every_line_that_is_commented_out_works_too() {
        let text: String = starter("all")
            .lines()
            .map(|line| match line.strip_prefix("#: ") {
                Some(setting) => format!("{setting}\n"),
                None => format!("{line}\n"),
            })
            .collect();
        let text = text.replace("\"embedded\"", "\"wss://pbx.example.com:8887\"");
        let source = Source { name: "starter".into(), text };
        let around = Surroundings { variable: &|_| None, read_file: &|_| Err("no such file".into()) };
        load(&source, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
    }
}
