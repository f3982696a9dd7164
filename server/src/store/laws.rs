//! The register of laws as imported, and the provisions that the legal reviewer released.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// The hash of the register in use.
pub fn current(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<Digest>, DbError> {
    let rows = tx.query(
        "SELECT hash FROM law_registers WHERE org = $1 ORDER BY created_at DESC, hash LIMIT 1",
        &params![org],
    )?;
    rows.first().map(|r| r.get(0)).transpose()
}

/// Makes a register the one in use; an earlier one can come back.
pub fn put(tx: &mut Tx<'_>, org: OrgId, hash: &Digest, text: &str, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO law_registers (org, hash, body, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (org, hash) DO UPDATE SET created_at = excluded.created_at",
        &params![org, *hash, text, at],
    )?;
    Ok(())
}

/// Releases a provision; false when it was released before.
pub fn release(tx: &mut Tx<'_>, org: OrgId, provision: &str, by: &str, at: Moment) -> Result<bool, DbError> {
    let added = tx.execute(
        "INSERT INTO released_provisions (org, provision, released_by, released_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (org, provision) DO NOTHING",
        &params![org, provision, by, at],
    )?;
    Ok(added > 0)
}
