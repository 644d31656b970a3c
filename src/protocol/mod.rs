//! The wire: messages, ids, codes, access modes and dialects of the IM service and its REST tokens.
//!
//! Knows what can be said, and has no opinion on success: that is `ops`' business. Client and simulator
//! share these types; the vendor's literal JSON in the tests is the independent witness of both.
//!
//! Start reading at [`client`] (what we send) and [`server`] (what we get).

pub mod access;
pub mod client;
pub mod code;
pub mod dialect;
pub mod exposition;
pub mod json;
pub mod rest;
pub mod server;
pub mod stamp;
pub mod text;
pub mod user_id;

pub use access::Mode;
pub use client::ClientMessage;
pub use code::Code;
pub use dialect::Dialect;
pub use json::Json;
pub use server::ServerMessage;
pub use stamp::Stamp;
pub use text::Text;
pub use user_id::UserId;
