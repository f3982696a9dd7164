//! Visits of which some changes are folded: one history, whether its changes stand by themselves or in the fold.

use super::{guarded, header_of};
use crate::error::ClientError;
use crate::store::changes::{self, NewChange, Origin};
use crate::store::{folded, runs, unsigned};
use fieldproof_schema::document::{ChangeHeader, ChangeId, Document, RawChange};
use fieldproof_schema::ids::{DeviceId, InspectionId};
use fieldproof_schema::suite::Digest;
use rusqlite::Connection;
use std::collections::BTreeSet;

/// The document of a visit's fold; `None` for a visit without one.
pub(crate) fn base(conn: &Connection, inspection: InspectionId) -> Result<Option<Document>, ClientError> {
    let Some(bytes) = folded::document(conn, inspection)? else { return Ok(None) };
    let document = guarded(|| Document::load(&bytes).ok()).flatten();
    document.map(Some).ok_or(ClientError::Damaged { what: "a folded document" })
}

/// The same where it has to go on: a fold that cannot be opened is taken away, and the server, which gave receipts for all
/// of it, is asked for the visit again.
pub(crate) fn whole(tx: &Connection, inspection: InspectionId) -> Result<Option<Document>, ClientError> {
    match base(tx, inspection) {
        Err(ClientError::Damaged { .. }) => {
            tracing::error!(inspection.id = %inspection, "a folded document is unusable; it is asked for again");
            folded::remove(tx, inspection)?;
            changes::drop_snapshot(tx, inspection)?;
            changes::wait(tx, inspection)?;
            folded::want(tx, inspection, true)?;
            Ok(None)
        }
        other => other,
    }
}

/// Loads the document of an inspection where it has to go on: see [`whole`].
pub(crate) fn load_or_ask(
    tx: &Connection,
    inspection: InspectionId,
) -> Result<Option<Document>, ClientError> {
    match super::load(tx, inspection) {
        Err(ClientError::Damaged { .. }) if folded::get(tx, inspection)?.is_some() => {
            whole(tx, inspection)?;
            super::load(tx, inspection)
        }
        other => other,
    }
}

/// The changes in a fold's document, each after its predecessors.
fn parts(document: &Document) -> Result<Vec<(RawChange, ChangeHeader)>, ClientError> {
    let damaged = ClientError::Damaged { what: "a folded document" };
    let changes = document.changes().into_iter();
    let read = changes.map(|(_, raw)| header_of(&raw).map(|header| (raw, header)));
    read.collect::<Option<_>>().ok_or(damaged)
}

/// Takes a visit's fold apart again: each change stands by itself, as it stood before. Without receipts when these do not
/// count any more, so that it is offered again.
pub(crate) fn unfold(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    let Some(fold) = folded::get(tx, inspection)? else { return Ok(()) };
    let Some(document) = whole(tx, inspection)? else { return Ok(()) };
    let (through, signed_through) = (changes::last(tx, inspection)?, runs::last(tx, inspection)?);
    for (raw, header) in parts(&document)? {
        let run = fold.run((header.actor, header.seq));
        let own = run.and_then(|run| run.own.as_ref());
        let entry = run.and_then(|run| run.entry);
        let new = NewChange {
            inspection,
            change: header.id,
            raw: &raw,
            own: own.is_some(),
            place: (header.actor, header.seq),
            entry: entry.filter(|_| own.is_none()),
            device: run.and_then(|run| run.device),
            officer: run.and_then(|run| run.officer),
            device_at: run.and_then(|run| run.device_at(header.seq)),
            written: run.map(|run| run.written).unwrap_or_default(),
            waiting: false,
        };
        if let Some(ordinal) = changes::insert(tx, &new)?
            && let Some((own, entry)) = own.zip(entry)
        {
            runs::rejoin(tx, inspection, (ordinal, entry), fold.held.then_some(own.receipt))?;
        }
    }
    // It holds what was put here just now, the last ones at this moment. What stood by itself builds upon that and comes
    // behind it in the order of arrival.
    changes::put_snapshot(tx, inspection, &document.save())?;
    changes::move_behind(tx, inspection, through)?;
    runs::move_behind(tx, inspection, signed_through)?;
    folded::remove(tx, inspection)
}

/// The same where anything in the fold is this store's own.
pub(crate) fn unfold_own(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    let fold = folded::get(tx, inspection)?;
    let own = fold.is_some_and(|fold| fold.runs.iter().any(|run| run.own.is_some()));
    if own { unfold(tx, inspection) } else { Ok(()) }
}

/// Where every change of an inspection comes from.
pub(crate) fn origins(
    conn: &Connection,
    inspection: InspectionId,
    document: &Document,
) -> Result<Vec<Origin>, ClientError> {
    let mut found = changes::origins(conn, inspection)?;
    if let Some(fold) = folded::get(conn, inspection)? {
        let alone: BTreeSet<ChangeId> = found.iter().map(|origin| origin.change).collect();
        let folded = document.places_of_all().into_iter().filter(|(change, _)| !alone.contains(change));
        found.extend(folded.map(|(change, place)| fold.origin(change, place)));
    }
    Ok(found)
}

/// Where some changes of an inspection come from; those that are not here are left out.
pub(crate) fn origins_of(
    conn: &Connection,
    inspection: InspectionId,
    document: &Document,
    wanted: &BTreeSet<ChangeId>,
) -> Result<Vec<Origin>, ClientError> {
    let mut found = changes::origins_of(conn, inspection, wanted)?;
    if found.len() < wanted.len()
        && let Some(fold) = folded::get(conn, inspection)?
    {
        let alone: BTreeSet<ChangeId> = found.iter().map(|origin| origin.change).collect();
        let folded = wanted.difference(&alone);
        let placed = folded.filter_map(|change| Some((*change, document.place_of(*change)?)));
        found.extend(placed.map(|(change, place)| fold.origin(change, place)));
    }
    Ok(found)
}

/// Whether this store wrote a change.
pub(crate) fn is_own(
    conn: &Connection,
    inspection: InspectionId,
    document: &Document,
    change: ChangeId,
) -> Result<bool, ClientError> {
    let origins = origins_of(conn, inspection, document, &BTreeSet::from([change]))?;
    Ok(origins.first().is_some_and(|origin| origin.own))
}

/// Every change of an inspection with the terminal that wrote it and whether this store did, each after its predecessors;
/// own ones are those of `me`, and the server's are of none.
pub(crate) fn by_author(
    conn: &Connection,
    inspection: InspectionId,
    me: DeviceId,
) -> Result<Vec<(Option<DeviceId>, bool, RawChange)>, ClientError> {
    let mut found = Vec::new();
    if let Some((fold, document)) = folded::get(conn, inspection)?.zip(base(conn, inspection)?) {
        for (raw, header) in parts(&document)? {
            let run = fold.run((header.actor, header.seq));
            let own = run.is_some_and(|run| run.own.is_some());
            found.push((if own { Some(me) } else { run.and_then(|run| run.device) }, own, raw));
        }
    }
    found.extend(changes::by_author(conn, inspection, me)?);
    Ok(found)
}

/// How many changes of an inspection are folded, and the own changes that entries cover, with the entry's hash.
pub(crate) fn covered(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<(u64, Vec<(RawChange, Digest)>), ClientError> {
    let (mut folded_here, mut found) = (0, Vec::new());
    if let Some((fold, document)) = folded::get(conn, inspection)?.zip(base(conn, inspection)?) {
        for (raw, header) in parts(&document)? {
            folded_here += 1;
            let run = fold.run((header.actor, header.seq)).filter(|run| run.own.is_some());
            found.extend(run.and_then(|run| run.entry).map(|entry| (raw, entry)));
        }
    }
    found.extend(unsigned::covered(conn, inspection)?);
    Ok((folded_here, found))
}
