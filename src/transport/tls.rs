//! One TLS configuration for WebSocket, files and REST, so that their times can be compared.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::scenario::Tls;

/// The year 9000 or so: after the end of any certificate but those that never end.
const FAR_AHEAD_S: u64 = 222_000_000_000;

/// Makes aws-lc-rs the provider of the process. Call it first thing; later calls change nothing.
pub fn install_provider() {
    let _ = aws_lc_rs::default_provider().install_default();
}

/// The client's configuration. Sessions are shared by all users and resumed.
///
/// # Errors
/// A CA file that cannot be read or holds no certificate, or a system without trust anchors.
pub fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let config = if tls.verify {
        builder.with_root_certificates(roots(tls)?).with_no_client_auth()
    } else {
        let verifier = Arc::new(AcceptsAll(provider));
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
    };
    Ok(Arc::new(config))
}

fn roots(tls: &Tls) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    match &tls.ca_file {
        Some(path) => {
            let text = fs::read(path)
                .map_err(|error| format!("cannot read `target.tls.ca_file` `{}`: {error}", path.display()))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let certificate =
                    certificate.map_err(|error| format!("`{}` is no PEM file: {error}", path.display()))?;
                store
                    .add(certificate)
                    .map_err(|error| format!("a certificate in `{}` cannot be used: {error}", path.display()))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!("a system trust anchor cannot be read: {error}");
            }
            store.add_parsable_certificates(found.certs);
        }
    }
    if store.is_empty() {
        return Err("there is no trust anchor to verify the target with: give `target.tls.ca_file`, or switch \
                    verification off with `tls = { verify = false }`"
            .to_owned());
    }
    Ok(store)
}

/// What is wrong with a server's certificate, if that is why a handshake failed.
pub fn certificate_error(error: &std::io::Error) -> Option<&CertificateError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => Some(error),
        _ => None,
    }
}

/// The last second, since 1970, in which a certificate is valid; `None` when it does not tell.
///
/// The verifier is asked about an instant far ahead, and its complaint names the end. That spares a parser.
pub fn expiry(certificate: &CertificateDer<'_>) -> Option<u64> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone().into_owned()).ok()?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
    let far_ahead = UnixTime::since_unix_epoch(Duration::from_secs(FAR_AHEAD_S));
    let name = ServerName::try_from("localhost").ok()?;
    match verifier.verify_server_cert(certificate, &[], &name, &[], far_ahead) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(not_after.as_secs())
        }
        _ => None,
    }
}

/// Verification switched off: any certificate is taken, and its signatures are checked all the same.
#[derive(Debug)]
struct AcceptsAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptsAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
