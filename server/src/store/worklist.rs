//! Visits as the console lists them, and which of them wait for somebody.
//!
//! What waits is said once, in [`visits`]; lists and counts read it, so that a count is always the length of its list.

use super::entities::anywhere;
use super::inspections::{self, Inspection};
use super::page::{Before, Page, rows_asked};
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{OrgId, UserId};
use fieldproof_schema::reference::InspectionState;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// Why a visit waits. A visit has at most one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waits {
    /// Sealed, and not looked at yet.
    Review,
    /// Sealed again after a return.
    Answered,
    /// Sealed, but bytes of captures are not here.
    Evidence,
    /// Not sealed, and past its last day.
    Overdue,
}

impl Waits {
    /// Every reason.
    pub const ALL: &[Waits] = &[Self::Answered, Self::Review, Self::Evidence, Self::Overdue];

    /// The name in SQL and addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Answered => "answered",
            Self::Evidence => "evidence",
            Self::Overdue => "overdue",
        }
    }

    /// Finds a reason by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|waits| waits.as_str() == name)
    }
}

/// A statement that may read `visits`: those of the scope of user `$2`, each with its last day and why it waits on the day
/// `$3`.
macro_rules! visits {
    ($sql:literal) => {
        concat!(
            "WITH RECURSIVE scope (code) AS (SELECT unit_code FROM users WHERE org = $1 AND id = $2
             UNION SELECT u.code FROM units u JOIN scope s ON u.parent_code = s.code WHERE u.org = $1),
             visits AS (SELECT i.id, i.case_id, i.task, i.entity, i.entity_name, i.unit_code, i.template_id,
              i.template_revision, i.state, i.version, i.changes, i.answered, i.failed, i.open_conflicts, i.updated_at,
              t.due, CASE
               WHEN i.state = 'sealed' AND EXISTS (SELECT 1 FROM captures c WHERE c.org = i.org AND c.inspection = i.id
                AND c.held_at IS NULL) THEN 'evidence'
               WHEN i.state = 'sealed' AND EXISTS (SELECT 1 FROM decisions d WHERE d.org = i.org AND d.inspection = i.id
                AND d.kind = 'returned') THEN 'answered'
               WHEN i.state = 'sealed' THEN 'review'
               WHEN i.state IN ('dispatched', 'in_progress', 'returned') AND t.due < $3 THEN 'overdue'
               ELSE NULL END AS waits
              FROM inspections i LEFT JOIN tasks t ON t.org = i.org AND t.id = i.task
              WHERE i.org = $1 AND i.unit_code IN (SELECT code FROM scope)) ",
            $sql
        )
    };
}

/// A visit, its last day, and why it waits.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The visit.
    pub info: Inspection,
    /// The last day, where the plan sets one.
    pub due: Option<String>,
    /// Why it waits.
    pub waits: Option<Waits>,
}

fn read(r: &Row) -> Result<Visit, DbError> {
    let waits: Option<String> = r.get(16)?;
    Ok(Visit {
        info: inspections::read(r)?,
        due: r.get(15)?,
        waits: waits.map(|name| Waits::find(&name).ok_or_else(|| r.invalid(16, name))).transpose()?,
    })
}

/// How many visits wait, by reason. More than ten thousand are not counted: nobody works such a list off.
pub fn counts(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    today: Date,
) -> Result<BTreeMap<Waits, i64>, DbError> {
    let rows = tx.query(
        visits!(
            "SELECT w.waits, CAST(COUNT(*) AS BIGINT) FROM (SELECT id, waits FROM visits
             WHERE state IN ('dispatched', 'in_progress', 'sealed', 'returned') AND waits IS NOT NULL
             ORDER BY id LIMIT 10000) w GROUP BY w.waits ORDER BY w.waits"
        ),
        &params![org, asker, today.to_string()],
    )?;
    rows.iter()
        .map(|r| {
            let name: String = r.get(0)?;
            Ok((Waits::find(&name).ok_or_else(|| r.invalid(0, name))?, r.get(1)?))
        })
        .collect()
}

/// The visits that wait for one reason, what expires first at the top, at most `limit`.
pub fn waiting(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    today: Date,
    waits: Waits,
    limit: i64,
) -> Result<Vec<Visit>, DbError> {
    let rows = tx.query(
        visits!(
            "SELECT id, case_id, task, entity, entity_name, unit_code, template_id, template_revision, state, version,
             changes, answered, failed, open_conflicts, updated_at, due, waits FROM visits
             WHERE state IN ('dispatched', 'in_progress', 'sealed', 'returned') AND waits = $4
             ORDER BY CASE WHEN due IS NULL THEN 1 ELSE 0 END, due, updated_at, id LIMIT $5"
        ),
        &params![org, asker, today.to_string(), waits.as_str(), limit],
    )?;
    rows.iter().map(read).collect()
}

/// Which visits a list shows; what is not set does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Where they stand.
    pub state: Option<InspectionState>,
    /// The code of a unit, for it and everything below it.
    pub unit: Option<String>,
    /// Why they wait.
    pub waits: Option<Waits>,
    /// Unfinished ones whose last day is before this one.
    pub due_before: Option<Date>,
    /// Only those with open conflicts.
    pub conflicts: bool,
    /// Only those with items that failed.
    pub failed: bool,
    /// Part of the entity's name.
    pub search: Option<String>,
}

/// Visits of the asker's scope, last changed first.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    today: Date,
    wanted: &Wanted,
    before: &Before,
) -> Result<Page<Visit>, DbError> {
    let rows = tx.query(
        visits!(
            ", below (code) AS (SELECT code FROM units WHERE org = $1 AND code = CAST($5 AS TEXT)
             UNION SELECT u.code FROM units u JOIN below b ON u.parent_code = b.code WHERE u.org = $1)
             SELECT v.id, v.case_id, v.task, v.entity, v.entity_name, v.unit_code, v.template_id, v.template_revision,
             v.state, v.version, v.changes, v.answered, v.failed, v.open_conflicts, v.updated_at, v.due, v.waits
             FROM visits v LEFT JOIN entities e ON e.org = $1 AND e.id = v.entity
             WHERE (CAST($4 AS TEXT) IS NULL OR v.state = $4)
             AND (CAST($5 AS TEXT) IS NULL OR v.unit_code IN (SELECT code FROM below))
             AND (CAST($6 AS TEXT) IS NULL OR v.waits = $6)
             AND (CAST($7 AS TEXT) IS NULL OR (v.due < $7 AND v.state IN ('dispatched', 'in_progress', 'returned')))
             AND v.open_conflicts >= $8 AND v.failed >= $9
             AND (CAST($10 AS TEXT) IS NULL OR e.folded LIKE $10 ESCAPE '\\' OR v.entity_name LIKE $10 ESCAPE '\\')
             AND (v.updated_at, v.id) < ($11, $12) ORDER BY v.updated_at DESC, v.id DESC LIMIT $13"
        ),
        &params![
            org,
            asker,
            today.to_string(),
            wanted.state.map(InspectionState::as_str),
            wanted.unit.clone(),
            wanted.waits.map(Waits::as_str),
            wanted.due_before.map(|day| day.to_string()),
            i64::from(wanted.conflicts),
            i64::from(wanted.failed),
            wanted.search.as_deref().map(anywhere),
            before.at,
            &before.id,
            rows_asked()
        ],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, |visit| {
        Before { at: visit.info.updated_at, id: visit.info.id.to_string() }.to_string()
    }))
}
