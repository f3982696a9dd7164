//! What the bodies of journal entries say, kind by kind. Fields of later versions are ignored here and kept in the bytes.

use crate::capture::{MadeAt, Place};
use crate::document::{Actor, ChangeId};
use crate::ids::{BlockId, DeviceId, ReceiptId, RecordId};
use crate::journal::JournalError;
use crate::moment::Moment;
use crate::numbering::Number;
use crate::suite::{Digest, PublicKey, Signature};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Writes a body.
pub fn write<T: Serialize>(body: &T) -> String {
    serde_json::to_string(body).expect("bodies are plain data with text keys")
}

/// Reads a body.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|_| JournalError::Unreadable)
}

/// Of [`super::Kind::Opened`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The version of the product that opened the store.
    pub version: String,
    /// The last receipt that the device holds.
    pub last_receipt: Option<ReceiptId>,
}

/// Of [`super::Kind::ActorDeclared`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorDeclared {
    /// The writer of this device's changes to the inspection from here on.
    pub actor: Actor,
}

/// Of [`super::Kind::Saved`]; the entry's content is the hash of the raw change, of a run's last one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Saved {
    /// Which change, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeId>,
    /// Which changes, when they are several: they are the named one and those that it builds upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// Changes that one writer made one after another. The entry that names them also declares the writer.
///
/// Each change names the ones that it builds upon by their hashes, and a writer always builds upon its own last change, so
/// whoever signs the last one of a run has signed all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, minicbor::Encode, minicbor::Decode)]
pub struct Run {
    /// The writer.
    #[n(0)]
    pub actor: Actor,
    /// The writer's own count at the first change, from 1.
    #[n(1)]
    pub first: u64,
    /// The writer's own count at the last change; not before the first.
    #[n(2)]
    pub last: u64,
}

impl Run {
    /// Whether the writer's change of this count is one of them.
    pub fn names(&self, actor: Actor, seq: u64) -> bool {
        self.actor == actor && (self.first..=self.last).contains(&seq)
    }
}

/// Of [`super::Kind::Captured`]; the entry's content is the hash of the capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The capture's own id, the same as in the evidence index.
    pub record: RecordId,
    /// For instance `photo`.
    pub kind: String,
    /// For instance `image/jpeg`.
    pub media_type: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// The checklist item that it shows, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Where it was taken, or why nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// When another device made it, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<MadeAt>,
    /// Whether it ends early: the terminal was switched off while it recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// Of [`super::Kind::Sealed`]; the entry's content is the hash of the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The canonical text of the [`crate::seal::Statement`].
    pub statement: String,
    /// The officer's key.
    pub key: PublicKey,
    /// By that key, over the statement.
    pub signature: Signature,
}

/// Of [`super::Kind::Exported`] and [`super::Kind::Imported`]; the entry's content is the hash of the package's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// Which terminal made the package.
    pub maker: DeviceId,
    /// How many changes it holds, or how many of them were taken in.
    pub changes: u64,
}

/// Of [`super::Kind::Numbered`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// The document's id in the visit.
    pub record: RecordId,
    /// Its number.
    #[serde(flatten)]
    pub number: Number,
    /// As it is spelled.
    pub text: String,
    /// Out of which block; absent for one that was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockId>,
}

/// Of [`super::Kind::ClockJumped`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJumped {
    /// What the clock should have said by the monotonic one.
    pub expected: Moment,
    /// What it said.
    pub found: Moment,
}

/// Of [`super::Kind::SetAside`] and [`super::Kind::RolledBack`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// Where the damaged store is kept, a file name beside the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_as: Option<String>,
    /// The last entry that the server holds.
    pub server_seq: u64,
    /// Its hash.
    pub server_hash: Option<Digest>,
}
