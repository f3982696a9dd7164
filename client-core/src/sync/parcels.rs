//! What waits to be sent, as it travels: single changes, or the whole document of a visit where that weighs less.
//!
//! Changes name each other by hashes, which nothing compresses; a document with sixty changes weighs, in one compressed
//! stream with others, what a handful of single changes do. It holds everything, also what colleagues wrote, so it is
//! sent only when much of it is new to the server and all own changes in it are signed.

use super::plan;
use crate::documents;
use crate::error::ClientError;
use crate::store::outgoing::{self, Pending, Run};
use crate::store::{carried, changes, meta};
use fieldproof_schema::document::RawChange;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::{
    DOCUMENT_BYTES_MAX, DOCUMENT_BYTES_PER_CHANGE, DOCUMENT_CHANGES_MIN, PUSH_ENTRIES_MAX,
};
use fieldproof_schema::suite::Digest;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Something that is sent as one item.
pub(crate) struct Parcel {
    pub(crate) inspection: InspectionId,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: usize,
    /// The place of the last entry that must go before it; `None` when the server holds it.
    pub(crate) after_entry: Option<u64>,
    pub(crate) contents: Contents,
}

/// What is in a parcel.
pub(crate) enum Contents {
    /// The change in this place.
    Change(u64),
    /// A document, the last run of own changes in it, and how many of its changes wait.
    Document { bytes: Vec<u8>, through: u64, changes: u64 },
}

impl Parcel {
    /// For planning: its size, and what goes before it.
    pub(crate) fn planned(&self) -> plan::Change {
        plan::Change { size_bytes: self.size_bytes, after_entry: self.after_entry }
    }

    /// The bytes as they are sent.
    pub(crate) fn bytes(&self, conn: &Connection) -> Result<RawChange, ClientError> {
        match &self.contents {
            Contents::Change(ordinal) => Ok(changes::get(conn, *ordinal)?.1),
            Contents::Document { bytes, .. } => Ok(RawChange(bytes.clone())),
        }
    }
}

/// The first parcels that wait, in the order in which they were signed: some more than `budget` bytes of them.
pub(crate) fn gather(conn: &Connection, budget: usize) -> Result<Vec<Parcel>, ClientError> {
    let mut parcels: Vec<Parcel> = Vec::new();
    let (mut gathered, mut last) = (0, 0);
    let mut as_document: BTreeMap<InspectionId, bool> = BTreeMap::new();
    // Runs of a visit mostly follow each other: the others of one that goes as a document are passed over.
    let mut passed = None;
    while gathered <= budget
        && parcels.len() < PUSH_ENTRIES_MAX
        && let Some(run) = outgoing::next(conn, last, passed)?
    {
        last = run.id;
        passed = None;
        let new = match as_document.get(&run.inspection) {
            Some(true) => Vec::new(),
            Some(false) => singles(conn, &run)?,
            None => {
                let whole = document(conn, run.inspection, budget)?;
                as_document.insert(run.inspection, whole.is_some());
                whole.map_or_else(|| singles(conn, &run), |whole| Ok(vec![whole]))?
            }
        };
        if as_document.get(&run.inspection) == Some(&true) {
            passed = Some(run.inspection);
        }
        gathered += new.iter().map(|parcel| parcel.size_bytes).sum::<usize>();
        parcels.extend(new);
    }
    parcels.truncate(PUSH_ENTRIES_MAX);
    Ok(parcels)
}

fn singles(conn: &Connection, run: &Run) -> Result<Vec<Parcel>, ClientError> {
    let parcel = |pending: Pending| Parcel {
        inspection: run.inspection,
        digest: pending.digest,
        size_bytes: pending.size_bytes,
        after_entry: run.after_entry,
        contents: Contents::Change(pending.ordinal),
    };
    Ok(outgoing::changes_of(conn, run)?.into_iter().map(parcel).collect())
}

/// The document of a visit as a parcel; nothing where single changes are the better or the only way.
fn document(
    conn: &Connection,
    inspection: InspectionId,
    budget: usize,
) -> Result<Option<Parcel>, ClientError> {
    // While the server lacks what others wrote, it would take it for this terminal's own, and nothing vouches for that.
    let lacking = meta::holdings(conn)?.is_some() || carried::is_to_hand(conn, inspection)?;
    if lacking && carried::is_shared(conn, inspection)? {
        return Ok(None);
    }
    let waiting = outgoing::waiting(conn, inspection)?;
    // What is not signed yet must not travel, and what was refused for good would only be refused again.
    let count = usize::try_from(waiting.changes).unwrap_or(usize::MAX);
    if waiting.unsigned > 0 || waiting.refused > 0 || count < DOCUMENT_CHANGES_MIN {
        return Ok(None);
    }
    let bytes = match changes::whole_snapshot(conn, inspection)? {
        Some(snapshot) => Some(snapshot),
        None => documents::load(conn, inspection)?.map(|document| document.save()),
    };
    let most = count.saturating_mul(DOCUMENT_BYTES_PER_CHANGE).min(budget).min(DOCUMENT_BYTES_MAX);
    Ok(bytes.filter(|bytes| bytes.len() <= most).map(|bytes| Parcel {
        inspection,
        digest: Digest::of(&bytes),
        size_bytes: bytes.len(),
        after_entry: waiting.after_entry,
        contents: Contents::Document { bytes, through: waiting.through, changes: waiting.changes },
    }))
}
