//! The accept gate: what a change from outside must pass before it is merged.
//!
//! Automerge's decoder is not safe against hostile or damaged bytes: some valid-looking changes can be applied and then
//! make the saved document unreadable. So a change is decoded and encoded again (the hash must not change), applied to a
//! copy, saved, loaded and compared. Chunks that Automerge compressed itself, and those whose run lengths stand for more
//! than any honest change holds, are refused before any decoder sees them: they unfold without bound. The gate may panic
//! on hostile bytes; callers catch that and treat it as a refusal.

mod run;

pub(super) use run::Places;
pub use run::{Sent, accept_run};

use super::{Actor, Applied, ChangeHeader, ChangeId, Document, RawChange, View, unfold};
use crate::limits::{CHANGE_BYTES_MAX, CHANGE_OPS_MAX};
use crate::suite::Digest;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why a change is not merged. Stable; each maps to one error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not one plain change chunk.
    #[error("the bytes are not one Automerge change")]
    NotAChange,
    /// Compressed by Automerge, a whole document, or a bundle.
    #[error("the chunk is compressed or of a kind that is not accepted (type {0})")]
    ChunkKind(u8),
    /// Larger than the bounds.
    #[error("the change is too large")]
    TooLarge,
    /// Decoding and encoding again gave different bytes.
    #[error("the change does not survive decoding and encoding")]
    NotCanonical,
    /// Its writer is not one that the sending device declared.
    #[error("the change was written by an undeclared actor")]
    ForeignActor,
    /// Automerge refused it: for instance a reused (actor, sequence) pair.
    #[error("the change cannot be applied")]
    NotApplicable,
    /// It replaces or removes a container that the first change made, or the identity.
    #[error("the change touches the frame of the document")]
    Frame,
    /// The document with it cannot be saved and loaded again, or loads as something else.
    #[error("the document does not survive saving and loading")]
    NotReloadable,
    /// It holds a key or a text with U+0000, or a key that is longer than any honest one; or the change leaves several
    /// values in one register, by which a single writer could pile up more rivals than anybody can compare.
    #[error("the document with it holds what cannot be stored")]
    NotStorable,
    /// It answers an item that the checklist does not have.
    #[error("the checklist has no item {0:?}")]
    UnknownItem(String),
    /// An answer does not fit its item.
    #[error("the answer to {0:?} does not fit the item")]
    UnfitAnswer(String),
    /// These predecessors are missing; not final.
    #[error("{} predecessors are missing", .0.len())]
    Waiting(Vec<ChangeId>),
}

/// What the surroundings know about a change.
pub struct GateRules<'a> {
    /// Actors that the sending device declared for this inspection.
    pub actors: &'a BTreeSet<Actor>,
    /// Checks an answer's register against its item: `Err(true)` when the item is unknown, `Err(false)` when unfit.
    pub answer: &'a dyn Fn(&str, &str) -> Result<(), bool>,
}

/// What every chunk of Automerge begins with.
pub(super) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// Looks at a chunk without trusting it: kind, size, canonical form. Cheap; needs no document.
pub fn inspect(bytes: &[u8]) -> Result<ChangeHeader, Refusal> {
    look(bytes).map(|(header, _)| header)
}

/// What a change is called and how many operations it unfolds to at most, without unfolding it: no decoder sees the bytes.
///
/// What it says is true of whatever [`inspect`] reads; but bytes that pass here need not be a change.
///
/// # Errors
/// [`Refusal::TooLarge`] beyond the bounds, [`Refusal::ChunkKind`] for another chunk than a plain change,
/// [`Refusal::NotAChange`] for what has not the form of one or a wrong checksum.
pub fn weigh_change(bytes: &[u8]) -> Result<(ChangeId, usize), Refusal> {
    Ok((name(bytes)?, unfold::weigh_change(bytes)?))
}

/// What the change in these bytes is called, without looking into it.
///
/// # Errors
/// Those of [`weigh_change`], but for what it unfolds to.
pub fn name(bytes: &[u8]) -> Result<ChangeId, Refusal> {
    let name = Digest::of(chunk(bytes)?);
    if bytes[4..8] != name.value[..4] {
        return Err(Refusal::NotAChange);
    }
    Ok(ChangeId(name.value))
}

/// The changes that stand one behind the other in these bytes, by their own account of where they end.
///
/// # Errors
/// [`Refusal::NotAChange`] when they do not end where the bytes do.
pub fn split(bytes: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let length = unfold::chunk_length(rest).ok_or(Refusal::NotAChange)?;
        let (change, after) = rest.split_at_checked(length).ok_or(Refusal::NotAChange)?;
        found.push(change);
        rest = after;
    }
    Ok(found)
}

/// What names a plain change chunk: all of it behind magic and checksum.
fn chunk(bytes: &[u8]) -> Result<&[u8], Refusal> {
    const PLAIN_CHANGE: u8 = 1;
    if bytes.len() > CHANGE_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    // Magic, checksum, type, length, body.
    if bytes.len() < 10 || bytes[..4] != MAGIC {
        return Err(Refusal::NotAChange);
    }
    if bytes[8] != PLAIN_CHANGE {
        return Err(Refusal::ChunkKind(bytes[8]));
    }
    Ok(&bytes[8..])
}

/// The header of a change in canonical form, and its operations.
fn look(bytes: &[u8]) -> Result<(ChangeHeader, automerge::ExpandedChange), Refusal> {
    chunk(bytes)?;
    unfold::check(bytes)?;
    let change = automerge::Change::from_bytes(bytes.to_vec()).map_err(|_| Refusal::NotAChange)?;
    if change.len() > CHANGE_OPS_MAX {
        return Err(Refusal::TooLarge);
    }
    let expanded = change.decode();
    let again = automerge::Change::from(expanded.clone());
    if change.raw_bytes() != bytes || again.raw_bytes() != bytes || again.hash() != change.hash() {
        return Err(Refusal::NotCanonical);
    }
    let actor = change.actor_id().to_bytes().try_into().map_err(|_| Refusal::ForeignActor)?;
    let header = ChangeHeader {
        id: ChangeId(change.hash().0),
        actor: Actor(actor),
        seq: change.seq(),
        deps: change.deps().iter().map(|d| ChangeId(d.0)).collect(),
        ops: change.len(),
    };
    Ok((header, expanded))
}

/// Passes a change through the gate; returns the document with it, reloaded from its saved form.
///
/// `document` itself is not touched. A change that is already part of it returns an equal copy.
pub fn accept(document: &Document, change: &RawChange, rules: &GateRules<'_>) -> Result<Document, Refusal> {
    let header = inspect(&change.0)?;
    if document.contains(header.id) {
        return Ok(document.clone());
    }
    if !rules.actors.contains(&header.actor) {
        return Err(Refusal::ForeignActor);
    }
    let mut copy = document.clone();
    match copy.apply(change).map_err(|_| Refusal::NotApplicable)? {
        Applied::New | Applied::Known => {}
        Applied::Waiting(missing) => return Err(Refusal::Waiting(missing)),
    }
    if !copy.contains(header.id) {
        return Err(Refusal::NotApplicable);
    }
    let reloaded = Document::load(&copy.save()).map_err(|_| Refusal::NotReloadable)?;
    record_is_whole(&reloaded, &[change])?;
    frame_is_whole(document, &reloaded)?;
    let view = is_whole_again(&copy, &reloaded)?;
    if !view.is_of_one_mind(header.id) {
        return Err(Refusal::NotStorable);
    }
    for (item, register) in &view.answers {
        for side in register.sides() {
            if side.stamp.change != header.id {
                continue;
            }
            (rules.answer)(item, &side.value).map_err(|unknown| {
                if unknown { Refusal::UnknownItem(item.clone()) } else { Refusal::UnfitAnswer(item.clone()) }
            })?;
        }
    }
    Ok(reloaded)
}

/// What was saved and loaded says the same as before, and it can be stored.
pub(super) fn is_whole_again(copy: &Document, reloaded: &Document) -> Result<Arc<View>, Refusal> {
    let view = reloaded.view().map_err(|_| Refusal::NotReloadable)?;
    if reloaded.heads() != copy.heads() || Some(&view) != copy.view().ok().as_ref() {
        return Err(Refusal::NotReloadable);
    }
    if view.is_storable() { Ok(view) } else { Err(Refusal::NotStorable) }
}

/// Every change comes out of the document by its own name, and the new ones as they went in.
///
/// Some changes load and show what they should, and yet cannot be taken out again: then nobody could be sent the record,
/// and asking for it would panic far from any guard. Here it panics within the caller's.
fn record_is_whole(after: &Document, new: &[&RawChange]) -> Result<(), Refusal> {
    let changes = after.changes();
    let named = changes.iter().all(|(id, _)| after.contains(*id));
    let out: BTreeSet<&[u8]> = changes.iter().map(|(_, raw)| raw.0.as_slice()).collect();
    let whole = named && new.iter().all(|change| out.contains(change.0.as_slice()));
    if whole { Ok(()) } else { Err(Refusal::NotReloadable) }
}

/// The containers, the identity and the notes are the ones that the first change made, without rivals.
pub(super) fn frame_is_whole(before: &Document, after: &Document) -> Result<(), Refusal> {
    use automerge::{ROOT, ReadDoc};
    let names = super::REGISTER_MAPS.iter().chain(&super::TEXTS).chain(&[super::NOTES, super::IDENTITY]);
    let alone: BTreeSet<String> = after
        .doc
        .map_range(ROOT, ..)
        .filter(|entry| !entry.conflict)
        .map(|entry| entry.key.into_owned())
        .collect();
    let whole = after.containers == before.containers
        && names.copied().all(|name| alone.contains(name))
        && after.identity().ok() == before.identity().ok()
        && notes_are_the_same(before, after);
    if whole { Ok(()) } else { Err(Refusal::Frame) }
}

/// Each item has the one note that it had.
fn notes_are_the_same(before: &Document, after: &Document) -> bool {
    use automerge::ReadDoc;
    let (there, here) = (&before.containers.notes, &after.containers.notes);
    let mut notes = after.doc.map_range(here, ..);
    let same = before.doc.map_range(there, ..).all(|note| {
        notes.next().is_some_and(|now| !now.conflict && now.key == note.key && now.id() == note.id())
    });
    same && notes.next().is_none()
}
