//! One connection to the target: name, TCP, TLS, upgrade, each with its time or with what to do about it.

use std::io::ErrorKind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::timeout;

use super::{Finding, tls};
use crate::protocol::{Code, Dialect};
use crate::report::figures::micros;
use crate::scenario::{Endpoint, Scenario, Tls};
use crate::transport::{DialPhases, Dialer, TransportError, upgrade};

const DNS: &str = "dns";
const TCP: &str = "tcp";
const UPGRADE: &str = "websocket";
/// Above this a name is looked up anew for each connection to be noticed in `connect`.
const DNS_EASY_US: u64 = 100_000;

pub(super) async fn look(scenario: &Scenario, dialer: &Dialer, patience: Duration) -> Vec<Finding> {
    let endpoint = &dialer.endpoint;
    let dialled = match timeout(patience, dialer.dial()).await {
        Ok(Ok(dialled)) => dialled,
        Ok(Err(error)) => return vec![failed(&error, endpoint, &scenario.target.tls)],
        Err(_) => return vec![silent(endpoint, patience)],
    };
    let certificate = dialled.stream.certificate();
    let mut findings = passed(&dialled.phases, endpoint);
    if endpoint.is_tls {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let took = dialled.phases.tls.unwrap_or_default();
        findings.push(tls::judge(&scenario.target.tls, took, certificate.as_ref(), now_s));
    }
    let path = endpoint.path_or(scenario.target.dialect.websocket_path);
    let upgraded = timeout(patience, upgrade(dialled.stream, dialer, path)).await;
    findings.push(match upgraded {
        Ok(Ok((_, took))) => Finding::ok(UPGRADE, format!("`{path}` upgrades in {}", micros(took))),
        Ok(Err(error)) => not_upgraded(&error, path, scenario.target.dialect),
        Err(_) => Finding::bad(
            UPGRADE,
            format!("`{path}` does not answer the upgrade within {patience:?}"),
            "check that `target.url` names the WebSocket port of the PBX, 8887 by default",
        ),
    });
    findings
}

/// The steps up to TCP that went well.
fn passed(phases: &DialPhases, endpoint: &Endpoint) -> Vec<Finding> {
    let Endpoint { host, port, .. } = endpoint;
    let mut findings = Vec::new();
    if let Some(took) = phases.dns {
        let found = format!("`{host}` resolves in {}", micros(took));
        findings.push(if took > DNS_EASY_US {
            let fix =
                format!("put the address of `{host}` into /etc/hosts or into `target.url` with `tls.server_name`");
            Finding::warn(DNS, format!("{found}, and each new connection asks again"), fix)
        } else {
            Finding::ok(DNS, found)
        });
    }
    let took = phases.tcp.map_or_else(String::new, |took| format!(" in {}", micros(took)));
    findings.push(Finding::ok(TCP, format!("`{host}:{port}` accepts a connection{took}")));
    findings
}

fn failed(error: &TransportError, endpoint: &Endpoint, tls: &Tls) -> Finding {
    let Endpoint { host, port, .. } = endpoint;
    match error {
        TransportError::Dns { .. } => Finding::bad(
            DNS,
            error.to_string(),
            format!("correct the host of `target.url`, or put `{host}` into /etc/hosts"),
        ),
        TransportError::Tls(error) => tls::failed(error, endpoint, tls),
        TransportError::Connect(error) => Finding::bad(
            TCP,
            format!("`{host}:{port}` cannot be reached: {error}"),
            match error.kind() {
                ErrorKind::ConnectionRefused => {
                    format!(
                        "start the service, or correct host and port of `target.url`; `ss -ltn` on `{host}` lists its ports"
                    )
                }
                _ => format!("open the way to port {port} in firewall and routing, or correct `target.url`"),
            },
        ),
        TransportError::Local(error) => Finding::bad(
            TCP,
            format!("no connection can leave this machine: {error}"),
            "correct `target.source_addresses`, or wait until ports of earlier connections are free",
        ),
        other => Finding::bad(TCP, other.to_string(), "correct `target.url`"),
    }
}

fn silent(endpoint: &Endpoint, patience: Duration) -> Finding {
    let Endpoint { host, port, is_tls, .. } = endpoint;
    let tls = if *is_tls { " and a TLS handshake" } else { "" };
    Finding::bad(
        TCP,
        format!("`{host}:{port}` does not answer a connection{tls} within {patience:?}"),
        format!("open the way to port {port} in firewall and routing, or correct `target.url`"),
    )
}

fn not_upgraded(error: &TransportError, path: &str, dialect: &Dialect) -> Finding {
    let known = match error {
        TransportError::Upgrade { status, .. } => dialect.way_out("upgrade", Code(*status)),
        _ => None,
    };
    let fix = known.unwrap_or(match error {
        TransportError::Upgrade { status: 404 | 405 | 426, .. } => {
            "give `target.url` the path of the IM service, `/im` on a PBX, and its port, 8887 by default"
        }
        TransportError::Upgrade { status: 401 | 403, .. } => {
            "let this machine's address through at the PBX or its proxy"
        }
        TransportError::Upgrade { status: 500.., .. } => "look into the log of the service or of the proxy before it",
        _ => "check that `target.url` names the IM service, and `wss://` where it speaks TLS",
    });
    Finding::bad(UPGRADE, format!("`{path}`: {error}"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::dialect::{PORTSIP, TINODE};

    fn endpoint() -> Endpoint {
        Endpoint { is_tls: false, host: "pbx.test".to_owned(), port: 8887, path: String::new() }
    }

    #[test]
    fn each_step_that_fails_names_its_remedy() {
        let tls = Tls { verify: true, ca_file: None, server_name: None };
        let text = |error| failed(&error, &endpoint(), &tls).prose();
        let io = |kind: ErrorKind| std::io::Error::from(kind);
        insta::assert_snapshot!(text(TransportError::Dns { host: "pbx.test".to_owned(), source: io(ErrorKind::NotFound) }), @r"
        bad   dns           cannot resolve `pbx.test`: entity not found
                            fix: correct the host of `target.url`, or put `pbx.test` into /etc/hosts
        ");
        insta::assert_snapshot!(text(TransportError::Connect(io(ErrorKind::ConnectionRefused))), @r"
        bad   tcp           `pbx.test:8887` cannot be reached: connection refused
                            fix: start the service, or correct host and port of `target.url`; `ss -ltn` on `pbx.test` lists its ports
        ");
        insta::assert_snapshot!(text(TransportError::Connect(io(ErrorKind::HostUnreachable))), @r"
        bad   tcp           `pbx.test:8887` cannot be reached: host unreachable
                            fix: open the way to port 8887 in firewall and routing, or correct `target.url`
        ");
        insta::assert_snapshot!(silent(&endpoint(), Duration::from_secs(5)).prose(), @r"
        bad   tcp           `pbx.test:8887` does not answer a connection within 5s
                            fix: open the way to port 8887 in firewall and routing, or correct `target.url`
        ");
        insta::assert_snapshot!(not_upgraded(&TransportError::Upgrade { status: 404, detail: "no".to_owned() }, "/chat", &PORTSIP).prose(), @r"
        bad   websocket     `/chat`: the server answered the upgrade with HTTP 404: no
                            fix: give `target.url` the path of the IM service, `/im` on a PBX, and its port, 8887 by default
        ");
    }

    #[test]
    fn a_dialect_knows_what_its_servers_mean() {
        let refused = TransportError::Upgrade { status: 403, detail: "no".to_owned() };
        insta::assert_snapshot!(not_upgraded(&refused, "/v0/channels", &TINODE).prose(), @r"
        bad   websocket     `/v0/channels`: the server answered the upgrade with HTTP 403: no
                            fix: the server wants another API key: set `target.api_key`
        ");
    }

    #[test]
    fn a_slow_name_is_a_warning() {
        let phases = |dns| DialPhases { dns: Some(dns), tcp: Some(300), tls: None };
        let text = |dns| passed(&phases(dns), &endpoint()).iter().map(Finding::prose).collect::<String>();
        insta::assert_snapshot!(text(900), @r"
        ok    dns           `pbx.test` resolves in 900 µs
        ok    tcp           `pbx.test:8887` accepts a connection in 300 µs
        ");
        insta::assert_snapshot!(text(250_000), @r"
        warn  dns           `pbx.test` resolves in 250 ms, and each new connection asks again
                            fix: put the address of `pbx.test` into /etc/hosts or into `target.url` with `tls.server_name`
        ok    tcp           `pbx.test:8887` accepts a connection in 300 µs
        ");
    }
}
