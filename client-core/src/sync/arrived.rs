//! Changes that arrive with where they come from: stored as they are, or folded until somebody opens the visit.

use super::carry;
use crate::documents;
use crate::error::ClientError;
use crate::store::changes::{self, NewChange};
use crate::store::folded::{self, Fold};
use crate::store::rows;
use fieldproof_schema::document::{ChangeHeader, Document, RawChange, is_document};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::moment::Interval;
use fieldproof_schema::wire::row::{DocumentRow, Origin, RowKind};
use rusqlite::Connection;

/// What a row of changes did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// The visit came whole, and nothing of it was here.
    Folded,
    /// New changes wait to be merged.
    Changes,
    /// All of them were here.
    Known,
}

/// Keeps changes that the server gave.
pub(super) fn take(tx: &Connection, subject: &str, row: &DocumentRow) -> Result<Arrived, ClientError> {
    let inspection = row.inspection;
    if let Some(given) = &row.carried {
        carry::keep(tx, inspection, given)?;
    }
    if !row.changes.is_empty() {
        folded::want(tx, inspection, false)?;
    }
    let mut folds = Folds::read(tx, inspection)?;
    if let [whole] = row.changes.as_slice()
        && is_document(&whole.0)
        && folds.fold.is_none()
        && !changes::any(tx, inspection)?
    {
        folded::put_whole(tx, inspection, &whole.0, &row.origins)?;
        return Ok(Arrived::Folded);
    }
    let mut arrived = Arrived::Known;
    for raw in &row.changes {
        if folded::is_same(tx, inspection, &raw.0)? {
            continue;
        }
        let Some(changes) = read(raw) else {
            // Kept as it came; a later version may read it.
            tracing::warn!(inspection.id = %inspection, "changes cannot be read by this version and are kept aside");
            rows::put(tx, RowKind::Document.as_str(), subject, &raw.0)?;
            continue;
        };
        for (raw, header) in changes {
            if !folds.hold(tx, &header)? && keep(tx, inspection, &raw, &header, &row.origins)? {
                arrived = Arrived::Changes;
            }
        }
    }
    for origin in &row.origins {
        changes::confirm(tx, inspection, origin)?;
    }
    folds.confirm(tx, &row.origins)?;
    if row.changes.is_empty() && lacks(tx, row)? {
        folded::want(tx, inspection, true)?;
    }
    Ok(arrived)
}

/// The changes of a chunk; nothing when it is none.
fn read(raw: &RawChange) -> Option<Vec<(RawChange, ChangeHeader)>> {
    if is_document(&raw.0) {
        return documents::open(&raw.0);
    }
    documents::header_of(raw).map(|header| vec![(raw.clone(), header)])
}

/// Keeps a change with where it comes from; false when it was here.
pub(crate) fn keep(
    tx: &Connection,
    inspection: InspectionId,
    raw: &RawChange,
    header: &ChangeHeader,
    origins: &[Origin],
) -> Result<bool, ClientError> {
    let origin = origins.iter().find(|origin| origin.names(header.actor, header.seq));
    let kept = changes::insert(
        tx,
        &NewChange {
            inspection,
            change: header.id,
            raw,
            // Own are those that this store wrote; what only its lost predecessor wrote came back from the server.
            own: false,
            place: (header.actor, header.seq),
            entry: origin.and_then(|origin| origin.entry),
            device: origin.and_then(|origin| origin.device),
            officer: origin.and_then(|origin| origin.officer),
            device_at: None,
            written: origin.map_or(Interval::default(), |origin| origin.written),
            waiting: true,
        },
    )?;
    Ok(kept.is_some())
}

/// What of a visit is folded here.
pub(crate) struct Folds {
    inspection: InspectionId,
    fold: Option<Fold>,
    /// Opened when the fold does not say by itself what is in it.
    document: Option<Document>,
}

impl Folds {
    pub(crate) fn read(tx: &Connection, inspection: InspectionId) -> Result<Self, ClientError> {
        Ok(Self { inspection, fold: folded::get(tx, inspection)?, document: None })
    }

    /// Whether a change is folded.
    pub(crate) fn hold(&mut self, tx: &Connection, header: &ChangeHeader) -> Result<bool, ClientError> {
        let Some(fold) = &self.fold else { return Ok(false) };
        if fold.run((header.actor, header.seq)).is_some() {
            return Ok(true);
        }
        if self.document.is_none() {
            self.document = documents::whole(tx, self.inspection)?;
            if self.document.is_none() {
                self.fold = None;
            }
        }
        Ok(self.document.as_ref().is_some_and(|document| document.contains(header.id)))
    }

    /// Takes in when folded changes were written, as the server says it.
    pub(crate) fn confirm(mut self, tx: &Connection, origins: &[Origin]) -> Result<(), ClientError> {
        let Some(fold) = &mut self.fold else { return Ok(()) };
        let mut changed = false;
        for origin in origins {
            changed |= fold.confirm(origin);
        }
        if changed { folded::put_runs(tx, self.inspection, &fold.runs) } else { Ok(()) }
    }
}

/// Whether something is missing here that the server has.
fn lacks(tx: &Connection, row: &DocumentRow) -> Result<bool, ClientError> {
    let mut missing = Vec::new();
    for head in &row.heads {
        if !changes::has(tx, row.inspection, *head)? {
            missing.push(*head);
        }
    }
    if missing.is_empty() {
        return Ok(false);
    }
    let folded = documents::whole(tx, row.inspection)?;
    Ok(folded.is_none_or(|folded| !missing.iter().all(|head| folded.contains(*head))))
}
