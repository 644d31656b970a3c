//! A server that no longer reads.

use tokio::io::DuplexStream;
use tokio_tungstenite::accept_async;

use super::*;

/// Raw frames of 200 kB: six fill the pipe and the send buffer.
fn flooding() -> String {
    let frame = format!("{{\\\"note\\\":\\\"{}\\\"}}", "x".repeat(200_000));
    let load = "users = [ { to = 1, over = \"0s\" }, { hold = \"30s\" } ]";
    let persona = format!(
        "[[persona]]\nname = \"flood\"\nshare = 1\nstart = \"connect\"\n[persona.state.connect]\nsteps = [ {{ op = \"connect\" }} ]\nnext = \"flood\"\n\
         [persona.state.flood]\nsteps = [ {{ op = \"raw\", frame = \"{frame}\", repeat = 20 }}, {{ op = \"describe\", to = \"me\" }} ]\nnext = \"flood\"\n"
    );
    scenario(2, "", load, &persona)
}

#[test]
fn a_full_send_buffer_fails_the_open_request_at_once() {
    let plan = plan(&flooding(), 1);
    let (results, sums) = simulated(async {
        let (dialer, mut accepted) = memory();
        tokio::task::spawn_local(async move {
            let mut kept: Vec<tokio_tungstenite::WebSocketStream<DuplexStream>> = Vec::new();
            while let Some(stream) = accepted.recv().await {
                // Upgraded, never read again, never closed.
                kept.extend(accept_async(stream).await.ok());
            }
        });
        let (options, _tell) = options(&plan, &dialer, Duration::from_secs(1));
        let mut watch = Watch::default();
        run_local(options, &mut watch).await.expect("a run");
        (watch.fold.finish(), watch.sums)
    });
    let describe = &results.operations["describe"];
    assert!(describe.failed >= 2, "{describe:?}");
    assert_eq!(describe.started, describe.ok + describe.failed + describe.open);
    let stuck: Vec<&str> = results.failures.iter().map(|failure| failure.class.as_str()).collect();
    assert_eq!(stuck, ["local(send_buffer)"]);
    let waited = sums.ops[OpId::Describe.index()].failed_response.max();
    assert!(waited < 1_000_000, "{waited} µs: it was told by its timeout");
}
