//! Published results (公示).

use super::entities::{anywhere, fold};
use super::page::{Before, Page, rows_asked};
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{DisclosureId, InspectionId, OrgId};
use fieldproof_schema::moment::Moment;
use serde_json::Value;

/// A published result.
#[derive(Debug, Clone)]
pub struct Disclosure {
    /// Which one.
    pub id: DisclosureId,
    /// The entity's name.
    pub entity_name: String,
    /// When it was published.
    pub published_at: Moment,
    /// What the public reads.
    pub body: Value,
}

fn read(r: &Row) -> Result<Disclosure, DbError> {
    let body: String = r.get(3)?;
    Ok(Disclosure {
        id: r.get(0)?,
        entity_name: r.get(1)?,
        published_at: r.get(2)?,
        body: serde_json::from_str(&body).map_err(|error| r.invalid(3, error.to_string()))?,
    })
}

/// Publishes a result; false when one of this inspection is public already.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    disclosure: &Disclosure,
) -> Result<bool, DbError> {
    let added = tx.execute(
        "INSERT INTO disclosures (org, id, inspection, entity_name, folded, published_at, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org, inspection) DO NOTHING",
        &params![
            org,
            disclosure.id,
            inspection,
            &disclosure.entity_name,
            fold(&disclosure.entity_name),
            disclosure.published_at,
            disclosure.body.to_string()
        ],
    )?;
    Ok(added > 0)
}

/// The published result of an inspection.
pub fn of_inspection(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
) -> Result<Option<DisclosureId>, DbError> {
    let row = tx.query_opt(
        "SELECT id FROM disclosures WHERE org = $1 AND inspection = $2",
        &params![org, inspection],
    )?;
    row.map(|r| r.get(0)).transpose()
}

/// One result.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: DisclosureId) -> Result<Option<Disclosure>, DbError> {
    let row = tx.query_opt(
        "SELECT id, entity_name, published_at, body FROM disclosures WHERE org = $1 AND id = $2",
        &params![org, id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Results, newest first; `search` is part of the entity's name.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    search: Option<&str>,
    before: &Before,
) -> Result<Page<Disclosure>, DbError> {
    let rows = tx.query(
        "SELECT id, entity_name, published_at, body FROM disclosures
         WHERE org = $1 AND (CAST($2 AS TEXT) IS NULL OR folded LIKE $2 ESCAPE '\\')
         AND (published_at, id) < ($3, $4) ORDER BY published_at DESC, id DESC LIMIT $5",
        &params![org, search.map(anywhere), before.at, &before.id, rows_asked()],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let key = |d: &Disclosure| Before { at: d.published_at, id: d.id.to_string() }.to_string();
    Ok(Page::cut(rows, key))
}
