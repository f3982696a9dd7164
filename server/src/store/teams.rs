//! Who goes: the team of a visit as it is, and who was on it before.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{InspectionId, OfficerId, OrgId};
use fieldproof_schema::moment::Moment;

/// Somebody who is or was on a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub officer: OfficerId,
    /// As printed.
    pub name: String,
    /// 执法证件号.
    pub certificate: String,
    /// Since when, for those who joined after the dispatch.
    pub joined_at: Option<Moment>,
    /// Until when, for those who left.
    pub left_at: Option<Moment>,
}

/// Everybody who is or was on the team of a visit.
pub fn members(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Member>, DbError> {
    let rows = tx.query(
        "SELECT t.officer, o.name, o.certificate, t.joined_at, t.left_at FROM inspection_officers t
         JOIN officers o ON o.org = t.org AND o.id = t.officer
         WHERE t.org = $1 AND t.inspection = $2 ORDER BY t.officer",
        &params![org, inspection],
    )?;
    rows.iter()
        .map(|r| {
            Ok(Member {
                officer: r.get(0)?,
                name: r.get(1)?,
                certificate: r.get(2)?,
                joined_at: r.get(3)?,
                left_at: r.get(4)?,
            })
        })
        .collect()
}

/// Puts an officer on a team; false when the officer is on it already.
pub fn join(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    officer: OfficerId,
    at: Moment,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "INSERT INTO inspection_officers (org, inspection, officer, joined_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (org, inspection, officer) DO UPDATE SET joined_at = excluded.joined_at, left_at = NULL
         WHERE inspection_officers.left_at IS NOT NULL",
        &params![org, inspection, officer, at],
    )?;
    Ok(changed > 0)
}

/// Takes an officer off a team; false when the officer is not on it.
pub fn leave(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    officer: OfficerId,
    at: Moment,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE inspection_officers SET left_at = $4
         WHERE org = $1 AND inspection = $2 AND officer = $3 AND left_at IS NULL",
        &params![org, inspection, officer, at],
    )?;
    Ok(changed > 0)
}
