//! Access tokens over REST, by each of the service's flows. Source: protocol reference, section 2.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};

use crate::ops::FailureKind;
use crate::protocol::rest::{
    LOGIN_PATH, OAUTH_CLIENT_ID, OAUTH_TOKEN_PATH, OauthForm, REFRESH_PATH, Refresh, RestErrors, SIGN_IN_PATH, SignIn,
    TokenReply,
};
use crate::scenario::{Endpoint, Secret, TokenFlow};

/// Longest reply that is read.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Lifetime of a token whose reply names none.
const LIFETIME_DEFAULT: Duration = Duration::from_secs(1_800);

/// Fetches and refreshes tokens.
#[derive(Debug, Clone)]
pub struct RestClient {
    http: Client,
    base: String,
    flow: TokenFlow,
    timeout: Duration,
}

/// A token as the service gave it.
#[derive(Debug)]
pub struct RestToken {
    /// The access token.
    pub access: Secret,
    /// For the next one, where the flow has it.
    pub refresh: Option<Secret>,
    /// How long it lives.
    pub lifetime: Duration,
}

/// Why there is no token. Holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    /// The class that figures are counted under.
    pub kind: FailureKind,
    /// What the service said, or what to do about it.
    pub detail: String,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() { write!(f, "{}", self.kind) } else { write!(f, "{}: {}", self.kind, self.detail) }
    }
}

impl TokenError {
    /// Whether the service said no to these credentials: many in a row get an address blocked.
    pub fn is_refusal(&self) -> bool {
        matches!(self.kind, FailureKind::Rejected(_) | FailureKind::SecondFactor)
    }

    /// Without a secret that a server repeated, as it is or as a form carries it.
    fn without(mut self, secret: &Secret) -> TokenError {
        let plain = secret.reveal();
        let form: String = reqwest::Url::parse_with_params("x:", [("", plain)])
            .ok()
            .and_then(|url| url.query().map(|query| query.trim_start_matches('=').to_owned()))
            .unwrap_or_default();
        for text in [plain, form.as_str()] {
            if !text.is_empty() {
                self.detail = self.detail.replace(text, "…");
            }
        }
        self
    }
}

impl RestClient {
    /// A client for the REST interface at `endpoint`; `path` is the dialect's when the endpoint has none.
    ///
    /// # Errors
    /// When the HTTP library cannot be set up.
    pub fn new(
        endpoint: &Endpoint,
        path: &str,
        flow: TokenFlow,
        timeout: Duration,
        tls: Option<Arc<rustls::ClientConfig>>,
    ) -> Result<RestClient, String> {
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(timeout)
            .pool_max_idle_per_host(16);
        if let Some(tls) = tls {
            builder = builder.tls_backend_preconfigured((*tls).clone());
        }
        let http = builder.build().map_err(|error| format!("the HTTP client cannot be set up: {error}"))?;
        let scheme = if endpoint.is_tls { "https" } else { "http" };
        let host = super::websocket::host_header(endpoint);
        let path = if endpoint.path.is_empty() { path } else { endpoint.path.trim_end_matches('/') };
        Ok(RestClient { http, base: format!("{scheme}://{host}{path}"), flow, timeout })
    }

    /// Asks for a token with an empty body: no name and no password, so nobody's account counts a failed sign-in.
    /// Tells the HTTP status and the body.
    ///
    /// # Errors
    /// No answer at all, or one that is too long.
    pub async fn greet(&self) -> Result<(u16, String), TokenError> {
        let request = match self.flow {
            TokenFlow::Oauth | TokenFlow::Token | TokenFlow::Password => {
                self.post(OAUTH_TOKEN_PATH).form::<[(&str, &str)]>(&[])
            }
            TokenFlow::SignIn => self.post(SIGN_IN_PATH).json(&serde_json::json!({})),
            TokenFlow::Login => self.post(LOGIN_PATH).json(&serde_json::json!({})),
        };
        let (status, body) = read(self.send(request).await?).await?;
        Ok((status.as_u16(), body))
    }

    /// Where tokens come from, for people.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Signs in.
    ///
    /// # Errors
    /// A refusal, a second factor, an answer that is no token, or no answer.
    pub async fn sign_in(&self, name: &str, domain: &str, password: &Secret) -> Result<RestToken, TokenError> {
        self.try_sign_in(name, domain, password).await.map_err(|error| error.without(password))
    }

    async fn try_sign_in(&self, name: &str, domain: &str, password: &Secret) -> Result<RestToken, TokenError> {
        let sign_in = || SignIn {
            username: name.to_owned(),
            password: password.reveal().to_owned(),
            domain: Some(domain.to_owned()),
        };
        match self.flow {
            TokenFlow::Oauth | TokenFlow::Token | TokenFlow::Password => {
                let form = OauthForm {
                    grant_type: "password".to_owned(),
                    username: Some(name.to_owned()),
                    domain: Some(domain.to_owned()),
                    password: Some(password.reveal().to_owned()),
                    refresh_token: None,
                    scope: Some("all".to_owned()),
                    client_id: OAUTH_CLIENT_ID.to_owned(),
                };
                self.token(self.post(OAUTH_TOKEN_PATH).form(&form)).await
            }
            TokenFlow::SignIn => self.token(self.post(SIGN_IN_PATH).json(&sign_in())).await,
            TokenFlow::Login => self.log_in(&sign_in()).await,
        }
    }

    /// Flow C: the reply to the login may hold the token, or a session that a second call turns into one.
    async fn log_in(&self, body: &SignIn) -> Result<RestToken, TokenError> {
        let response = self.send(self.post(LOGIN_PATH).json(body)).await?;
        let cookies: Vec<String> = response
            .headers()
            .get_all(reqwest::header::SET_COOKIE)
            .iter()
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned))
            .collect();
        let (status, text) = read(response).await?;
        check(status, &text)?;
        if let Ok(token) = parse(&text) {
            return Ok(token);
        }
        let request = self.http.get(format!("{}{LOGIN_PATH}", self.base));
        self.token(request.header(reqwest::header::COOKIE, cookies.join("; "))).await
    }

    /// Gets the next token for this one; signs in again where the flow has no refresh.
    ///
    /// # Errors
    /// As [`RestClient::sign_in`].
    pub async fn refresh(&self, refresh: &Secret) -> Result<RestToken, TokenError> {
        self.try_refresh(refresh).await.map_err(|error| error.without(refresh))
    }

    async fn try_refresh(&self, refresh: &Secret) -> Result<RestToken, TokenError> {
        let refresh_token = refresh.reveal().to_owned();
        match self.flow {
            TokenFlow::SignIn => self.token(self.post(REFRESH_PATH).json(&Refresh { refresh_token })).await,
            _ => {
                let form = OauthForm {
                    grant_type: "refresh_token".to_owned(),
                    username: None,
                    domain: None,
                    password: None,
                    refresh_token: Some(refresh_token),
                    scope: None,
                    client_id: OAUTH_CLIENT_ID.to_owned(),
                };
                self.token(self.post(OAUTH_TOKEN_PATH).form(&form)).await
            }
        }
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base))
    }

    async fn token(&self, request: RequestBuilder) -> Result<RestToken, TokenError> {
        let (status, text) = read(self.send(request).await?).await?;
        check(status, &text)?;
        parse(&text)
    }

    async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response, TokenError> {
        // The bound of the library does not cover a connect that hangs in the resolver.
        match tokio::time::timeout(self.timeout, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(classify(&error)),
            Err(_) => Err(TokenError { kind: FailureKind::TimedOut, detail: String::new() }),
        }
    }
}

async fn read(mut response: reqwest::Response) -> Result<(StatusCode, String), TokenError> {
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_BYTES_MAX {
            return Err(TokenError {
                kind: FailureKind::Malformed,
                detail: "the REST reply is longer than 64 KiB; does `target.rest_url` name the PBX?".to_owned(),
            });
        }
    }
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// A refusal, in the service's own words when it has them. The words come from outside and may be anything;
/// whoever sent a secret takes it out of them.
fn check(status: StatusCode, text: &str) -> Result<(), TokenError> {
    if status.is_success() {
        return Ok(());
    }
    let errors: RestErrors = serde_json::from_str(text).unwrap_or_default();
    let detail = match errors.errors.first() {
        Some(error) => format!("{} {}", error.code, error.message),
        None => "the REST reply has no error of the PBX in it; does `target.rest_url` name the PBX?".to_owned(),
    };
    Err(TokenError { kind: FailureKind::Rejected(status.as_u16()), detail })
}

fn parse(text: &str) -> Result<RestToken, TokenError> {
    let malformed = |detail: &str| TokenError { kind: FailureKind::Malformed, detail: detail.to_owned() };
    let reply: TokenReply = serde_json::from_str(text)
        .map_err(|_| malformed("the REST reply is no JSON of a token; does `target.rest_url` name the PBX?"))?;
    if reply.two_factor_enabled == Some(true) {
        return Err(TokenError {
            kind: FailureKind::SecondFactor,
            detail: "the user has two-factor sign-in; switch it off for load users".to_owned(),
        });
    }
    let access = reply.access_token.filter(|token| !token.is_empty());
    let access = access.ok_or_else(|| malformed("the REST reply holds no `access_token`"))?;
    Ok(RestToken {
        access: Secret::new(access),
        refresh: reply.refresh_token.map(Secret::new),
        lifetime: reply.expires_in.map_or(LIFETIME_DEFAULT, Duration::from_secs),
    })
}

fn classify(error: &reqwest::Error) -> TokenError {
    let kind = if error.is_timeout() {
        FailureKind::TimedOut
    } else if error.is_connect() {
        FailureKind::Refused
    } else if error.is_decode() || error.is_body() {
        FailureKind::Malformed
    } else {
        FailureKind::Closed(None)
    };
    // The URL of a token request holds no secret, but the error's own text repeats it at length.
    let mut detail = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        detail = cause.to_string();
        source = cause.source();
    }
    TokenError { kind, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_factor_is_a_failure_of_its_own() {
        let error = parse(r#"{"two_factor_enabled":true,"token":"t"}"#).expect_err("no token");
        assert_eq!(error.kind, FailureKind::SecondFactor);
        assert!(error.is_refusal());
    }

    #[test]
    fn the_services_refusal_is_read() {
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"Login failed"}]}"#;
        let error = check(StatusCode::BAD_REQUEST, body).expect_err("refused");
        assert_eq!(error.to_string(), "rejected(400): UNAUTHORIZED Login failed");
    }

    #[test]
    fn a_secret_that_the_service_repeats_is_taken_out() {
        let secret = Secret::new("pa ss&word");
        let detail = "X no pa ss&word in username=a&password=pa+ss%26word here".to_owned();
        let error = TokenError { kind: FailureKind::Rejected(400), detail }.without(&secret);
        assert_eq!(error.detail, "X no … in username=a&password=… here");
    }

    #[test]
    fn html_and_empty_tokens_are_malformed() {
        for body in ["<html>", "{}", r#"{"access_token":""}"#, "[]", r#"{"access_token":7}"#] {
            assert_eq!(parse(body).expect_err("no token").kind, FailureKind::Malformed, "{body}");
        }
    }

    #[test]
    fn the_lifetime_is_obeyed() {
        let token = parse(r#"{"access_token":"a","refresh_token":"r","expires_in":60}"#).expect("a token");
        assert_eq!(token.lifetime, Duration::from_secs(60));
        assert!(!format!("{token:?}").contains("\"a\""));
    }
}
