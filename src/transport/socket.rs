//! An open WebSocket: the library's protocol over a stream of ours.
//!
//! A user is one task, so one waker serves reading and writing. The library's own binding to the runtime keeps two
//! shared ones for each connection, which may be polled by two tasks, and a wake-up passes through both: about a
//! twentieth of what a received message cost.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use super::Stream;

/// An open WebSocket, the client's end.
///
/// Polled by one task. Frames are [queued](Self::queue) at once and leave with the next [flush](Self::poll_flush).
#[derive(Debug)]
pub struct Socket {
    inner: WebSocket<Woken>,
    is_over: bool,
}

impl Socket {
    /// Takes a connection that has been upgraded; `read` is what came behind the upgrade.
    pub fn new(stream: Stream, read: Vec<u8>, settings: WebSocketConfig) -> Socket {
        let woken = Woken { stream, waker: Waker::noop().clone() };
        let inner = WebSocket::from_partially_read(woken, read, Role::Client, Some(settings));
        Socket { inner, is_over: false }
    }

    /// What it is made of.
    pub fn stream(&self) -> &Stream {
        &self.inner.get_ref().stream
    }

    /// The next message; `None` after the end of the connection. Pings are answered with the next flush.
    ///
    /// # Errors
    /// A broken connection or a frame that breaks the protocol; nothing comes after it.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.inner.get_mut().wake(cx.waker());
        match self.inner.read() {
            Ok(message) => Poll::Ready(Some(Ok(message))),
            Err(error) if is_pending(&error) => Poll::Pending,
            Err(error) => {
                self.is_over = true;
                match error {
                    Error::ConnectionClosed | Error::AlreadyClosed => Poll::Ready(None),
                    error => Poll::Ready(Some(Err(error))),
                }
            }
        }
    }

    /// Queues a message and writes what the connection takes at once.
    ///
    /// # Errors
    /// [`Error::WriteBufferFull`] when the server has not read for long, or a broken connection.
    pub fn queue(&mut self, message: Message) -> Result<(), Error> {
        match self.inner.write(message) {
            Err(error) if !is_pending(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes what is queued. The end of a connection that is closed in good order is no error.
    ///
    /// # Errors
    /// A broken connection.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.get_mut().wake(cx.waker());
        match self.inner.flush() {
            Err(error) if is_pending(&error) => Poll::Pending,
            Err(Error::ConnectionClosed) => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }

    /// The next message, as [`poll_next`](Self::poll_next).
    ///
    /// # Errors
    /// As there.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// As [`queue`](Self::queue) and [`poll_flush`](Self::poll_flush).
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.queue(message)?;
        poll_fn(|cx| self.poll_flush(cx)).await
    }
}

fn is_pending(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// A stream that wakes whoever polled last, with the interface of one that blocks.
#[derive(Debug)]
struct Woken {
    stream: Stream,
    waker: Waker,
}

impl Woken {
    fn wake(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }

    fn poll<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut Stream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        match poll(Pin::new(&mut self.stream), &mut Context::from_waker(&self.waker)) {
            Poll::Ready(done) => done,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Read for Woken {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut bytes = ReadBuf::new(bytes);
        self.poll(|stream, cx| stream.poll_read(cx, &mut bytes))?;
        Ok(bytes.filled().len())
    }
}

impl Write for Woken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.poll(|stream, cx| stream.poll_write(cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.poll(|stream, cx| stream.poll_flush(cx))
    }
}

#[cfg(test)]
mod tests {
    use futures::{SinkExt as _, StreamExt as _};
    use tokio::io::DuplexStream;
    use tokio_tungstenite::WebSocketStream;

    use super::*;

    /// Our end, and the library's.
    async fn pair(buffer: usize) -> (Socket, WebSocketStream<DuplexStream>) {
        let (near, far) = tokio::io::duplex(buffer);
        let settings = WebSocketConfig::default().write_buffer_size(0).max_write_buffer_size(10_000);
        let server = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
        (Socket::new(Stream::Memory(near), Vec::new(), settings), server)
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_what_comes() {
        let (mut client, mut server) = pair(64).await;
        // Longer than the pipe, so that both sides wait for one another again and again.
        let long = "x".repeat(5_000);
        let there = async {
            client.send(Message::text(long.clone())).await.expect("sent");
            let first = client.next().await.expect("open").expect("a message");
            (first, client.next().await.expect("open").expect("a message"))
        };
        let back = async {
            let message = server.next().await.expect("open").expect("a message");
            server.send(Message::Ping(Default::default())).await.expect("sent");
            server.send(message).await.expect("sent");
            server.next().await.expect("open").expect("a message")
        };
        let ((first, second), answer) = tokio::join!(there, back);
        assert!(first.is_ping());
        assert_eq!(second, Message::text(long));
        assert!(answer.is_pong(), "answered without being asked");
    }

    #[tokio::test]
    async fn a_close_ends_both_sides_in_good_order() {
        let (mut client, mut server) = pair(64).await;
        client.send(Message::Close(None)).await.expect("sent");
        assert!(server.next().await.expect("open").expect("a message").is_close());
        let (answer, end) = tokio::join!(client.next(), server.next());
        assert!(answer.expect("open").expect("a message").is_close());
        assert!(end.is_none());
        // The server closes first.
        drop(server);
        assert!(client.next().await.is_none() && client.next().await.is_none());
    }

    #[tokio::test]
    async fn a_server_that_does_not_read_fills_a_bounded_buffer() {
        let (mut client, server) = pair(64).await;
        let sent = (0..1_000).find_map(|_| client.queue(Message::text("x".repeat(100))).err());
        assert!(matches!(sent, Some(Error::WriteBufferFull(_))), "{sent:?}");
        drop(server);
        assert!(client.next().await.expect("told once").is_err());
        assert!(client.next().await.is_none());
    }
}
