//! Passwords and tokens are in no output and in no file, wherever they come from and however the run ends.

use std::path::Path;

use crate::program::{Ended, Folder, call, call_with};
use crate::scenarios::{USERS_WITH_TOKENS, chat, with_tokens};
use crate::server::{Server, Session, read_request};
use crate::vendor_page::client::base64;

const PASSWORD: &str = "correct-horse-battery-0451";

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Looks for secrets in what was printed, and in every file of the run folder.
#[track_caller]
fn nowhere(secrets: &[&str], ended: &Ended, run: &Path) {
    let found = files(run);
    assert!(found.len() >= 2, "{found:?}");
    for secret in secrets {
        assert!(!ended.stdout.contains(secret), "stdout:\n{}", ended.stdout);
        assert!(!ended.stderr.contains(secret), "stderr:\n{}", ended.stderr);
        for file in &found {
            let bytes = std::fs::read(file).expect("can be read");
            let is_in_it = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_in_it, "{secret} is in {}", file.display());
        }
    }
}

#[test]
fn a_password_from_the_environment() {
    let folder = Folder::new();
    let scenario = folder.write("scenario.toml", &chat("800ms"));
    let out = folder.argument("run");
    let ended = call_with(["-vv", "run", &scenario, "--out", &out], &[("PBX_PASSWORD", PASSWORD)]).with_figures();
    nowhere(&[PASSWORD], &ended, &folder.path("run"));
    let kept = std::fs::read_to_string(folder.path("run").join("scenario.toml")).expect("is written");
    assert!(kept.contains("${env:PBX_PASSWORD"), "{kept}");
}

#[test]
fn a_password_in_the_file_or_in_a_flag() {
    let folder = Folder::new();
    let inline = chat("800ms").replace("${env:PBX_PASSWORD:-secret}", PASSWORD);
    let scenario = folder.write("scenario.toml", &inline);
    let ended = call(["run", &scenario, "--out", &folder.argument("run")]).with_figures();
    nowhere(&[PASSWORD], &ended, &folder.path("run"));
    let scenario = folder.write("plain.toml", &chat("800ms"));
    let set = format!("users.generate.password={PASSWORD}");
    let ended = call(["run", &scenario, "--out", &folder.argument("other"), "--set", &set]).with_figures();
    nowhere(&[PASSWORD], &ended, &folder.path("other"));
    for arguments in [&["check", &scenario, "--set", &set][..], &["check", &scenario, "--json", "--set", &set]] {
        let ended = call(arguments).with_code(0);
        assert!(!ended.stdout.contains(PASSWORD) && !ended.stderr.contains(PASSWORD), "{ended:?}");
    }
}

#[test]
fn a_password_beside_mistakes() {
    let folder = Folder::new();
    let inline = chat("1s").replace("${env:PBX_PASSWORD:-secret}", PASSWORD).replace("name = \"{1001}\"", "nmae = 1");
    let scenario = folder.write("scenario.toml", &inline);
    for arguments in [&["check", &scenario][..], &["check", &scenario, "--json"]] {
        let ended = call(arguments).with_code(2);
        assert!(!ended.stdout.contains(PASSWORD) && !ended.stderr.contains(PASSWORD), "{ended:?}");
    }
}

/// Tokens of a user file, with a server that repeats whatever it is sent.
#[test]
fn tokens_that_the_server_repeats() {
    let server = Server::start(|mut stream, _| {
        let Some((head, _)) = read_request(&mut stream) else { return };
        let Some(mut session) = Session::accept(stream, &head) else { return };
        while let Some(request) = session.next() {
            let mut answer = session.answer(&request);
            if request["login"].is_object() {
                let secret = request["login"]["secret"].clone();
                (answer["ctrl"]["code"], answer["ctrl"]["text"]) = (401.into(), secret.clone());
                answer["ctrl"]["topic"] = secret;
            }
            session.send(&answer.to_string());
        }
    });
    let folder = Folder::new();
    folder.write("users.csv", USERS_WITH_TOKENS);
    let scenario = folder.write("scenario.toml", &with_tokens(&server.url()));
    let ended = call(["-vv", "run", &scenario, "--out", &folder.argument("run")]).with_figures();
    let encoded = base64(b"1001@example.com:tok-7f3a-first");
    nowhere(&["tok-7f3a", &encoded], &ended, &folder.path("run"));
    let ended = call(["try", &scenario]).with_code(1);
    for secret in ["tok-7f3a", &encoded] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{ended:?}");
    }
}
