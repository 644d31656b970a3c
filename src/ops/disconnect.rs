//! `disconnect`: close the WebSocket. The service has no logout. Source: protocol reference, section 3.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Operation, Request};

/// Closes the connection and waits for the server's side of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {}

impl Operation for Disconnect {
    const NAME: &'static str = "disconnect";
    const SUMMARY: &'static str = "close the WebSocket and wait for the server's close frame";
    const WIRE: &'static str = "close frame";
    const SOURCE: &'static str = "Connecting IM Server";

    fn begin(&self, _: &mut Draft<'_>) -> Result<Request, Blocked> {
        Ok(Request::Disconnect)
    }
}
