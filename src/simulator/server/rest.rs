//! The PBX's REST interface, as far as access tokens go. Source: protocol reference, section 2.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use axum::Form;
use axum::extract::FromRequest as _;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::http::{Answer, answer, body_of, gate, hold_back};
use super::limits::Refused;
use super::shell::Shell;
use crate::protocol::rest::{OAUTH_CLIENT_ID, Refresh, RestError, RestErrors, SignIn};
use crate::simulator::faults::Operation;
use crate::simulator::hub::{SignInError, Tokens};

/// Most bytes of a REST body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Name of flow C's cookie.
const COOKIE: &str = "pbx_session";

/// How a flow wants its tokens and refusals.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Oauth,
    SignIn,
    Login,
}

/// Answers a call below `/api/`.
pub(super) async fn call(shell: &Rc<Shell>, request: Request<Incoming>, address: Option<IpAddr>) -> Answer {
    let admitted = shell.rest.borrow_mut().admit(address);
    match admitted {
        Err(Refused::TooMany) => return refusal(StatusCode::TOO_MANY_REQUESTS, "UNKNOWN", "too many requests"),
        Err(Refused::Blocked) => {
            let until = "client IP address has been blocked until the detection period is over";
            return refusal(StatusCode::BAD_REQUEST, "DENIED", until);
        }
        Ok(()) => {}
    }
    let (head, body) = request.into_parts();
    let bearer = bearer_of(&head.headers);
    let path = head.uri.path().trim_start_matches("/api").trim_end_matches('/');
    match (&head.method, path) {
        (&Method::POST, "/login/oauth/token") => {
            let Some(form) = read_form(&head.headers, body).await else { return invalid() };
            token_call(shell, address, Flow::Oauth, form).await
        }
        (&Method::POST, "/auth/sign_in" | "/login") => {
            let flow = if path == "/login" { Flow::Login } else { Flow::SignIn };
            let Some(sign_in) = read_json::<SignIn>(body).await else { return invalid() };
            if flow == Flow::SignIn && !(1..=64).contains(&sign_in.username.chars().count()) {
                return invalid();
            }
            let SignIn { username, password, domain } = sign_in;
            let mut form = HashMap::from([("username".to_owned(), username), ("password".to_owned(), password)]);
            form.extend(domain.map(|domain| ("domain".to_owned(), domain)));
            token_call(shell, address, flow, form).await
        }
        (&Method::POST, "/auth/refresh_token") => {
            let Some(Refresh { refresh_token }) = read_json(body).await else { return invalid() };
            let form = HashMap::from([
                ("grant_type".to_owned(), "refresh_token".to_owned()),
                ("refresh_token".to_owned(), refresh_token),
            ]);
            token_call(shell, address, Flow::SignIn, form).await
        }
        (&Method::POST, "/login/oauth/revoke" | "/auth/sign_out") => {
            let now = shell.now();
            match bearer.is_some_and(|token| shell.hub.borrow_mut().accounts().sign_out(token, now)) {
                true => answer(StatusCode::OK, &json!({})),
                false => unauthorized(),
            }
        }
        (&Method::GET, "/auth/user") => with_user(
            shell,
            bearer,
            |_| json!({ "role": "user", "password_verified": true, "password_force_reset": false }),
        ),
        (&Method::GET, "/user") => with_user(shell, bearer, |user| {
            let (id, name) = (STANDARD.encode(user.id().0.to_string()), user.name());
            json!({ "id": id, "name": name, "display_name": name, "extension_number": name })
        }),
        (&Method::GET, "/login") => current_login(shell, bearer),
        _ => refusal(StatusCode::NOT_FOUND, "UNKNOWN", "not found"),
    }
}

/// A call that gives tokens, with its declared faults.
async fn token_call(shell: &Rc<Shell>, address: Option<IpAddr>, flow: Flow, form: HashMap<String, String>) -> Answer {
    let fault = gate(shell, Operation::Token).await;
    if let Some(code) = fault.reject {
        let status = StatusCode::from_u16(code.0).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        return refusal(status, "UNKNOWN", "service unavailable");
    }
    let reply = give_tokens(shell, address, flow, &form);
    hold_back(shell, Operation::Token, fault).await;
    reply
}

fn give_tokens(shell: &Rc<Shell>, address: Option<IpAddr>, flow: Flow, form: &HashMap<String, String>) -> Answer {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if flow == Flow::Oauth {
        // Older revisions of the vendor's page misspell the field.
        let client = form.get("client_id").or_else(|| form.get("clicent_id"));
        if client.map(String::as_str) != Some(OAUTH_CLIENT_ID) {
            return invalid();
        }
    }
    let now = shell.now();
    let outcome = match field("grant_type") {
        "refresh_token" => shell.hub.borrow_mut().accounts().refresh(field("refresh_token"), now),
        "password" | "" if flow != Flow::Oauth || field("grant_type") == "password" => {
            let domain = field("domain");
            let outcome = shell.hub.borrow_mut().accounts().sign_in(domain, field("username"), field("password"), now);
            shell.rest.borrow_mut().note_login(address, !matches!(outcome, Err(SignInError::Refused)));
            outcome
        }
        _ => return invalid(),
    };
    let refresh = field("grant_type") == "refresh_token";
    match outcome {
        Ok(tokens) => {
            shell.injector.borrow_mut().counters.totals.tokens += 1;
            token_answer(flow, &tokens)
        }
        Err(SignInError::SecondFactor) => {
            answer(StatusCode::OK, &json!({ "two_factor_enabled": true, "token": "second-factor-session" }))
        }
        Err(SignInError::Refused) if refresh => refusal(StatusCode::BAD_REQUEST, "UNKNOWN", "unknown error"),
        // Flow A answers 400, not 401: so says the vendor.
        Err(SignInError::Refused) if flow == Flow::Oauth => {
            refusal(StatusCode::BAD_REQUEST, "UNAUTHORIZED", "Login failed, authentication error")
        }
        Err(SignInError::Refused) => unauthorized(),
        Err(SignInError::Full) => refusal(StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN", "no room for more users"),
    }
}

fn token_answer(flow: Flow, tokens: &Tokens) -> Answer {
    let expires_in = tokens.lifetime.as_secs();
    let body = match flow {
        Flow::Oauth | Flow::SignIn => json!({
            "access_token": tokens.access,
            "expires_in": expires_in,
            "refresh_token": tokens.refresh,
            "token_type": "Bearer",
        }),
        Flow::Login => json!({
            "access_token": tokens.access,
            "expires_at": tokens.expires.to_string(),
            "expires_in": expires_in,
            "role": "user",
        }),
    };
    let mut reply = answer(StatusCode::OK, &body);
    let cookie = format!("{COOKIE}={}; Path=/api; HttpOnly", tokens.access);
    if flow == Flow::Login
        && let Ok(cookie) = HeaderValue::from_str(&cookie)
    {
        reply.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    reply
}

fn current_login(shell: &Rc<Shell>, bearer: Option<&str>) -> Answer {
    let now = shell.now();
    let expires = bearer.and_then(|token| shell.hub.borrow_mut().accounts().bearer_expires(token, now));
    let (Some(token), Some(expires)) = (bearer, expires) else { return unauthorized() };
    let expires_in = expires.as_second().saturating_sub(now.as_second());
    let body = json!({
        "access_token": token,
        "expires_at": expires.to_string(),
        "expires_in": expires_in,
        "role": "user",
    });
    answer(StatusCode::OK, &body)
}

fn with_user(
    shell: &Rc<Shell>,
    bearer: Option<&str>,
    make: impl Fn(&crate::simulator::hub::account::User) -> Value,
) -> Answer {
    let now = shell.now();
    let mut hub = shell.hub.borrow_mut();
    match bearer.and_then(|token| hub.accounts().bearer(token, now)) {
        Some(user) => answer(StatusCode::OK, &make(user)),
        None => unauthorized(),
    }
}

/// The token of the `Authorization` header or of the cookie.
fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    bearer.or_else(|| {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        cookies.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
    })
}

async fn read_json<T: serde::de::DeserializeOwned>(body: Incoming) -> Option<T> {
    serde_json::from_slice(&body_of(body, BODY_BYTES_MAX).await?).ok()
}

async fn read_form(headers: &HeaderMap, body: Incoming) -> Option<HashMap<String, String>> {
    let bytes = body_of(body, BODY_BYTES_MAX).await?;
    let mut request = Request::post("/").body(axum::body::Body::from(bytes)).ok()?;
    request.headers_mut().insert(header::CONTENT_TYPE, headers.get(header::CONTENT_TYPE)?.clone());
    Form::from_request(request, &()).await.ok().map(|Form(form)| form)
}

fn invalid() -> Answer {
    refusal(StatusCode::BAD_REQUEST, "VALIDATE_FAILED", "the request is not valid")
}

fn unauthorized() -> Answer {
    refusal(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication error")
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Answer {
    answer(status, &RestErrors { errors: vec![RestError { code: code.into(), message: message.into() }] })
}
