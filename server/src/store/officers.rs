//! Officers of the directory (执法人员名录库).

use super::page::{Page, rows_asked};
use super::within::{below, in_scope};
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::directory;
use fieldproof_schema::ids::{OfficerId, OrgId, UserId};
use std::collections::BTreeMap;

/// An officer as the directory holds one.
#[derive(Debug, Clone, PartialEq)]
pub struct Officer {
    /// The directory's id.
    pub id: OfficerId,
    /// Everything that the source file says.
    pub facts: directory::Officer,
}

fn read(r: &Row) -> Result<Officer, DbError> {
    let body: String = r.get(1)?;
    let facts = serde_json::from_str(&body).map_err(|error| r.invalid(1, error.to_string()))?;
    Ok(Officer { id: r.get(0)?, facts })
}

/// One officer.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: OfficerId) -> Result<Option<Officer>, DbError> {
    let row = tx.query_opt("SELECT id, body FROM officers WHERE org = $1 AND id = $2", &params![org, id])?;
    row.map(|r| read(&r)).transpose()
}

/// The officer with a code.
pub fn by_code(tx: &mut Tx<'_>, org: OrgId, code: &str) -> Result<Option<Officer>, DbError> {
    let row =
        tx.query_opt("SELECT id, body FROM officers WHERE org = $1 AND code = $2", &params![org, code])?;
    row.map(|r| read(&r)).transpose()
}

/// Officers of the asker's scope by code, after the code `after`.
pub fn list(tx: &mut Tx<'_>, org: OrgId, asker: UserId, after: &str) -> Result<Page<Officer>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT id, body FROM officers
             WHERE org = $1 AND unit_code IN (SELECT code FROM scope) AND code > $3 ORDER BY code LIMIT $4"
        ),
        &params![org, asker, after, rows_asked()],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, |officer| officer.facts.code.clone()))
}

/// All officers of a unit and of everything below it, at most `limit`.
pub fn of_unit(tx: &mut Tx<'_>, org: OrgId, unit: &str, limit: i64) -> Result<Vec<Officer>, DbError> {
    let rows = tx.query(
        below!(
            "SELECT id, body FROM officers WHERE org = $1 AND unit_code IN (SELECT code FROM scope) ORDER BY id LIMIT $3"
        ),
        &params![org, unit, limit],
    )?;
    rows.iter().map(read).collect()
}

/// An officer as choices and tables name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Who.
    pub id: OfficerId,
    /// The code of the source file.
    pub code: String,
    /// As printed.
    pub name: String,
    /// The officer's unit.
    pub unit_code: String,
}

fn named(r: &Row) -> Result<Named, DbError> {
    Ok(Named { id: r.get(0)?, code: r.get(1)?, name: r.get(2)?, unit_code: r.get(3)? })
}

/// Officers in service of the asker's scope by code, at most `limit`.
pub fn in_service(tx: &mut Tx<'_>, org: OrgId, asker: UserId, limit: i64) -> Result<Vec<Named>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT id, code, name, unit_code FROM officers WHERE org = $1 AND active = 1
             AND unit_code IN (SELECT code FROM scope) ORDER BY code LIMIT $3"
        ),
        &params![org, asker, limit],
    )?;
    rows.iter().map(named).collect()
}

/// The names of all officers of a unit and of everything below it, at most `limit`.
pub fn names(tx: &mut Tx<'_>, org: OrgId, unit: &str, limit: i64) -> Result<Vec<Named>, DbError> {
    let rows = tx.query(
        below!(
            "SELECT id, code, name, unit_code FROM officers
             WHERE org = $1 AND unit_code IN (SELECT code FROM scope) ORDER BY id LIMIT $3"
        ),
        &params![org, unit, limit],
    )?;
    rows.iter().map(named).collect()
}

/// How many officers each unit has.
pub fn counts(tx: &mut Tx<'_>, org: OrgId) -> Result<BTreeMap<String, i64>, DbError> {
    let rows = tx.query(
        "SELECT unit_code, CAST(COUNT(*) AS BIGINT) FROM officers WHERE org = $1 GROUP BY unit_code ORDER BY unit_code",
        &params![org],
    )?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// Adds an officer, or replaces what is known about one.
pub fn put(tx: &mut Tx<'_>, org: OrgId, officer: &Officer) -> Result<(), DbError> {
    let facts = &officer.facts;
    let body = serde_json::to_string(facts).expect("directory rows are plain data with text keys");
    tx.execute(
        "INSERT INTO officers (org, id, code, unit_code, name, certificate, active, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org, code) DO UPDATE SET unit_code = excluded.unit_code,
         name = excluded.name, certificate = excluded.certificate, active = excluded.active, body = excluded.body",
        &params![
            org,
            officer.id,
            &facts.code,
            &facts.org_code,
            &facts.name,
            &facts.certificate_no,
            facts.active,
            body
        ],
    )?;
    Ok(())
}
