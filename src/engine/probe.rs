//! Before anything is planned around a target: does it answer, and does it speak as the scenario says?

use super::errand::{Errand, ErrandError};
use super::error::EngineError;
use crate::plan::Plan;
use crate::protocol::Code;
use crate::protocol::Dialect;
use crate::transport::{Dialer, TransportError};

/// One connection to the target, as far as a session goes without a user.
pub(super) async fn probe(dialer: &Dialer, plan: &Plan) -> Result<(), EngineError> {
    let target = &plan.scenario.target;
    let (host, port) = (dialer.endpoint.host.clone(), dialer.endpoint.port);
    let other = |other: &'static Dialect| EngineError::Dialect {
        host: host.clone(),
        port,
        server: other.server,
        dialect: other.name,
    };
    match Errand::open(dialer, plan).await {
        Ok(errand) => match greeted_by(errand, dialer, target.dialect).await {
            Some(found) => Err(other(found)),
            None => Ok(()),
        },
        Err(ErrandError::Silent("connect")) => Err(EngineError::Silent { host, port, within: target.timeout }),
        Err(ErrandError::Transport(source @ TransportError::Upgrade { status, .. })) => {
            if let Some(found) = found_around(dialer, plan, &source).await {
                return Err(other(found));
            }
            match target.dialect.way_out("upgrade", Code(status)) {
                Some(way_out) => Err(EngineError::Upgrade { host, port, source, way_out }),
                None => Err(EngineError::Target { host, port, source }),
            }
        }
        Err(ErrandError::Transport(source)) => Err(EngineError::Target { host, port, source }),
        Err(source) => Err(EngineError::Refused { host, port, source }),
    }
}

/// The dialect whose first frame such a server takes, when the URL has that dialect's path and the scenario another
/// dialect without such a frame.
async fn greeted_by(errand: Errand, dialer: &Dialer, dialect: &'static Dialect) -> Option<&'static Dialect> {
    let other = dialect.others().find(|other| dialer.endpoint.path == other.websocket_path)?;
    let version = other.hello.filter(|_| dialect.hello.is_none())?;
    errand.greet(version).await.is_ok().then_some(other)
}

/// The other dialect that a server gives itself away by, after it has refused the upgrade.
async fn found_around(dialer: &Dialer, plan: &Plan, refusal: &TransportError) -> Option<&'static Dialect> {
    let target = &plan.scenario.target;
    for other in target.dialect.others() {
        let is_found = if dialer.endpoint.path == other.websocket_path {
            is_sign(refusal, other)
        } else if dialer.endpoint.path.is_empty() {
            match Errand::connect(dialer, other, target.timeout).await {
                Ok(_) => true,
                Err(ErrandError::Transport(refusal)) => is_sign(&refusal, other),
                Err(_) => false,
            }
        } else {
            false
        };
        if is_found {
            return Some(other);
        }
    }
    None
}

/// Whether only a server of this dialect refuses an upgrade so: with this status, and with a `ctrl` as the body.
fn is_sign(refusal: &TransportError, dialect: &Dialect) -> bool {
    match refusal {
        TransportError::Upgrade { status, detail } => {
            dialect.upgrade_signs.contains(status) && detail.trim_start().starts_with("{\"ctrl\"")
        }
        _ => false,
    }
}
