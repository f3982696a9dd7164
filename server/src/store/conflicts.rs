//! Conflicts as the server knows them.

use super::page::{Before, Page, rows_asked};
use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::conflict::{Conflict, ConflictKind};
use fieldproof_schema::ids::{InspectionId, OrgId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// A conflict and what became of it.
#[derive(Debug, Clone)]
pub struct Known {
    /// The conflict.
    pub conflict: Conflict,
    /// When it was found.
    pub found_at: Moment,
    /// When it ended.
    pub closed_at: Option<Moment>,
    /// How it was decided, a JSON text; absent when merging ended it.
    pub resolution: Option<String>,
    /// The unit whose conflict it is; none where neither visit nor officer is known.
    pub unit_code: Option<String>,
    /// Whether reviews wait for it.
    pub blocks: bool,
}

fn read(r: &Row) -> Result<Known, DbError> {
    let body: String = r.get(0)?;
    Ok(Known {
        conflict: serde_json::from_str(&body).map_err(|e| r.invalid(0, e.to_string()))?,
        found_at: r.get(1)?,
        closed_at: r.get(2)?,
        resolution: r.get(3)?,
        unit_code: r.get(4)?,
        blocks: r.get(5)?,
    })
}

/// The conflicts of an inspection, open and closed, oldest first.
pub fn of_inspection(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Known>, DbError> {
    let rows = tx.query(
        "SELECT body, found_at, closed_at, resolution, unit_code, blocks FROM conflicts
         WHERE org = $1 AND inspection = $2 ORDER BY found_at, id",
        &params![org, inspection],
    )?;
    rows.iter().map(read).collect()
}

/// Open conflicts of the asker's scope, oldest first, at most `limit`.
pub fn open(tx: &mut Tx<'_>, org: OrgId, asker: UserId, limit: i64) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT c.body, c.found_at, c.closed_at, c.resolution, c.unit_code, c.blocks, i.entity_name, i.template_id,
             i.template_revision, CAST(NULL AS TEXT) FROM conflicts c
             LEFT JOIN inspections i ON i.org = c.org AND i.id = c.inspection
             WHERE c.org = $1 AND c.closed_at IS NULL AND c.unit_code IN (SELECT code FROM scope)
             ORDER BY c.found_at, c.id LIMIT $3"
        ),
        &params![org, asker, limit],
    )?;
    rows.iter().map(read_listed).collect()
}

/// A conflict with the visit that it is about.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The conflict.
    pub known: Known,
    /// The entity's name at the dispatch; none for a conflict that is about no visit.
    pub entity_name: Option<String>,
    /// The pinned checklist and its revision.
    pub template: Option<(String, String)>,
    /// The last day, where the plan sets one.
    pub due: Option<String>,
}

fn read_listed(r: &Row) -> Result<Listed, DbError> {
    let (template, revision): (Option<String>, Option<String>) = (r.get(7)?, r.get(8)?);
    Ok(Listed { known: read(r)?, entity_name: r.get(6)?, template: template.zip(revision), due: r.get(9)? })
}

/// Open conflicts of the asker's scope, those of visits that expire first at the top, at most `limit`.
pub fn waiting(tx: &mut Tx<'_>, org: OrgId, asker: UserId, limit: i64) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT c.body, c.found_at, c.closed_at, c.resolution, c.unit_code, c.blocks, i.entity_name, i.template_id,
             i.template_revision, t.due FROM conflicts c
             LEFT JOIN inspections i ON i.org = c.org AND i.id = c.inspection
             LEFT JOIN tasks t ON t.org = i.org AND t.id = i.task
             WHERE c.org = $1 AND c.closed_at IS NULL AND c.unit_code IN (SELECT code FROM scope)
             ORDER BY CASE WHEN t.due IS NULL THEN 1 ELSE 0 END, t.due, c.found_at, c.id LIMIT $3"
        ),
        &params![org, asker, limit],
    )?;
    rows.iter().map(read_listed).collect()
}

/// How many conflicts of the asker's scope are open, counted up to ten thousand.
pub fn open_count(tx: &mut Tx<'_>, org: OrgId, asker: UserId) -> Result<i64, DbError> {
    let row = tx.query_opt(
        in_scope!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT c.id FROM conflicts c
             WHERE c.org = $1 AND c.closed_at IS NULL AND c.unit_code IN (SELECT code FROM scope)
             ORDER BY c.found_at, c.id LIMIT 10000) o"
        ),
        &params![org, asker],
    )?;
    row.map_or(Ok(0), |r| r.get(0))
}

/// Conflicts of the asker's scope that ended, last ended first.
pub fn ended(tx: &mut Tx<'_>, org: OrgId, asker: UserId, before: &Before) -> Result<Page<Listed>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT c.body, c.found_at, c.closed_at, c.resolution, c.unit_code, c.blocks, i.entity_name, i.template_id,
             i.template_revision, t.due FROM conflicts c
             LEFT JOIN inspections i ON i.org = c.org AND i.id = c.inspection
             LEFT JOIN tasks t ON t.org = i.org AND t.id = i.task
             WHERE c.org = $1 AND c.closed_at IS NOT NULL AND c.unit_code IN (SELECT code FROM scope)
             AND (c.closed_at < $3 OR (c.closed_at = $3 AND c.id < $4))
             ORDER BY c.closed_at DESC, c.id DESC LIMIT $5"
        ),
        &params![org, asker, before.at, hex::decode(&before.id).unwrap_or_default(), rows_asked()],
    )?;
    let rows = rows.iter().map(read_listed).collect::<Result<Vec<_>, _>>()?;
    let key = |listed: &Listed| {
        let conflict = &listed.known.conflict;
        let at = listed.known.closed_at.unwrap_or(listed.known.found_at);
        Before { at, id: hex::encode(conflict.id.to_bytes()) }.to_string()
    };
    Ok(Page::cut(rows, key))
}

/// One conflict.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: &Digest) -> Result<Option<Known>, DbError> {
    let row = tx.query_opt(
        "SELECT body, found_at, closed_at, resolution, unit_code, blocks FROM conflicts WHERE org = $1 AND id = $2",
        &params![org, *id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// The open conflicts of a visit about one place, oldest first: there is hardly more than one.
pub fn open_at(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    kind: &ConflictKind,
    path: &str,
) -> Result<Vec<Known>, DbError> {
    let rows = tx.query(
        "SELECT body, found_at, closed_at, resolution, unit_code, blocks FROM conflicts
         WHERE org = $1 AND inspection = $2 AND kind = $3 AND path = $4 AND closed_at IS NULL ORDER BY found_at, id",
        &params![org, inspection, kind.as_str(), path],
    )?;
    rows.iter().map(read).collect()
}

/// Adds a conflict of a unit. One that is known is opened again, unless people have decided it.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    conflict: &Conflict,
    unit_code: &str,
    at: Moment,
) -> Result<bool, DbError> {
    let body = serde_json::to_string(conflict).expect("a conflict is plain data with text keys");
    let added = tx.execute(
        "INSERT INTO conflicts (org, inspection, id, kind, path, body, found_at, unit_code, blocks)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (org, inspection, id) DO UPDATE SET closed_at = NULL WHERE conflicts.resolution IS NULL",
        &params![
            org,
            conflict.inspection,
            conflict.id,
            conflict.kind.as_str(),
            &conflict.path,
            body,
            at,
            unit_code,
            conflict.kind.blocks()
        ],
    )?;
    Ok(added > 0)
}

/// Ends an open conflict; returns false when it had ended before.
pub fn close(
    tx: &mut Tx<'_>,
    org: OrgId,
    conflict: &Conflict,
    at: Moment,
    resolution: Option<&str>,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE conflicts SET closed_at = $4, resolution = $5
         WHERE org = $1 AND inspection = $2 AND id = $3 AND closed_at IS NULL",
        &params![org, conflict.inspection, conflict.id, at, resolution],
    )?;
    Ok(changed > 0)
}

/// Opens a decided conflict again; returns false when it is open.
pub fn reopen(tx: &mut Tx<'_>, org: OrgId, conflict: &Conflict) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE conflicts SET closed_at = NULL, resolution = NULL
         WHERE org = $1 AND inspection = $2 AND id = $3 AND closed_at IS NOT NULL",
        &params![org, conflict.inspection, conflict.id],
    )?;
    Ok(changed > 0)
}

/// Counts the open conflicts of a visit anew: whatever opens or ends one calls this in its own transaction, so that lists
/// never show another number than there is.
pub fn recount(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<(), DbError> {
    tx.execute(
        "UPDATE inspections SET open_conflicts = (SELECT CAST(COUNT(*) AS BIGINT) FROM conflicts c
          WHERE c.org = $1 AND c.inspection = $2 AND c.closed_at IS NULL)
         WHERE org = $1 AND id = $2",
        &params![org, inspection],
    )?;
    Ok(())
}
