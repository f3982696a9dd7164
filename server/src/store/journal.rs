//! Journals of devices, and what they declare: writers, coverage of changes.

use super::inbox::State;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::cover::{Cover, Saved};
use fieldproof_schema::document::Actor;
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::journal::{Entry, SignedEntry};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::server::{NOBODY, SERVER};
use fieldproof_schema::suite::Digest;
use minicbor::{Decode, Encode};

/// Whether exactly this entry is held, and if so, whether on the chain.
pub fn holds(tx: &mut Tx<'_>, org: OrgId, entry: &Entry, hash: &Digest) -> Result<Option<bool>, DbError> {
    let row = tx.query_opt(
        "SELECT on_chain FROM journal_entries WHERE org = $1 AND device = $2 AND seq = $3 AND hash = $4",
        &params![org, entry.device, entry.seq, *hash],
    )?;
    row.map(|r| r.get(0)).transpose()
}

/// Appends an entry, on the chain or beside it.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    entry: &Entry,
    signed: &SignedEntry,
    hash: &Digest,
    received_at: Moment,
    on_chain: bool,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO journal_entries (org, device, seq, hash, kind, officer, inspection, content, device_at, server_at,
         bytes, signature, received_at, on_chain)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (org, device, seq, hash) DO NOTHING",
        &params![
            org,
            entry.device,
            entry.seq,
            *hash,
            entry.kind.as_str(),
            entry.officer,
            entry.inspection,
            entry.content,
            entry.device_at,
            entry.server_at,
            signed.bytes.clone(),
            signed.signature,
            received_at,
            on_chain
        ],
    )?;
    Ok(())
}

/// Whether an actor is somebody else's: another device declared it for the inspection, or it wrote there already, as the
/// server itself did in the first change and in decisions.
pub fn actor_is_taken(
    tx: &mut Tx<'_>,
    org: OrgId,
    actor: Actor,
    inspection: InspectionId,
    device: DeviceId,
) -> Result<bool, DbError> {
    if planted::is(Bug::WritersShared) {
        return Ok(false);
    }
    let places = params![org, inspection, actor, device];
    let declared = tx.query_opt(
        "SELECT device FROM actors WHERE org = $1 AND inspection = $2 AND actor = $3 AND device <> $4",
        &places,
    )?;
    if declared.is_some() {
        return Ok(true);
    }
    let wrote = tx.query_opt(
        "SELECT position FROM changes WHERE org = $1 AND inspection = $2 AND actor = $3
           AND (device IS NULL OR device <> $4) LIMIT 1",
        &places,
    )?;
    Ok(wrote.is_some())
}

/// Notes a writer of changes; the first declaration of an actor counts.
pub fn insert_actor(
    tx: &mut Tx<'_>,
    org: OrgId,
    actor: Actor,
    inspection: InspectionId,
    device: DeviceId,
    officer: OfficerId,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO actors (org, actor, inspection, device, officer) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, actor, inspection) DO NOTHING",
        &params![org, actor, inspection, device, officer],
    )?;
    Ok(())
}

/// The writers that a journal declared for an inspection.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Writer {
    /// The actor in the document.
    #[n(0)]
    pub actor: Actor,
    /// The device that declared it.
    #[n(1)]
    pub device: DeviceId,
    /// The officer behind it.
    #[n(2)]
    pub officer: OfficerId,
    /// The officer's name as printed.
    #[n(3)]
    pub officer_name: String,
    /// The device's name.
    #[n(4)]
    pub device_name: String,
}

impl Writer {
    /// The server itself, as one of its writers.
    pub fn server(actor: Actor) -> Self {
        let (officer_name, device_name) = (String::new(), String::new());
        Self { actor, device: SERVER, officer: NOBODY, officer_name, device_name }
    }
}

/// All writers of an inspection.
pub fn writers(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Writer>, DbError> {
    let rows = tx.query(
        "SELECT a.actor, a.device, a.officer, o.name, d.name FROM actors a
         JOIN officers o ON o.org = a.org AND o.id = a.officer
         JOIN devices d ON d.org = a.org AND d.id = a.device
         WHERE a.org = $1 AND a.inspection = $2 ORDER BY a.actor",
        &params![org, inspection],
    )?;
    rows.iter()
        .map(|r| {
            Ok(Writer {
                actor: r.get(0)?,
                device: r.get(1)?,
                officer: r.get(2)?,
                officer_name: r.get(3)?,
                device_name: r.get(4)?,
            })
        })
        .collect()
}

/// The entries that cover changes of an inspection, on the chains, carried, and the server's own, in the order of each
/// journal. An entry of somebody else than the device's officer vouches for nothing.
pub fn saved(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Saved>, DbError> {
    let rows = tx.query(
        "SELECT j.device, j.content, j.hash, j.server_at, j.received_at, j.officer, j.bytes, j.signature, i.state, j.seq
         FROM journal_entries j JOIN devices d ON d.org = j.org AND d.id = j.device AND d.officer = j.officer
         LEFT JOIN inbox i ON i.org = j.org AND i.inspection = j.inspection AND i.item = j.content
           AND i.device = j.device
         WHERE j.org = $1 AND j.inspection = $2 AND j.kind = 'saved' AND j.on_chain = 1 AND j.content IS NOT NULL
         UNION ALL
         SELECT j.device, j.content, j.hash, j.server_at, j.received_at, j.officer, j.bytes, j.signature, i.state, j.seq
         FROM journal_carried j JOIN devices d ON d.org = j.org AND d.id = j.device AND d.officer = j.officer
         LEFT JOIN inbox i ON i.org = j.org AND i.inspection = j.inspection AND i.item = j.content
           AND i.device = j.device
         WHERE j.org = $1 AND j.inspection = $2 AND j.kind = 'saved' AND j.content IS NOT NULL
         UNION ALL
         SELECT j.device, j.content, j.hash, j.server_at, j.server_at, j.officer, j.bytes, j.signature, i.state, j.seq
         FROM journal_carried j
         LEFT JOIN inbox i ON i.org = j.org AND i.inspection = j.inspection AND i.item = j.content
           AND i.device = j.device
         WHERE j.org = $1 AND j.inspection = $2 AND j.device = $3 AND j.kind = 'saved' AND j.content IS NOT NULL
           AND j.server_at IS NOT NULL
         ORDER BY 1, 10",
        &params![org, inspection, SERVER],
    )?;
    rows.iter()
        .map(|r| {
            // What the device says of the server's time cannot be later than the server's own. The server itself knows.
            let (known, received_at): (Option<Moment>, Moment) = (r.get(3)?, r.get(4)?);
            let earliest = known.filter(|at| *at <= received_at);
            let cover = Cover {
                hash: r.get(2)?,
                written: Interval { earliest, latest: Some(received_at) },
                officer: r.get(5)?,
                bytes: r.get(6)?,
                signature: r.get(7)?,
            };
            let apart = r.get::<Option<String>>(8)?.as_deref() == Some(State::Quarantined.as_str());
            Ok(Saved { device: r.get(0)?, content: r.get(1)?, apart, cover })
        })
        .collect()
}

/// The entries on the chain of `device` about `inspection` and those that were carried, in order; of one that was both, one.
pub fn of_inspection(
    tx: &mut Tx<'_>,
    org: OrgId,
    device: DeviceId,
    inspection: InspectionId,
) -> Result<Vec<SignedEntry>, DbError> {
    let rows = tx.query(
        "SELECT bytes, signature, seq FROM journal_entries
         WHERE org = $1 AND inspection = $2 AND device = $3 AND on_chain = 1
         UNION SELECT bytes, signature, seq FROM journal_carried
         WHERE org = $1 AND inspection = $2 AND device = $3 ORDER BY 3",
        &params![org, inspection, device],
    )?;
    rows.iter().map(|r| Ok(SignedEntry { bytes: r.get(0)?, signature: r.get(1)? })).collect()
}

/// Whether an entry about `inspection` is on the chain of `device`.
pub fn is_on_chain(
    tx: &mut Tx<'_>,
    org: OrgId,
    device: DeviceId,
    inspection: InspectionId,
    hash: &Digest,
) -> Result<bool, DbError> {
    let row = tx.query_opt(
        "SELECT seq FROM journal_entries
         WHERE org = $1 AND inspection = $2 AND device = $3 AND hash = $4 AND on_chain = 1",
        &params![org, inspection, device, *hash],
    )?;
    Ok(row.is_some())
}

/// Whether an entry is held that is not on the chain of `device`.
pub fn is_beside(
    tx: &mut Tx<'_>,
    org: OrgId,
    device: DeviceId,
    seq: u64,
    hash: &Digest,
) -> Result<bool, DbError> {
    let row = tx.query_opt(
        "SELECT seq FROM journal_entries WHERE org = $1 AND device = $2 AND seq = $3 AND hash = $4 AND on_chain = 0",
        &params![org, device, seq, *hash],
    )?;
    Ok(row.is_some())
}

/// The entries beside the chain of `device` at the places after the first to the last, with what each follows.
pub fn beside(
    tx: &mut Tx<'_>,
    org: OrgId,
    device: DeviceId,
    (after, last): (u64, u64),
) -> Result<Vec<(Entry, Digest)>, DbError> {
    let rows = tx.query(
        "SELECT bytes, hash FROM journal_entries
         WHERE org = $1 AND device = $2 AND seq > $3 AND seq <= $4 AND on_chain = 0 ORDER BY seq, hash",
        &params![org, device, after, last],
    )?;
    let read = |row: &Row| {
        let bytes: Vec<u8> = row.get(0)?;
        let entry = minicbor::decode(&bytes).map_err(|_| row.invalid(0, "not an entry"))?;
        Ok((entry, row.get(1)?))
    };
    rows.iter().map(read).collect()
}

/// An entry on the chain of a device.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its name.
    pub hash: Digest,
    /// When it was written, as far as the server can vouch for it.
    pub written: Interval,
}

/// The entry at a place of the chain of `device`.
pub fn on_chain_at(
    tx: &mut Tx<'_>,
    org: OrgId,
    device: DeviceId,
    seq: u64,
) -> Result<Option<Standing>, DbError> {
    let rows = tx.query(
        "SELECT hash, server_at, received_at FROM journal_entries
         WHERE org = $1 AND device = $2 AND seq = $3 AND on_chain = 1 ORDER BY received_at LIMIT 1",
        &params![org, device, seq],
    )?;
    let Some(r) = rows.first() else { return Ok(None) };
    let (known, received_at): (Option<Moment>, Moment) = (r.get(1)?, r.get(2)?);
    let written = Interval { earliest: known.filter(|at| *at <= received_at), latest: Some(received_at) };
    Ok(Some(Standing { hash: r.get(0)?, written }))
}
