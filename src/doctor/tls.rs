//! The certificate: verified or not, for whom, for how long; and what to set when it is not accepted.

use std::io;

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;

use super::Finding;
use crate::report::figures::micros;
use crate::scenario::{Endpoint, Tls};
use crate::transport::{certificate_error, expiry};

const CHECK: &str = "tls";
const DAY_S: u64 = 24 * 3_600;
/// A certificate that ends sooner may end within a soak.
const DAYS_EASY: u64 = 14;

/// A handshake that went well.
pub(super) fn judge(tls: &Tls, took_us: u64, certificate: Option<&CertificateDer<'_>>, now_s: u64) -> Finding {
    judge_expiry(tls, took_us, certificate.and_then(expiry), now_s)
}

fn judge_expiry(tls: &Tls, took_us: u64, ends_s: Option<u64>, now_s: u64) -> Finding {
    let days = ends_s.map(|end| end.saturating_sub(now_s) / DAY_S);
    let end = match (ends_s, days) {
        (Some(end), _) if end <= now_s => "; the certificate has expired".to_owned(),
        (_, Some(days)) => format!("; the certificate is valid for another {days} days"),
        (_, None) => String::new(),
    };
    let took = micros(took_us);
    if !tls.verify {
        return Finding::warn(
            CHECK,
            format!("handshake in {took}, chain and name not verified (`verify = false`){end}"),
            "`tls = { ca_file = \"FILE.pem\" }` with the issuer's certificate verifies it, and costs what clients pay",
        );
    }
    let found = format!("handshake in {took}, chain and name verified{end}");
    match days {
        Some(days) if days < DAYS_EASY => Finding::warn(CHECK, found, "renew the certificate before a long run"),
        _ => Finding::ok(CHECK, found),
    }
}

/// A handshake that failed.
pub(super) fn failed(error: &io::Error, endpoint: &Endpoint, tls: &Tls) -> Finding {
    let unverified = "`tls = { verify = false }` if it must not be verified";
    let fix = match certificate_error(error) {
        Some(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            format!("`tls = {{ server_name = \"NAME\" }}` with a name that it is valid for, or {unverified}")
        }
        Some(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            format!("renew the certificate, or {unverified}")
        }
        Some(_) if tls.ca_file.is_some() => {
            format!("put the certificate of its issuer into `ca_file`, or {unverified}")
        }
        Some(_) => {
            format!(
                "`tls = {{ ca_file = \"FILE.pem\" }}` with the certificate of its issuer (its own if self-signed), or {unverified}"
            )
        }
        None => "check that this port speaks TLS: `ws://` in `target.url` where it does not".to_owned(),
    };
    let Endpoint { host, port, .. } = endpoint;
    Finding::bad(CHECK, format!("`{host}:{port}` accepts a connection and the TLS handshake fails: {error}"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIED: Tls = Tls { verify: true, ca_file: None, server_name: None };
    const UNVERIFIED: Tls = Tls { verify: false, ca_file: None, server_name: None };

    #[test]
    fn verification_and_end_are_told() {
        let text = |tls: &Tls, ends_s| judge_expiry(tls, 1_500, ends_s, 1_000 * DAY_S).prose();
        insta::assert_snapshot!(text(&VERIFIED, Some(1_090 * DAY_S)), @"ok    tls           handshake in 1.50 ms, chain and name verified; the certificate is valid for another 90 days");
        insta::assert_snapshot!(text(&VERIFIED, Some(1_003 * DAY_S)), @r"
        warn  tls           handshake in 1.50 ms, chain and name verified; the certificate is valid for another 3 days
                            fix: renew the certificate before a long run
        ");
        insta::assert_snapshot!(text(&UNVERIFIED, Some(900 * DAY_S)), @r#"
        warn  tls           handshake in 1.50 ms, chain and name not verified (`verify = false`); the certificate has expired
                            fix: `tls = { ca_file = "FILE.pem" }` with the issuer's certificate verifies it, and costs what clients pay
        "#);
        insta::assert_snapshot!(text(&VERIFIED, None), @"ok    tls           handshake in 1.50 ms, chain and name verified");
    }

    #[test]
    fn a_failed_handshake_names_the_setting() {
        let endpoint = Endpoint { is_tls: true, host: "pbx.test".to_owned(), port: 8887, path: String::new() };
        let text = |error: CertificateError| {
            let error = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(error));
            failed(&error, &endpoint, &VERIFIED).prose()
        };
        insta::assert_snapshot!(text(CertificateError::UnknownIssuer), @r#"
        bad   tls           `pbx.test:8887` accepts a connection and the TLS handshake fails: invalid peer certificate: UnknownIssuer
                            fix: `tls = { ca_file = "FILE.pem" }` with the certificate of its issuer (its own if self-signed), or `tls = { verify = false }` if it must not be verified
        "#);
        insta::assert_snapshot!(text(CertificateError::NotValidForName), @r#"
        bad   tls           `pbx.test:8887` accepts a connection and the TLS handshake fails: invalid peer certificate: NotValidForName
                            fix: `tls = { server_name = "NAME" }` with a name that it is valid for, or `tls = { verify = false }` if it must not be verified
        "#);
        insta::assert_snapshot!(text(CertificateError::Expired), @r"
        bad   tls           `pbx.test:8887` accepts a connection and the TLS handshake fails: invalid peer certificate: Expired
                            fix: renew the certificate, or `tls = { verify = false }` if it must not be verified
        ");
        insta::assert_snapshot!(failed(&io::Error::other("eof"), &endpoint, &VERIFIED).prose(), @r"
        bad   tls           `pbx.test:8887` accepts a connection and the TLS handshake fails: eof
                            fix: check that this port speaks TLS: `ws://` in `target.url` where it does not
        ");
    }

    #[test]
    fn the_end_of_a_certificate_is_read_without_its_issuer() {
        let mut parameters = rcgen::CertificateParams::new(["pbx.test".to_owned()]).expect("a name");
        parameters.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        assert_eq!(expiry(certificate.der()), Some(1_893_456_000));
    }
}
