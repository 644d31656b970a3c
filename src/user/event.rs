//! What happens to a virtual user, and what it wants done.

use crate::ops::FailureKind;
use crate::protocol::Code;
use crate::scenario::Reconnect;
use crate::tick::Tick;

/// What happens to a virtual user.
#[derive(Debug)]
pub enum Event<'a> {
    /// The users curve wants this user online.
    GoOnline,
    /// The users curve wants it gone: finish what is open, then leave.
    GoOffline,
    /// The open model sends work that was due then; only to a parked user.
    Arrival {
        /// When it was due.
        due: Tick,
    },
    /// The load is over: begin nothing, finish what is open, stay connected.
    Drain,
    /// The drain is over: leave at once.
    Leave,
    /// The ledger is owed messages by some attachments, named in [`super::World::owed`]: find out whether they last.
    AskAgain,
    /// A time that [`super::User::next_wake`] had asked for has come.
    Wake,
    /// The connection that was asked for is open.
    Connected(ConnectPhases),
    /// The connection that was asked for could not be had.
    ConnectFailed(FailureKind, String),
    /// A text frame.
    Frame(&'a str),
    /// The connection is over.
    Disconnected(Lost),
    /// The upload or download that was asked for is over.
    Http(Result<HttpReply, (FailureKind, String)>),
    /// The token that was asked for is in the directory, or not.
    Token {
        /// When the request went out: token requests are paced and wait for their turn.
        sent: Tick,
        /// Whether it is there.
        result: Result<(), (FailureKind, String)>,
    },
    /// The group that was offered has been accepted, or not.
    Accepted(Result<(), (FailureKind, String)>),
    /// An event of the scenario: the user stays connected and does not read.
    Disturbed(Hit),
    /// It reads again.
    Undisturbed,
    /// The last frame could not be sent: the server does not read, and the send buffer is full.
    Unsent,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Close code, when there was a close frame.
    pub code: Option<u16>,
    /// What the system said.
    pub detail: String,
    /// Who ended it.
    pub by: LostBy,
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostBy {
    /// The other side, or the network.
    Peer,
    /// This side, because nothing came any more: when the last sign of life was.
    Silence(Tick),
    /// An event of the scenario.
    Event {
        /// Which.
        hit: Hit,
        /// How the user comes back.
        reconnect: Reconnect,
    },
}

/// An event of the scenario that means this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Its number.
    pub key: u64,
    /// When it was due: the way back counts from then, however late the event is carried out.
    pub due: Tick,
}

/// Parts of a connect, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectPhases {
    /// Name resolution; absent for an address.
    pub dns: Option<u64>,
    /// TCP connect; absent on a connection in memory.
    pub tcp: Option<u64>,
    /// TLS handshake; absent on a plain connection.
    pub tls: Option<u64>,
    /// WebSocket upgrade.
    pub upgrade: u64,
}

/// A reply to an upload or a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpReply {
    /// HTTP status.
    pub code: Code,
    /// The body, when it is a small one; for uploads JSON with a `ctrl`.
    pub body: String,
    /// Bytes of the file sent or received.
    pub bytes: u64,
    /// Whether a downloaded file is what was uploaded.
    pub is_intact: bool,
    /// Parts of the request.
    pub phases: HttpPhases,
}

/// Parts of an HTTP request, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HttpPhases {
    /// All that precedes the first byte of the request.
    pub connect: u64,
    /// Sending the request.
    pub send: u64,
    /// From the last byte sent to the head of the reply.
    pub wait: u64,
    /// Receiving the reply.
    pub receive: u64,
}

/// What a virtual user wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a connection; answered by `Connected` or `ConnectFailed`.
    Connect,
    /// Send a text frame.
    Send(String),
    /// Send a close frame and go on reading; answered by `Disconnected`.
    Close,
    /// Drop the connection at once; not answered.
    Abort,
    /// Upload a synthetic file; answered by `Http`.
    Upload {
        /// Request id.
        id: String,
        /// Key of the file's content.
        key: u64,
        /// Size.
        bytes: u64,
        /// File token of the session. A secret.
        token: String,
    },
    /// Download a file; answered by `Http`.
    Download {
        /// Id or path.
        file: String,
        /// File token of the session. A secret.
        token: String,
    },
    /// Accept an offered group in another user's name; answered by `Accepted`.
    Accept {
        /// Index of the user in whose name.
        user: u32,
        /// The group's wire name.
        topic: String,
    },
    /// Give up the upload, download or acceptance; not answered.
    CancelHttp,
    /// Put a good access token into the directory; answered by `Token`.
    FetchToken,
    /// The user is parked and can take an arrival.
    Park,
}
