//! JSON Schema of a scenario, for editors: completion and first warnings while typing. The loader is stricter.
//!
//! Put together by hand, because the model is not what is written; the operations bring the schemas of their own
//! parameters. A test holds it against the keys that the loader takes.

use serde_json::{Map, Value, json};

use super::{curves, events, gates, persona, quantity, step, target, topology, users, watched};
use crate::ops::OpId;
use crate::protocol::dialect;

/// The schema, draft 2020-12.
pub fn schema() -> Value {
    let mut generator = schemars::SchemaGenerator::default();
    let steps: Vec<Value> = OpId::ALL.iter().map(|id| operation(*id, &mut generator)).collect();
    let mut definitions = Map::new();
    for (name, definition) in [
        ("duration", duration()),
        ("rate", rate()),
        ("step", json!({ "description": "One thing that a user does.", "oneOf": steps })),
        ("state", state()),
        ("users_stage", stage(json!({ "type": "integer", "minimum": 0, "maximum": users::USERS_MAX }))),
        ("arrivals_stage", stage(reference("rate"))),
    ] {
        definitions.insert(name.to_owned(), definition);
    }
    definitions.extend(generator.take_definitions(true));
    let mut schema = table(
        "A scenario of pbxload.",
        json!({
            "name": { "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$", "description": "Names the run's folder." },
            "description": { "type": "string", "description": "One or two sentences for people." },
            "seed": { "type": "integer", "minimum": 0, "default": 1, "description": "Seed of every random choice." },
            "allow_emc": { "type": "boolean", "default": false, "description": "Allows publishing to `emc` topics, which can send real text messages." },
            "target": target_section(),
            "auth": auth_section(),
            "users": users_section(),
            "topology": topology_section(),
            "load": load_section(),
            "persona": { "type": "array", "minItems": 1, "items": persona_section() },
            "event": { "type": "array", "items": event_section() },
            "health": health_section(),
            "journal": journal_section(),
            "gates": gates_section(),
        }),
        &["name", "target", "users", "load", "persona"],
    );
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("pbxload scenario");
    schema["$defs"] = Value::Object(definitions);
    schema
}

/// A table with these keys and no others.
fn table(description: &str, properties: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "description": description,
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn words<T>(choices: &[(&str, T)], default: Option<&str>, description: &str) -> Value {
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let mut value = json!({ "type": "string", "enum": words, "description": description });
    if let Some(default) = default {
        value["default"] = json!(default);
    }
    value
}

fn duration() -> Value {
    json!({
        "type": "string",
        "description": "A duration such as `250ms`, `10s` or `1h 30m`.",
        "pattern": r"^\s*([0-9]+\s*[a-zµ]+\s*)+$",
        "examples": ["250ms", "10s", "1h 30m"],
    })
}

fn rate() -> Value {
    json!({
        "type": "string",
        "description": format!("A rate such as `200/s`, `3000/min` or `10/h`; at most {}/s.", quantity::RATE_MAX),
        "pattern": r"^\s*[0-9][0-9.]*\s*/\s*(s|sec|second|m|min|minute|h|hour)\s*$",
        "examples": ["200/s", "3000/min"],
    })
}

fn target_section() -> Value {
    let dialects: Vec<(&str, ())> = dialect::ALL.iter().map(|dialect| (dialect.name, ())).collect();
    let url = |what: &str| json!({ "type": "string", "description": what });
    let tls = table(
        "How certificates are checked.",
        json!({
            "verify": { "type": "boolean", "default": true, "description": "Whether the chain and the name are verified at all." },
            "ca_file": { "type": "string", "description": "Trust anchors in PEM, instead of the system's." },
            "server_name": { "type": "string", "description": "Name to verify instead of the host." },
        }),
        &[],
    );
    table(
        "Where the load goes.",
        json!({
            "url": url("`embedded` for the simulator, or a `wss://`, `ws://`, `https://` or `http://` URL; the port is the dialect's, 8887 or 6060, when not given."),
            "rest_url": url("Base of the REST interface; from `url` when not given."),
            "file_url": url("Base of the file interface; from `url` when not given."),
            "dialect": words(&dialects, Some("portsip"), "How the service speaks."),
            "api_key": { "type": "string", "description": "Key of a Tinode server: `${env:TINODE_API_KEY}`." },
            "protocol_version": { "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)+$", "description": "Version that `{hi}` asks a Tinode server for." },
            "tls": tls,
            "timeout": reference("duration"),
            "ping_every": reference("duration"),
            "dead_after": reference("duration"),
            "source_addresses": {
                "type": "array", "maxItems": target::SOURCE_ADDRESSES_MAX, "items": { "type": "string" },
                "description": "Local addresses to connect from: single, `a-b`, or a network `10.0.2.0/28`.",
            },
            "connect_rate": reference("rate"),
            "metrics": { "type": "array", "maxItems": watched::SOURCES_MAX, "items": metrics_section(), "description": "Prometheus text endpoints with the target's own figures." },
            "process": process_section(),
        }),
        &["url"],
    )
}

fn metrics_section() -> Value {
    let figure = json!({ "type": "string", "examples": ["process_resident_memory_bytes", "max(queue_depth{kind=\"out\"})", "rate(requests_total)"] });
    table(
        "A Prometheus text endpoint.",
        json!({
            "url": { "type": "string", "description": "`http://` or `https://`, or a path of the target itself such as `/metrics`." },
            "figures": { "type": "object", "minProperties": 1, "additionalProperties": figure, "description": "Name of a figure to the metric that it is; gates call it `target.NAME.max`." },
        }),
        &["url", "figures"],
    )
}

fn process_section() -> Value {
    table(
        "A process of this machine, read in `/proc`.",
        json!({
            "pid": { "type": "integer", "minimum": 1 },
            "pid_file": { "type": "string", "description": "File that holds the number; read each time." },
        }),
        &[],
    )
}

fn auth_section() -> Value {
    table(
        "How access tokens are had.",
        json!({
            "flow": words(target::FLOWS, None, "How tokens are had: by these REST calls of a PBX, or by `password` from a Tinode server; `token` takes them from the user file."),
            "rate": reference("rate"),
            "refusals_max": { "type": "integer", "minimum": 1, "default": 10, "description": "So many refusals in a row end the run." },
        }),
        &[],
    )
}

fn users_section() -> Value {
    let generate = table(
        "Users counted up.",
        json!({
            "name": { "type": "string", "pattern": r"^[^{}]*\{[0-9]{1,18}\}[^{}]*$", "description": "`{1001}` counts up from 1001; leading zeros are kept." },
            "domain": { "type": "string", "description": "SIP domain; not for a Tinode server." },
            "password": { "type": "string", "description": "One password for all: `${env:PBX_PASSWORD}` or `${file:PATH}`." },
        }),
        &["name", "password"],
    );
    table(
        "Who the virtual users are.",
        json!({
            "count": { "type": ["integer", "string"], "minimum": 1, "maximum": users::USERS_MAX, "description": "How many; with `file`, all of them when not given." },
            "generate": generate,
            "file": { "type": "string", "description": "CSV with the columns name, domain and password (or token)." },
            "provision": { "type": "boolean", "default": false, "description": "Whether the set-up creates the accounts that a Tinode server does not have yet." },
        }),
        &[],
    )
}

fn topology_section() -> Value {
    let group = table(
        "A kind of group.",
        json!({
            "name": { "type": "string", "description": "The NAME of `group:NAME`." },
            "members": { "type": "integer", "minimum": 1, "maximum": users::USERS_MAX, "description": "Most members of one group." },
            "count": { "type": "integer", "minimum": 1, "description": "How many groups; as many as the users fill when not given." },
        }),
        &["name", "members"],
    );
    table(
        "Who talks to whom.",
        json!({
            "pairs": words(topology::PAIRINGS, None, "How every user gets a peer."),
            "groups": { "type": "array", "items": group },
        }),
        &[],
    )
}

fn stage(to: Value) -> Value {
    let name = json!({ "type": "string", "maxLength": 40, "description": "What gates call it: `during \"NAME\"`." });
    let moving =
        table("Goes to a value.", json!({ "to": to, "over": reference("duration"), "name": name }), &["to", "over"]);
    let holding = table("Stays where it is.", json!({ "hold": reference("duration"), "name": name }), &["hold"]);
    json!({ "oneOf": [moving, holding] })
}

fn load_section() -> Value {
    let curve = |stage: &str, what: &str| json!({ "type": "array", "minItems": 1, "items": reference(stage), "description": what });
    let mut section = table(
        "How much, when.",
        json!({
            "users": curve("users_stage", "How many users are online."),
            "arrivals": curve("arrivals_stage", "How many iterations begin each second, whatever the server does."),
            "day": day_section(),
            "arrival_spacing": words(curves::SPACINGS, Some("poisson"), "How arrivals are spaced."),
            "drain": reference("duration"),
            "catch_up": { "type": "boolean", "default": true, "description": "Users fetch from the history what they missed after a lost connection." },
        }),
        &[],
    );
    section["anyOf"] = json!([{ "required": ["users"] }, { "required": ["day"] }]);
    section
}

fn day_section() -> Value {
    let points = |value: Value, what: &str| json!({ "type": "object", "minProperties": 1, "additionalProperties": value, "description": what });
    table(
        "The load as a table of times of day, run through faster than the clock; instead of `users` and `arrivals`.",
        json!({
            "speed_up": { "type": "number", "minimum": 1, "maximum": 1440, "default": 1, "description": "24 makes an hour of a day." },
            "start": { "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "description": "Time of day at which the load begins; the first of `users` when not given." },
            "days": { "type": "integer", "minimum": 1, "default": 1 },
            "opening": reference("duration"),
            "users": points(json!({ "type": "integer", "minimum": 0, "maximum": users::USERS_MAX }), "How many users are online at each time, such as `\"09:00\" = 1000`; linear between them."),
            "arrivals": points(reference("rate"), "How many iterations begin each second at each time."),
        }),
        &["users"],
    )
}

fn health_section() -> Value {
    let share = |usual: &str, what: &str| json!({ "type": "string", "pattern": r"^\s*[0-9.]+\s*%$", "default": usual, "description": what });
    table(
        "From where on the generator is the bottleneck and its run gives no verdict.",
        json!({
            "lag_p99": reference("duration"),
            "worker_cpu": share("95%", "Share of a core that a worker's thread may use."),
            "starvation": share("50%", "Share of its runnable time that a worker may wait for a processor."),
            "memory": share("90%", "Share of the machine's memory that the process may use."),
            "send_queue": { "type": "string", "pattern": r"^\s*[0-9]+\s*(B|KiB|MiB|GiB|kB|KB|MB|GB)?\s*$", "description": "Bytes that may wait in the send queue of a connection; no limit when not given." },
            "intervals": { "type": "integer", "minimum": 1, "default": 3, "description": "Intervals in a row that make the bottleneck." },
            "tolerate": share("0.1%", "Share of the load that such spells may cover before the verdict is withheld; `0%` for none."),
        }),
        &[],
    )
}

fn event_section() -> Value {
    table(
        "Something that happens to users in the middle of the load.",
        json!({
            "at": reference("duration"),
            "every": reference("duration"),
            "do": words(events::DISTURBANCES, None, "What happens."),
            "share": { "type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 1, "description": "Share of all users, chosen by the seed." },
            "for": reference("duration"),
            "reconnect": words(events::RECONNECTS, None, "How those come back who lose their connection."),
            "arrivals": { "type": "integer", "minimum": 1, "maximum": 1_000_000, "description": "How many arrivals fall due at once, of a burst." },
        }),
        &["at", "do"],
    )
}

fn journal_section() -> Value {
    table(
        "How long the intervals of the run's journal stay as fine as they were measured.",
        json!({ "fine": reference("duration"), "medium": reference("duration") }),
        &[],
    )
}

fn persona_section() -> Value {
    table(
        "What a kind of user does.",
        json!({
            "name": { "type": "string" },
            "share": { "type": "integer", "minimum": 1, "default": 1, "description": "Its part of the users, relative to the other personas." },
            "start": { "type": "string", "description": "The first state; the first one written when not given." },
            "state": { "type": "object", "minProperties": 1, "additionalProperties": reference("state") },
        }),
        &["name", "state"],
    )
}

fn state() -> Value {
    let settled: Vec<&str> = persona::ON_FAILURE.iter().map(|(word, _)| *word).collect();
    table(
        "Waits for an arrival if it says so, takes its steps in order, thinks, goes on.",
        json!({
            "await": { "const": "arrival", "description": "Parks the user here until the open model sends work." },
            "steps": { "type": "array", "items": reference("step") },
            "think": {
                "type": "string",
                "description": "`5s`, `uniform 1s 9s`, `exponential 5s`, `normal 5s 1s` or `log-normal 5s 2s`.",
                "pattern": r"^\s*((constant|exponential)\s+\S+|(uniform|normal|log-normal)\s+\S+\s+\S+|[0-9].*)\s*$",
            },
            "next": {
                "description": "The next state, or states with weights; without it the user is done.",
                "oneOf": [
                    { "type": "string" },
                    { "type": "object", "minProperties": 1, "additionalProperties": { "type": "number", "exclusiveMinimum": 0 } },
                ],
            },
            "on_failure": {
                "type": "string",
                "default": "restart",
                "description": format!("{}, `goto STATE`, or a state's name.", settled.join(", ")),
                "examples": settled,
            },
        }),
        &[],
    )
}

fn gates_section() -> Value {
    let list =
        |what: &str| json!({ "type": "array", "items": { "type": "string", "minLength": 1 }, "description": what });
    let rule = table(
        "What ends the run.",
        json!({
            "gate": { "type": "string", "minLength": 1, "description": "What has to be so, such as `failures.ratio > 20%`." },
            "for": reference("duration"),
            "after": reference("duration"),
        }),
        &["gate"],
    );
    let rules = json!({ "oneOf": [{ "type": "string", "minLength": 1 }, rule] });
    table(
        "Bounds that decide the verdict, such as `publish.response.p99 < 250ms` or `delivery.lost == 0`.",
        json!({
            "require": list("The run fails when one does not hold."),
            "warn": list("The run warns when one does not hold."),
            "abort_when": {
                "type": "array", "items": rules,
                "description": "Ends the run as failed once one is so, as in `failures.ratio > 20% for 10s after 30s`.",
            },
            "min_samples": { "type": "integer", "minimum": 0, "default": 0, "description": "Samples that a time or a ratio needs at least." },
            "missing_baseline": words(gates::MISSING_BASELINE, Some("no-verdict"), "What a gate without its baseline leads to."),
        }),
        &[],
    )
}

/// The step of one operation: its own parameters and what every step can carry.
fn operation(id: OpId, generator: &mut schemars::SchemaGenerator) -> Value {
    let mut own = id.schema(generator).to_value();
    let codes = json!({ "type": "integer", "minimum": 100, "maximum": 599 });
    let meta: Vec<&str> = step::META_PARTS.iter().map(|(word, _)| *word).collect();
    let expect = json!({
        "description": "What the answer must be, instead of the operation's own rule.",
        "oneOf": [
            table("One of these codes.", json!({ "code": { "oneOf": [codes, { "type": "array", "minItems": 1, "items": codes }] } }), &["code"]),
            table("A `meta` with this part.", json!({ "meta": { "enum": meta } }), &["meta"]),
        ],
    });
    let mut properties = json!({
        "op": { "const": id.name(), "description": id.describe().summary },
        "timeout": reference("duration"),
        "expect": expect,
        "repeat": { "type": "integer", "minimum": 1, "maximum": step::REPEAT_MAX, "default": 1, "description": "How often in a row." },
        "chance": { "type": "number", "minimum": 0, "maximum": 1, "default": 1, "description": "Probability that it is done at all." },
    });
    let saves = id.describe().saves;
    if let (false, Some(properties)) = (saves.is_empty(), properties.as_object_mut()) {
        let keys: Vec<String> = saves.iter().map(|key| format!("`${{NAME.{key}}}`")).collect();
        let description = format!("Keeps values of the answer for later steps: {}.", keys.join(", "));
        properties.insert("save".to_owned(), json!({ "type": "string", "description": description }));
    }
    if let (Some(properties), Some(own)) = (properties.as_object_mut(), own["properties"].as_object()) {
        properties.extend(own.clone());
    }
    let mut required = vec![json!("op")];
    required.extend(own["required"].as_array_mut().map(std::mem::take).unwrap_or_default());
    json!({
        "type": "object",
        "title": id.name(),
        "description": own["description"],
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gates::GATES_KEYS;
    use crate::scenario::load::SCENARIO_KEYS;
    use crate::scenario::shipped::sources;

    fn keys(schema: &Value) -> Vec<&str> {
        let mut keys: Vec<&str> =
            schema["properties"].as_object().expect("a table").keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    fn sorted<'a>(words: &[&'a str]) -> Vec<&'a str> {
        let mut words = words.to_vec();
        words.sort_unstable();
        words
    }

    #[test]
    fn schema_and_loader_know_the_same_keys() {
        let schema = schema();
        let at = |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer}"));
        for (pointer, known) in [
            ("", SCENARIO_KEYS),
            ("/properties/target", target::TARGET_KEYS),
            ("/properties/target/properties/tls", target::TLS_KEYS),
            ("/properties/target/properties/metrics/items", watched::METRICS_KEYS),
            ("/properties/target/properties/process", watched::PROCESS_KEYS),
            ("/properties/auth", target::AUTH_KEYS),
            ("/properties/users", users::USERS_KEYS),
            ("/properties/users/properties/generate", users::GENERATE_KEYS),
            ("/properties/topology", topology::TOPOLOGY_KEYS),
            ("/properties/topology/properties/groups/items", topology::GROUP_KEYS),
            ("/properties/load", curves::LOAD_KEYS),
            ("/properties/load/properties/day", super::super::day::DAY_KEYS),
            ("/properties/health", super::super::health::HEALTH_KEYS),
            ("/properties/event/items", super::super::events::EVENT_KEYS),
            ("/properties/journal", super::super::journal::JOURNAL_KEYS),
            ("/properties/persona/items", persona::PERSONA_KEYS),
            ("/properties/gates", GATES_KEYS),
            ("/$defs/state", persona::STATE_KEYS),
        ] {
            assert_eq!(keys(at(pointer)), sorted(known), "{pointer}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let schema = schema();
        let mut open = vec![&schema];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(table) => {
                    if let Some(Value::String(reference)) = table.get("$ref") {
                        assert!(schema.pointer(&reference[1..]).is_some(), "{reference}");
                    }
                    open.extend(table.values());
                }
                Value::Array(list) => open.extend(list),
                _ => {}
            }
        }
    }

    /// Whether the keys of `value` are in the schema; alternatives need one that has all of them.
    fn fits(value: &Value, schema: &Value, root: &Value) -> bool {
        if let Some(reference) = schema["$ref"].as_str() {
            return fits(value, &root[&"$defs"][&reference["#/$defs/".len()..]], root);
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            return alternatives.iter().any(|alternative| fits(value, alternative, root));
        }
        if let Some(constant) = schema.get("const") {
            return value == constant;
        }
        match value {
            Value::Array(list) => list.iter().all(|item| fits(item, &schema["items"], root)),
            Value::Object(table) => table.iter().all(|(key, value)| match schema["properties"].get(key) {
                Some(property) => fits(value, property, root),
                None => {
                    schema["additionalProperties"].is_object() && fits(value, &schema["additionalProperties"], root)
                }
            }),
            _ => !schema["type"].is_string() || schema["type"] != "object" && schema["type"] != "array",
        }
    }

    #[test]
    fn what_loads_is_in_the_schema() {
        let schema = schema();
        for source in sources("tests/contract").into_iter().chain(sources("scenarios")) {
            let value: Value = toml::from_str(&source.text).expect("valid TOML");
            assert!(fits(&value, &schema, &schema), "{}", source.name);
        }
        let wrong: Value = toml::from_str("[target]\nurl = \"embedded\"\ntimout = \"5s\"").expect("valid TOML");
        assert!(!fits(&wrong, &schema, &schema));
    }
}
