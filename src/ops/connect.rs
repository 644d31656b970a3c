//! `connect`: open the WebSocket. Source: vendor's page, "Connecting IM Server".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Operation, Request};

/// Opens the connection: name, TCP, TLS, upgrade; each part is measured.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {}

impl Operation for Connect {
    const NAME: &'static str = "connect";
    const SUMMARY: &'static str = "open the WebSocket: DNS, TCP, TLS and upgrade, each measured";
    const WIRE: &'static str = "GET /im, Upgrade: websocket";
    const SOURCE: &'static str = "Connecting IM Server";

    fn begin(&self, _: &mut Draft<'_>) -> Result<Request, Blocked> {
        Ok(Request::Connect)
    }
}
