//! One row per decision of a person or of the system. Rows are only added.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::moment::Moment;
use serde_json::Value;

/// One act.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its name.
    pub id: DecisionId,
    /// When, by the server's clock.
    pub at: Moment,
    /// `user:…`, `device:…` or `system`.
    pub actor: String,
    /// What was done, for instance `inspection.returned`.
    pub act: String,
    /// To what, for instance `inspection:…`.
    pub subject: String,
    /// What belongs to it; never secrets, answers or names of people.
    pub details: Value,
}

/// Adds a record.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, record: &Record) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO audit (org, id, at, actor, act, subject, details) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &params![
            org,
            record.id,
            record.at,
            &record.actor,
            &record.act,
            &record.subject,
            record.details.to_string()
        ],
    )?;
    Ok(())
}

/// The newest records before `before`, at most `limit`.
pub fn list(tx: &mut Tx<'_>, org: OrgId, before: Moment, limit: i64) -> Result<Vec<Record>, DbError> {
    let rows = tx.query(
        "SELECT id, at, actor, act, subject, details FROM audit WHERE org = $1 AND at < $2 ORDER BY at DESC, id LIMIT $3",
        &params![org, before, limit],
    )?;
    rows.iter()
        .map(|r| {
            Ok(Record {
                id: r.get(0)?,
                at: r.get(1)?,
                actor: r.get(2)?,
                act: r.get(3)?,
                subject: r.get(4)?,
                details: serde_json::from_str(&r.get::<String>(5)?).unwrap_or(Value::Null),
            })
        })
        .collect()
}
