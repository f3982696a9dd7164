//! Taking in an answer: receipts, verdicts, rows and cursors in one transaction, so that a kill in between repeats at most.

use super::arrived::{self, Arrived, Folds};
use super::continuity::{Chain, Continuity, compare};
use super::{Offered, Push, RefusedItem, SyncReport, carry, floor, recover};
use crate::checklists::Shelf;
use crate::client::{Client, Desk, Who};
use crate::documents;
use crate::error::ClientError;
use crate::journal_writer::Clocks;
use crate::projection;
use crate::runs;
use crate::store::evidence as captures;
use crate::store::{changes, folded, journal, list, meta, receipts, rows};
use fieldproof_schema::document::Document;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::reference::{InspectionRow, VerdictRow};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::{Body, ChangeRow, Origin, Row, RowKind};
use fieldproof_schema::wire::sync::{Outcome, Receipt, SignedReceipt, SyncAnswer, Verdict};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What another round or another day can mend: the items stay offered, also when the server holds them apart meanwhile.
const PASSING: [ErrorCode; 7] = [
    ErrorCode::EntryGap,
    ErrorCode::EntryFork,
    ErrorCode::ChangeUncovered,
    ErrorCode::Unavailable,
    ErrorCode::QuotaExceeded,
    ErrorCode::TooManyTries,
    ErrorCode::Internal,
];

/// What an answer changed.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) entries: u64,
    pub(crate) changes: u64,
    rows: u64,
    cursors_moved: bool,
    decided: u64,
    refused: Vec<RefusedItem>,
    /// True when there was no room for an entry: nothing that comes after it counts before the next sync.
    pub(super) is_full: bool,
    recovered: bool,
    rolled_back: bool,
    server_restored: bool,
}

impl Taken {
    /// True when anything is different from before the round.
    pub(super) fn moved(&self) -> bool {
        self.cursors_moved || self.changed_plan()
    }

    /// True when there is another thing to say after the round than before it.
    pub(super) fn changed_plan(&self) -> bool {
        self.entries + self.changes + self.decided > 0
            || self.recovered
            || self.rolled_back
            || self.server_restored
    }

    pub(super) fn add_to(self, report: &mut SyncReport) {
        report.entries_sent += self.entries;
        report.changes_sent += self.changes;
        report.rows_received += self.rows;
        report.refused.extend(self.refused);
        report.recovered |= self.recovered;
        report.rolled_back |= self.rolled_back;
        report.server_restored |= self.server_restored;
    }
}

impl Client {
    pub(crate) fn take_in(&self, answer: &SyncAnswer, push: &Push) -> Result<Taken, ClientError> {
        let offered = &push.offered;
        let mut desk = self.desk()?;
        let who = desk.who.clone().ok_or(ClientError::NotEnrolled)?;
        let receipt = verified(answer.receipt.as_ref(), &who, answer.epoch)?;
        let clocks = Clocks::read(&*self.host);
        let mut taken = Taken::default();

        let Desk { conn, documents, clocks: last_clocks, .. } = &mut *desk;
        if planted::is(Bug::CursorFirst) {
            for cursor in &answer.cursors {
                rows::put_cursor(conn, cursor)?;
            }
        }
        let tx = conn.transaction()?;
        let pen = who.pen(clocks);
        runs::sign(&tx, &pen)?;
        meta::put_contact(&tx, answer.server_at, clocks.now)?;
        meta::put_revoked_at(&tx, answer.revoked_at)?;
        floor::take(&tx, answer.floor.as_ref(), &who.member.server_key)?;
        if take_epoch(&tx, answer.epoch)? {
            taken.server_restored = true;
        }
        let settled = settled(&answer.verdicts, offered);
        if let (Some(receipt), Some(signed)) = (&receipt, &answer.receipt) {
            take_receipt(&tx, receipt, signed, (offered, &settled), &answer.verdicts, &mut taken)?;
        }
        take_verdicts(&tx, &answer.verdicts, (offered, &settled), receipt.as_ref(), &mut taken)?;
        let entries: BTreeSet<Digest> = push.request.entries.iter().map(|entry| entry.hash()).collect();
        taken.is_full = answer.verdicts.iter().any(|v| is_over_quota(v) && entries.contains(&v.item));
        taken.refused.extend(answer.verdicts.iter().filter(|verdict| is_over_quota(verdict)).map(refused));
        let held = receipt.as_ref().map(|receipt| receipt.items.as_slice()).unwrap_or_default();
        carry::take(&tx, push.request.holds.as_deref(), answer, (offered, held))?;
        if let Some(kept_as) = meta::recovering(&tx)? {
            recover::settle_in(&tx, &pen, answer.tip, &kept_as, &self.options.version)?;
            taken.recovered = true;
        } else {
            match compare(answer.tip, chain_at(&tx, answer.tip.seq)?) {
                Continuity::Fits => {}
                Continuity::ServerBehind => {
                    journal::offer_again_after(&tx, answer.tip.seq)?;
                    folded::discount_after(&tx, answer.tip.seq)?;
                    taken.server_restored = true;
                }
                Continuity::StoreBehind => {
                    pen.note_clock(&tx, *last_clocks)?;
                    recover::roll_forward(&tx, &pen, answer.tip)?;
                    taken.rolled_back = true;
                }
            }
        }
        // The server did not know yet that this store came back older: with the next answer it gives what is lost here, too.
        let lost = taken.recovered || taken.rolled_back;
        let (given, cursors) =
            if lost { (&[][..], &[][..]) } else { (&answer.rows[..], &answer.cursors[..]) };
        let changed = take_rows(&tx, given)?;
        taken.rows = given.len() as u64;
        let before = rows::cursors(&tx)?;
        for cursor in cursors {
            rows::put_cursor(&tx, cursor)?;
        }
        taken.cursors_moved = rows::cursors(&tx)? != before;
        if changed.reference {
            self.shelf.forget();
        }
        let reference = changed.reference;
        let fresh = absorb(&tx, &self.shelf, changed, |id| documents.get(id));
        let committed = fresh.and_then(|fresh| Ok(tx.commit().map(|()| fresh)?));
        if reference {
            // A reader may have read the old rows meanwhile; and after a failure the new ones are not in the store.
            self.shelf.forget();
        }
        let fresh = committed?;
        for (inspection, document) in fresh {
            documents.put(inspection, document);
        }
        desk.clocks = Some(clocks);
        if taken.rolled_back {
            recover::forget_actors(&mut desk);
        }
        Ok(taken)
    }
}

fn chain_at(tx: &Connection, seq: u64) -> Result<Chain, ClientError> {
    Ok(Chain {
        last: journal::tip(tx)?.seq,
        hash: journal::hash_at(tx, seq)?,
        // The entry itself: of the base only the hash is here.
        follows: journal::get(tx, seq.saturating_add(1))?.is_some(),
        base: meta::base(tx)?.seq,
        received: journal::last_received(tx)?,
    })
}

/// The receipt, when it is the pinned server's, for this terminal and of the epoch that the answer names.
fn verified(
    signed: Option<&SignedReceipt>,
    who: &Who,
    epoch: Digest,
) -> Result<Option<Receipt>, ClientError> {
    let Some(signed) = signed else { return Ok(None) };
    let receipt = signed
        .verify(&who.member.server_key)
        .map_err(|e| ClientError::ServerStrange { what: e.to_string() })?;
    if receipt.device != who.device || receipt.epoch != epoch {
        return Err(ClientError::ServerStrange {
            what: "the receipt is for another terminal or epoch".to_owned(),
        });
    }
    Ok(Some(receipt))
}

/// True when the server began a new epoch: cursors and receipts of others stop counting.
fn take_epoch(tx: &Connection, epoch: Digest) -> Result<bool, ClientError> {
    let known = meta::epoch(tx)?;
    if known == Some(epoch) || (known.is_some() && planted::is(Bug::EpochIgnored)) {
        return Ok(false);
    }
    meta::put_epoch(tx, epoch)?;
    if known.is_none() {
        return Ok(false);
    }
    rows::drop_cursors(tx)?;
    meta::put_holdings(tx, Some(None))?;
    receipts::discount_other_epochs(tx, epoch)?;
    Ok(true)
}

/// Only what was offered just now is marked: a receipt that names more says nothing that was asked.
fn take_receipt(
    tx: &Connection,
    receipt: &Receipt,
    signed: &SignedReceipt,
    (offered, settled): (&BTreeMap<Digest, Offered>, &BTreeSet<Digest>),
    verdicts: &[Verdict],
    taken: &mut Taken,
) -> Result<(), ClientError> {
    let verdicts: BTreeMap<Digest, &Verdict> =
        verdicts.iter().map(|verdict| (verdict.item, verdict)).collect();
    receipts::put(tx, receipt, signed)?;
    for item in receipt.items.iter().filter(|item| settled.contains(item)) {
        if let Some(Offered::Carried { .. }) = offered.get(item) {
            continue;
        }
        if let Some(Offered::Document { inspection, through, .. }) = offered.get(item) {
            let (place, verdict) = ((*inspection, *through), verdicts.get(item).copied());
            taken.changes += receipts::mark_document(tx, receipt.id, *item, place, verdict)?;
            continue;
        }
        let (entries, changes) = receipts::mark(tx, receipt.id, *item)?;
        taken.entries += entries;
        taken.changes += changes;
    }
    Ok(())
}

/// What was offered and is decided by this answer: everything but what can be mended.
fn settled(verdicts: &[Verdict], offered: &BTreeMap<Digest, Offered>) -> BTreeSet<Digest> {
    let mut settled: BTreeSet<Digest> = offered.keys().copied().collect();
    for verdict in verdicts {
        let code = verdict.code.as_deref().and_then(ErrorCode::find);
        let kept_out = matches!(verdict.outcome, Outcome::Refused | Outcome::Quarantined);
        if kept_out && code.is_some_and(|code| PASSING.contains(&code)) {
            settled.remove(&verdict.item);
        }
    }
    settled
}

/// What stays here because the server has no room for more of this terminal: offered again, and told meanwhile.
fn is_over_quota(verdict: &Verdict) -> bool {
    verdict.outcome == Outcome::Refused && verdict.code.as_deref() == Some(ErrorCode::QuotaExceeded.as_str())
}

fn refused(verdict: &Verdict) -> RefusedItem {
    RefusedItem {
        item: verdict.item,
        inspection: verdict.inspection,
        code: verdict.code.clone().unwrap_or_default(),
        held: verdict.outcome == Outcome::Quarantined,
    }
}

fn take_verdicts(
    tx: &Connection,
    verdicts: &[Verdict],
    (offered, settled): (&BTreeMap<Digest, Offered>, &BTreeSet<Digest>),
    receipt: Option<&Receipt>,
    taken: &mut Taken,
) -> Result<(), ClientError> {
    let named: BTreeSet<&Digest> = receipt.iter().flat_map(|receipt| &receipt.items).collect();
    for verdict in verdicts.iter().filter(|verdict| settled.contains(&verdict.item)) {
        let code = verdict.code.as_deref();
        if matches!(offered.get(&verdict.item), Some(Offered::Carried { .. })) {
            // Not this officer's affair: its writer is told.
            if code.is_some() {
                tracing::info!(item.digest = %verdict.item, code, "what a colleague wrote was brought and did not pass");
            }
            continue;
        }
        match verdict.outcome {
            Outcome::Refused | Outcome::Quarantined => {
                taken.refused.push(refused(verdict));
            }
            Outcome::Accepted | Outcome::Waiting => {}
        }
        let is_noted = named.contains(&verdict.item)
            && matches!(offered.get(&verdict.item), Some(Offered::Document { .. }));
        if !is_noted {
            receipts::decide(tx, verdict.item, verdict.outcome, code)?;
        }
        taken.decided += u64::from(verdict.outcome == Outcome::Refused);
    }
    Ok(())
}

/// Which inspections need a new line, and which of them have new changes.
#[derive(Debug, Default)]
struct Changed {
    reference: bool,
    lines: BTreeSet<InspectionId>,
    documents: BTreeSet<InspectionId>,
}

fn take_rows(tx: &Connection, page: &[Row]) -> Result<Changed, ClientError> {
    let mut changed = Changed::default();
    for row in page {
        let kind = RowKind::find(&row.kind);
        match &row.body {
            Body::Reference(text) if kind == Some(RowKind::Verdict) => take_late_verdict(tx, row, text)?,
            Body::Reference(text) => {
                rows::put(tx, &row.kind, &row.subject, text.as_bytes())?;
                if kind == Some(RowKind::Inspection) {
                    offer_lost_again(tx, text)?;
                }
                changed.lines.extend(rows::about(&row.kind, text.as_bytes()));
            }
            // A change that this terminal holds stays: it may be all that is left of it.
            Body::Gone if matches!(kind, Some(RowKind::Change | RowKind::Document)) => {}
            Body::Gone => {
                let about = rows::remove(tx, &row.kind, &row.subject)?;
                if planted::is(Bug::UnsentFreed) {
                    about.iter().try_for_each(|inspection| changes::remove_all(tx, *inspection))?;
                }
                changed.lines.extend(about);
            }
            Body::Change(change) => take_change(tx, &row.subject, change, &mut changed)?,
            Body::Document(document) => {
                let arrived = arrived::take(tx, &row.subject, document)?;
                changed.lines.insert(document.inspection);
                if arrived == Arrived::Changes {
                    changed.documents.insert(document.inspection);
                }
            }
        }
        changed.reference |= matches!(kind, Some(RowKind::Template | RowKind::Laws | RowKind::Released));
    }
    Ok(changed)
}

/// Originals that this server called held, by its receipt, and says now that it has not: they are offered again.
fn offer_lost_again(tx: &Connection, text: &str) -> Result<(), ClientError> {
    // A row that this version cannot read says nothing.
    let Ok(row) = serde_json::from_str::<InspectionRow>(text) else { return Ok(()) };
    for state in row.evidence.iter().filter(|state| !state.held) {
        if captures::offer_again(tx, state.record)? {
            tracing::warn!(evidence.record = %state.record, "the server lost an original; it is offered again");
        }
    }
    Ok(())
}

/// What became of an own change or entry after its round. One that this version cannot read is kept for a later one.
fn take_late_verdict(tx: &Connection, row: &Row, text: &str) -> Result<(), ClientError> {
    let known = serde_json::from_str::<VerdictRow>(text).ok();
    let outcome = known.as_ref().and_then(|verdict| Outcome::find(&verdict.outcome));
    match known.zip(outcome) {
        Some((verdict, outcome)) => {
            // What is folded was accepted; what is not any more stands by itself again.
            let is_entry = journal::by_hash(tx, verdict.item)?.is_some();
            if outcome != Outcome::Accepted && !is_entry {
                documents::unfold_own(tx, verdict.inspection)?;
            }
            receipts::decide_late(tx, verdict.item, outcome, verdict.code.as_deref())
        }
        None => rows::put(tx, &row.kind, &row.subject, text.as_bytes()),
    }
}

/// One change, as servers of protocol 1 give it.
fn take_change(
    tx: &Connection,
    subject: &str,
    row: &ChangeRow,
    changed: &mut Changed,
) -> Result<(), ClientError> {
    let Some(header) = documents::header_of(&row.change) else {
        // Kept as it came; a later version may read it.
        tracing::warn!(inspection.id = %row.inspection, "a change cannot be read by this version and is kept aside");
        return rows::put(tx, RowKind::Change.as_str(), subject, &row.change.0);
    };
    let mut folds = Folds::read(tx, row.inspection)?;
    let origin = Origin {
        actor: header.actor,
        first: header.seq,
        last: header.seq,
        device: row.device,
        officer: row.officer,
        entry: row.entry,
        written: row.written,
    };
    let origins = [origin];
    if folds.hold(tx, &header)? {
        folds.confirm(tx, &origins)?;
    } else if arrived::keep(tx, row.inspection, &row.change, &header, &origins)? {
        changed.documents.insert(row.inspection);
    } else {
        changes::confirm(tx, row.inspection, &origins[0])?;
    }
    changed.lines.insert(row.inspection);
    Ok(())
}

/// Merges new changes and makes the lines of the list anew; returns the documents that changed.
fn absorb(
    tx: &Connection,
    shelf: &Shelf,
    mut changed: Changed,
    mut cached: impl FnMut(InspectionId) -> Option<Arc<Document>>,
) -> Result<Vec<(InspectionId, Arc<Document>)>, ClientError> {
    if changed.reference {
        changed.lines.extend(list::without_progress(tx)?);
    }
    let mut fresh = Vec::new();
    for inspection in changed.lines {
        let known = match cached(inspection) {
            Some(document) => Some(document),
            None if folded::is_unopened(tx, inspection)? => None,
            None => documents::load_or_ask(tx, inspection)?.map(Arc::new),
        };
        let document = if changed.documents.contains(&inspection) {
            let (document, joined) = documents::absorb(tx, inspection, known.map(Arc::unwrap_or_clone))?;
            let document = document.map(Arc::new);
            // What still waits for others should have come with them.
            folded::want(tx, inspection, changes::waiting(tx, inspection)? > 0)?;
            if let Some(document) = document.as_ref().filter(|_| joined > 0) {
                fresh.push((inspection, document.clone()));
            }
            document
        } else {
            known
        };
        projection::refresh(tx, shelf, inspection, document.as_deref())?;
    }
    Ok(fresh)
}
