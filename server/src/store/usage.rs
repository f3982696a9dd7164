//! How much came of a device: in all, and day by day.

use super::inbox;
use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DeviceId, OrgId};
use fieldproof_schema::moment::Moment;

/// A number of items and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// How many.
    pub items: u64,
    /// How long they are together.
    pub bytes: u64,
}

impl Amount {
    /// Counts one more in.
    pub fn add(&mut self, bytes: u64) {
        self.items = self.items.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What was taken of a device on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Day {
    /// Journal entries.
    pub entries: Amount,
    /// Changes, and documents that stand for some.
    pub changes: Amount,
    /// Bytes of originals that were completed.
    pub evidence_bytes: u64,
}

/// What is here of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Changes that are not part of the record.
    pub backlog: Amount,
    /// Journal entries, on the chain and beside it.
    pub entries: Amount,
    /// What was taken today.
    pub today: Day,
    /// Bytes of originals that are held apart.
    pub apart_bytes: u64,
}

/// The day of a moment, counted from 1970 (UTC).
pub fn day(at: Moment) -> i64 {
    at.as_micros().div_euclid(24 * 3600 * 1_000_000)
}

/// What was taken of a device on a day, and its journal entries of all days.
pub fn taken(tx: &mut Tx<'_>, org: OrgId, device: DeviceId, day: i64) -> Result<(Amount, Day), DbError> {
    const SQL: &str =
        "SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT), CAST(COALESCE(SUM(entry_bytes), 0) AS BIGINT)
         FROM device_days WHERE org = $1 AND device = $2";
    let all = tx.query_opt(SQL, &params![org, device])?.ok_or(DbError::NoRow { sql: SQL })?;
    let entries = Amount { items: all.get(0)?, bytes: all.get(1)? };
    let today = tx.query_opt(
        "SELECT entries, entry_bytes, changes, change_bytes, evidence_bytes FROM device_days
         WHERE org = $1 AND device = $2 AND day = $3",
        &params![org, device, day],
    )?;
    let Some(r) = today else { return Ok((entries, Day::default())) };
    let today = Day {
        entries: Amount { items: r.get(0)?, bytes: r.get(1)? },
        changes: Amount { items: r.get(2)?, bytes: r.get(3)? },
        evidence_bytes: r.get(4)?,
    };
    Ok((entries, today))
}

/// Counts in what was taken of a device on a day.
pub fn add(tx: &mut Tx<'_>, org: OrgId, device: DeviceId, day: i64, more: &Day) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO device_days (org, device, day, entries, entry_bytes, changes, change_bytes, evidence_bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (org, device, day) DO UPDATE SET entries = device_days.entries + excluded.entries,
           entry_bytes = device_days.entry_bytes + excluded.entry_bytes, changes = device_days.changes + excluded.changes,
           change_bytes = device_days.change_bytes + excluded.change_bytes,
           evidence_bytes = device_days.evidence_bytes + excluded.evidence_bytes",
        &params![
            org,
            device,
            day,
            more.entries.items,
            more.entries.bytes,
            more.changes.items,
            more.changes.bytes,
            more.evidence_bytes
        ],
    )?;
    Ok(())
}

/// Bytes of a device's originals that are held apart.
pub fn apart_bytes(tx: &mut Tx<'_>, org: OrgId, device: DeviceId) -> Result<u64, DbError> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM captures_apart
         WHERE org = $1 AND device = $2 AND held_at IS NOT NULL";
    tx.query_opt(SQL, &params![org, device])?.ok_or(DbError::NoRow { sql: SQL })?.get(0)
}

/// Everything that is bounded of a device.
pub fn of(tx: &mut Tx<'_>, org: OrgId, device: DeviceId, now: Moment) -> Result<Usage, DbError> {
    let (entries, today) = taken(tx, org, device, day(now))?;
    Ok(Usage {
        backlog: inbox::backlog(tx, org, device)?,
        entries,
        today,
        apart_bytes: apart_bytes(tx, org, device)?,
    })
}
