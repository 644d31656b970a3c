//! A certificate of the simulator's own making, for localhost.

use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The names that the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a TLS listener needs, and what a client needs to trust it.
pub(in crate::simulator) struct Tls {
    pub acceptor: TlsAcceptor,
    pub certificate_pem: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It could not be made.
    #[error("cannot make a self-signed certificate")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library does not take it.
    #[error("cannot set up tls with a self-signed certificate")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    pub fn self_signed() -> Result<Tls, TlsError> {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(NAMES.map(str::to_owned).to_vec())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), certificate_pem: cert.pem() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};

    #[tokio::test]
    async fn a_client_that_trusts_the_certificate_verifies_each_of_its_names() {
        let tls = Tls::self_signed().expect("made");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(tls.certificate_pem.as_bytes()).expect("pem")).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        for name in NAMES {
            let (near, far) = tokio::io::duplex(4096);
            let server = ServerName::try_from(name).expect("a name");
            let (client, _server) = tokio::join!(connector.connect(server, near), tls.acceptor.accept(far));
            client.expect(name);
        }
    }
}
