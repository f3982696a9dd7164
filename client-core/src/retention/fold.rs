//! Folding: the settled changes of a visit become one document.
//!
//! A visit is folded whole or not at all, so that a fold holds the predecessors of whatever is in it. Only what is settled
//! is folded: what the server has receipted and taken into the record, of a visit in which nothing is open.

use crate::client::{Client, Desk};
use crate::documents;
use crate::error::ClientError;
use crate::store::{carried, changes, folded, list, meta, rows};
use fieldproof_schema::document::{ChangeId, Document};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::{FOLD_CHANGES_MAX, FOLD_CHANGES_MIN, RETENTION_VISITS_MAX};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::reference::{InspectionRow, InspectionState};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;
use std::collections::BTreeMap;

impl Client {
    /// Looks at the next visits, in the order of their ids, and folds what can be folded, each in a transaction.
    pub(super) fn fold_some(&self) -> Result<(), ClientError> {
        let (after, next) = {
            let reader = self.reader();
            let after = meta::folding(&reader)?;
            (after, changes::counted_after(&reader, after, RETENTION_VISITS_MAX)?)
        };
        let is_last = next.len() < RETENTION_VISITS_MAX;
        let (mut left, mut through) = (FOLD_CHANGES_MAX, after);
        let mut whole = true;
        for (inspection, count) in next {
            if left == 0 {
                whole = false;
                break;
            }
            if may_fold(&self.reader(), inspection, count)? {
                let mut desk = self.desk()?;
                let Desk { conn, .. } = &mut *desk;
                let tx = conn.transaction()?;
                match fold(&tx, inspection) {
                    Ok(()) => tx.commit()?,
                    // Said by whoever needs it, and by `verify`.
                    Err(ClientError::Damaged { what }) => {
                        tracing::warn!(inspection.id = %inspection, what, "a damaged visit is not folded");
                    }
                    Err(error) => return Err(error),
                }
                left = left.saturating_sub(count);
            }
            through = Some(inspection);
        }
        let through = through.filter(|_| !(is_last && whole));
        if through != after {
            meta::put_folding(&self.desk()?.conn, through)?;
        }
        Ok(())
    }
}

/// Whether a visit is one to fold, by what is cheap to know.
fn may_fold(conn: &Connection, inspection: InspectionId, count: u64) -> Result<bool, ClientError> {
    let Some(line) = list::find(conn, inspection)? else { return Ok(false) };
    let over = matches!(
        line.state,
        InspectionState::Sealed | InspectionState::Accepted | InspectionState::Disclosed
    );
    let is_open = line.conflicts > 0 && !planted::is(Bug::OpenFolded);
    if count < FOLD_CHANGES_MIN && !over || is_open || line.quarantined > 0 {
        return Ok(false);
    }
    let row: Option<InspectionRow> = rows::about_inspection(conn, RowKind::Inspection, inspection)?;
    Ok(row.is_none_or(|row| row.conflicts.is_empty() || planted::is(Bug::OpenFolded))
        && folded::get(conn, inspection)?.is_none_or(|fold| fold.held)
        && !folded::is_wanted(conn, inspection)?
        && !carried::is_to_hand(conn, inspection)?)
}

/// Folds a visit when all of its changes are settled and the fold gives each of them back to the byte.
fn fold(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    let Some(settled) = folded::settled(tx, inspection)? else { return Ok(()) };
    let Some(document) = documents::load(tx, inspection)? else { return Ok(()) };
    let bytes = document.save_small();
    let Some(given) = given_back(&bytes) else {
        tracing::warn!(inspection.id = %inspection, "a document cannot be read again and is not folded");
        return Ok(());
    };
    let before = documents::base(tx, inspection)?;
    let folded_before = before.map(|document| document.places_of_all()).unwrap_or_default();
    let is_whole = settled.iter().all(|settled| given.get(&settled.change) == Some(&settled.digest))
        && folded_before.iter().all(|(change, _)| given.contains_key(change))
        && given.len() == settled.len() + folded_before.len();
    if !is_whole {
        tracing::warn!(inspection.id = %inspection, "a document does not give its changes back and is not folded");
        return Ok(());
    }
    let mut runs = folded::get(tx, inspection)?.map(|fold| fold.runs).unwrap_or_default();
    runs.extend(settled.into_iter().map(|settled| settled.run));
    folded::put(tx, inspection, &bytes, &folded::joined(runs))?;
    changes::remove_all(tx, inspection)
}

/// The changes that a document gives back when it is read again, by the digests of their bytes.
fn given_back(bytes: &[u8]) -> Option<BTreeMap<ChangeId, Digest>> {
    documents::guarded(|| {
        let again = Document::load(bytes).ok()?;
        Some(again.changes().into_iter().map(|(change, raw)| (change, Digest::of(&raw.0))).collect())
    })
    .flatten()
}
