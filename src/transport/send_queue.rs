//! Bytes that this program has given to the kernel and that the other side has not taken yet, asked for one socket
//! at a time.
//!
//! The question goes to the kernel's socket diagnosis (`sock_diag(7)`), as `ss` asks it, because the `ioctl` that
//! tells the same needs unsafe code. It is answered from a hash table in two system calls, whatever else is open.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use tokio::net::TcpStream;

use super::Stream;

/// `SOCK_DIAG_BY_FAMILY`: type of the request and of its answer.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;
/// Sizes of `nlmsghdr` and of `inet_diag_req_v2`.
const HEADER_BYTES: usize = 16;
const QUESTION_BYTES: usize = 56;
/// Where `inet_diag_msg.idiag_wqueue` stands in an answer.
const WRITE_QUEUE_AT: usize = HEADER_BYTES + 60;

/// Asks for send queues.
#[derive(Debug)]
pub struct SendQueues(OwnedFd);

impl SendQueues {
    /// `None` where the system has no such diagnosis.
    pub fn open() -> Option<SendQueues> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        socket(AddressFamily::Netlink, SockType::Datagram, flags, SockProtocol::NetlinkSockDiag).ok().map(SendQueues)
    }

    /// Bytes in the send queue of a connection, sent or not, that the other side has not acknowledged; `None` when
    /// it is no socket or the system does not tell.
    pub fn bytes_of(&self, stream: &Stream) -> Option<u64> {
        let stream: &TcpStream = match stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
            Stream::Memory(_) => return None,
        };
        let question = question(stream.local_addr().ok()?, stream.peer_addr().ok()?)?;
        send(self.0.as_raw_fd(), &question, MsgFlags::empty()).ok()?;
        let mut answer = [0; 1024];
        // The kernel has answered before `send` returns.
        let length = recv(self.0.as_raw_fd(), &mut answer, MsgFlags::empty()).ok()?;
        write_queue(answer.get(..length)?)
    }
}

/// One request for the socket between these two addresses.
fn question(local: SocketAddr, peer: SocketAddr) -> Option<Vec<u8>> {
    let family = match (local, peer) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => AddressFamily::Inet,
        (SocketAddr::V6(_), SocketAddr::V6(_)) => AddressFamily::Inet6,
        _ => return None,
    };
    let length = HEADER_BYTES + QUESTION_BYTES;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend((length as u32).to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    // Sequence number and port: one question at a time needs neither.
    bytes.extend([0; 8]);
    bytes.extend([family as u8, IPPROTO_TCP, 0, 0]);
    // Sockets in every state.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(peer.port().to_be_bytes());
    for address in [local.ip(), peer.ip()] {
        let mut field = [0; 16];
        match address {
            IpAddr::V4(address) => field[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => field = address.octets(),
        }
        bytes.extend(field);
    }
    // Any interface, any cookie.
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend([0xff; 8]);
    Some(bytes)
}

fn write_queue(answer: &[u8]) -> Option<u64> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let queue = answer.get(WRITE_QUEUE_AT..WRITE_QUEUE_AT + 4)?.try_into().ok()?;
    (kind == BY_FAMILY).then_some(u64::from(u32::from_ne_bytes(queue)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A peer that reads nothing: what was written is either in its kernel's receive queue or in our send queue.
    async fn fill(address: &str) {
        let listener = TcpListener::bind(address).await.expect("a port");
        let near = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connects");
        let (_far, _) = listener.accept().await.expect("accepts");
        let queues = SendQueues::open().expect("Linux has it");
        let block = [0; 65_536];
        // Until the system takes no more: then both queues are full.
        let mut written = 0;
        while let Ok(taken) = near.try_write(&block) {
            written += taken as u64;
        }
        let stream = Stream::Plain(near);
        let queued = queues.bytes_of(&stream).expect("the system tells");
        assert!(queued > 0 && queued <= written, "{queued} of {written} bytes are queued");
    }

    #[tokio::test]
    async fn what_a_peer_does_not_read_is_in_the_queue() {
        fill("127.0.0.1:0").await;
        fill("[::1]:0").await;
    }

    #[tokio::test]
    async fn an_idle_connection_has_nothing_queued_and_a_pipe_has_no_queue() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let near = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connects");
        let queues = SendQueues::open().expect("Linux has it");
        assert_eq!(queues.bytes_of(&Stream::Plain(near)), Some(0));
        let (pipe, _) = tokio::io::duplex(64);
        assert_eq!(queues.bytes_of(&Stream::Memory(pipe)), None);
    }

    #[test]
    fn a_refusal_is_no_figure() {
        assert_eq!(write_queue(&[]), None);
        let mut answer = [0; 128];
        answer[4..6].copy_from_slice(&2_u16.to_ne_bytes());
        assert_eq!(write_queue(&answer), None);
    }
}
