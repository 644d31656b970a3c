//! The REST interface: does it answer as a PBX does when it is asked for a token without a name and a password?

use std::time::Duration;

use tokio::time::timeout;

use super::Finding;
use crate::transport::{RestClient, TokenError};

const CHECK: &str = "rest";
const FIX: &str =
    "correct `target.rest_url`: the web port and `/api` path of the PBX, which may differ from those of `target.url`";

const CERTIFICATE_FIX: &str =
    "`tls = { ca_file = \"FILE.pem\" }` or `tls = { verify = false }`: one setting for WebSocket, files and REST";

pub(super) async fn look(rest: &RestClient, patience: Duration) -> Finding {
    // One request at the most: more could count as an attack.
    match timeout(patience, rest.greet()).await {
        Ok(answer) => judge(rest.base(), answer),
        Err(_) => Finding::bad(CHECK, format!("`{}` does not answer within {patience:?}", rest.base()), FIX),
    }
}

fn judge(base: &str, answer: Result<(u16, String), TokenError>) -> Finding {
    let (status, body) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            // The HTTP library tells the cause only as text.
            let fix = if error.detail.contains("certificate") { CERTIFICATE_FIX } else { FIX };
            return Finding::bad(CHECK, format!("`{base}` gives no answer: {error}"), fix);
        }
    };
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
    let found = format!("`{base}` answers a request without credentials with HTTP {status}");
    match status {
        429 => Finding::warn(
            CHECK,
            format!("{found}: it is asked too often already"),
            "wait a minute, and lower `auth.rate`",
        ),
        300..400 => Finding::bad(CHECK, format!("{found}, a redirect"), FIX),
        404 => Finding::bad(CHECK, found, FIX),
        500.. => Finding::warn(CHECK, found, "look into the log of the PBX or of the proxy before it"),
        _ if is_json => Finding::ok(CHECK, format!("{found} and JSON")),
        _ => Finding::bad(CHECK, format!("{found} and something else than JSON"), FIX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::FailureKind;

    #[test]
    fn only_json_is_an_answer_of_a_pbx() {
        let text = |status, body: &str| judge("https://pbx.test:8887/api", Ok((status, body.to_owned()))).prose();
        insta::assert_snapshot!(text(400, r#"{"errors":[]}"#), @"ok    rest          `https://pbx.test:8887/api` answers a request without credentials with HTTP 400 and JSON");
        insta::assert_snapshot!(text(404, "<html>"), @r"
        bad   rest          `https://pbx.test:8887/api` answers a request without credentials with HTTP 404
                            fix: correct `target.rest_url`: the web port and `/api` path of the PBX, which may differ from those of `target.url`
        ");
        insta::assert_snapshot!(text(200, "<html>"), @r"
        bad   rest          `https://pbx.test:8887/api` answers a request without credentials with HTTP 200 and something else than JSON
                            fix: correct `target.rest_url`: the web port and `/api` path of the PBX, which may differ from those of `target.url`
        ");
        insta::assert_snapshot!(text(429, ""), @r"
        warn  rest          `https://pbx.test:8887/api` answers a request without credentials with HTTP 429: it is asked too often already
                            fix: wait a minute, and lower `auth.rate`
        ");
        insta::assert_snapshot!(text(502, "<html>"), @r"
        warn  rest          `https://pbx.test:8887/api` answers a request without credentials with HTTP 502
                            fix: look into the log of the PBX or of the proxy before it
        ");
        let error = TokenError { kind: FailureKind::Refused, detail: "Connection refused".to_owned() };
        insta::assert_snapshot!(judge("https://pbx.test:8887/api", Err(error)).prose(), @r"
        bad   rest          `https://pbx.test:8887/api` gives no answer: refused: Connection refused
                            fix: correct `target.rest_url`: the web port and `/api` path of the PBX, which may differ from those of `target.url`
        ");
    }
}
