//! REST bodies of the PBX's token interface. Source: protocol reference, section 2.

use serde::{Deserialize, Serialize};

/// Public constant of the OAuth form flow.
pub const OAUTH_CLIENT_ID: &str = "9d806019-75b2-4b3d-bb8b-f5a3a412cc0a";
/// Flow A: password grant and refresh.
pub const OAUTH_TOKEN_PATH: &str = "/login/oauth/token";
/// Flow A: revoke.
pub const OAUTH_REVOKE_PATH: &str = "/login/oauth/revoke";
/// Flow B: sign-in.
pub const SIGN_IN_PATH: &str = "/auth/sign_in";
/// Flow B: refresh.
pub const REFRESH_PATH: &str = "/auth/refresh_token";
/// Flow B: sign-out.
pub const SIGN_OUT_PATH: &str = "/auth/sign_out";
/// Flow C: login, and reading the token afterwards.
pub const LOGIN_PATH: &str = "/login";

/// Form of flow A.
#[derive(Serialize, Deserialize)]
pub struct OauthForm {
    /// `password` or `refresh_token`.
    pub grant_type: String,
    /// The extension's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// SIP domain of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The user's password. A secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// For the refresh. A secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// [`OAUTH_CLIENT_ID`].
    pub client_id: String,
}

/// Body of flows B and C.
#[derive(Serialize, Deserialize)]
pub struct SignIn {
    /// The extension's user name.
    pub username: String,
    /// The user's password. A secret.
    pub password: String,
    /// SIP domain of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// Body of flow B's refresh.
#[derive(Serialize, Deserialize)]
pub struct Refresh {
    /// A secret.
    pub refresh_token: String,
}

/// A token reply of any flow; every member is optional because servers differ.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenReply {
    /// The access token. A secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// Seconds that it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// RFC 3339, flow C.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// For the refresh. A secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// Flow B: a second factor is wanted, and this is no token reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_factor_enabled: Option<bool>,
    /// Flow B, second factor: session token. A secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Flow C.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Every refusal.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RestErrors {
    /// At least one when the body is a refusal.
    pub errors: Vec<RestError>,
}

/// One refusal.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RestError {
    /// `UNKNOWN`, `VALIDATE_FAILED`, `UNAUTHORIZED`, `DENIED`, or another word.
    pub code: String,
    /// For people.
    pub message: String,
}
