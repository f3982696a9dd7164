//! From stored changes to documents in memory, and back to snapshots.
//!
//! The changes are the record. A document is loaded when it is first needed, from its snapshot and the few changes behind
//! it; snapshots can be thrown away. Bytes that came from outside are decoded where a panic ends nothing.

mod cache;
mod folds;

pub(crate) use cache::Cache;
pub(crate) use folds::{
    base, by_author, covered, is_own, load_or_ask, origins, origins_of, unfold, unfold_own, whole,
};

use crate::error::ClientError;
use crate::store::{changes, folded};
use fieldproof_schema::document::{Applied, ChangeHeader, ChangeId, Document, History, RawChange, inspect};
use fieldproof_schema::ids::InspectionId;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Own changes between two snapshots: replaying so many costs less than saving the document at each.
pub(crate) const SNAPSHOT_EVERY: u64 = 32;

/// Loads the document of an inspection; `None` while its first change is not here.
pub(crate) fn load(conn: &Connection, inspection: InspectionId) -> Result<Option<Document>, ClientError> {
    if let Some((snapshot, through)) = changes::snapshot(conn, inspection)? {
        let behind = changes::list(conn, inspection, through, false)?;
        let raws: Vec<&RawChange> = behind.iter().map(|(_, _, raw)| raw).collect();
        if let Some(document) = guarded(|| Document::load(&snapshot).ok()).flatten()
            && let Some(document) = apply_all(&document, &raws)
        {
            return Ok(Some(document));
        }
        tracing::warn!(inspection.id = %inspection, "a snapshot is unusable; the document is built from its changes");
    }
    let all = changes::list(conn, inspection, 0, false)?;
    if let Some(base) = base(conn, inspection)? {
        let raws: Vec<&RawChange> = all.iter().map(|(_, _, raw)| raw).collect();
        return apply_all(&base, &raws).map(Some).ok_or(ClientError::Damaged { what: "a document" });
    }
    if all.is_empty() {
        return Ok(None);
    }
    let built = guarded(|| Document::from_changes(all.iter().map(|(_, _, raw)| raw.0.as_slice())));
    match built {
        Some(document) => Ok(Some(document?)),
        None => Err(ClientError::Damaged { what: "a document" }),
    }
}

/// Takes in whatever of the waiting changes has its predecessors by now; returns the document and how many joined.
///
/// Writes which changes joined, and a snapshot that holds them.
pub(crate) fn absorb(
    tx: &Connection,
    inspection: InspectionId,
    document: Option<Document>,
) -> Result<(Option<Document>, u64), ClientError> {
    let waiting = changes::list(tx, inspection, 0, true)?;
    let document = match document {
        Some(known) => Some(known),
        None => whole(tx, inspection)?,
    };
    let (document, joined) = join(document, &waiting);
    for ordinal in &joined {
        changes::joined(tx, *ordinal)?;
    }
    if let Some(document) = document.as_ref().filter(|_| !joined.is_empty()) {
        changes::put_snapshot(tx, inspection, &document.save())?;
        folded::open(tx, inspection)?;
    }
    Ok((document, joined.len() as u64))
}

/// Keeps a snapshot when many changes have gathered behind the last one.
pub(crate) fn snapshot_if_due(
    tx: &Connection,
    inspection: InspectionId,
    document: &Document,
) -> Result<(), ClientError> {
    if changes::behind_snapshot(tx, inspection)? >= SNAPSHOT_EVERY {
        changes::put_snapshot(tx, inspection, &document.save())?;
    }
    Ok(())
}

/// Keeps snapshots of visits that are likely to be sent next, where their documents are in memory: a push takes them as they
/// are.
pub(crate) fn snapshot_signed(
    tx: &Connection,
    cache: &mut Cache,
    signed: &[InspectionId],
) -> Result<(), ClientError> {
    for inspection in signed {
        if let Some(document) = cache.get(*inspection)
            && changes::behind_snapshot(tx, *inspection)? > 0
        {
            changes::put_snapshot(tx, *inspection, &document.save())?;
        }
    }
    Ok(())
}

/// Applies what can be applied, in whatever order it came; names what joined.
fn join(
    mut document: Option<Document>,
    waiting: &[(i64, ChangeId, RawChange)],
) -> (Option<Document>, Vec<i64>) {
    let mut joined = Vec::new();
    let mut left: Vec<&(i64, ChangeId, RawChange)> = waiting.iter().collect();
    loop {
        if let Some(known) = &document {
            // The usual case, in one go: changes in the order in which they were written.
            let raws: Vec<&RawChange> = left.iter().map(|(_, _, raw)| raw).collect();
            if let Some(whole) = apply_all(known, &raws) {
                joined.extend(left.iter().map(|(ordinal, ..)| *ordinal));
                return (Some(whole), joined);
            }
        }
        let (before, had_document) = (left.len(), document.is_some());
        left.retain(|(ordinal, _, raw)| {
            let next = match &document {
                Some(_) if !had_document => return true,
                Some(known) => apply_all(known, &[raw]),
                None => guarded(|| Document::from_changes([raw.0.as_slice()]).ok()).flatten(),
            };
            let fits = next.is_some();
            if fits {
                document = next;
                joined.push(*ordinal);
            }
            !fits
        });
        if left.len() == before {
            return (document, joined);
        }
    }
}

/// A copy with all of these changes, or nothing when one does not fit.
fn apply_all(document: &Document, raws: &[&RawChange]) -> Option<Document> {
    guarded(|| {
        let mut copy = document.clone();
        for raw in raws {
            match copy.apply(raw) {
                Ok(Applied::New | Applied::Known) => {}
                Ok(Applied::Waiting(_)) | Err(_) => return None,
            }
        }
        Some(copy)
    })
    .flatten()
}

/// What a change says about itself, when the bytes are one plain change.
pub(crate) fn header_of(raw: &RawChange) -> Option<ChangeHeader> {
    guarded(|| inspect(&raw.0).ok()).flatten()
}

/// The changes of a whole document, each after its predecessors; nothing when it cannot be opened.
pub(crate) fn open(bytes: &[u8]) -> Option<Vec<(RawChange, ChangeHeader)>> {
    guarded(|| Some(History::open(bytes.to_vec()).ok()?.changes())).flatten()
}

/// Runs a decoder over bytes from outside; a panic of it is a refusal, and nothing that it touched is used again.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(decode)).ok()
}
