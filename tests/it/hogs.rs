//! A machine that something else uses: the run says so and decides nothing.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::program::{Background, Folder, alone, assert_balanced, results};
use crate::scenarios::chat;

/// Busy loops: processes that eat a core each for as long as they are held, and never longer than two minutes.
struct Hogs(Vec<Child>);

impl Hogs {
    /// Two for each core.
    fn on_every_core() -> Hogs {
        let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
        let start = |_| {
            let mut shell = Command::new("timeout");
            shell.args(["120", "sh", "-c", "while :; do :; done"]);
            shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            shell.spawn().expect("there are a shell and `timeout`")
        };
        Hogs((0..2 * cores).map(start).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            // Not KILL: `timeout` passes this signal on to its loop.
            let _ = Command::new("kill").args(["-TERM", &hog.id().to_string()]).status();
            let _ = hog.wait();
        }
    }
}

/// The worst share of its runnable time that a worker spent without a processor, and its worst lateness.
fn starvation(results: &Value) -> (f64, u64) {
    let workers = results["generator"]["per_worker"].as_array().expect("a list");
    let worst = workers.iter().map(|worker| worker["starved_share_max"].as_f64().expect("a share")).fold(0.0, f64::max);
    let lags = workers.iter().filter_map(|worker| worker["lag_us_p99_max"].as_u64());
    (worst, lags.max().expect("a worker"))
}

/// The run that is disturbed has less weight than the loops: whether the machine is fast or slow, busy with other
/// tests or idle, it gets a twentieth of a core, and its arrivals keep every user busy, so it wants more than that at
/// any moment. The one that is not disturbed shares with whatever else there is, so a verdict is not asked of it, but
/// that it was better off.
#[test]
fn loops_on_every_core_leave_no_verdict() {
    let _alone = alone();
    let folder = Folder::new();
    let scenario = folder.write("chat.toml", &chat("5s").replace("\"40/s\"", "\"4000/s\""));
    let arguments = |out: &str| {
        let out = folder.argument(out);
        ["run", &scenario, "--progress", "none", "--gate", "delivery.lost == 0", "--out", &out].map(str::to_owned)
    };
    let quiet = Background::start(arguments("quiet")).finish().with_figures();
    let verdict = if quiet.code == Some(0) { "PASS" } else { "NO VERDICT" };
    assert!(quiet.stdout.contains(verdict), "{}", quiet.stdout);
    let quiet = results(&folder.path("quiet"));

    let hogs = Hogs::on_every_core();
    let disturbed = Background::start_nice(10, arguments("disturbed")).finish().with_code(4);
    drop(hogs);
    assert!(disturbed.stdout.contains("NO VERDICT"), "{}", disturbed.stdout);
    let disturbed = results(&folder.path("disturbed"));
    assert_balanced(&disturbed);
    assert_eq!(disturbed["verdict"]["outcome"], "no_verdict");
    assert!(disturbed["generator"]["saturated_from"].as_f64() >= Some(0.0), "{}", disturbed["generator"]);
    let evidence = disturbed["warnings"].to_string();
    assert!(evidence.contains("bottleneck") && evidence.contains("late"), "{evidence}");
    let points = disturbed["series"]["points"].as_array().expect("a list");
    assert!(points.iter().any(|point| point["saturated"] == true), "the charts have a band");
    // What the program has received stays true: a starved generator loses nothing.
    assert_eq!(disturbed["delivery"]["lost"], 0, "{}", disturbed["delivery"]);

    let ((share, lag), (quiet_share, quiet_lag)) = (starvation(&disturbed), starvation(&quiet));
    assert!(share > 0.5, "{share}");
    assert!(
        share > quiet_share && lag > quiet_lag,
        "{share} and {lag} µs, undisturbed {quiet_share} and {quiet_lag} µs"
    );
}
