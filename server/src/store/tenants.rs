//! The organisation that the server serves.

use crate::app::Tenant;
use crate::db::{DbError, Tx, params};
use fieldproof_schema::moment::Moment;

/// The organisation, once it was made.
pub fn find(tx: &mut Tx<'_>) -> Result<Option<Tenant>, DbError> {
    let row = tx.query_opt("SELECT org, code, name, epoch FROM tenants", &[])?;
    row.map(|r| Ok(Tenant { org: r.get(0)?, code: r.get(1)?, name: r.get(2)?, epoch: r.get(3)? })).transpose()
}

/// Makes the organisation.
pub fn insert(tx: &mut Tx<'_>, tenant: &Tenant, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO tenants (org, code, name, epoch, created_at) VALUES ($1, $2, $3, $4, $5)",
        &params![tenant.org, &tenant.code, &tenant.name, tenant.epoch, at],
    )?;
    Ok(())
}
