//! The organisation that the server serves, and its epochs.

use crate::app::Tenant;
use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// The organisation, once it was made.
pub fn find(tx: &mut Tx<'_>) -> Result<Option<Tenant>, DbError> {
    let row = tx.query_opt("SELECT org, code, name FROM tenants", &[])?;
    row.map(|r| Ok(Tenant { org: r.get(0)?, code: r.get(1)?, name: r.get(2)? })).transpose()
}

/// Makes the organisation; its first epoch begins.
pub fn insert(tx: &mut Tx<'_>, tenant: &Tenant, epoch: Digest, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO tenants (org, code, name, epoch, created_at) VALUES ($1, $2, $3, $4, $5)",
        &params![tenant.org, &tenant.code, &tenant.name, epoch, at],
    )?;
    put_epoch(tx, tenant.org, &Epoch { epoch, began_at: at, reason: String::new() })
}

/// A stretch of the server's life without a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its name.
    pub epoch: Digest,
    /// When it began, by the server's clock.
    pub began_at: Moment,
    /// Why, in the operator's words; empty for the first one.
    pub reason: String,
}

/// The present epoch. Asked within each transaction that says it to a device: another process may begin a new one.
pub fn epoch(tx: &mut Tx<'_>, org: OrgId) -> Result<Digest, DbError> {
    const SQL: &str = "SELECT epoch FROM tenants WHERE org = $1";
    tx.query_opt(SQL, &params![org])?.ok_or(DbError::NoRow { sql: SQL })?.get(0)
}

/// Begins an epoch; returns the one that it ends.
pub fn begin_epoch(tx: &mut Tx<'_>, org: OrgId, next: &Epoch) -> Result<Digest, DbError> {
    let ended = epoch(tx, org)?;
    tx.execute("UPDATE tenants SET epoch = $2 WHERE org = $1", &params![org, next.epoch])?;
    put_epoch(tx, org, next)?;
    Ok(ended)
}

fn put_epoch(tx: &mut Tx<'_>, org: OrgId, epoch: &Epoch) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO epochs (org, epoch, began_at, reason) VALUES ($1, $2, $3, $4)",
        &params![org, epoch.epoch, epoch.began_at, &epoch.reason],
    )?;
    Ok(())
}

/// The restore after which the present epoch began; none where the server never came back from a backup.
pub fn restored(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<Epoch>, DbError> {
    let row = tx.query_opt(
        "SELECT e.epoch, e.began_at, e.reason FROM epochs e JOIN tenants t ON t.org = e.org AND t.epoch = e.epoch
         WHERE e.org = $1 AND e.reason <> ''",
        &params![org],
    )?;
    row.map(|r| Ok(Epoch { epoch: r.get(0)?, began_at: r.get(1)?, reason: r.get(2)? })).transpose()
}
