//! What has to be the same for two runs to be comparable.

use crate::random::mix;
use crate::results::RunInfo;

/// Keys of a scenario that change what is said about a run, or where it goes, and not the load that it makes.
const NOT_THE_LOAD: [&str; 4] = ["description", "seed", "gates", "health"];
/// Keys of `[target]` that say where the target is, and what is watched beside the load.
const PLACE: [&str; 8] = ["url", "rest_url", "file_url", "source_addresses", "tls", "name", "metrics", "process"];
/// Port of the service unless a URL says otherwise.
const PORT: &str = ":8887";
/// Longest target name, characters.
const NAME_CHARS_MAX: usize = 60;

/// Hash of the load that a scenario's text makes: without its gates, description, seed and the place of the target, and
/// whatever the order of its keys, blanks and comments. A text that is no TOML is hashed as it is.
pub fn load_hash(scenario: &str) -> String {
    let text = match scenario.parse::<toml::Table>() {
        Ok(mut table) => {
            table.retain(|key, _| !NOT_THE_LOAD.contains(&key));
            if let Some(toml::Value::Table(target)) = table.get_mut("target") {
                target.retain(|key, _| !PLACE.contains(&key));
            }
            sorted(&toml::Value::Table(table))
        }
        Err(_) => scenario.to_owned(),
    };
    format!("{:016x}", text.bytes().fold(text.len() as u64, |hash, byte| mix(hash ^ u64::from(byte))))
}

/// A value in one form.
fn sorted(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(table) => {
            let mut pairs: Vec<_> = table.iter().map(|(key, value)| format!("{key:?}:{}", sorted(value))).collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(","))
        }
        toml::Value::Array(values) => format!("[{}]", values.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// A short name of a target, fit for a file: its host, with the port where that is not the service's own.
pub fn target_name(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = place.rsplit('@').next().unwrap_or_default().trim_end_matches(PORT);
    let fits = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = place.chars().take(NAME_CHARS_MAX).map(fits).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "target".to_owned() } else { name.to_owned() }
}

/// The load that a run made: the hash of an older run covers all of its scenario.
pub(super) fn load_of(run: &RunInfo) -> String {
    if run.load_hash.is_empty() { format!("scenario {}", run.scenario_hash) } else { run.load_hash.clone() }
}

/// The machine that made a run's load, in one line.
pub(super) fn machine_of(run: &RunInfo) -> String {
    match &run.hardware {
        Some(hardware) => hardware.to_string(),
        None => run.machine.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_seeds_and_comments_leave_the_load_as_it_is() {
        let one = "name = \"a\"\nseed = 1\n[target]\nurl = \"embedded\"\ntimeout = \"5s\"\n[gates]\nrequire = []\n";
        let same =
            "# about\nname='a'\nseed = 2\n[gates]\nwarn = ['x']\n[target]\ntimeout = \"5s\"\nurl = \"wss://b\"\n";
        assert_eq!(load_hash(one), load_hash(same));
        assert_ne!(load_hash(one), load_hash(&one.replace("5s", "6s")));
        assert_ne!(load_hash("no TOML ["), load_hash("no TOML [["));
    }

    #[test]
    fn targets_have_names_that_files_can_carry() {
        for (url, name) in [
            ("embedded", "embedded"),
            ("wss://pbx.staging.example.com:8887", "pbx.staging.example.com"),
            ("ws://u:p@127.0.0.1:4000/im?x=1", "127.0.0.1-4000"),
            ("wss://[::1]:8887", "1"),
            ("../..", "target"),
        ] {
            assert_eq!(target_name(url), name, "{url}");
        }
    }
}
