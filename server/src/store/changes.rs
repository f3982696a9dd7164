//! The record of inspections: accepted changes. Those that one writer brought at once stand in one row.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::document::{self, Actor, ChangeId};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::Origin;
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;

/// One accepted change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Change {
    /// Its name.
    #[n(0)]
    pub id: ChangeId,
    /// Its writer.
    #[n(1)]
    pub actor: Actor,
    /// The writer's own count; none in changes of earlier versions.
    #[n(2)]
    pub seq: Option<u64>,
    /// The device that wrote it; none for the server's own.
    #[n(3)]
    pub device: Option<DeviceId>,
    /// The officer; none for the server's own.
    #[n(4)]
    pub officer: Option<OfficerId>,
    /// The journal entry that covers it; none for the server's own.
    #[n(5)]
    pub entry: Option<Digest>,
    /// As it was written.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// When, as far as the server can vouch for it.
    #[n(7)]
    pub written: Interval,
}

impl Change {
    /// Whether `next` can stand in one row with this one.
    fn goes_on_with(&self, next: &Self) -> bool {
        let same = |c: &Self| (c.actor, c.device, c.officer, c.entry, c.written);
        let follows = self.seq.zip(next.seq).is_some_and(|(seq, next)| seq.checked_add(1) == Some(next));
        follows && same(self) == same(next)
    }
}

/// Appends accepted changes after `position`.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    position: i64,
    changes: &[Change],
    at: Moment,
) -> Result<(), DbError> {
    let mut next = position + 1;
    let rows: Vec<_> = changes
        .chunk_by(Change::goes_on_with)
        .filter_map(|run| {
            let (first, amount) = (run.first()?, i64::try_from(run.len()).ok()?);
            let position = next;
            next += amount;
            let bytes: Vec<u8> = run.iter().flat_map(|change| &change.bytes).copied().collect();
            Some(params![
                org,
                inspection,
                position,
                amount,
                first.actor,
                first.seq,
                first.device,
                first.officer,
                first.entry,
                bytes,
                first.written.earliest,
                first.written.latest,
                at
            ])
        })
        .collect();
    tx.execute_many(
        "INSERT INTO changes (org, inspection, position, amount, actor, seq, device, officer, entry, bytes,
         written_earliest, written_latest, accepted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &rows,
    )?;
    Ok(())
}

/// A change with its place.
struct Placed {
    position: i64,
    change: Change,
    accepted_at: Moment,
}

/// The changes in a row as [`beyond`] asks for it.
fn placed(row: &Row) -> Result<Vec<Placed>, DbError> {
    let (position, seq): (i64, Option<u64>) = (row.get(0)?, row.get(3)?);
    let run = Change {
        id: ChangeId([0; 32]),
        actor: row.get(2)?,
        seq,
        device: row.get(4)?,
        officer: row.get(5)?,
        entry: row.get(6)?,
        bytes: Vec::new(),
        written: Interval { earliest: row.get(7)?, latest: row.get(8)? },
    };
    let accepted_at = row.get(9)?;
    let parts = split(row, 1, 10)?.into_iter().zip(0_u32..);
    let part = |(bytes, at): (Vec<u8>, u32)| {
        let id = document::name(&bytes).map_err(|_| row.invalid(10, "a change that is none"))?;
        let seq = seq.map(|seq| seq.saturating_add(u64::from(at)));
        let change = Change { id, seq, bytes, ..run.clone() };
        Ok(Placed { position: position + i64::from(at), change, accepted_at })
    };
    parts.map(part).collect()
}

/// The changes in a row's column, of which there are as many as another says. A single one is not looked at.
fn split(row: &Row, amount: usize, bytes: usize) -> Result<Vec<Vec<u8>>, DbError> {
    let (amount, all): (i64, Vec<u8>) = (row.get(amount)?, row.get(bytes)?);
    if amount == 1 {
        return Ok(vec![all]);
    }
    let parts = document::split(&all).map_err(|_| row.invalid(bytes, "changes that do not end"))?;
    if i64::try_from(parts.len()) != Ok(amount) {
        return Err(row.invalid(bytes, "more or fewer changes than there were"));
    }
    Ok(parts.into_iter().map(<[u8]>::to_vec).collect())
}

fn beyond(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    position: i64,
) -> Result<impl Iterator<Item = Placed> + use<>, DbError> {
    let rows = tx.query(
        "SELECT position, amount, actor, seq, device, officer, entry, written_earliest, written_latest, accepted_at, bytes
         FROM changes WHERE org = $1 AND inspection = $2 AND position + amount - 1 > $3 ORDER BY position",
        &params![org, inspection, position],
    )?;
    let runs: Vec<Vec<Placed>> = rows.iter().map(placed).collect::<Result<_, _>>()?;
    Ok(runs.into_iter().flatten().filter(move |placed| placed.position > position))
}

/// All changes of an inspection, each after its predecessors.
pub fn list(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Change>, DbError> {
    after(tx, org, inspection, 0)
}

/// The changes of an inspection behind a position, each after its predecessors.
pub fn after(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    position: i64,
) -> Result<Vec<Change>, DbError> {
    Ok(beyond(tx, org, inspection, position)?.map(|placed| placed.change).collect())
}

/// The same as they were written, without looking at them.
pub fn written_after(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    position: i64,
) -> Result<Vec<Vec<u8>>, DbError> {
    let rows = tx.query(
        "SELECT position, amount, bytes FROM changes
         WHERE org = $1 AND inspection = $2 AND position + amount - 1 > $3 ORDER BY position",
        &params![org, inspection, position],
    )?;
    let mut found = Vec::new();
    for row in &rows {
        let known = usize::try_from(position + 1 - row.get::<i64>(0)?).unwrap_or(0);
        found.extend(split(row, 1, 2)?.into_iter().skip(known));
    }
    Ok(found)
}

/// Where the changes of an inspection behind a position come from.
pub fn origins(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    position: i64,
) -> Result<Vec<Origin>, DbError> {
    let rows = tx.query(
        "SELECT actor, seq, device, officer, entry, written_earliest, written_latest, position, amount FROM changes
         WHERE org = $1 AND inspection = $2 AND position + amount - 1 > $3 AND seq IS NOT NULL ORDER BY position",
        &params![org, inspection, position],
    )?;
    let mut origins: Vec<Origin> = Vec::new();
    for r in &rows {
        let (seq, first, amount): (u64, i64, i64) = (r.get(1)?, r.get(7)?, r.get(8)?);
        let known = u64::try_from(position + 1 - first).unwrap_or(0);
        let last = seq.saturating_add(u64::try_from(amount).unwrap_or(1)) - 1;
        let origin = Origin {
            actor: r.get(0)?,
            first: seq.saturating_add(known),
            last,
            device: r.get(2)?,
            officer: r.get(3)?,
            entry: r.get(4)?,
            written: Interval { earliest: r.get(5)?, latest: r.get(6)? },
        };
        let next = |known: &Origin| Origin { first: known.last.saturating_add(1), last, ..known.clone() };
        match origins.iter_mut().find(|known| next(known) == origin) {
            Some(known) => known.last = last,
            None => origins.push(origin),
        }
    }
    Ok(origins)
}

/// One change.
pub fn find(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    id: ChangeId,
) -> Result<Option<Change>, DbError> {
    let found = beyond(tx, org, inspection, 0)?.find(|placed| placed.change.id == id);
    Ok(found.map(|placed| placed.change))
}

/// The names of all changes of an inspection.
pub fn names(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<BTreeSet<ChangeId>, DbError> {
    Ok(beyond(tx, org, inspection, 0)?.map(|placed| placed.change.id).collect())
}

/// One change of a history, without its bytes.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its place.
    pub position: i64,
    /// Its name.
    pub id: ChangeId,
    /// Its writer.
    pub actor: Actor,
    /// The device that wrote it; none for the server's own.
    pub device: Option<DeviceId>,
    /// The officer; none for the server's own.
    pub officer: Option<OfficerId>,
    /// The journal entry that covers it; none for the server's own.
    pub entry: Option<Digest>,
    /// When, as far as the server can vouch for it.
    pub written: Interval,
    /// How long it is.
    pub size_bytes: i64,
}

/// The last `limit` changes of an inspection before a place, the last first.
pub fn history(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    before: i64,
    limit: i64,
) -> Result<Vec<Line>, DbError> {
    let rows = tx.query(
        "SELECT position, amount, actor, seq, device, officer, entry, written_earliest, written_latest, accepted_at, bytes
         FROM changes WHERE org = $1 AND inspection = $2 AND position < $3 ORDER BY position DESC LIMIT $4",
        &params![org, inspection, before, limit],
    )?;
    let runs: Vec<Vec<Placed>> = rows.iter().map(placed).collect::<Result<_, _>>()?;
    let lines = runs.into_iter().flat_map(|run| run.into_iter().rev());
    let lines = lines.filter(|placed| placed.position < before);
    let line = |Placed { position, change, .. }: Placed| Line {
        position,
        id: change.id,
        actor: change.actor,
        device: change.device,
        officer: change.officer,
        entry: change.entry,
        written: change.written,
        size_bytes: i64::try_from(change.bytes.len()).unwrap_or(i64::MAX),
    };
    Ok(lines.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(line).collect())
}

/// Who wrote a change, and when; without its bytes.
#[derive(Debug, Clone)]
pub struct Header {
    /// Its name.
    pub id: ChangeId,
    /// Its writer.
    pub actor: Actor,
    /// When, as far as the server can vouch for it.
    pub written: Interval,
    /// When it became part of the record.
    pub accepted_at: Moment,
}

/// The headers of all changes of an inspection, each after its predecessors.
pub fn headers(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Header>, DbError> {
    let header = |Placed { change, accepted_at, .. }: Placed| Header {
        id: change.id,
        actor: change.actor,
        written: change.written,
        accepted_at,
    };
    Ok(beyond(tx, org, inspection, 0)?.map(header).collect())
}
