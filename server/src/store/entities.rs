//! Entities of the directory (检查对象名录库). The body of a row is what devices receive: an [`EntityRow`].

use super::page::{Page, rows_asked};
use super::within::{below, in_scope};
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{EntityId, OrgId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::EntityRow;
use std::collections::BTreeMap;

/// An entity and the unit that supervises it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// What devices receive.
    pub row: EntityRow,
    /// The unit.
    pub unit_code: String,
}

fn read(r: &Row) -> Result<Entity, DbError> {
    let body: String = r.get(0)?;
    let row = serde_json::from_str(&body).map_err(|error| r.invalid(0, error.to_string()))?;
    Ok(Entity { row, unit_code: r.get(1)? })
}

/// A name as it is searched: lower case, without blanks.
pub fn fold(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// A `LIKE` pattern that finds `text` anywhere, with `\` as escape.
pub(crate) fn anywhere(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in fold(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// One entity.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: EntityId) -> Result<Option<Entity>, DbError> {
    let row =
        tx.query_opt("SELECT body, unit_code FROM entities WHERE org = $1 AND id = $2", &params![org, id])?;
    row.map(|r| read(&r)).transpose()
}

/// The unit whose entity it is.
pub fn unit(tx: &mut Tx<'_>, org: OrgId, id: EntityId) -> Result<Option<String>, DbError> {
    let row = tx.query_opt("SELECT unit_code FROM entities WHERE org = $1 AND id = $2", &params![org, id])?;
    row.map(|r| r.get(0)).transpose()
}

/// The entities of one unit alone.
pub fn ids_of_unit(tx: &mut Tx<'_>, org: OrgId, unit: &str) -> Result<Vec<EntityId>, DbError> {
    let rows = tx.query(
        "SELECT id FROM entities WHERE org = $1 AND unit_code = $2 ORDER BY id",
        &params![org, unit],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// The entity with a code.
pub fn by_code(tx: &mut Tx<'_>, org: OrgId, code: &str) -> Result<Option<Entity>, DbError> {
    let row = tx.query_opt(
        "SELECT body, unit_code FROM entities WHERE org = $1 AND code = $2",
        &params![org, code],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Entities of the asker's scope by code, after the code `after`. `search` is part of a name, `code` a whole code.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    search: Option<&str>,
    code: Option<&str>,
    after: &str,
) -> Result<Page<Entity>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT body, unit_code FROM entities WHERE org = $1 AND unit_code IN (SELECT code FROM scope)
             AND (CAST($3 AS TEXT) IS NULL OR folded LIKE $3 ESCAPE '\\')
             AND (CAST($4 AS TEXT) IS NULL OR code = $4) AND code > $5 ORDER BY code LIMIT $6"
        ),
        &params![org, asker, search.map(anywhere), code, after, rows_asked()],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, |entity| entity.row.code.clone()))
}

/// All entities of a unit and of everything below it, at most `limit`.
pub fn of_unit(tx: &mut Tx<'_>, org: OrgId, unit: &str, limit: i64) -> Result<Vec<Entity>, DbError> {
    let rows = tx.query(
        below!(
            "SELECT body, unit_code FROM entities WHERE org = $1 AND unit_code IN (SELECT code FROM scope)
             ORDER BY id LIMIT $3"
        ),
        &params![org, unit, limit],
    )?;
    rows.iter().map(read).collect()
}

/// The names of all entities of a unit and of everything below it, at most `limit`.
pub fn names(
    tx: &mut Tx<'_>,
    org: OrgId,
    unit: &str,
    limit: i64,
) -> Result<BTreeMap<EntityId, String>, DbError> {
    let rows = tx.query(
        below!(
            "SELECT id, name FROM entities WHERE org = $1 AND unit_code IN (SELECT code FROM scope)
             ORDER BY id LIMIT $3"
        ),
        &params![org, unit, limit],
    )?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// How many entities each unit supervises.
pub fn counts(tx: &mut Tx<'_>, org: OrgId) -> Result<BTreeMap<String, i64>, DbError> {
    let rows = tx.query(
        "SELECT unit_code, CAST(COUNT(*) AS BIGINT) FROM entities WHERE org = $1 GROUP BY unit_code ORDER BY unit_code",
        &params![org],
    )?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// When visits of the entities of a unit began, and of everything below it: a visit counts from its dispatch.
pub fn visits(tx: &mut Tx<'_>, org: OrgId, unit: &str) -> Result<Vec<(EntityId, Moment)>, DbError> {
    let rows = tx.query(
        below!(
            "SELECT i.entity, c.opened_at FROM inspections i JOIN cases c ON c.org = i.org AND c.id = i.case_id
             JOIN entities e ON e.org = i.org AND e.id = i.entity
             WHERE i.org = $1 AND e.unit_code IN (SELECT code FROM scope) ORDER BY i.id"
        ),
        &params![org, unit],
    )?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// Adds an entity, or replaces what is known about it.
pub fn put(tx: &mut Tx<'_>, org: OrgId, entity: &Entity) -> Result<(), DbError> {
    let Entity { row, unit_code } = entity;
    let body = serde_json::to_string(row).expect("rows are plain data with text keys");
    tx.execute(
        "INSERT INTO entities (org, id, code, unit_code, name, folded, uscc, address, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (org, code) DO UPDATE SET
         unit_code = excluded.unit_code, name = excluded.name, folded = excluded.folded, uscc = excluded.uscc,
         address = excluded.address, body = excluded.body",
        &params![
            org,
            row.id,
            &row.code,
            unit_code,
            &row.name,
            fold(&row.name),
            row.uscc.clone(),
            &row.address,
            body
        ],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_its_text_and_no_pattern() {
        assert_eq!(anywhere("100% Bath_house"), "%100\\%bath\\_house%");
        assert_eq!(fold("听雨 沐禾\u{3000}宾馆 A"), "听雨沐禾宾馆a");
    }
}
