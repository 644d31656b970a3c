//! Local addresses to connect from, taken in turn.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpSocket;

/// The local addresses of a run. One address has about 28,000 ports for each destination.
#[derive(Debug, Default)]
pub struct SourceAddresses {
    addresses: Vec<IpAddr>,
    next: AtomicUsize,
}

impl SourceAddresses {
    /// These addresses; none leaves the choice to the system.
    pub fn new(addresses: Vec<IpAddr>) -> SourceAddresses {
        SourceAddresses { addresses, next: AtomicUsize::new(0) }
    }

    /// A socket bound to the next address of the destination's family.
    pub(super) fn socket(&self, to: SocketAddr) -> std::io::Result<TcpSocket> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if self.addresses.is_empty() {
            return Ok(socket);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let family: Vec<&IpAddr> = self.addresses.iter().filter(|address| address.is_ipv4() == to.is_ipv4()).collect();
        if let Some(address) = family.get(turn % family.len().max(1)) {
            // Without this the kernel looks for a port at bind, before it knows the destination: ports in
            // TIME_WAIT then count as taken and a second run of 10,000 connections takes 20 times as long.
            setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
            socket.bind(SocketAddr::new(**address, 0))?;
        }
        Ok(socket)
    }
}
