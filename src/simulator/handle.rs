//! Starting and stopping: on a thread of its own behind a port, or inside a runtime that is there already.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::config::{Encryption, SimulatorConfig};
use super::counters::InjectedFaults;
use super::server::http;
use super::server::scheduler::Scheduler;
use super::server::shell::Shell;
use super::server::tls::{Tls, TlsError};

/// How long a stop waits for the clients to have taken their leave.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);
/// Longest TLS handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Connections that may wait to be accepted; a login storm brings thousands at once.
const BACKLOG: u32 = 4096;

/// Why the simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address is taken or is not of this machine.
    #[error("cannot listen on `{address}`; choose another address, or port 0 for any free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no thread or no runtime to be had.
    #[error("cannot start the simulator's thread; look at the limits of processes and open files")]
    Thread(#[source] io::Error),
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The simulator as a server.
pub struct Simulator;

enum Command {
    Counters(std::sync::mpsc::Sender<InjectedFaults>),
    Stop,
}

/// A running simulator; dropping it stops it.
pub struct SimulatorHandle {
    address: SocketAddr,
    certificate_pem: Option<String>,
    commands: mpsc::UnboundedSender<Command>,
    thread: Option<JoinHandle<InjectedFaults>>,
    last: InjectedFaults,
}

type Ready = Result<(SocketAddr, Option<String>), SimulatorError>;

impl Simulator {
    /// Starts a simulator on a thread of its own; it listens when this returns.
    pub fn start(config: SimulatorConfig) -> Result<SimulatorHandle, SimulatorError> {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (ready, when_ready) = std::sync::mpsc::channel();
        let work = move || run(config, inbox, &ready);
        let thread = std::thread::Builder::new().name("simulator".into()).spawn(work);
        let thread = thread.map_err(SimulatorError::Thread)?;
        // A thread that ends without a word has panicked, and says so itself.
        let gone = || Err(SimulatorError::Thread(io::Error::other("the thread ended early")));
        let (address, certificate_pem) = when_ready.recv().unwrap_or_else(|_| gone())?;
        Ok(SimulatorHandle { address, certificate_pem, commands, thread: Some(thread), last: Default::default() })
    }
}

impl SimulatorHandle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate to trust, when it speaks TLS.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate_pem.as_deref()
    }

    /// What it has done so far. Waits for the simulator's thread, so not to be called on it.
    pub fn counters(&self) -> InjectedFaults {
        let (sender, receiver) = std::sync::mpsc::channel();
        let asked = self.commands.send(Command::Counters(sender)).is_ok();
        receiver.recv().ok().filter(|_| asked).unwrap_or_else(|| self.last.clone())
    }

    /// Says goodbye to all sessions, ends the thread, and tells what was done in all.
    pub fn stop(mut self) -> InjectedFaults {
        self.end();
        std::mem::take(&mut self.last)
    }

    fn end(&mut self) {
        let _ = self.commands.send(Command::Stop);
        if let Some(thread) = self.thread.take()
            && let Ok(counters) = thread.join()
        {
            self.last = counters;
        }
    }
}

impl Drop for SimulatorHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// The simulator inside a runtime that is there already: no port, streams are handed to it. To be used within a
/// `LocalSet`; all its time is the runtime's, so tests can pause it.
#[derive(Clone)]
pub struct LocalSimulator {
    shell: Rc<Shell>,
}

impl LocalSimulator {
    /// Starts it on the present `LocalSet`.
    ///
    /// # Panics
    ///
    /// Outside of a `LocalSet`.
    pub fn start(config: SimulatorConfig) -> LocalSimulator {
        let shell = Shell::new(config);
        tokio::task::spawn_local(Scheduler::run(shell.clone()));
        LocalSimulator { shell }
    }

    /// Serves a stream as if it had been accepted from the port, HTTP first.
    pub fn serve<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        tokio::task::spawn_local(http::serve(self.shell.clone(), stream, None));
    }

    /// What it has done so far.
    pub fn counters(&self) -> InjectedFaults {
        self.shell.counters()
    }

    #[cfg(test)]
    pub(super) fn shell_now(&self) -> jiff::Timestamp {
        self.shell.now()
    }

    #[cfg(test)]
    pub(super) fn sign_in(&self, domain: &str, name: &str, now: jiff::Timestamp) -> String {
        let mut hub = self.shell.hub.borrow_mut();
        hub.accounts().sign_in(domain, name, "password", now).expect("is let in").access
    }

    /// Says goodbye to all sessions and waits until they are gone.
    pub async fn stop(&self) -> InjectedFaults {
        self.shell.shut_down(GOODBYE_PATIENCE).await;
        self.counters()
    }
}

fn run(
    config: SimulatorConfig,
    inbox: mpsc::UnboundedReceiver<Command>,
    ready: &std::sync::mpsc::Sender<Ready>,
) -> InjectedFaults {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(SimulatorError::Thread(error)));
            return InjectedFaults::default();
        }
    };
    LocalSet::new().block_on(&runtime, async {
        match listen(&config) {
            Ok((listener, address, tls)) => {
                let _ = ready.send(Ok((address, tls.as_ref().map(|tls| tls.certificate_pem.clone()))));
                serve(config, listener, tls, inbox).await
            }
            Err(error) => {
                let _ = ready.send(Err(error));
                InjectedFaults::default()
            }
        }
    })
}

fn listen(config: &SimulatorConfig) -> Result<(TcpListener, SocketAddr, Option<Tls>), SimulatorError> {
    let address = config.listen;
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    let (listener, bound) = bind().map_err(|source| SimulatorError::Listen { address, source })?;
    let tls = match config.encryption {
        Encryption::Plain => None,
        Encryption::SelfSigned => Some(Tls::self_signed()?),
    };
    Ok((listener, bound, tls))
}

async fn serve(
    config: SimulatorConfig,
    listener: TcpListener,
    tls: Option<Tls>,
    mut inbox: mpsc::UnboundedReceiver<Command>,
) -> InjectedFaults {
    let simulator = LocalSimulator::start(config);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    let shell = simulator.shell.clone();
                    let acceptor = tls.as_ref().map(|tls| tls.acceptor.clone());
                    tokio::task::spawn_local(async move {
                        let address = Some(peer.ip());
                        let Some(acceptor) = acceptor else { return http::serve(shell, stream, address).await };
                        let handshake = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream));
                        if let Ok(Ok(stream)) = handshake.await {
                            http::serve(shell, stream, address).await;
                        }
                    });
                }
                // Out of descriptors: give those who leave the time to do so.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            command = inbox.recv() => match command {
                Some(Command::Counters(reply)) => drop(reply.send(simulator.counters())),
                Some(Command::Stop) | None => return simulator.stop().await,
            },
        }
    }
}
