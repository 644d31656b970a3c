//! Opening a connection in measured steps: name, TCP, TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::{SourceAddresses, Stream, TransportError};
use crate::scenario::{Endpoint, Secret};

/// Opens connections to one endpoint.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// Where to.
    pub endpoint: Endpoint,
    key: Option<ApiKey>,
    way: Way,
}

/// A key that every request to a service carries.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The header.
    pub header: &'static str,
    /// The key: visible ASCII. A secret.
    pub value: Secret,
}

#[derive(Debug, Clone)]
enum Way {
    Network {
        sources: Arc<SourceAddresses>,
        tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    },
    /// Hands the other end of a pipe to a server in this process.
    Memory(mpsc::UnboundedSender<DuplexStream>),
}

/// An open connection and what it took.
#[derive(Debug)]
pub struct Dialled {
    /// The connection.
    pub stream: Stream,
    /// What it took.
    pub phases: DialPhases,
}

/// Parts of opening a connection, in microseconds; absent where there was no such part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DialPhases {
    /// Name resolution.
    pub dns: Option<u64>,
    /// TCP connect.
    pub tcp: Option<u64>,
    /// TLS handshake.
    pub tls: Option<u64>,
}

/// Bytes that a pipe in memory holds in each direction.
const MEMORY_PIPE_BYTES: usize = 64 * 1024;

impl Dialer {
    /// A dialer over the network. `tls` is needed when the endpoint says so; `server_name` replaces the host
    /// as the name that is verified.
    ///
    /// # Errors
    /// A host that can be no TLS server name.
    pub fn network(
        endpoint: Endpoint,
        sources: Arc<SourceAddresses>,
        tls: Option<Arc<rustls::ClientConfig>>,
        server_name: Option<&str>,
    ) -> Result<Dialer, TransportError> {
        let tls = match tls.filter(|_| endpoint.is_tls) {
            None => None,
            Some(config) => {
                let name = server_name.unwrap_or(&endpoint.host).to_owned();
                let name = ServerName::try_from(name).map_err(|error| {
                    TransportError::Malformed(format!("`{}` is no TLS server name: {error}", endpoint.host))
                })?;
                Some((config, name))
            }
        };
        Ok(Dialer { endpoint, key: None, way: Way::Network { sources, tls } })
    }

    /// A dialer to a server in this process.
    pub fn memory(endpoint: Endpoint, accept: mpsc::UnboundedSender<DuplexStream>) -> Dialer {
        Dialer { endpoint, key: None, way: Way::Memory(accept) }
    }

    /// The same, with a key for every request.
    pub fn with_key(self, key: Option<ApiKey>) -> Dialer {
        Dialer { key, ..self }
    }

    /// The key that requests have to carry.
    pub(super) fn key(&self) -> Option<&ApiKey> {
        self.key.as_ref()
    }

    /// Opens a connection. Takes as long as the system lets it; the caller bounds it.
    ///
    /// # Errors
    /// The class tells which step failed.
    pub async fn dial(&self) -> Result<Dialled, TransportError> {
        match &self.way {
            Way::Memory(accept) => {
                let (ours, theirs) = tokio::io::duplex(MEMORY_PIPE_BYTES);
                accept.send(theirs).map_err(|_| TransportError::Closed("the server is gone".to_owned()))?;
                Ok(Dialled { stream: Stream::Memory(ours), phases: DialPhases::default() })
            }
            Way::Network { sources, tls } => self.dial_network(sources, tls.as_ref()).await,
        }
    }

    async fn dial_network(
        &self,
        sources: &SourceAddresses,
        tls: Option<&(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    ) -> Result<Dialled, TransportError> {
        let mut phases = DialPhases::default();
        let begun = Instant::now();
        let addresses = match self.endpoint.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, self.endpoint.port)],
            Err(_) => {
                let found = self.resolve().await?;
                phases.dns = Some(micros_since(begun));
                found
            }
        };
        let begun = Instant::now();
        let mut last = None;
        let mut open = None;
        for address in addresses {
            let attempt = async { sources.socket(address)?.connect(address).await };
            match attempt.await {
                Ok(stream) => {
                    open = Some(stream);
                    break;
                }
                Err(error) => last = Some(error),
            }
        }
        let Some(stream) = open else {
            let error = last.unwrap_or_else(|| std::io::Error::other("the name has no address"));
            return Err(TransportError::connect(error));
        };
        stream.set_nodelay(true).map_err(TransportError::Connect)?;
        phases.tcp = Some(micros_since(begun));
        let Some((config, name)) = tls else {
            return Ok(Dialled { stream: Stream::Plain(stream), phases });
        };
        let begun = Instant::now();
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name.clone(), stream).await.map_err(TransportError::Tls)?;
        phases.tls = Some(micros_since(begun));
        Ok(Dialled { stream: Stream::Tls(Box::new(stream)), phases })
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, TransportError> {
        let Endpoint { host, port, .. } = &self.endpoint;
        match tokio::net::lookup_host((host.as_str(), *port)).await {
            Ok(found) => Ok(found.collect()),
            Err(source) => Err(TransportError::Dns { host: host.clone(), source }),
        }
    }
}

pub(super) fn micros_since(begun: Instant) -> u64 {
    crate::tick::micros(begun.elapsed())
}
