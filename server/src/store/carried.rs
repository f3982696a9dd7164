//! Entries of journals that somebody else brought: what a terminal signed counts whoever carries it.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OrgId};
use fieldproof_schema::journal::{Entry, Kind, SignedEntry};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// Keeps an entry that `by` brought: a terminal's id, or `user:` and the id of whoever handed it in.
/// False when it was brought before.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    (entry, inspection): (&Entry, InspectionId),
    (signed, hash): (&SignedEntry, &Digest),
    by: &str,
    received_at: Moment,
) -> Result<bool, DbError> {
    let kept = tx.execute(
        "INSERT INTO journal_carried (org, device, seq, hash, kind, officer, inspection, content, server_at, bytes,
         signature, received_at, carried_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (org, device, seq, hash) DO NOTHING",
        &params![
            org,
            entry.device,
            entry.seq,
            *hash,
            entry.kind.as_str(),
            entry.officer,
            inspection,
            entry.content,
            entry.server_at,
            signed.bytes.clone(),
            signed.signature,
            received_at,
            by
        ],
    )?;
    Ok(kept > 0)
}

/// A place of a journal for which two entries were signed.
pub struct Contradiction {
    /// The place.
    pub seq: u64,
    /// What was carried.
    pub carried: Digest,
}

/// Where what others brought of a device's journal is not what its chain says, by place; but for what it had signed before it said
/// itself that its store came back older or was set aside. A second terminal that has not been heard of since is among that until
/// it comes itself. What came late in a session that the device had left tells of no second one: whoever still speaks in it says
/// it again.
pub fn contradictions(tx: &mut Tx<'_>, org: OrgId, device: DeviceId) -> Result<Vec<Contradiction>, DbError> {
    let rows = tx.query(
        "SELECT c.seq, c.hash FROM journal_carried c
         JOIN journal_entries j ON j.org = c.org AND j.device = c.device AND j.seq = c.seq AND j.on_chain = 1
         WHERE c.org = $1 AND c.device = $2 AND j.hash <> c.hash
           AND c.carried_by <> c.device
           AND NOT EXISTS (SELECT 1 FROM journal_entries b WHERE b.org = c.org AND b.device = c.device AND b.on_chain = 1
             AND b.seq <= c.seq AND b.kind IN ('rolled_back', 'set_aside')
             AND COALESCE(c.server_at, 0) <= COALESCE(b.server_at, 0))
         ORDER BY c.seq, c.hash LIMIT 2",
        &params![org, device],
    )?;
    rows.iter().map(|r| Ok(Contradiction { seq: r.get(0)?, carried: r.get(1)? })).collect()
}

/// An entry that somebody may be given.
pub struct Given {
    /// Whose.
    pub device: DeviceId,
    /// Its name.
    pub hash: Digest,
    /// What it says happened.
    pub kind: Kind,
    /// As it was signed.
    pub signed: SignedEntry,
}

/// What journals say about an inspection, of that of `asker` only what stands up to a place: by device, in the order of each
/// journal; an entry that is on the chain and was carried, too, once. Without `all`, what covers changes and what seals.
pub fn given_to(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    (asker, own_through): (DeviceId, u64),
    all: bool,
) -> Result<Vec<Given>, DbError> {
    let rows = tx.query(
        "SELECT device, seq, hash, kind, bytes, signature FROM journal_entries
         WHERE org = $1 AND inspection = $2 AND (device <> $3 OR seq <= $5) AND on_chain = 1
           AND (CAST($4 AS BIGINT) = 1 OR kind IN ('saved', 'sealed'))
         UNION ALL SELECT device, seq, hash, kind, bytes, signature FROM journal_carried
         WHERE org = $1 AND inspection = $2 AND (device <> $3 OR seq <= $5)
           AND (CAST($4 AS BIGINT) = 1 OR kind IN ('saved', 'sealed'))",
        &params![org, inspection, asker, i64::from(all), own_through],
    )?;
    let mut given = Vec::with_capacity(rows.len());
    for r in &rows {
        let seq: i64 = r.get(1)?;
        let entry = Given {
            device: r.get(0)?,
            hash: r.get(2)?,
            kind: Kind::from(r.get::<String>(3)?.as_str()),
            signed: SignedEntry { bytes: r.get(4)?, signature: r.get(5)? },
        };
        given.push((seq, entry));
    }
    // Put in order here: asked for an order, the database walks through all journals in it.
    given.sort_by_key(|(seq, entry)| (entry.device, *seq, entry.hash));
    given.dedup_by_key(|(_, entry)| (entry.device, entry.hash));
    Ok(given.into_iter().map(|(_, entry)| entry).collect())
}
