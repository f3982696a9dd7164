//! The view of inspections that lists and decisions read. The record itself is in `changes`.

use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::document::Identity;
use fieldproof_schema::ids::{CaseId, EntityId, InspectionId, OfficerId, OrgId, TaskId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::InspectionState;

/// One visit as lists show it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Which visit.
    pub id: InspectionId,
    /// Its case.
    pub case: CaseId,
    /// Its task.
    pub task: Option<TaskId>,
    /// Of which entity.
    pub entity: EntityId,
    /// The entity's name at the dispatch.
    pub entity_name: String,
    /// The unit whose record it is.
    pub unit_code: String,
    /// The pinned checklist.
    pub template_id: String,
    /// Its revision.
    pub template_revision: String,
    /// Where it stands.
    pub state: InspectionState,
    /// Steps with every accepted change.
    pub version: i64,
    /// How many changes were accepted.
    pub changes: i64,
    /// How many items have an answer.
    pub answered: i64,
    /// How many answers are 不合格.
    pub failed: i64,
    /// How many conflicts are open.
    pub open_conflicts: i64,
    /// When anything about it changed last.
    pub updated_at: Moment,
}

impl Inspection {
    /// The figures as they stand.
    pub fn figures(&self) -> Figures {
        Figures {
            changes: self.changes,
            answered: self.answered,
            failed: self.failed,
            open_conflicts: self.open_conflicts,
            state: self.state,
        }
    }
}

pub(super) fn read(r: &Row) -> Result<Inspection, DbError> {
    let state: String = r.get(8)?;
    Ok(Inspection {
        id: r.get(0)?,
        case: r.get(1)?,
        task: r.get(2)?,
        entity: r.get(3)?,
        entity_name: r.get(4)?,
        unit_code: r.get(5)?,
        template_id: r.get(6)?,
        template_revision: r.get(7)?,
        state: InspectionState::find(&state).ok_or_else(|| r.invalid(8, state))?,
        version: r.get(9)?,
        changes: r.get(10)?,
        answered: r.get(11)?,
        failed: r.get(12)?,
        open_conflicts: r.get(13)?,
        updated_at: r.get(14)?,
    })
}

/// One visit.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: InspectionId) -> Result<Option<Inspection>, DbError> {
    let row = tx.query_opt(
        "SELECT id, case_id, task, entity, entity_name, unit_code, template_id, template_revision, state, version,
         changes, answered, failed, open_conflicts, updated_at FROM inspections WHERE org = $1 AND id = $2",
        &params![org, id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Adds a visit whose first change has just been written.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    identity: &Identity,
    unit_code: &str,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO inspections (org, id, case_id, task, entity, entity_name, unit_code, template_id,
         template_revision, state, version, changes, answered, failed, open_conflicts, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'dispatched', 1, 1, 0, 0, 0, $10)",
        &params![
            org,
            identity.inspection,
            identity.case,
            identity.task,
            identity.entity.id,
            &identity.entity.name,
            unit_code,
            &identity.template.id,
            &identity.template.revision,
            at
        ],
    )?;
    let rows: Vec<_> =
        identity.team.iter().map(|member| params![org, identity.inspection, member.officer]).collect();
    tx.execute_many("INSERT INTO inspection_officers (org, inspection, officer) VALUES ($1, $2, $3)", &rows)?;
    Ok(())
}

/// Adds the case that a first visit opens; a known case stays as it is.
pub fn insert_case(
    tx: &mut Tx<'_>,
    org: OrgId,
    case: CaseId,
    entity: EntityId,
    unit_code: &str,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO cases (org, id, entity, unit_code, opened_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, id) DO NOTHING",
        &params![org, case, entity, unit_code, at],
    )?;
    Ok(())
}

/// What a merge made of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// How many changes there are now.
    pub changes: i64,
    /// How many items have an answer.
    pub answered: i64,
    /// How many answers are 不合格.
    pub failed: i64,
    /// How many conflicts are open.
    pub open_conflicts: i64,
    /// Where it stands.
    pub state: InspectionState,
}

/// Steps a visit from `version` to the next; false when another writer came first.
pub fn step(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: InspectionId,
    version: i64,
    figures: &Figures,
    at: Moment,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE inspections SET version = version + 1, changes = $4, answered = $5, failed = $6, open_conflicts = $7,
         state = $8, updated_at = $9 WHERE org = $1 AND id = $2 AND version = $3",
        &params![
            org,
            id,
            version,
            figures.changes,
            figures.answered,
            figures.failed,
            figures.open_conflicts,
            figures.state.as_str(),
            at
        ],
    )?;
    Ok(changed > 0)
}

/// One visit of an entity's history.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Which visit.
    pub id: InspectionId,
    /// When it was dispatched: its case was opened then.
    pub opened_at: Moment,
    /// The title of its checklist.
    pub checklist: String,
    /// Where it stands.
    pub state: InspectionState,
    /// How many answers are 不合格.
    pub failed: i64,
}

/// The visits of an entity in the asker's scope, newest first, at most `limit`.
pub fn of_entity(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    entity: EntityId,
    limit: i64,
) -> Result<Vec<Visit>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT i.id, c.opened_at, t.title, i.state, i.failed FROM inspections i
             JOIN cases c ON c.org = i.org AND c.id = i.case_id
             JOIN templates t ON t.org = i.org AND t.id = i.template_id AND t.revision = i.template_revision
             WHERE i.org = $1 AND i.entity = $3 AND i.unit_code IN (SELECT code FROM scope)
             ORDER BY c.opened_at DESC, i.id DESC LIMIT $4"
        ),
        &params![org, asker, entity, limit],
    )?;
    rows.iter()
        .map(|r| {
            let state: String = r.get(3)?;
            Ok(Visit {
                id: r.get(0)?,
                opened_at: r.get(1)?,
                checklist: r.get(2)?,
                state: InspectionState::find(&state).ok_or_else(|| r.invalid(3, state))?,
                failed: r.get(4)?,
            })
        })
        .collect()
}

/// The officers of a visit, as they are now.
pub fn team(tx: &mut Tx<'_>, org: OrgId, id: InspectionId) -> Result<Vec<OfficerId>, DbError> {
    let rows = tx.query(
        "SELECT officer FROM inspection_officers WHERE org = $1 AND inspection = $2 AND left_at IS NULL
         ORDER BY officer",
        &params![org, id],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// True when the officer is on the visit's team: what a device may write to and read.
pub fn is_on_team(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: InspectionId,
    officer: OfficerId,
) -> Result<bool, DbError> {
    let row = tx.query_opt(
        "SELECT officer FROM inspection_officers
         WHERE org = $1 AND inspection = $2 AND officer = $3 AND left_at IS NULL",
        &params![org, id, officer],
    )?;
    Ok(row.is_some())
}

/// True when the officer is on the team of a visit of the entity.
pub fn visits(tx: &mut Tx<'_>, org: OrgId, entity: EntityId, officer: OfficerId) -> Result<bool, DbError> {
    let row = tx.query_opt(
        "SELECT i.id FROM inspections i
         JOIN inspection_officers t ON t.org = i.org AND t.inspection = i.id AND t.officer = $3
          AND t.left_at IS NULL WHERE i.org = $1 AND i.entity = $2 LIMIT 1",
        &params![org, entity, officer],
    )?;
    Ok(row.is_some())
}
