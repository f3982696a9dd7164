//! Deleting what is this terminal's no more: visits that its officer left, once all that came of here is safe.
//!
//! Safe is what the server has receipted and cannot be restored to before any more, by its own word: the backup horizon of
//! a receipt, of this one or of a later one. What has no such receipt, or is held apart, stays and is shown. The journal
//! stays in any case: it is one chain.

use crate::client::{Client, Desk};
use crate::error::ClientError;
use crate::store::evidence as captures;
use crate::store::{carried, changes, folded, left, list, meta, receipts};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::RETENTION_VISITS_MAX;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::planted::{self, Bug};
use rusqlite::Connection;
use std::sync::TryLockError;

impl Client {
    /// Looks at the next visits that were left and deletes what is safe, each in a transaction; then the originals.
    pub(super) fn free_some(&self) -> Result<(), ClientError> {
        let (after, safe, next) = {
            let reader = self.reader();
            let after = meta::freeing(&reader)?;
            let next = list::left_after(&reader, after, RETENTION_VISITS_MAX)?;
            (after, if next.is_empty() { None } else { safe_until(&reader)? }, next)
        };
        let through = if next.len() < RETENTION_VISITS_MAX { None } else { next.last().copied() };
        if let Some(safe) = safe {
            for inspection in next {
                let mut desk = self.desk()?;
                let Desk { conn, documents, actors, .. } = &mut *desk;
                let tx = conn.transaction()?;
                if is_safe(&tx, inspection, safe)? {
                    free(&tx, inspection)?;
                    tx.commit()?;
                    documents.remove(inspection);
                    actors.remove(&inspection);
                    tracing::info!(inspection.id = %inspection, "a visit that was left is deleted here: it is safe");
                }
            }
        }
        if through != after {
            meta::put_freeing(&self.desk()?.conn, through)?;
        }
        self.remove_freed()
    }

    /// Removes the files of originals that nothing names any more. A crash in between leaves the rest for the next time.
    fn remove_freed(&self) -> Result<(), ClientError> {
        if captures::freed(&self.reader())?.is_empty() {
            return Ok(());
        }
        // The same bytes may just be taken again, and be named a moment later.
        let _nothing_is_taken = match self.taking.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let originals = self.originals()?;
        let desk = self.desk()?;
        for digest in captures::freed(&desk.conn)? {
            if !captures::names(&desk.conn, digest)? {
                originals.remove(digest).map_err(|e| ClientError::file("removing an original", e))?;
            }
            captures::forget_freed(&desk.conn, digest)?;
        }
        Ok(())
    }
}

/// The moment of the server's to before which it cannot be restored any more.
///
/// A clock that runs ahead would delete too early, so both have to say that the horizon has passed.
fn safe_until(conn: &Connection) -> Result<Option<Moment>, ClientError> {
    let (server_at, here_at) = meta::last_contact(conn)?;
    let Some(now) = server_at.zip(here_at).map(|(server_at, here_at)| server_at.min(here_at)) else {
        return Ok(None);
    };
    if planted::is(Bug::FreedTooEarly) {
        return Ok(Some(Moment::from_micros(i64::MAX)));
    }
    let Some(epoch) = meta::epoch(conn)? else { return Ok(None) };
    receipts::beyond_horizon(conn, epoch, now)
}

/// Whether everything of a visit that came of here, and what colleagues wrote, was with the server by then.
fn is_safe(tx: &Connection, inspection: InspectionId, safe: Moment) -> Result<bool, ClientError> {
    if carried::is_to_hand(tx, inspection)? || left::any_unsafe(tx, inspection, safe)? {
        return Ok(false);
    }
    let Some(fold) = folded::get(tx, inspection)? else { return Ok(true) };
    for run in &fold.runs {
        let at = match &run.own {
            Some(own) => receipts::at(tx, own.receipt)?.filter(|_| fold.held),
            None if run.device.is_none() => continue,
            None => run.written.latest,
        };
        if at.is_none_or(|at| at > safe) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes a visit but for its journal entries; its originals are noted to be removed.
fn free(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    captures::free(tx, inspection)?;
    changes::remove_all(tx, inspection)?;
    folded::remove(tx, inspection)?;
    folded::want(tx, inspection, false)?;
    left::remove(tx, inspection)
}
