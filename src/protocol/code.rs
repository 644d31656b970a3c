//! Reply codes of the IM service: integers in the manner of HTTP.
//! Source: protocol reference, section 17. Classified by number, never by text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The `code` of a `ctrl`, or the status of an HTTP reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Code(pub u16);

impl Code {
    /// Generic success.
    pub const OK: Code = Code(200);
    /// Reply to `hi` and `acc`.
    pub const CREATED: Code = Code(201);
    /// A publish was stored; `params.seq` is its number.
    pub const ACCEPTED: Code = Code(202);
    /// A part of a `get` has nothing to list.
    pub const NO_CONTENT: Code = Code(204);
    /// Unsolicited: the session was evicted from a topic, or the server shuts down.
    pub const EVICTED: Code = Code(205);
    /// End of a history page; `params.count` messages came before it.
    pub const DELIVERED: Code = Code(208);
    /// Nothing to do: already subscribed, not joined, not modified. Benign.
    pub const NOT_MODIFIED: Code = Code(304);
    /// Syntax or arguments.
    pub const MALFORMED: Code = Code(400);
    /// Not logged in, or the login failed.
    pub const UNAUTHORIZED: Code = Code(401);
    /// The access mode does not allow it.
    pub const FORBIDDEN: Code = Code(403);
    /// No such topic, user or subscription.
    pub const NOT_FOUND: Code = Code(404);
    /// This verb cannot be used there.
    pub const NOT_ALLOWED: Code = Code(405);
    /// Out of sequence: not attached, already logged in.
    pub const CONFLICT: Code = Code(409);
    /// An upload is over the limit.
    pub const TOO_LARGE: Code = Code(413);
    /// A policy forbids it, such as a full group.
    pub const POLICY: Code = Code(422);
    /// More requests than the server's rate limit allows.
    pub const TOO_MANY_REQUESTS: Code = Code(429);
    /// The server failed, usually in storage.
    pub const INTERNAL: Code = Code(500);
    /// The verb is not implemented.
    pub const NOT_IMPLEMENTED: Code = Code(501);
    /// Overload, or a topic in transition. Worth another try.
    pub const UNAVAILABLE: Code = Code(503);
    /// The protocol version of a `hi` is too old.
    pub const VERSION: Code = Code(505);

    /// 200 to 299.
    pub const fn is_success(self) -> bool {
        self.0 >= 200 && self.0 < 300
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
