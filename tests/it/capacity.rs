//! More users than this machine carries: said before the first connection, with the number that would do.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::Command;

use crate::program::Folder;

/// Runs 1,000 users against `target` under a hard limit of so many descriptors.
fn run_under(descriptors: u32, target: &str) -> (Option<i32>, String) {
    let folder = Folder::new();
    let out = folder.argument("run");
    let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
    let arguments = [
        "run",
        "scenarios/p2p-steady.toml",
        "--target",
        target,
        "--users",
        "1000",
        "--out",
        &out,
        "--progress",
        "none",
    ];
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_pbxload")]).args(arguments);
    let output = command.output().expect("there is a shell");
    assert!(!folder.path("run").exists(), "a run that never began leaves no folder");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn too_few_descriptors_are_said_before_the_first_connection() {
    let target = TcpListener::bind("127.0.0.1:0").expect("a free port");
    target.set_nonblocking(true).expect("an option");
    let url = format!("ws://{}", target.local_addr().expect("an address"));
    let (code, said) = run_under(400, &url);
    assert_eq!(code, Some(3), "{said}");
    for words in ["1000 users need 1100 descriptors", "allows 400", "at most 300 users", "ulimit -Hn"] {
        assert!(said.contains(words), "`{words}` is missing in:\n{said}");
    }
    assert_eq!(target.accept().map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock), "it connected");
}

#[test]
fn a_limit_that_leaves_nothing_for_users_is_told_with_the_one_that_would_do() {
    let (code, said) = run_under(60, "embedded");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("2100 descriptors") && said.contains("`ulimit -Hn 2100`"), "{said}");
    assert!(!said.contains("at most 0"), "{said}");
}

#[test]
fn the_embedded_simulator_needs_a_descriptor_for_each_other_end() {
    let (code, said) = run_under(400, "embedded");
    assert_eq!(code, Some(3), "{said}");
    for words in ["1000 users need 2100 descriptors", "at most 150 users"] {
        assert!(said.contains(words), "`{words}` is missing in:\n{said}");
    }
}
