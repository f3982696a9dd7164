//! What terminals and server say to each other.
//!
//! Sync speaks CBOR inside one zstd stream ([`sync`], [`frame`]); enrolment and sessions speak JSON ([`device`]). Released
//! names and numbers never change; fields are only added. Every error has a code of [`error`]. `docs/PROTOCOL.md` tells
//! the story; this module knows no HTTP.

pub mod carried;
pub mod device;
pub mod error;
pub mod events;
pub mod evidence;
pub mod floor;
pub mod frame;
#[cfg(test)]
mod goldens;
pub mod row;
pub mod sync;

/// The version of the protocol that this code speaks.
pub const PROTOCOL: u16 = 2;
/// The oldest version that the server still understands.
pub const PROTOCOL_MIN: u16 = 1;
/// The header with the server's signature over an answer and the nonce of its request.
pub const ANSWER_SIGNATURE: &str = "fieldproof-signature";
/// The media type of sync bodies.
pub const SYNC_MEDIA_TYPE: &str = "application/vnd.fieldproof.sync+cbor+zstd";
