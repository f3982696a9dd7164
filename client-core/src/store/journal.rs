//! The device's own journal.

use super::columns::{count, digest, digest_or_none, id_or_none, signature, signed};
use super::meta;
use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::journal::{Entry, Kind, SignedEntry, Tip};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// An entry as it stands here.
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) hash: Digest,
    pub(crate) entry: SignedEntry,
    pub(crate) received: bool,
}

/// An entry that waits to be sent.
pub(crate) struct Pending {
    pub(crate) seq: u64,
    pub(crate) hash: Digest,
    pub(crate) size_bytes: usize,
}

/// Adds an entry; it must follow the tip, which the primary key and the caller see to.
pub(crate) fn append(
    tx: &Connection,
    entry: &Entry,
    signed_entry: &SignedEntry,
) -> Result<Digest, ClientError> {
    let hash = signed_entry.hash();
    let mut statement = tx.prepare_cached(
        "INSERT INTO journal (seq, hash, bytes, signature, kind, inspection, content)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute(params![
        signed(entry.seq),
        hash.to_bytes(),
        signed_entry.bytes,
        signed_entry.signature.to_bytes(),
        entry.kind.as_str(),
        entry.inspection.map(|i| *i.as_bytes()),
        entry.content.map(Digest::to_bytes),
    ])?;
    Ok(hash)
}

/// Where the next entry attaches: the last one here, or the base that the server showed.
pub(crate) fn tip(conn: &Connection) -> Result<Tip, ClientError> {
    let mut statement = conn.prepare_cached("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")?;
    let last = statement
        .query_row([], |row| Ok(Tip { seq: count(row, 0)?, hash: Some(digest(row, 1)?) }))
        .optional()?;
    let base = meta::base(conn)?;
    Ok(last.filter(|last| last.seq > base.seq).unwrap_or(base))
}

/// The hash of the entry in this place; also knows the base.
pub(crate) fn hash_at(conn: &Connection, seq: u64) -> Result<Option<Digest>, ClientError> {
    let base = meta::base(conn)?;
    if seq == base.seq && base.hash.is_some() {
        return Ok(base.hash);
    }
    let mut statement = conn.prepare_cached("SELECT hash FROM journal WHERE seq = ?1")?;
    Ok(statement.query_row([signed(seq)], |row| digest(row, 0)).optional()?)
}

/// The last place that a receipt names.
pub(crate) fn last_received(conn: &Connection) -> Result<u64, ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT seq FROM journal WHERE receipt IS NOT NULL ORDER BY seq DESC LIMIT 1")?;
    Ok(statement.query_row([], |row| count(row, 0)).optional()?.unwrap_or(0))
}

/// The first entries that wait to be sent, in order; none behind one that is too large for the way, upon which they build.
pub(crate) fn pending(conn: &Connection, limit: usize) -> Result<Vec<Pending>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, hash, length(bytes) FROM journal WHERE receipt IS NULL AND outcome IS NOT 'refused'
           AND seq < COALESCE((SELECT MIN(seq) FROM journal WHERE outcome IN ('waiting', 'quarantined', 'refused')
             AND outcome = 'refused' AND code = ?2), 9223372036854775807)
         ORDER BY seq LIMIT ?1",
    )?;
    let too_large = ErrorCode::BodyTooLarge.as_str();
    let rows = statement.query_map(params![signed(limit as u64), too_large], |row| {
        Ok(Pending {
            seq: count(row, 0)?,
            hash: digest(row, 1)?,
            size_bytes: usize::try_from(count(row, 2)?).unwrap_or(usize::MAX),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        seq: count(row, 0)?,
        hash: digest(row, 1)?,
        entry: SignedEntry { bytes: row.get(2)?, signature: signature(row, 3)? },
        received: row.get(4)?,
    })
}

const STORED: &str = "SELECT seq, hash, bytes, signature, receipt IS NOT NULL FROM journal";

/// One entry as it was signed.
pub(crate) fn get(conn: &Connection, seq: u64) -> Result<Option<Stored>, ClientError> {
    let mut statement = conn.prepare_cached(&format!("{STORED} WHERE seq = ?1"))?;
    Ok(statement.query_row([signed(seq)], stored).optional()?)
}

/// One entry by its name.
pub(crate) fn by_hash(conn: &Connection, hash: Digest) -> Result<Option<SignedEntry>, ClientError> {
    let mut statement = conn.prepare_cached(&format!("{STORED} WHERE hash = ?1"))?;
    Ok(statement.query_row([hash.to_bytes()], stored).optional()?.map(|stored| stored.entry))
}

/// Every entry from a place on, in order; `visit` sees one at a time.
pub(crate) fn walk(
    conn: &Connection,
    from: u64,
    mut visit: impl FnMut(Stored) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    let mut statement = conn.prepare_cached(&format!("{STORED} WHERE seq >= ?1 ORDER BY seq"))?;
    let mut rows = statement.query([signed(from)])?;
    while let Some(row) = rows.next()? {
        visit(stored(row)?)?;
    }
    Ok(())
}

/// The entries of an inspection, all or of one kind, in order.
pub(crate) fn of_inspection(
    conn: &Connection,
    inspection: InspectionId,
    kind: Option<&Kind>,
) -> Result<Vec<Stored>, ClientError> {
    let mut statement = conn.prepare_cached(&format!(
        "{STORED} WHERE inspection = ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY seq"
    ))?;
    let rows = statement.query_map(params![inspection.as_bytes(), kind.map(Kind::as_str)], stored)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Offers everything behind `seq` again: the server does not hold it, whatever its receipts said.
pub(crate) fn offer_again_after(tx: &Connection, seq: u64) -> Result<usize, ClientError> {
    let seq = signed(seq);
    tx.execute(
        "UPDATE runs SET receipt = NULL, outcome = NULL, code = NULL
         WHERE entry IN (SELECT hash FROM journal WHERE seq > ?1)",
        [seq],
    )?;
    tx.execute(
        "UPDATE evidence SET receipt = NULL WHERE entry IN (SELECT hash FROM journal WHERE seq > ?1)",
        [seq],
    )?;
    Ok(tx.execute("UPDATE journal SET receipt = NULL, outcome = NULL, code = NULL WHERE seq > ?1", [seq])?)
}

/// Moves every entry behind `seq` that has no receipt out of the chain; returns them in order. Nothing is lost: see the table
/// `forked`.
pub(crate) fn fork_pending(tx: &Connection, seq: u64, at: Moment) -> Result<Vec<Stored>, ClientError> {
    let mut forked = Vec::new();
    walk(tx, seq.saturating_add(1), |stored| {
        if !stored.received {
            forked.push(stored);
        }
        Ok(())
    })?;
    tx.execute(
        "INSERT INTO forked (hash, seq, bytes, signature, kept_at)
         SELECT hash, seq, bytes, signature, ?1 FROM journal WHERE receipt IS NULL AND seq > ?2
         ON CONFLICT (hash) DO NOTHING",
        params![at.as_micros(), signed(seq)],
    )?;
    tx.execute("DELETE FROM journal WHERE receipt IS NULL AND seq > ?1", [signed(seq)])?;
    Ok(forked)
}

/// What an entry is filed under: kind, inspection, content.
pub(crate) type Filed = (String, Option<InspectionId>, Option<Digest>);

/// What an entry is filed under, which should repeat what it says.
pub(crate) fn filed(conn: &Connection, seq: u64) -> Result<Option<Filed>, ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT kind, inspection, content FROM journal WHERE seq = ?1")?;
    let found = statement
        .query_row([signed(seq)], |row| Ok((row.get(0)?, id_or_none(row, 1)?, digest_or_none(row, 2)?)))
        .optional()?;
    Ok(found)
}
