//! The inspection document: one Automerge document per visit, mapped by hand.
//!
//! This module and its parts are the only home of Automerge types. Everything outside sees [`Document`], [`RawChange`],
//! [`View`] and plain ids. It decides nothing about workflow: seals, reviews and decisions are journal entries and
//! server records about a document, never content of it (`docs/ARCHITECTURE.md`).
//!
//! Layout: the root holds `identity` (a canonical JSON text), the maps `answers`, `notes`, `findings`, `measurements`,
//! `evidence`, `documents`, `proposals`, `resolutions`, and the texts `narrative` and `statement`. Every container and
//! every item's note exists from the first change on ([`genesis()`]): two devices that each created "the same" map would
//! hide one officer's work. Values of the maps are whole registers: JSON texts that are replaced, never edited.

mod edit;
mod gate;
mod genesis;
mod history;
mod lineage;
mod merge;
mod places;
mod unfold;
mod view;

pub use edit::{Edit, EditError};
pub use gate::{GateRules, Refusal, Sent, accept, accept_run, inspect, name, split, weigh_change};
pub use genesis::{EntitySnapshot, Genesis, Identity, TeamMember, TemplatePin, genesis};
pub use history::{History, is_document, weigh};
pub use lineage::ancestors_among;
pub use merge::merge;
pub use view::{Register, Side, Stamp, View};

use crate::moment::Moment;
use crate::suite::Digest;
use automerge::transaction::CommitOptions;
use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, Value};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

/// Maps whose values are registers, by name.
pub(crate) const REGISTER_MAPS: [&str; 7] =
    ["answers", "findings", "measurements", "evidence", "documents", "proposals", "resolutions"];
/// The map of one text per checklist item.
pub(crate) const NOTES: &str = "notes";
/// Texts that merge by character.
pub(crate) const TEXTS: [&str; 2] = ["narrative", "statement"];
/// The pinned identity, a JSON text.
pub(crate) const IDENTITY: &str = "identity";

macro_rules! bytes_id {
    ($(#[doc = $doc:literal])* $name:ident, $len:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = hex::FromHexError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

bytes_id!(
    /// The hash by which Automerge names a change (SHA-256 of its chunk).
    ChangeId, 32
);
bytes_id!(
    /// A writer of changes: drawn afresh for each opening of a store, declared in the journal.
    Actor, 16
);

/// One uncompressed Automerge change, exactly as it was written: the record that signatures cover. On the wire it can also
/// be a whole document, a parcel of changes; see [`is_document`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct RawChange(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

impl fmt::Debug for RawChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawChange({} bytes)", self.0.len())
    }
}

/// What a change says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeHeader {
    /// Its hash.
    #[n(0)]
    pub id: ChangeId,
    /// Who wrote it.
    #[n(1)]
    pub actor: Actor,
    /// The writer's own count, from 1.
    #[n(2)]
    pub seq: u64,
    /// The changes it was written upon.
    #[n(3)]
    pub deps: Vec<ChangeId>,
    /// How many operations it holds.
    #[n(4)]
    pub ops: usize,
}

/// Why bytes do not make a document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Automerge refused the bytes.
    #[error("the bytes are not a readable document or change")]
    Unreadable(#[source] Box<automerge::AutomergeError>),
    /// A change is not readable.
    #[error("the bytes are not a readable change")]
    UnreadableChange(#[source] Box<automerge::LoadChangeError>),
    /// The document lacks a container that the first change must have made.
    #[error("the document has no {0:?}")]
    NoContainer(&'static str),
    /// The identity is not readable.
    #[error("the document's identity is not readable")]
    Identity(#[source] serde_json::Error),
    /// Changes arrived whose predecessors are not here.
    #[error("{0} predecessors are missing")]
    MissingParents(usize),
}

impl From<automerge::AutomergeError> for DocumentError {
    fn from(error: automerge::AutomergeError) -> Self {
        Self::Unreadable(Box::new(error))
    }
}

/// What became of a change that was offered to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It is part of the document now.
    New,
    /// It already was.
    Known,
    /// Nothing was done: these predecessors are missing.
    Waiting(Vec<ChangeId>),
}

/// One inspection's document in memory. The changes are the record; this is what they amount to.
#[derive(Clone)]
pub struct Document {
    doc: Automerge,
    containers: Containers,
    /// What it says, once somebody has asked; forgotten with every change.
    view: OnceLock<Arc<View>>,
    /// As it is saved: the same.
    saved: OnceLock<Arc<[u8]>>,
}

/// The objects that the first change made; found by name once, used by id ever after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Containers {
    pub(crate) registers: Vec<(&'static str, ObjId)>,
    pub(crate) notes: ObjId,
    pub(crate) texts: Vec<(&'static str, ObjId)>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({:?})", self.heads())
    }
}

impl Document {
    /// Builds a document from its changes, in any order; every predecessor must be among them.
    pub fn from_changes<'a>(changes: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, DocumentError> {
        let mut doc = Automerge::new();
        let mut parsed = Vec::new();
        for bytes in changes {
            parsed.push(parse(bytes)?);
        }
        let wanted: Vec<_> = parsed.iter().map(automerge::Change::hash).collect();
        doc.apply_changes(parsed)?;
        let missing = doc.get_missing_deps(&wanted);
        if !missing.is_empty() {
            return Err(DocumentError::MissingParents(missing.len()));
        }
        Self::wrap(doc)
    }

    /// Opens a snapshot made by [`Self::save`]. A snapshot is a cache: it can be thrown away and built again.
    pub fn load(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::wrap(Automerge::load(bytes)?)
    }

    /// The whole document with its history, without Automerge's own compression.
    pub fn save(&self) -> Vec<u8> {
        self.saved.get_or_init(|| self.doc.save_nocompress().into()).to_vec()
    }

    /// Before every change: what is known of the document is not true of the next one.
    fn forget(&mut self) {
        self.view.take();
        self.saved.take();
    }

    /// True when the bytes are as [`Self::save`] wrote them, by the checksum that it leaves at their beginning. Costs one
    /// hash and allocates nothing; it is meant for accidents of storage, not for bytes that somebody made up.
    pub fn is_whole(bytes: &[u8]) -> bool {
        // Magic, checksum, and then what the checksum is over: kind, length, content.
        match (bytes.get(..4), bytes.get(4..8), bytes.get(8..)) {
            (Some([0x85, 0x6f, 0x4a, 0x83]), Some(checksum), Some(rest)) => {
                Digest::of(rest).to_bytes().get(1..5) == Some(checksum)
            }
            _ => false,
        }
    }

    /// The changes that no other change builds upon, sorted.
    pub fn heads(&self) -> Vec<ChangeId> {
        let mut heads: Vec<_> = self.doc.get_heads().iter().map(|h| ChangeId(h.0)).collect();
        heads.sort_unstable();
        heads
    }

    /// True when the change is part of the document.
    pub fn contains(&self, change: ChangeId) -> bool {
        self.doc.get_change_meta_by_hash(&automerge::ChangeHash(change.0)).is_some()
    }

    /// Who wrote a change, and as which of its own, from 1; none where the change is not part of the document.
    pub fn place_of(&self, change: ChangeId) -> Option<(Actor, u64)> {
        let meta = self.doc.get_change_meta_by_hash(&automerge::ChangeHash(change.0))?;
        Some((Actor(meta.actor.to_bytes().try_into().ok()?), meta.seq))
    }

    /// Who wrote each change, and as which of its own; each after its predecessors.
    pub fn places_of_all(&self) -> Vec<(ChangeId, (Actor, u64))> {
        let all = self.doc.get_changes_meta(&[]).into_iter();
        let place = |meta: automerge::ChangeMetadata<'_>| {
            Some((ChangeId(meta.hash.0), (Actor(meta.actor.to_bytes().try_into().ok()?), meta.seq)))
        };
        all.filter_map(place).collect()
    }

    /// The whole document with its history, in fewer bytes than [`Self::save`]; never for the wire, where what Automerge
    /// compressed itself is refused.
    pub fn save_small(&self) -> Vec<u8> {
        self.doc.save()
    }

    /// Every change, each after its predecessors.
    pub fn changes(&self) -> Vec<(ChangeId, RawChange)> {
        let changes = self.doc.get_changes(&[]);
        changes.iter().map(|c| (ChangeId(c.hash().0), RawChange(c.raw_bytes().to_vec()))).collect()
    }

    /// How many changes there are.
    pub fn change_count(&self) -> usize {
        self.doc.get_changes_meta(&[]).len()
    }

    /// The changes that are not part of the history of `heads`: what was written beside or after a seal.
    pub fn changes_outside(&self, heads: &[ChangeId]) -> Vec<ChangeId> {
        let heads = hashes(heads);
        let mut outside: Vec<_> =
            self.doc.get_changes_meta(&heads).iter().map(|meta| ChangeId(meta.hash.0)).collect();
        outside.sort_unstable();
        outside
    }

    /// The changes that a change was written upon; none where the change is not part of the document.
    pub fn parents(&self, change: ChangeId) -> Vec<ChangeId> {
        let change = self.doc.get_change_by_hash(&automerge::ChangeHash(change.0));
        change.map(|change| change.deps().iter().map(|dep| ChangeId(dep.0)).collect()).unwrap_or_default()
    }

    /// Adds one change when its predecessors are here. Bytes from outside go through [`accept`] first.
    pub fn apply(&mut self, change: &RawChange) -> Result<Applied, DocumentError> {
        let change = parse(&change.0)?;
        if self.doc.get_change_meta_by_hash(&change.hash()).is_some() {
            return Ok(Applied::Known);
        }
        let missing: Vec<_> = change
            .deps()
            .iter()
            .filter(|dep| self.doc.get_change_meta_by_hash(dep).is_none())
            .map(|dep| ChangeId(dep.0))
            .collect();
        if !missing.is_empty() {
            return Ok(Applied::Waiting(missing));
        }
        self.forget();
        self.doc.apply_changes([change])?;
        Ok(Applied::New)
    }

    /// Writes through `edit` as `actor`; returns the change, or `None` when nothing was different.
    ///
    /// `at` is kept in whole seconds as the writer's claim. An error leaves the document as it was.
    pub fn edit<T, E: From<EditError>>(
        &mut self,
        actor: Actor,
        at: Moment,
        edit: impl FnOnce(&mut Edit<'_, '_>) -> Result<T, E>,
    ) -> Result<(T, Option<(ChangeId, RawChange)>), E> {
        self.forget();
        self.doc.set_actor(actor.0.as_slice().into());
        let mut tx = self.doc.transaction();
        let value = match edit(&mut Edit::new(&mut tx, &self.containers)) {
            Ok(value) => value,
            Err(error) => {
                tx.rollback();
                return Err(error);
            }
        };
        let seconds = at.as_micros().div_euclid(1_000_000);
        let (hash, _) = tx.commit_with(CommitOptions::default().with_time(seconds));
        let change = hash.and_then(|hash| self.doc.get_change_by_hash(&hash));
        Ok((value, change.map(|c| (ChangeId(c.hash().0), RawChange(c.raw_bytes().to_vec())))))
    }

    /// What the document says now. Read once for each state of the document.
    pub fn view(&self) -> Result<Arc<View>, DocumentError> {
        if let Some(known) = self.view.get() {
            return Ok(known.clone());
        }
        let read = Arc::new(view::read(&self.doc, &self.containers, None)?);
        Ok(self.view.get_or_init(|| read).clone())
    }

    /// What the document said at `heads`; the official content of an inspection is its view at the sealed heads.
    pub fn view_at(&self, heads: &[ChangeId]) -> Result<View, DocumentError> {
        let missing = heads.iter().filter(|h| !self.contains(**h)).count();
        if missing > 0 {
            return Err(DocumentError::MissingParents(missing));
        }
        view::read(&self.doc, &self.containers, Some(&hashes(heads)))
    }

    /// The pinned identity.
    pub fn identity(&self) -> Result<Identity, DocumentError> {
        read_identity(&self.doc)
    }

    fn wrap(doc: Automerge) -> Result<Self, DocumentError> {
        let containers = Containers::find(&doc)?;
        read_identity(&doc)?;
        Ok(Self { doc, containers, view: OnceLock::new(), saved: OnceLock::new() })
    }
}

impl Containers {
    fn find(doc: &Automerge) -> Result<Self, DocumentError> {
        let find = |name: &'static str, kind: ObjType| match doc.get(ROOT, name) {
            Ok(Some((Value::Object(found), id))) if found == kind => Ok(id),
            _ => Err(DocumentError::NoContainer(name)),
        };
        let mut registers = Vec::with_capacity(REGISTER_MAPS.len());
        for name in REGISTER_MAPS {
            registers.push((name, find(name, ObjType::Map)?));
        }
        let mut texts = Vec::with_capacity(TEXTS.len());
        for name in TEXTS {
            texts.push((name, find(name, ObjType::Text)?));
        }
        Ok(Self { registers, notes: find(NOTES, ObjType::Map)?, texts })
    }
}

fn read_identity(doc: &Automerge) -> Result<Identity, DocumentError> {
    let text = match doc.get(ROOT, IDENTITY)? {
        Some((value, _)) => value.into_string().map_err(|_| DocumentError::NoContainer(IDENTITY))?,
        None => return Err(DocumentError::NoContainer(IDENTITY)),
    };
    serde_json::from_str(&text).map_err(DocumentError::Identity)
}

fn parse(bytes: &[u8]) -> Result<automerge::Change, DocumentError> {
    automerge::Change::from_bytes(bytes.to_vec()).map_err(|e| DocumentError::UnreadableChange(Box::new(e)))
}

fn hashes(ids: &[ChangeId]) -> Vec<automerge::ChangeHash> {
    ids.iter().map(|id| automerge::ChangeHash(id.0)).collect()
}

#[cfg(test)]
mod tests;
