//! A whole document as a device sends it: every change of a visit in the form in which they weigh least.
//!
//! Sixty changes name each other by hashes that nothing compresses; the document with the same changes does not, and gives
//! them back byte for byte. It is a parcel and not a record: what counts are the changes in it, each judged as if it had
//! come alone. Only what Automerge did not compress itself is opened, and only when it unfolds to a bounded size.

use super::gate::{GateRules, MAGIC, Places, Refusal, frame_is_whole, is_whole_again};
use super::{Actor, ChangeHeader, ChangeId, Document, RawChange, unfold};
use crate::limits::{CHANGE_BYTES_MAX, CHANGE_OPS_MAX, DOCUMENT_BYTES_MAX};

/// The type byte of a document chunk.
const DOCUMENT: u8 = 0;

/// Whether the bytes say that they are a whole document and not one change.
pub fn is_document(bytes: &[u8]) -> bool {
    bytes.len() > 8 && bytes[..4] == MAGIC && bytes[8] == DOCUMENT
}

/// How many operations a document unfolds to, without unfolding it.
///
/// # Errors
/// [`Refusal::TooLarge`] beyond the bounds, [`Refusal::ChunkKind`] for what Automerge compressed itself,
/// [`Refusal::NotAChange`] for what is no document.
pub fn weigh(bytes: &[u8]) -> Result<usize, Refusal> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    if !is_document(bytes) {
        return Err(Refusal::NotAChange);
    }
    unfold::weigh_document(bytes)
}

/// A document that came from outside, open; nothing in it is believed.
pub struct History {
    document: Document,
    changes: Vec<automerge::Change>,
    bytes: Vec<u8>,
}

impl History {
    /// Opens a document. Like the gate it may panic on hostile bytes; callers catch that.
    ///
    /// # Errors
    /// Those of [`weigh`]; [`Refusal::NotCanonical`] for bytes that Automerge would have written differently;
    /// [`Refusal::NotReloadable`] for what cannot be opened.
    pub fn open(bytes: Vec<u8>) -> Result<Self, Refusal> {
        weigh(&bytes)?;
        let document = Document::load(&bytes).map_err(|_| Refusal::NotReloadable)?;
        if document.save() != bytes {
            return Err(Refusal::NotCanonical);
        }
        let changes = document.doc.get_changes(&[]);
        let fits =
            |c: &automerge::Change| c.raw_bytes().len() <= CHANGE_BYTES_MAX && c.len() <= CHANGE_OPS_MAX;
        if !changes.iter().all(fits) {
            return Err(Refusal::TooLarge);
        }
        if !changes.iter().all(|change| document.contains(ChangeId(change.hash().0))) {
            return Err(Refusal::NotReloadable);
        }
        Ok(Self { document, changes, bytes })
    }

    /// The changes that `known` lacks, each after its predecessors, with what they say about themselves; those by actors
    /// that are no actors of ours are left out.
    pub fn beyond(&self, known: &Document) -> Vec<(RawChange, ChangeHeader)> {
        let new = self.changes.iter().filter(|change| !known.contains(ChangeId(change.hash().0)));
        new.filter_map(|change| Some((RawChange(change.raw_bytes().to_vec()), header(change)?))).collect()
    }

    /// Every change, each after its predecessors, with what it says about itself.
    pub fn changes(&self) -> Vec<(RawChange, ChangeHeader)> {
        let all = self.changes.iter();
        all.filter_map(|change| Some((RawChange(change.raw_bytes().to_vec()), header(change)?))).collect()
    }

    /// Passes everything that `base` lacks through the gate at once, for the price of one document; nothing when one of the
    /// changes has to be judged by itself, or when `base` holds what is not in here.
    ///
    /// Whatever passes here passes one by one, too, and amounts to the same.
    pub fn accept(&self, base: &Document, rules: &GateRules<'_>) -> Option<Document> {
        let places = Places::of(base);
        if !base.heads().iter().all(|head| self.document.contains(*head)) {
            return None;
        }
        let mut new = Vec::new();
        for change in &self.changes {
            let header = header(change)?;
            if base.contains(header.id) {
                continue;
            }
            if !rules.actors.contains(&header.actor) || !places.allow(&change.decode(), rules) {
                return None;
            }
            new.push(change.clone());
        }
        // Made anew from the changes it must be the same to the last byte: nothing but them is believed.
        let mut copy = base.clone();
        copy.forget();
        copy.doc.apply_changes(new).ok()?;
        if copy.save() != self.bytes {
            return None;
        }
        frame_is_whole(base, &self.document).ok()?;
        is_whole_again(&copy, &self.document).ok()?;
        Some(self.document.clone())
    }
}

fn header(change: &automerge::Change) -> Option<ChangeHeader> {
    Some(ChangeHeader {
        id: ChangeId(change.hash().0),
        actor: Actor(change.actor_id().to_bytes().try_into().ok()?),
        seq: change.seq(),
        deps: change.deps().iter().map(|d| ChangeId(d.0)).collect(),
        ops: change.len(),
    })
}
