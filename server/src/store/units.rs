//! Units: regions, authorities, enforcement bodies, township stations.

use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{OrgId, UserId};
use std::collections::BTreeMap;

/// A unit of the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The directory's id.
    pub id: OrgId,
    /// The code that the source file gave it.
    pub code: String,
    /// The unit above; none for the organisation itself.
    pub parent_code: Option<String>,
    /// `province`, `city`, `district` or `township`.
    pub level: String,
    /// `label`, `region`, `authority`, `enforcement` or `assistance`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The row of the file, a JSON text.
    pub body: String,
}

fn read(r: &Row) -> Result<Unit, DbError> {
    Ok(Unit {
        id: r.get(0)?,
        code: r.get(1)?,
        parent_code: r.get(2)?,
        level: r.get(3)?,
        kind: r.get(4)?,
        name: r.get(5)?,
        body: r.get(6)?,
    })
}

/// Units of the asker's scope by code. Units are few: a province has some thousands, and people need them as a tree.
pub fn list(tx: &mut Tx<'_>, org: OrgId, asker: UserId) -> Result<Vec<Unit>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT id, code, parent_code, level, kind, name, body FROM units
             WHERE org = $1 AND code IN (SELECT code FROM scope) ORDER BY code LIMIT 20000"
        ),
        &params![org, asker],
    )?;
    rows.iter().map(read).collect()
}

/// The name of a unit.
pub fn name(tx: &mut Tx<'_>, org: OrgId, code: &str) -> Result<Option<String>, DbError> {
    let row = tx.query_opt("SELECT name FROM units WHERE org = $1 AND code = $2", &params![org, code])?;
    row.map(|r| r.get(0)).transpose()
}

/// A unit and those above it, by code.
pub fn above(tx: &mut Tx<'_>, org: OrgId, code: &str) -> Result<BTreeMap<String, Unit>, DbError> {
    let mut found = BTreeMap::new();
    let mut next = Some(code.to_owned());
    while let Some(code) = next.filter(|code| !found.contains_key(code)) {
        let row = tx.query_opt(
            "SELECT id, code, parent_code, level, kind, name, body FROM units WHERE org = $1 AND code = $2",
            &params![org, &code],
        )?;
        let Some(unit) = row.map(|r| read(&r)).transpose()? else { break };
        next = unit.parent_code.clone();
        found.insert(code, unit);
    }
    Ok(found)
}

/// Every unit by code.
pub fn all(tx: &mut Tx<'_>, org: OrgId) -> Result<BTreeMap<String, Unit>, DbError> {
    let rows = tx.query(
        "SELECT id, code, parent_code, level, kind, name, body FROM units WHERE org = $1 ORDER BY code",
        &params![org],
    )?;
    rows.iter().map(|r| read(r).map(|unit| (unit.code.clone(), unit))).collect()
}

/// Adds a unit, or replaces what is known about it.
pub fn put(tx: &mut Tx<'_>, org: OrgId, unit: &Unit) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO units (org, id, code, parent_code, level, kind, name, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (org, code) DO UPDATE SET parent_code = excluded.parent_code, level = excluded.level, kind = excluded.kind,
         name = excluded.name, body = excluded.body",
        &params![org, unit.id, &unit.code, unit.parent_code.clone(), &unit.level, &unit.kind, &unit.name, &unit.body],
    )?;
    Ok(())
}
