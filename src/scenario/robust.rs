//! No text makes the loader panic, and no place of a problem is outside of a text.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const VALID: &str = include_str!("../../tests/contract/office.toml");

/// Loads and, when that fails, renders: both must come back.
fn survives(text: String, overrides: &Overrides) {
    let source = Source { name: "random.toml".into(), text };
    let around = Surroundings {
        variable: &|name| (name.len() % 2 == 0).then(|| "value".to_owned()),
        read_file: &|path| match path.len() % 3 {
            0 => Err("no such file".to_owned()),
            1 => Ok("name,domain,password\n1,a,b\n".to_owned()),
            _ => Ok("name,\"domain\n,\u{0},x\n\"".to_owned()),
        },
    };
    match load(&source, overrides, &around) {
        Ok(loaded) => assert!(!loaded.effective.is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(problems.to_string().contains("random.toml"));
            serde_json::to_string(&problems).expect("serialises");
        }
    }
}

/// A line of the valid scenario, or something that looks like one.
fn line() -> impl Strategy<Value = String> {
    let lines: Vec<String> = VALID.lines().map(str::to_owned).collect();
    let words = "[a-z_]{1,9}|name|target|users|load|persona|steps|op|to|next|\\[|\\]|\\{|\\}|\\[\\[|\\]\\]|=|,|\"|'|\\.|#|-?[0-9]{1,20}|\\$\\{env:[A-Z]{0,3}|é|\\\\u0000";
    prop_oneof![
        3 => proptest::sample::select(lines),
        1 => proptest::collection::vec(words, 0..8).prop_map(|words| words.join(" ")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_scenario_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..20_usize, ".{0,6}|[=\"{}\\[\\],0-9$]{0,4}"), 1..5)
    ) {
        let mut text: Vec<char> = VALID.chars().collect();
        for (at, length, insertion) in changes {
            let start = at.index(text.len().max(1)).min(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, insertion.chars());
        }
        survives(text.into_iter().collect(), &Overrides::default());
    }

    #[test]
    fn shuffled_lines_are_survived(lines in proptest::collection::vec(line(), 0..40)) {
        survives(lines.join("\n"), &Overrides::default());
    }

    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}|(?s).{0,100}") {
        survives(text, &Overrides::default());
    }

    #[test]
    fn any_flag_is_survived(
        path in "[a-z]{1,8}(\\.[a-z]{1,8}|\\[[0-9]{1,2}\\]){0,4}|(load\\.users|load\\.arrivals|topology\\.groups|persona|gates\\.require)(\\[[0-9]\\])?(\\.(to|over|hold|name|state|talker))?|.{0,9}",
        value in "-?[0-9.]{0,20}|\"[a-z]{0,4}\"|[a-z0-9 /]{0,9}|[\\[{].{0,9}[}\\]]|.{0,9}",
        users in any::<Option<u32>>(),
        seconds in any::<Option<u64>>(),
    ) {
        let overrides = Overrides {
            set: vec![format!("{path}={value}"), path],
            users,
            duration: seconds.map(Duration::from_secs),
            target: Some(value.clone()),
            gates: vec![value],
            ..Overrides::default()
        };
        survives(VALID.to_owned(), &overrides);
    }
}

#[test]
fn long_and_deep_texts_are_survived() {
    let deep = |open: &str, close: &str| format!("a = {}{}", open.repeat(5_000), close.repeat(5_000));
    for text in [
        deep("[", "]"),
        deep("{a=", "}"),
        format!("{}=1", "a.".repeat(5_000)),
        "x".repeat(2 << 20),
        "password = \"\n".repeat(20_000),
        "[[persona]]\n".repeat(20_000),
        format!(
            "[[persona]]\nname=\"a\"\n{}",
            (0..3_000).map(|i| format!("[persona.state.s{i}]\n")).collect::<String>()
        ),
    ] {
        survives(text, &Overrides::default());
    }
}
