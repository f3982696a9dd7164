//! What supervisors and administrators decided about inspections.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{InspectionId, OrgId, UserId};
use fieldproof_schema::reference::{Decision, DecisionKind};
use serde_json::json;

/// Adds a decision.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    decision: &Decision,
    user: UserId,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO decisions (org, id, inspection, kind, version, comment, items, user_id, user_name, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &params![
            org,
            decision.id,
            inspection,
            decision.kind.as_str(),
            decision.version.map(i64::from),
            &decision.comment,
            json!(decision.items).to_string(),
            user,
            &decision.by,
            decision.at
        ],
    )?;
    Ok(())
}

/// The decisions about an inspection, oldest first.
pub fn list(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Decision>, DbError> {
    let rows = tx.query(
        "SELECT id, kind, version, comment, items, user_name, at FROM decisions WHERE org = $1 AND inspection = $2
         ORDER BY at, id",
        &params![org, inspection],
    )?;
    rows.iter()
        .map(|r| {
            let kind: String = r.get(1)?;
            Ok(Decision {
                id: r.get(0)?,
                kind: DecisionKind::find(&kind).ok_or_else(|| r.invalid(1, kind))?,
                version: r.get::<Option<i64>>(2)?.and_then(|v| u32::try_from(v).ok()),
                comment: r.get(3)?,
                items: serde_json::from_str(&r.get::<String>(4)?)
                    .map_err(|error| r.invalid(4, error.to_string()))?,
                by: r.get(5)?,
                at: r.get(6)?,
            })
        })
        .collect()
}
