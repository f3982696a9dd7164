//! Checklists, one row per revision. The body is the canonical text, which is what its hash is of.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// A revision as lists show it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// For instance `public-swimming`.
    pub id: String,
    /// For instance `2026.1`.
    pub revision: String,
    /// The hash of its canonical text.
    pub hash: Digest,
    /// The title.
    pub title: String,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Moment>,
    /// When it was imported.
    pub created_at: Moment,
}

fn read(r: &Row) -> Result<Listed, DbError> {
    Ok(Listed {
        id: r.get(0)?,
        revision: r.get(1)?,
        hash: r.get(2)?,
        title: r.get(3)?,
        withdrawn_at: r.get(4)?,
        created_at: r.get(5)?,
    })
}

/// The canonical text of a revision.
pub fn body(tx: &mut Tx<'_>, org: OrgId, id: &str, revision: &str) -> Result<Option<String>, DbError> {
    let row = tx.query_opt(
        "SELECT body FROM templates WHERE org = $1 AND id = $2 AND revision = $3",
        &params![org, id, revision],
    )?;
    row.map(|r| r.get(0)).transpose()
}

/// One revision.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: &str, revision: &str) -> Result<Option<Listed>, DbError> {
    let row = tx.query_opt(
        "SELECT id, revision, hash, title, withdrawn_at, created_at FROM templates
         WHERE org = $1 AND id = $2 AND revision = $3",
        &params![org, id, revision],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Every revision by id, the one imported last first within an id. There are dozens, not thousands.
pub fn list(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        "SELECT id, revision, hash, title, withdrawn_at, created_at FROM templates WHERE org = $1
         ORDER BY id, created_at DESC, revision DESC LIMIT 5000",
        &params![org],
    )?;
    rows.iter().map(read).collect()
}

/// Adds a revision; one that is known stays as it is.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, template: &Template, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO templates (org, id, revision, hash, title, body, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (org, id, revision) DO NOTHING",
        &params![
            org,
            &template.id,
            &template.revision,
            template.hash(),
            &template.title,
            template.canonical(),
            at
        ],
    )?;
    Ok(())
}

/// Notes that a revision was withdrawn; false when it was before.
pub fn withdraw(tx: &mut Tx<'_>, org: OrgId, id: &str, revision: &str, at: Moment) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE templates SET withdrawn_at = $4
         WHERE org = $1 AND id = $2 AND revision = $3 AND withdrawn_at IS NULL",
        &params![org, id, revision, at],
    )?;
    Ok(changed > 0)
}
