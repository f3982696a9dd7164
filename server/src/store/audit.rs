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

/// Which records are wanted; what is absent does not limit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this act.
    pub act: Option<String>,
    /// By this actor, as it stands in the record.
    pub actor: Option<String>,
    /// To this subject, as it stands in the record.
    pub subject: Option<String>,
}

/// A record with the name of whoever acted.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The record.
    pub record: Record,
    /// The name of the user or the terminal; none for the system.
    pub actor_name: Option<String>,
}

/// Records, newest first.
pub fn list(tx: &mut Tx<'_>, org: OrgId, filter: &Filter, before: &Before) -> Result<Page<Listed>, DbError> {
    // The id stands behind `user:` or `device:`.
    let rows = tx.query(
        "SELECT a.id, a.at, a.actor, a.act, a.subject, a.details, u.name, d.name FROM audit a
         LEFT JOIN users u ON u.org = a.org AND u.id = SUBSTR(a.actor, 6)
         LEFT JOIN devices d ON d.org = a.org AND d.id = SUBSTR(a.actor, 8)
         WHERE a.org = $1 AND (a.at, a.id) < ($2, $3) AND (CAST($4 AS TEXT) IS NULL OR a.act = $4)
         AND (CAST($5 AS TEXT) IS NULL OR a.actor = $5) AND (CAST($6 AS TEXT) IS NULL OR a.subject = $6)
         ORDER BY a.at DESC, a.id DESC LIMIT $7",
        &params![
            org,
            before.at,
            &before.id,
            filter.act.clone(),
            filter.actor.clone(),
            filter.subject.clone(),
            rows_asked()
        ],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let key = |listed: &Listed| Before { at: listed.record.at, id: listed.record.id.to_string() }.to_string();
    Ok(Page::cut(rows, key))
}

/// The records about one subject, oldest first, at most a hundred.
pub fn of_subject(tx: &mut Tx<'_>, org: OrgId, subject: &str) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        "SELECT a.id, a.at, a.actor, a.act, a.subject, a.details, u.name, d.name FROM audit a
         LEFT JOIN users u ON u.org = a.org AND u.id = SUBSTR(a.actor, 6)
         LEFT JOIN devices d ON d.org = a.org AND d.id = SUBSTR(a.actor, 8)
         WHERE a.org = $1 AND a.subject = $2 ORDER BY a.at, a.id LIMIT 100",
        &params![org, subject],
    )?;
    rows.iter().map(read).collect()
}

fn read(r: &Row) -> Result<Listed, DbError> {
    let details: String = r.get(5)?;
    let record = Record {
        id: r.get(0)?,
        at: r.get(1)?,
        actor: r.get(2)?,
        act: r.get(3)?,
        subject: r.get(4)?,
        details: serde_json::from_str(&details).map_err(|error| r.invalid(5, error.to_string()))?,
    };
    let (user, device): (Option<String>, Option<String>) = (r.get(6)?, r.get(7)?);
    Ok(Listed { record, actor_name: user.or(device) })
}
