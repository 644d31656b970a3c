//! The driver of one user: waits for its socket, its signals and its requests, and carries its actions out.
//! Reading never waits for writing.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::errand::{Errand, ErrandError};
use super::floor::{Desk, Floor, Signals, TapEvent};
use super::watchdog::{Look, Watchdog};
use crate::ops::FailureKind;
use crate::protocol::Code;
use crate::tick::Tick;
use crate::transport::{FileReply, Socket, TransportError, upgrade};
use crate::user::{Action, ConnectPhases, Event, HttpPhases, HttpReply, Lost, LostBy, User};

type Job<T> = Option<Pin<Box<dyn Future<Output = T>>>>;
type Failure = (FailureKind, String);

/// What woke the driver.
#[expect(clippy::large_enum_variant, reason = "taken apart where it is made, never kept")]
enum Incoming {
    Signals(Signals),
    Connected(Result<(Socket, ConnectPhases), TransportError>),
    Http(Result<FileReply, TransportError>),
    Token(Tick, Result<(), Failure>),
    Accepted(Result<(), ErrandError>),
    Frame(Message),
    /// What had come while the user did not read is read.
    Abreast,
    Lost(Lost),
}

pub(super) struct Driver {
    pub(super) floor: Rc<Floor>,
    desk: u32,
    user: Box<User>,
    pub(super) socket: Option<Box<Socket>>,
    needs_flush: bool,
    close_code: Option<u16>,
    connect: Job<Result<(Socket, ConnectPhases), TransportError>>,
    http: Job<Result<FileReply, TransportError>>,
    accept: Job<Result<(), ErrandError>>,
    token: Job<(Tick, Result<(), Failure>)>,
    /// The send buffer had no room for the last frame.
    is_stuck: bool,
    pub(super) watch: Watchdog,
    /// The user does not read before that; [`Tick::ZERO`] when it reads.
    pub(super) reads_again: Tick,
    /// It reads again, and has not read yet all that had come meanwhile.
    pub(super) is_behind: bool,
    /// What else came in while the user did not read.
    held: VecDeque<Incoming>,
    /// A connection that the user has left without a word, until then.
    pub(super) left_open: Option<(Tick, Box<Socket>)>,
}

/// Drives a user from its first signal until it is gone; then the user goes back to its desk.
pub(super) async fn drive(floor: Rc<Floor>, desk: u32, user: Box<User>) {
    let mut driver = Driver {
        floor,
        desk,
        user,
        socket: None,
        needs_flush: false,
        close_code: None,
        connect: None,
        http: None,
        accept: None,
        token: None,
        is_stuck: false,
        watch: Watchdog::default(),
        reads_again: Tick::ZERO,
        is_behind: false,
        held: VecDeque::new(),
        left_open: None,
    };
    loop {
        let incoming = poll_fn(|cx| driver.poll(cx)).await;
        driver.take(incoming);
        if driver.user.is_gone() && driver.place().signals.get().is_empty() {
            break;
        }
    }
    let floor = Rc::clone(&driver.floor);
    let place = floor.desk(desk);
    place.waker.borrow_mut().take();
    *place.user.borrow_mut() = Some(driver.user);
    floor.driven.set(floor.driven.get() - 1);
}

impl Driver {
    fn place(&self) -> &Desk {
        self.floor.desk(self.desk)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        let place = self.floor.desk(self.desk);
        let signals = place.signals.take();
        if !signals.is_empty() {
            return Poll::Ready(Incoming::Signals(signals));
        }
        let mut waker = place.waker.borrow_mut();
        if waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        drop(waker);
        let is_reading = self.reads_again == Tick::ZERO;
        if let Some(held) = self.held.pop_front_if(|_| is_reading) {
            return Poll::Ready(held);
        }
        while let Some(incoming) = self.poll_jobs(cx) {
            if is_reading {
                return Poll::Ready(incoming);
            }
            // Whoever does not read stands still: the work goes on, and is heard of later.
            self.held.push_back(incoming);
        }
        self.poll_socket(cx)
    }

    fn poll_jobs(&mut self, cx: &mut Context<'_>) -> Option<Incoming> {
        if let Some(result) = poll_job(&mut self.connect, cx) {
            return Some(Incoming::Connected(result));
        }
        if let Some(result) = poll_job(&mut self.http, cx) {
            return Some(Incoming::Http(result));
        }
        if let Some(result) = poll_job(&mut self.accept, cx) {
            return Some(Incoming::Accepted(result));
        }
        poll_job(&mut self.token, cx).map(|(sent, result)| Incoming::Token(sent, result))
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        let Some(socket) = &mut self.socket else { return Poll::Pending };
        if self.needs_flush {
            // When it fails, the reading side tells how the connection ended.
            self.needs_flush = socket.poll_flush(cx).is_pending();
        }
        if self.reads_again != Tick::ZERO {
            return Poll::Pending;
        }
        loop {
            let socket = self.socket.as_mut().expect("checked above, and only `take` removes it");
            return match socket.poll_next(cx) {
                Poll::Pending if std::mem::take(&mut self.is_behind) => Poll::Ready(Incoming::Abreast),
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Ok(message))) if message.is_close() => {
                    if let Message::Close(frame) = message {
                        self.close_code = frame.map(|frame| u16::from(frame.code));
                    }
                    continue;
                }
                Poll::Ready(Some(Ok(message))) => Poll::Ready(Incoming::Frame(message)),
                Poll::Ready(Some(Err(error))) => Poll::Ready(Incoming::Lost(self.lost(&error.to_string()))),
                Poll::Ready(None) => Poll::Ready(Incoming::Lost(self.lost(""))),
            };
        }
    }

    fn lost(&mut self, detail: &str) -> Lost {
        Lost { code: self.close_code.take(), detail: detail.to_owned(), by: LostBy::Peer }
    }

    fn take(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Signals(signals) => self.take_signals(signals),
            Incoming::Connected(result) => {
                self.connect = None;
                match result {
                    Ok((socket, phases)) => {
                        (self.reads_again, self.is_behind) = (Tick::ZERO, false);
                        self.watch = Watchdog::new(self.floor.clock.now(), self.floor.keepalive);
                        self.socket = Some(Box::new(socket));
                        self.close_code = None;
                        self.tell(Event::Connected(phases));
                    }
                    Err(error) => self.tell(Event::ConnectFailed(error.kind(), error.to_string())),
                }
            }
            Incoming::Http(result) => {
                self.http = None;
                self.tell(Event::Http(result.map(http_reply).map_err(|error| (error.kind(), error.to_string()))));
            }
            Incoming::Accepted(result) => {
                self.tell(Event::Accepted(result.map_err(|error| (error.kind(), error.to_string()))));
            }
            Incoming::Token(sent, result) => {
                self.token = None;
                self.tell(Event::Token { sent, result });
            }
            Incoming::Frame(Message::Text(text)) => {
                let now = self.floor.clock.now();
                self.watch.hear(now);
                self.tap(TapEvent::Received(text.as_str()));
                self.tell_at(now, Event::Frame(text.as_str()));
            }
            Incoming::Frame(Message::Binary(bytes)) => {
                self.watch.hear(self.floor.clock.now());
                // The service reads any data frame as text; what it sends is read the same way.
                let text = String::from_utf8_lossy(&bytes);
                self.tell(Event::Frame(&text));
            }
            // A pong is queued by the library and goes out with the next flush.
            Incoming::Frame(_) => {
                self.watch.hear(self.floor.clock.now());
                self.needs_flush = true;
            }
            Incoming::Abreast => {
                if self.user.is_parked() {
                    self.carry_out(Action::Park);
                }
                self.tell(Event::Wake);
            }
            Incoming::Lost(lost) => {
                self.socket = None;
                self.is_behind = false;
                self.tap(TapEvent::Note("the connection is closed"));
                self.tell(Event::Disconnected(lost));
            }
        }
    }

    fn take_signals(&mut self, signals: Signals) {
        if signals.has(Signals::ARRIVAL) {
            let due = self.place().arrival.get();
            let now = self.floor.clock.now();
            {
                let mut world = self.floor.world.borrow_mut();
                let arrivals = &mut world.books.figures.arrivals;
                arrivals.planned += 1;
                if self.user.is_parked() {
                    arrivals.started += 1;
                    arrivals.lag.record(now.micros_since(due));
                } else {
                    arrivals.missed += 1;
                }
            }
            self.tell(Event::Arrival { due });
        }
        if signals.has(Signals::LOOK)
            && let Some(socket) = &self.socket
        {
            self.floor.look_at_send_queue(socket, self.needs_flush);
        }
        if signals.has(Signals::WAKE) {
            self.look_at_disturbances();
            self.look_at_watchdog();
        }
        if signals.has(Signals::EVENT)
            && let Some(event) = self.place().event.take()
        {
            self.disturb(&event);
        }
        let ends_pause = [Signals::OFFLINE, Signals::DRAIN, Signals::LEAVE];
        if self.reads_again != Tick::ZERO && ends_pause.iter().any(|signal| signals.has(*signal)) {
            self.read_again();
        }
        for (signal, event) in [
            (Signals::ONLINE, Event::GoOnline),
            (Signals::OFFLINE, Event::GoOffline),
            (Signals::WAKE, Event::Wake),
            (Signals::DRAIN, Event::Drain),
            (Signals::ASK_AGAIN, Event::AskAgain),
            (Signals::LEAVE, Event::Leave),
        ] {
            let is_put_off = matches!(event, Event::Wake | Event::AskAgain) && self.stands_still();
            if signals.has(signal) && !is_put_off {
                self.tell(event);
            }
        }
        self.arm();
    }

    /// Whether the user begins nothing: it does not read, or has not read yet what had come meanwhile.
    fn stands_still(&self) -> bool {
        self.reads_again != Tick::ZERO || (self.is_behind && self.socket.is_some())
    }

    /// Hands an event to the user and carries out what it wants.
    pub(super) fn tell(&mut self, event: Event<'_>) {
        self.tell_at(self.floor.clock.now(), event);
    }

    /// The same, of an instant that has been read off the clock already.
    fn tell_at(&mut self, now: Tick, event: Event<'_>) {
        let floor = Rc::clone(&self.floor);
        let mut actions = {
            let mut world = floor.world.borrow_mut();
            self.user.on(now, event, &mut world);
            std::mem::take(&mut world.books.actions)
        };
        for action in actions.drain(..) {
            self.carry_out(action);
        }
        let mut world = floor.world.borrow_mut();
        if world.books.actions.is_empty() {
            // Give the vector back for its capacity.
            world.books.actions = actions;
        }
        drop(world);
        if std::mem::take(&mut self.is_stuck) {
            return self.tell(Event::Unsent);
        }
        floor.set_parked(self.desk, self.user.is_parked() && !self.stands_still());
        self.arm();
        floor.relieve();
    }

    /// Sets the timer for what is next.
    fn arm(&self) {
        let watch = if self.socket.is_some() { self.watch.at } else { Tick::NEVER };
        let resumes = if self.reads_again == Tick::ZERO { Tick::NEVER } else { self.reads_again };
        let left = self.left_open.as_ref().map_or(Tick::NEVER, |(until, _)| *until);
        let wake = if self.stands_still() { Tick::NEVER } else { self.user.next_wake() };
        self.floor.arm(self.desk, wake.min(watch).min(resumes).min(left));
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Send(frame) => {
                self.tap(TapEvent::Sent(&frame));
                self.send(Message::text(frame));
            }
            Action::Close => {
                let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                self.send(Message::Close(Some(frame)));
            }
            Action::Abort => (self.socket, self.connect) = (None, None),
            Action::Connect => {
                self.tap(TapEvent::Note("connecting"));
                self.connect = Some(Box::pin(connect(Rc::clone(&self.floor))));
            }
            Action::Upload { id, key, bytes, token } => {
                self.tap(TapEvent::Note("uploading"));
                let files = self.floor.files.clone();
                self.http = Some(Box::pin(async move { files.upload(&id, &token, key, bytes).await }));
            }
            Action::Download { file, token } => {
                self.tap(TapEvent::Note("downloading"));
                let files = self.floor.files.clone();
                self.http = Some(Box::pin(async move { files.download(&file, &token).await }));
            }
            Action::Accept { user, topic } => {
                self.tap(TapEvent::Note("accepting the group in its new owner's name"));
                self.accept = Some(Box::pin(accept(Rc::clone(&self.floor), user, topic)));
            }
            Action::CancelHttp => {
                (self.http, self.accept) = (None, None);
                self.held.retain(|held| !matches!(held, Incoming::Http(_) | Incoming::Accepted(_)));
            }
            Action::FetchToken => {
                self.tap(TapEvent::Note("fetching an access token"));
                let tokens = self.floor.tokens.clone();
                let world = self.floor.world.borrow();
                let user = self.desk * world.plan.slots + self.floor.slot;
                self.token = Some(Box::pin(async move { tokens.fetch(user).await }));
            }
            // Whoever left its park bench without an arrival is in the queue still.
            Action::Park => {
                if !self.place().is_queued.replace(true) {
                    self.floor.parked.borrow_mut().push_back(self.desk);
                }
            }
        }
    }

    /// Pings a silent connection, and gives a dead one up.
    fn look_at_watchdog(&mut self) {
        if self.socket.is_none() {
            return;
        }
        if self.reads_again != Tick::ZERO {
            // Nothing can be heard by who does not listen.
            self.watch.at = self.reads_again;
            return;
        }
        match self.watch.look(self.floor.clock.now()) {
            Look::Fine => {}
            Look::Ping => {
                self.tap(TapEvent::Note("pinging"));
                self.send(Message::Ping(Default::default()));
                // It matters to nobody whether there was room: without an answer the connection is dead.
                self.is_stuck = false;
            }
            Look::Dead(heard) => {
                self.socket = None;
                self.tap(TapEvent::Note("the connection is dead"));
                let silent = self.floor.clock.now().since(heard).as_secs();
                let detail = format!("no sign of life for {silent} s");
                self.tell(Event::Disconnected(Lost { code: None, detail, by: LostBy::Silence(heard) }));
            }
        }
    }

    /// Queues a message and tries to write it. A server that does not read fills a bounded buffer, and then the
    /// user is told that its frame did not leave.
    fn send(&mut self, message: Message) {
        let Some(socket) = &mut self.socket else { return };
        if let Err(error) = socket.queue(message) {
            // Of everything else the reading side tells the user, with the close code if there is one.
            self.is_stuck |= matches!(error, SocketError::WriteBufferFull(_));
            tracing::debug!("a frame could not be sent: {error}");
        }
        self.needs_flush = true;
    }

    pub(super) fn tap(&self, event: TapEvent<'_>) {
        if let Some(tap) = &self.floor.tap {
            tap(self.floor.clock.now(), self.desk, event);
        }
    }
}

fn poll_job<T>(job: &mut Job<T>, cx: &mut Context<'_>) -> Option<T> {
    match job.as_mut()?.as_mut().poll(cx) {
        Poll::Ready(result) => {
            *job = None;
            Some(result)
        }
        Poll::Pending => None,
    }
}

async fn connect(floor: Rc<Floor>) -> Result<(Socket, ConnectPhases), TransportError> {
    let dialled = floor.dialer.dial().await?;
    // A dialect is static, so nothing stays borrowed while the upgrade is waited for.
    let usual = floor.world.borrow().plan.scenario.target.dialect.websocket_path;
    let path = floor.dialer.endpoint.path_or(usual);
    let (socket, upgrade) = upgrade(dialled.stream, &floor.dialer, path).await?;
    let phases = dialled.phases;
    Ok((socket, ConnectPhases { dns: phases.dns, tcp: phases.tcp, tls: phases.tls, upgrade }))
}

async fn accept(floor: Rc<Floor>, user: u32, topic: String) -> Result<(), ErrandError> {
    let (plan, directory) = {
        let world = floor.world.borrow();
        (Arc::clone(&world.plan), Arc::clone(&world.directory))
    };
    let mut errand = Errand::log_in(&floor.dialer, &plan, &directory, user).await?;
    errand.accept_group(&topic).await?;
    errand.close().await;
    Ok(())
}

fn http_reply(reply: FileReply) -> HttpReply {
    let times = reply.times;
    HttpReply {
        code: Code(reply.status),
        body: reply.body,
        bytes: reply.bytes,
        is_intact: reply.is_intact,
        phases: HttpPhases { connect: times.connect, send: times.send, wait: times.wait, receive: times.receive },
    }
}
