//! One-time enrolment codes. Only their hash is stored.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DeviceId, OfficerId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// What a code stands for.
#[derive(Debug, Clone)]
pub struct Code {
    /// The officer whose terminal it enrols.
    pub officer: OfficerId,
    /// The officer's name as printed.
    pub officer_name: String,
    /// Until when it counts.
    pub expires_at: Moment,
    /// The terminal that used it.
    pub used_by: Option<DeviceId>,
}

/// Looks a code up by its hash.
pub fn find(tx: &mut Tx<'_>, org: OrgId, code: &Digest) -> Result<Option<Code>, DbError> {
    let row = tx.query_opt(
        "SELECT c.officer, o.name, c.expires_at, c.used_by FROM enrolment_codes c
         JOIN officers o ON o.org = c.org AND o.id = c.officer WHERE c.org = $1 AND c.code = $2",
        &params![org, *code],
    )?;
    row.map(|r| {
        Ok(Code { officer: r.get(0)?, officer_name: r.get(1)?, expires_at: r.get(2)?, used_by: r.get(3)? })
    })
    .transpose()
}

/// Adds a code. `by` is who gives it, as the audit trail names it.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    code: &Digest,
    officer: OfficerId,
    by: &str,
    at: Moment,
    expires_at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO enrolment_codes (org, code, officer, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &params![org, *code, officer, by, at, expires_at],
    )?;
    Ok(())
}

/// Marks a code as used; false when another device came first.
pub fn mark_used(
    tx: &mut Tx<'_>,
    org: OrgId,
    code: &Digest,
    device: DeviceId,
    at: Moment,
) -> Result<bool, DbError> {
    let used = tx.execute(
        "UPDATE enrolment_codes SET used_by = $3, used_at = $4 WHERE org = $1 AND code = $2 AND used_by IS NULL",
        &params![org, *code, device, at],
    )?;
    Ok(used > 0)
}
