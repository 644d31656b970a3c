//! Every scenario that comes with the program loads, and so do those that must keep working.

use std::path::Path;
use std::time::Duration;

use super::*;

/// Every `.toml` of a folder of the repository.
pub(super) fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = std::fs::read_dir(root.join(folder))
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    let source = |path: &Path| Source {
        name: path.strip_prefix(root).expect("inside").display().to_string(),
        text: std::fs::read_to_string(path).expect("readable"),
    };
    paths.iter().map(|path| source(path)).collect()
}

fn load_plain(source: &Source, overrides: &Overrides) -> Result<Loaded, Problems> {
    // Defaults stand in for what is not set, but for the one file that insists on a password.
    let is_needed = source.name.ends_with("friday-morning.toml");
    let around = Surroundings {
        variable: &|_| is_needed.then(|| "secret".to_owned()),
        read_file: &|_| Err("no such file".into()),
    };
    load(source, overrides, &around)
}

fn loaded(source: &Source, overrides: &Overrides) -> Loaded {
    load_plain(source, overrides).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_contract_loads_unchanged() {
    let sources = sources("tests/contract");
    assert!(sources.len() >= 3);
    for source in sources {
        let loaded = loaded(&source, &Overrides::default());
        let again = Source { name: "effective".into(), text: loaded.effective };
        let around = Surroundings { variable: &|_| Some("x".into()), read_file: &|_| Err("none".into()) };
        load(&again, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
    }
}

fn office() -> Source {
    sources("tests/contract").into_iter().find(|source| source.name.ends_with("office.toml")).expect("there")
}

#[test]
fn the_office_is_read_as_written() {
    let scenario = loaded(&office(), &Overrides::default()).scenario;
    assert_eq!(scenario.users.count, 200);
    assert_eq!(scenario.auth.rate_per_s, 500.0);
    assert_eq!(scenario.load.duration(), Duration::from_secs(16));
    let names: Vec<&str> = scenario.personas[0].states.iter().map(|state| state.name.as_str()).collect();
    assert_eq!(names, ["sign-in", "settle", "talk", "away"]);
    assert_eq!(scenario.personas[0].states[2].next, [(2, 95.0), (3, 5.0)]);
    assert!(scenario.personas[0].states[2].awaits_arrival);
    assert_eq!(scenario.personas[0].states[2].steps[1].chance, 0.1);
    assert_eq!(scenario.gates.len(), 6);
    let UserSource::Generated { first, width, password, .. } = &scenario.users.source else { panic!("generated") };
    assert_eq!((*first, *width, password.reveal()), (1001, 4, "secret"));
}

#[test]
fn flags_change_the_model_and_the_text_alike() {
    let overrides = Overrides {
        set: [
            "target.timeout=3s",
            "load.arrivals[1].to=\"50/s\"",
            "persona.talker.state.away.think = uniform 1s 2s",
            "persona.sharer.share=3",
            "topology.groups.team.members=10",
            "target.source_addresses=[\"127.0.0.2-127.0.0.9\"]",
            "description=no TOML, but a text",
        ]
        .map(str::to_owned)
        .to_vec(),
        users: Some(50),
        duration: Some(Duration::from_secs(30)),
        seed: Some(7),
        target: Some("ws://127.0.0.1:9000".into()),
        gates: vec!["login.count > 0".into()],
    };
    let first = loaded(&office(), &overrides);
    let again = Source { name: "effective".into(), text: first.effective.clone() };
    let around = Surroundings { variable: &|_| Some("x".into()), read_file: &|_| Err("none".into()) };
    let second = load(&again, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
    for scenario in [&first.scenario, &second.scenario] {
        assert_eq!(scenario.target.timeout, Duration::from_secs(3));
        assert_eq!(scenario.load.arrivals[1].to, Some(50.0));
        assert_eq!(scenario.personas[1].share, 3);
        assert_eq!(scenario.topology.groups[0].members, 10);
        assert_eq!(scenario.target.source_addresses.len(), 8);
        assert_eq!(scenario.description, "no TOML, but a text");
        assert_eq!(scenario.users.count, 50);
        assert_eq!(scenario.load.users[0].to, Some(50.0));
        assert_eq!(scenario.load.duration(), Duration::from_secs(30));
        assert_eq!(scenario.seed, 7);
        assert_eq!(scenario.gates.last().map(|gate| gate.text.as_str()), Some("login.count > 0"));
        let TargetUrl::Service(endpoint) = &scenario.target.url else { panic!("a service") };
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("127.0.0.1", 9000));
    }
    assert!(!first.effective.contains("secret"), "{}", first.effective);
    let gate = first.scenario.gates.last().expect("there");
    let part = first.place_in_gate(gate, 0..11);
    let problems = first.problems(vec![Problem::at(part, "unknown figure `login.count`")]).to_string();
    assert!(problems.contains("command line:1:8"), "{problems}");
}

#[test]
fn comments_are_kept_and_passwords_are_not() {
    let text = office()
        .text
        .replace("[target]", "# why this target\n[target]")
        .replace("${env:PBX_PASSWORD:-secret}", "hunter2");
    let effective = loaded(&Source { name: "a".into(), text }, &Overrides::default()).effective;
    assert!(effective.contains("# why this target"));
    assert!(effective.contains("password = \"${env:PBX_PASSWORD}\""), "{effective}");
    assert!(!effective.contains("hunter2"));
}

#[test]
fn every_shipped_scenario_loads_and_says_what_it_is() {
    let sources = sources("scenarios");
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    for name in [
        "smoke",
        "login-storm",
        "p2p-steady",
        "group-fanout",
        "upload",
        "office-day",
        "soak",
        "restart-storm",
        "tinode",
    ] {
        let file = format!("scenarios/{name}.toml");
        let source = sources.iter().find(|source| source.name == file).unwrap_or_else(|| panic!("{file} of {names:?}"));
        let scenario = loaded(source, &Overrides::default()).scenario;
        assert_eq!(scenario.name, name);
        assert!(!scenario.gates.is_empty() && !scenario.description.is_empty(), "{file}");
        assert!(source.text.starts_with(&format!("# {name}: ")), "{file}");
        assert!(source.text.contains(&format!("pbxload run {file}")), "{file}");
    }
}

#[test]
fn shipped_scenarios_take_other_sizes_and_lengths() {
    for source in sources("scenarios") {
        let duration = Duration::from_secs(60);
        let overrides = Overrides { users: Some(500), duration: Some(duration), ..Overrides::default() };
        let scenario = loaded(&source, &overrides).scenario;
        let peak = scenario.load.users.iter().filter_map(|stage| stage.to).fold(0.0, f64::max);
        assert_eq!((scenario.users.count, peak), (500, 500.0), "{}", source.name);
        assert_eq!(scenario.load.duration(), duration, "{}", source.name);
    }
}

#[test]
fn smoke_touches_every_operation_and_is_short() {
    let sources = sources("scenarios");
    let smoke = sources.iter().find(|source| source.name.ends_with("smoke.toml")).expect("there");
    let scenario = loaded(smoke, &Overrides::default()).scenario;
    let states = || scenario.personas.iter().flat_map(|persona| &persona.states);
    for id in crate::ops::OpId::ALL {
        assert!(states().flat_map(|state| &state.steps).any(|step| step.op.id() == *id), "{}", id.name());
    }
    assert!(scenario.load.duration() < Duration::from_secs(20));
    assert!(!scenario.load.arrivals.is_empty() && !scenario.topology.groups.is_empty());
}
