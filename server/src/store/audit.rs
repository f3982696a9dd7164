//! One row per decision of a person or of the system. Rows are only added.

use super::page::{Before, Page, rows_asked};
use crate::db::{DbError, Row, Tx, params};
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

/// Records, newest first.
pub fn list(tx: &mut Tx<'_>, org: OrgId, before: &Before) -> Result<Page<Record>, DbError> {
    let rows = tx.query(
        "SELECT id, at, actor, act, subject, details FROM audit WHERE org = $1 AND (at, id) < ($2, $3)
         ORDER BY at DESC, id DESC LIMIT $4",
        &params![org, before.at, &before.id, rows_asked()],
    )?;
    let read = |r: &Row| {
        let details: String = r.get(5)?;
        Ok::<_, DbError>(Record {
            id: r.get(0)?,
            at: r.get(1)?,
            actor: r.get(2)?,
            act: r.get(3)?,
            subject: r.get(4)?,
            details: serde_json::from_str(&details).map_err(|error| r.invalid(5, error.to_string()))?,
        })
    };
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, |record| Before { at: record.at, id: record.id.to_string() }.to_string()))
}
