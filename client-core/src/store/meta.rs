//! Single facts of the store.

use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::journal::Tip;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::floor::SignedFloor;
use rusqlite::{Connection, OptionalExtension};

/// How often the store had been opened.
const SESSION: &str = "session";
/// The server's epoch when the cursors were given.
const EPOCH: &str = "epoch";
/// The server's clock at the last contact.
const SERVER_AT: &str = "server_at";
/// This device's clock at the last contact.
const CONTACT_AT: &str = "contact_at";
/// Set while the store has no base: where the damaged one is kept.
const RECOVERING: &str = "recovering";
/// The version of the views that were made from the record.
const VIEWS: &str = "views";
/// When the server revoked this terminal.
const REVOKED_AT: &str = "revoked_at";
/// How far the server was told what is held here, in the order of the visits' ids; absent when it was told all.
const HOLDINGS: &str = "holdings";
/// How far folding got, in the order of the visits' ids; absent where it begins.
const FOLDING: &str = "folding";
/// The same for deleting visits that were left.
const FREEING: &str = "freeing";
/// The highest floor that the server told, as it was signed.
const FLOOR: &str = "floor";
/// Where the journal ended when this terminal lost sight of which numbers it had given.
const NUMBERS_SINCE: &str = "numbers_since";
/// The mark that the last number left; see [`crate::mark`].
const NUMBERS_MARK: &str = "numbers_mark";
/// The entry that the journal here attaches to, when it does not begin at 1.
const BASE: &str = "base";

fn get(conn: &Connection, name: &str) -> Result<Option<String>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

fn put(tx: &Connection, name: &str, value: &str) -> Result<(), ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?;
    statement.execute([name, value])?;
    Ok(())
}

fn number(conn: &Connection, name: &'static str) -> Result<Option<i64>, ClientError> {
    let text = get(conn, name)?;
    text.map(|t| t.parse().map_err(|_| ClientError::Damaged { what: name })).transpose()
}

fn moment(conn: &Connection, name: &'static str) -> Result<Option<Moment>, ClientError> {
    Ok(number(conn, name)?.map(Moment::from_micros))
}

/// The number of this opening, counted from 1.
pub(crate) fn session(conn: &Connection) -> Result<u64, ClientError> {
    Ok(number(conn, SESSION)?.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Counts an opening.
pub(crate) fn next_session(tx: &Connection) -> Result<u64, ClientError> {
    let next = session(tx)? + 1;
    put(tx, SESSION, &next.to_string())?;
    Ok(next)
}

/// The remembered epoch.
pub(crate) fn epoch(conn: &Connection) -> Result<Option<Digest>, ClientError> {
    let text = get(conn, EPOCH)?;
    text.map(|t| t.parse().map_err(|_| ClientError::Damaged { what: EPOCH })).transpose()
}

/// Remembers the epoch.
pub(crate) fn put_epoch(tx: &Connection, epoch: Digest) -> Result<(), ClientError> {
    put(tx, EPOCH, &epoch.to_string())
}

/// The server's clock at the last contact, and this device's.
pub(crate) fn last_contact(conn: &Connection) -> Result<(Option<Moment>, Option<Moment>), ClientError> {
    Ok((moment(conn, SERVER_AT)?, moment(conn, CONTACT_AT)?))
}

/// Remembers a contact.
pub(crate) fn put_contact(tx: &Connection, server_at: Moment, here_at: Moment) -> Result<(), ClientError> {
    put(tx, SERVER_AT, &server_at.as_micros().to_string())?;
    put(tx, CONTACT_AT, &here_at.as_micros().to_string())
}

/// When the server revoked this terminal, as it said at the last contact.
pub(crate) fn revoked_at(conn: &Connection) -> Result<Option<Moment>, ClientError> {
    moment(conn, REVOKED_AT)
}

/// Remembers what the server said about a revocation.
pub(crate) fn put_revoked_at(tx: &Connection, at: Option<Moment>) -> Result<(), ClientError> {
    match at {
        Some(at) => put(tx, REVOKED_AT, &at.as_micros().to_string()),
        None => Ok(tx.execute("DELETE FROM meta WHERE name = ?1", [REVOKED_AT]).map(drop)?),
    }
}

/// The last visit of which the server was told what is held here: `Some(None)` before the first, `None` when it was told all.
pub(crate) fn holdings(conn: &Connection) -> Result<Option<Option<InspectionId>>, ClientError> {
    match get(conn, HOLDINGS)? {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(Some(None)),
        Some(text) => {
            let last = text.parse().map_err(|_| ClientError::Damaged { what: HOLDINGS })?;
            Ok(Some(Some(last)))
        }
    }
}

/// Remembers how far the server was told; see [`holdings`].
pub(crate) fn put_holdings(
    tx: &Connection,
    through: Option<Option<InspectionId>>,
) -> Result<(), ClientError> {
    match through {
        Some(last) => put(tx, HOLDINGS, &last.map(|id| id.to_string()).unwrap_or_default()),
        None => Ok(tx.execute("DELETE FROM meta WHERE name = ?1", [HOLDINGS]).map(drop)?),
    }
}

fn visit(conn: &Connection, name: &'static str) -> Result<Option<InspectionId>, ClientError> {
    get(conn, name)?.map(|id| id.parse().map_err(|_| ClientError::Damaged { what: name })).transpose()
}

fn put_visit(tx: &Connection, name: &str, visit: Option<InspectionId>) -> Result<(), ClientError> {
    match visit {
        Some(visit) => put(tx, name, &visit.to_string()),
        None => Ok(tx.execute("DELETE FROM meta WHERE name = ?1", [name]).map(drop)?),
    }
}

/// The last visit that was looked at for folding; none before the first.
pub(crate) fn folding(conn: &Connection) -> Result<Option<InspectionId>, ClientError> {
    visit(conn, FOLDING)
}

/// Remembers how far folding got.
pub(crate) fn put_folding(tx: &Connection, through: Option<InspectionId>) -> Result<(), ClientError> {
    put_visit(tx, FOLDING, through)
}

/// The last visit that was looked at for deleting; none before the first.
pub(crate) fn freeing(conn: &Connection) -> Result<Option<InspectionId>, ClientError> {
    visit(conn, FREEING)
}

/// Remembers how far deleting got.
pub(crate) fn put_freeing(tx: &Connection, through: Option<InspectionId>) -> Result<(), ClientError> {
    put_visit(tx, FREEING, through)
}

/// The highest floor that the server told; it was verified before it was kept.
pub(crate) fn floor(conn: &Connection) -> Result<Option<SignedFloor>, ClientError> {
    let Some(text) = get(conn, FLOOR)? else { return Ok(None) };
    let bytes = hex::decode(text).map_err(|_| ClientError::Damaged { what: FLOOR })?;
    minicbor::decode(&bytes).map(Some).map_err(|_| ClientError::Damaged { what: FLOOR })
}

/// Keeps a floor that is higher than the one before.
pub(crate) fn put_floor(tx: &Connection, floor: &SignedFloor) -> Result<(), ClientError> {
    put(tx, FLOOR, &hex::encode(minicbor::to_vec(floor).expect("writing to memory cannot fail")))
}

/// Where the journal ended when this terminal lost sight of which numbers it had given: blocks of before are left alone.
pub(crate) fn numbers_since(conn: &Connection) -> Result<Option<u64>, ClientError> {
    Ok(number(conn, NUMBERS_SINCE)?.and_then(|n| u64::try_from(n).ok()))
}

/// Leaves blocks of before alone; it never goes back.
pub(crate) fn put_numbers_since(tx: &Connection, seq: u64) -> Result<(), ClientError> {
    let since = numbers_since(tx)?.unwrap_or(0).max(seq);
    put(tx, NUMBERS_SINCE, &since.to_string())
}

/// The mark that the store bears.
pub(crate) fn numbers_mark(conn: &Connection) -> Result<Option<String>, ClientError> {
    get(conn, NUMBERS_MARK)
}

/// Gives the store a mark.
pub(crate) fn put_numbers_mark(tx: &Connection, mark: &str) -> Result<(), ClientError> {
    put(tx, NUMBERS_MARK, mark)
}

/// Where the damaged store is kept, while this one waits for its base.
pub(crate) fn recovering(conn: &Connection) -> Result<Option<String>, ClientError> {
    get(conn, RECOVERING)
}

/// Marks the store as waiting for its base.
pub(crate) fn put_recovering(tx: &Connection, kept_as: &str) -> Result<(), ClientError> {
    put(tx, RECOVERING, kept_as)
}

/// The base was found.
pub(crate) fn end_recovering(tx: &Connection) -> Result<(), ClientError> {
    tx.execute("DELETE FROM meta WHERE name = ?1", [RECOVERING])?;
    Ok(())
}

/// Which version the views have; 0 for those of a store from before they were counted.
pub(crate) fn views(conn: &Connection) -> Result<i64, ClientError> {
    Ok(number(conn, VIEWS)?.unwrap_or(0))
}

/// The views were made anew, or were never empty of anything.
pub(crate) fn put_views(tx: &Connection, version: i64) -> Result<(), ClientError> {
    put(tx, VIEWS, &version.to_string())
}

/// The entry that the journal here attaches to.
pub(crate) fn base(conn: &Connection) -> Result<Tip, ClientError> {
    let Some(text) = get(conn, BASE)? else { return Ok(Tip::default()) };
    let parsed = text
        .split_once(' ')
        .and_then(|(seq, hash)| Some(Tip { seq: seq.parse().ok()?, hash: Some(hash.parse().ok()?) }));
    parsed.ok_or(ClientError::Damaged { what: BASE })
}

/// Sets the entry that the journal attaches to from here on.
pub(crate) fn put_base(tx: &Connection, tip: Tip) -> Result<(), ClientError> {
    match tip.hash {
        Some(hash) => put(tx, BASE, &format!("{} {hash}", tip.seq)),
        None => Ok(tx.execute("DELETE FROM meta WHERE name = ?1", [BASE]).map(drop)?),
    }
}
