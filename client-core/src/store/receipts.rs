//! Receipts, and what they and the server's verdicts say about single items.

use super::columns::{count, id, moment_or_none, signed};
use super::runs;
use crate::error::ClientError;
use fieldproof_schema::ids::{InspectionId, ReceiptId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::{Outcome, Receipt, SignedReceipt, Verdict};
use rusqlite::{Connection, OptionalExtension, params};

/// Keeps a receipt that was verified.
pub(crate) fn put(tx: &Connection, receipt: &Receipt, signed: &SignedReceipt) -> Result<(), ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO receipts (id, epoch, bytes, signature, at, backup_horizon) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO NOTHING",
    )?;
    statement.execute(params![
        receipt.id.as_bytes(),
        receipt.epoch.to_bytes(),
        signed.bytes,
        signed.signature.to_bytes(),
        receipt.at.as_micros(),
        receipt.backup_horizon.as_micros(),
    ])?;
    Ok(())
}

/// Notes that a receipt names an item that was sent; returns how many entries and how many changes that were.
pub(crate) fn mark(tx: &Connection, receipt: ReceiptId, item: Digest) -> Result<(u64, u64), ClientError> {
    let entries = tx
        .prepare_cached("UPDATE journal SET receipt = ?1 WHERE hash = ?2 AND receipt IS NULL")?
        .execute(params![receipt.as_bytes(), item.to_bytes()])?;
    if entries > 0 {
        return Ok((entries as u64, 0));
    }
    Ok((0, u64::from(runs::mark(tx, receipt, item)?)))
}

/// Notes that a receipt names a document that was sent: its own changes up to the run `through` that had no receipt, with
/// what is known of what became of them; returns how many those are.
pub(crate) fn mark_document(
    tx: &Connection,
    receipt: ReceiptId,
    document: Digest,
    (inspection, through): (InspectionId, u64),
    verdict: Option<&Verdict>,
) -> Result<u64, ClientError> {
    let mut statement = tx.prepare_cached(
        "UPDATE runs SET receipt = ?1, outcome = CASE WHEN ?4 IS NULL THEN outcome ELSE ?4 END,
           code = CASE WHEN ?4 IS NULL THEN code ELSE ?5 END
         WHERE inspection = ?2 AND id <= ?3 AND receipt IS NULL AND outcome IS NOT 'refused' RETURNING changes",
    )?;
    let mut rows = statement.query(params![
        receipt.as_bytes(),
        inspection.as_bytes(),
        signed(through),
        verdict.map(|verdict| verdict.outcome.as_str()),
        verdict.and_then(|verdict| verdict.code.as_deref()),
    ])?;
    let mut marked = 0;
    while let Some(row) = rows.next()? {
        marked += count(row, 0)?;
    }
    tx.prepare_cached(
        "INSERT INTO parcels (digest, inspection, receipt) VALUES (?1, ?2, ?3)
         ON CONFLICT (digest) DO UPDATE SET receipt = excluded.receipt",
    )?
    .execute(params![document.to_bytes(), inspection.as_bytes(), receipt.as_bytes()])?;
    Ok(marked)
}

/// Notes that a receipt names the bytes of captures, own ones and those that packages brought.
pub(crate) fn mark_evidence(tx: &Connection, receipt: ReceiptId, bytes: Digest) -> Result<(), ClientError> {
    for sql in [
        "UPDATE evidence SET receipt = ?1, code = NULL WHERE digest = ?2 AND receipt IS NULL",
        "UPDATE brought SET receipt = ?1 WHERE digest = ?2 AND receipt IS NULL",
    ] {
        tx.prepare_cached(sql)?.execute(params![receipt.as_bytes(), bytes.to_bytes()])?;
    }
    Ok(())
}

/// Notes what became of an item.
pub(crate) fn decide(
    tx: &Connection,
    item: Digest,
    outcome: Outcome,
    code: Option<&str>,
) -> Result<(), ClientError> {
    put_outcome(tx, item, outcome, code, false)
}

/// Notes what became of an own item after all: a change, or a journal entry that counts in the end. What has no receipt is
/// not concerned: it is offered again and judged then.
pub(crate) fn decide_late(
    tx: &Connection,
    item: Digest,
    outcome: Outcome,
    code: Option<&str>,
) -> Result<(), ClientError> {
    put_outcome(tx, item, outcome, code, true)
}

fn put_outcome(
    tx: &Connection,
    item: Digest,
    outcome: Outcome,
    code: Option<&str>,
    receipted_only: bool,
) -> Result<(), ClientError> {
    tx.prepare_cached(
        "UPDATE journal SET outcome = ?1, code = ?2 WHERE hash = ?3 AND (?4 = 0 OR receipt IS NOT NULL)",
    )?
    .execute(params![outcome.as_str(), code, item.to_bytes(), receipted_only])?;
    runs::decide(tx, item, (outcome, code), receipted_only)?;
    // What a document brought shares its fate; what is held apart of it is said by itself, afterwards.
    tx.prepare_cached(
        "UPDATE runs SET outcome = ?1, code = ?2 WHERE receipt IS NOT NULL
           AND (inspection, receipt) IN (SELECT inspection, receipt FROM parcels WHERE digest = ?3)",
    )?
    .execute(params![outcome.as_str(), code, item.to_bytes()])?;
    Ok(())
}

/// Entries and changes that were refused with this code are offered again.
pub(crate) fn offer_refused_again(conn: &Connection, code: ErrorCode) -> Result<(), ClientError> {
    // The list of outcomes lets the small indexes serve.
    for table in ["journal", "runs"] {
        let sql = format!(
            "UPDATE {table} SET outcome = NULL, code = NULL WHERE outcome IN ('waiting', 'quarantined', 'refused')
               AND outcome = 'refused' AND code = ?1 AND receipt IS NULL"
        );
        conn.execute(&sql, [code.as_str()])?;
    }
    Ok(())
}

/// Receipts of other epochs stop counting: everything that only they name is offered again. They are kept.
pub(crate) fn discount_other_epochs(tx: &Connection, epoch: Digest) -> Result<(), ClientError> {
    for table in ["journal", "runs"] {
        tx.execute(
            &format!(
                "UPDATE {table} SET receipt = NULL, outcome = NULL, code = NULL
                 WHERE receipt IN (SELECT id FROM receipts WHERE epoch <> ?1) OR outcome IS NOT NULL"
            ),
            [epoch.to_bytes()],
        )?;
    }
    super::folded::discount_all(tx)?;
    for table in ["evidence", "brought"] {
        let sql = format!(
            "UPDATE {table} SET receipt = NULL WHERE receipt IN (SELECT id FROM receipts WHERE epoch <> ?1)"
        );
        tx.execute(&sql, [epoch.to_bytes()])?;
    }
    Ok(())
}

/// The moment of the latest receipt of an epoch whose backup horizon has passed: the server cannot be restored to before
/// it any more.
pub(crate) fn beyond_horizon(
    conn: &Connection,
    epoch: Digest,
    now: Moment,
) -> Result<Option<Moment>, ClientError> {
    let sql = "SELECT MAX(at) FROM receipts WHERE epoch = ?1 AND backup_horizon <= ?2";
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row(params![epoch.to_bytes(), now.as_micros()], |row| moment_or_none(row, 0))?)
}

/// When a receipt was given.
pub(crate) fn at(conn: &Connection, receipt: ReceiptId) -> Result<Option<Moment>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT at FROM receipts WHERE id = ?1")?;
    let found = statement.query_row([receipt.as_bytes()], |row| row.get(0)).optional()?;
    Ok(found.map(Moment::from_micros))
}

/// The newest receipt.
pub(crate) fn last(conn: &Connection) -> Result<Option<ReceiptId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT id FROM receipts ORDER BY at DESC, id DESC LIMIT 1")?;
    Ok(statement.query_row([], |row| id(row, 0)).optional()?)
}
