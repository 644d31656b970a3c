//! One WebSocket connection: reads and writes side by side, neither ever waits for the other.

use std::future::Future as _;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::queue::{Ending, Queue};
use super::requests::PENDING_MAX;
use super::shell::Shell;
use crate::simulator::hub::SessionId;

/// Frames read in a row before others have their turn.
const READS_IN_A_ROW: usize = 32;
/// Longest that a write may be stuck.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client that was sent a close frame may go on talking.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Why a connection ends.
enum End {
    /// Nothing more can be said.
    Cut,
    /// The client did not read.
    Slow,
    /// With a close frame.
    Close(CloseCode),
}

struct Connection<'s, S> {
    shell: &'s Rc<Shell>,
    session: SessionId,
    queue: Rc<Queue>,
    socket: WebSocketStream<S>,
    /// Next ping.
    ping_at: Instant,
    /// Without a pong until then, the connection is cut.
    pong_until: Instant,
    /// Since when a write has been stuck.
    stuck_since: Option<Instant>,
}

/// Serves a connection whose upgrade has been answered; `read` was received behind the request's head.
pub(super) async fn serve<S>(shell: Rc<Shell>, stream: S, read: Vec<u8>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A write buffer of some KiB coalesces frames into one write; it is allocated only when used.
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(16 << 10)
        .max_write_buffer_size(2 << 20)
        .max_message_size(Some(shell.config.frame_bytes_max))
        .max_frame_size(Some(shell.config.frame_bytes_max));
    let socket = WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config)).await;
    let (session, queue) = shell.open();
    let now = Instant::now();
    let (ping_at, pong_until) = (now + shell.config.ping_period, now + shell.config.pong_timeout);
    let mut connection = Connection { shell: &shell, session, queue, socket, ping_at, pong_until, stuck_since: None };
    let mut timer = pin!(tokio::time::sleep_until(connection.next_deadline()));
    let end = poll_fn(|cx| connection.poll(cx, timer.as_mut())).await;
    let Connection { mut socket, .. } = connection;
    match end {
        End::Cut => {}
        End::Slow => shell.injector.borrow_mut().counters.totals.slow_sessions_cut += 1,
        End::Close(code) => {
            let closing = async {
                let _ = socket.close(Some(CloseFrame { code, reason: "".into() })).await;
                // Unread input would turn our close into a reset, and the client would not see the code.
                let mut rest = vec![0; 1024];
                while socket.get_mut().read(&mut rest).await.is_ok_and(|read| read > 0) {}
            };
            shell.close(session);
            let _ = tokio::time::timeout(CLOSE_PATIENCE, closing).await;
        }
    }
    shell.close(session);
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    fn poll(&mut self, cx: &mut Context<'_>, timer: Pin<&mut Sleep>) -> Poll<End> {
        if self.queue.ending() == Some(Ending::Abrupt) {
            return Poll::Ready(End::Cut);
        }
        if self.queue.is_silent() {
            return self.stay_silent(cx, timer);
        }
        if let Some(end) = self.read(cx) {
            return Poll::Ready(end);
        }
        // After the reading, whose answers would otherwise wake the task that is just about to write them.
        self.queue.register(cx.waker());
        let written = match self.write(cx) {
            Ok(written) => written,
            Err(end) => return Poll::Ready(end),
        };
        match self.queue.ending() {
            Some(Ending::Abrupt) => return Poll::Ready(End::Cut),
            Some(Ending::Closed) if written => return Poll::Ready(End::Close(CloseCode::Away)),
            _ => {}
        }
        self.keep_alive(cx, timer)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Option<End> {
        for _ in 0..READS_IN_A_ROW {
            if self.queue.pending() >= PENDING_MAX {
                return None;
            }
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Pending => return None,
                Poll::Ready(Some(Ok(message))) => self.on_message(message),
                Poll::Ready(Some(Err(Error::Capacity(_)))) => return Some(End::Close(CloseCode::Size)),
                Poll::Ready(Some(Err(Error::Protocol(_)))) => return Some(End::Close(CloseCode::Protocol)),
                Poll::Ready(Some(Err(Error::Utf8(_)))) => return Some(End::Close(CloseCode::Invalid)),
                Poll::Ready(Some(Err(_)) | None) => return Some(End::Cut),
            }
            if self.queue.ending() == Some(Ending::Abrupt) {
                return Some(End::Cut);
            }
        }
        cx.waker().wake_by_ref();
        None
    }

    fn on_message(&mut self, message: Message) {
        match message {
            Message::Text(text) => self.shell.arrive(self.session, &self.queue, &text),
            // The service takes any data frame as text.
            Message::Binary(bytes) => {
                self.shell.arrive(self.session, &self.queue, std::str::from_utf8(&bytes).unwrap_or_default());
            }
            Message::Pong(_) => self.pong_until = Instant::now() + self.shell.config.pong_timeout,
            // Answered by the library itself.
            Message::Ping(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }

    /// Writes what is queued; whether all of it has gone.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        loop {
            if self.queue.is_empty() {
                break;
            }
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Pending => return self.stuck(),
                Poll::Ready(Err(_)) => return Err(End::Cut),
                Poll::Ready(Ok(())) => {}
            }
            if let Some(frame) = self.queue.pop() {
                Pin::new(&mut self.socket).start_send(Message::Text(frame)).map_err(|_| End::Cut)?;
            }
        }
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Pending => self.stuck(),
            Poll::Ready(Err(_)) => Err(End::Cut),
            Poll::Ready(Ok(())) => {
                self.stuck_since = None;
                Ok(true)
            }
        }
    }

    fn stuck(&mut self) -> Result<bool, End> {
        if self.queue.is_over_limit() {
            return Err(End::Slow);
        }
        self.stuck_since.get_or_insert_with(Instant::now);
        Ok(false)
    }

    fn keep_alive(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<End> {
        loop {
            let now = Instant::now();
            if now >= self.pong_until {
                return Poll::Ready(End::Cut);
            }
            if self.stuck_since.is_some_and(|since| now >= since + WRITE_PATIENCE) {
                return Poll::Ready(End::Slow);
            }
            if now >= self.ping_at {
                self.ping_at = now + self.shell.config.ping_period;
                // Without room for a ping there will be no pong, and the connection is cut for that.
                if let Poll::Ready(Ok(())) = Pin::new(&mut self.socket).poll_ready(cx)
                    && Pin::new(&mut self.socket).start_send(Message::Ping(Default::default())).is_ok()
                {
                    let _ = Pin::new(&mut self.socket).poll_flush(cx);
                }
            }
            let deadline = self.next_deadline();
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Nothing is heard and nothing said, until it has been so for too long.
    fn stay_silent(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<End> {
        self.queue.register(cx.waker());
        if self.queue.ending().is_some() {
            return Poll::Ready(End::Cut);
        }
        if timer.deadline() != self.pong_until {
            timer.as_mut().reset(self.pong_until);
        }
        timer.as_mut().poll(cx).map(|()| End::Cut)
    }

    fn next_deadline(&self) -> Instant {
        let deadline = self.ping_at.min(self.pong_until);
        self.stuck_since.map_or(deadline, |since| deadline.min(since + WRITE_PATIENCE))
    }
}
