//! `token`: fetch an access token over REST. Source: vendor's page, "Obtain Access Token".
//!
//! Tokens are fetched before the load anyway; this step measures a sign-in or a refresh in the middle of it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Operation, Request};

/// Signs in over REST again, or refreshes the token that is there.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {}

impl Operation for Token {
    const NAME: &'static str = "token";
    const SUMMARY: &'static str = "fetch an access token over REST, by the flow of [auth]";
    const WIRE: &'static str = "POST /api/…";
    const SOURCE: &'static str = "Obtain Access Token";

    fn begin(&self, _: &mut Draft<'_>) -> Result<Request, Blocked> {
        Ok(Request::Token)
    }
}
