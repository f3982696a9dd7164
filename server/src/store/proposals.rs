//! Correction proposals as the server knows them, and what decisions changed in the directory.

use super::page::{Before, Page, rows_asked};
use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::ids::{DecisionId, EntityId, InspectionId, OrgId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::proposal::Proposed;
use fieldproof_schema::reference::{EntityRow, ProposalState};
use fieldproof_schema::suite::Digest;
use std::collections::BTreeSet;

/// A proposal and what became of it.
#[derive(Debug, Clone)]
pub struct Known {
    /// What it says, where and by whom.
    pub proposed: Proposed,
    /// When it became known.
    pub found_at: Moment,
    /// Whether it stands in the document.
    pub stands: bool,
    /// Where it stands.
    pub state: ProposalState,
    /// When it ended.
    pub closed_at: Option<Moment>,
    /// What people decided about it.
    pub decided: Option<Decided>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub id: DecisionId,
    /// Who.
    pub by: UserId,
    /// Who, as printed.
    pub by_name: String,
    /// What was written into the directory; none where it stayed as it was.
    pub value: Option<String>,
    /// Why.
    pub reason: String,
}

/// A proposal with the row that it is about.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The proposal.
    pub known: Known,
    /// The unit of the entity.
    pub unit_code: String,
    /// The entity as the directory has it now.
    pub row: EntityRow,
}

fn read(r: &Row) -> Result<Known, DbError> {
    let (body, state): (String, String) = (r.get(0)?, r.get(3)?);
    let decision: Option<DecisionId> = r.get(5)?;
    let decided = match (decision, r.get::<Option<UserId>>(6)?) {
        (Some(id), Some(by)) => Some(Decided {
            id,
            by,
            by_name: r.get::<Option<String>>(7)?.unwrap_or_default(),
            value: r.get(8)?,
            reason: r.get::<Option<String>>(9)?.unwrap_or_default(),
        }),
        _ => None,
    };
    Ok(Known {
        proposed: serde_json::from_str(&body).map_err(|error| r.invalid(0, error.to_string()))?,
        found_at: r.get(1)?,
        stands: r.get(2)?,
        state: ProposalState::find(&state)
            .ok_or_else(|| r.invalid(3, "no state of a proposal".to_owned()))?,
        closed_at: r.get(4)?,
        decided,
    })
}

fn read_listed(r: &Row) -> Result<Listed, DbError> {
    let body: String = r.get(11)?;
    let row = serde_json::from_str(&body).map_err(|error| r.invalid(11, error.to_string()))?;
    Ok(Listed { known: read(r)?, unit_code: r.get(10)?, row })
}

/// The proposals of a visit, oldest first, those that stand no longer among them.
pub fn of_inspection(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Known>, DbError> {
    let rows = tx.query(
        "SELECT body, found_at, stands, state, closed_at, decision, decided_by, decided_name, decided_value, reason
         FROM proposals WHERE org = $1 AND inspection = $2 ORDER BY found_at, id",
        &params![org, inspection],
    )?;
    rows.iter().map(read).collect()
}

/// The undecided proposals about an entity, oldest first.
pub fn open_about(tx: &mut Tx<'_>, org: OrgId, entity: EntityId) -> Result<Vec<Known>, DbError> {
    let rows = tx.query(
        "SELECT body, found_at, stands, state, closed_at, decision, decided_by, decided_name, decided_value, reason
         FROM proposals WHERE org = $1 AND entity = $2 AND state = 'open' ORDER BY found_at, id",
        &params![org, entity],
    )?;
    rows.iter().map(read).collect()
}

/// What a decision decided.
pub fn of_decision(tx: &mut Tx<'_>, org: OrgId, decision: DecisionId) -> Result<Vec<Known>, DbError> {
    let rows = tx.query(
        "SELECT body, found_at, stands, state, closed_at, decision, decided_by, decided_name, decided_value, reason
         FROM proposals WHERE org = $1 AND decision = $2 ORDER BY found_at, id",
        &params![org, decision],
    )?;
    rows.iter().map(read).collect()
}

/// The entities about which something is undecided.
pub fn entities_asked_about(tx: &mut Tx<'_>, org: OrgId) -> Result<BTreeSet<EntityId>, DbError> {
    let rows = tx.query(
        "SELECT DISTINCT entity FROM proposals WHERE org = $1 AND state = 'open' ORDER BY entity",
        &params![org],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// One proposal, with its entity.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: &Digest) -> Result<Option<Listed>, DbError> {
    let row = tx.query_opt(
        "SELECT p.body, p.found_at, p.stands, p.state, p.closed_at, p.decision, p.decided_by, p.decided_name,
         p.decided_value, p.reason, e.unit_code, e.body
         FROM proposals p JOIN entities e ON e.org = p.org AND e.id = p.entity WHERE p.org = $1 AND p.id = $2",
        &params![org, *id],
    )?;
    row.map(|r| read_listed(&r)).transpose()
}

/// Undecided proposals about entities of the asker's scope, oldest first, at most `limit`.
pub fn waiting(tx: &mut Tx<'_>, org: OrgId, asker: UserId, limit: i64) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT p.body, p.found_at, p.stands, p.state, p.closed_at, p.decision, p.decided_by, p.decided_name,
             p.decided_value, p.reason, e.unit_code, e.body
             FROM proposals p JOIN entities e ON e.org = p.org AND e.id = p.entity
             WHERE p.org = $1 AND p.state = 'open' AND e.unit_code IN (SELECT code FROM scope)
             ORDER BY p.found_at, p.id LIMIT $3"
        ),
        &params![org, asker, limit],
    )?;
    rows.iter().map(read_listed).collect()
}

/// How many wait in the asker's scope, counted up to ten thousand.
pub fn waiting_count(tx: &mut Tx<'_>, org: OrgId, asker: UserId) -> Result<i64, DbError> {
    let row = tx.query_opt(
        in_scope!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT p.id FROM proposals p
             JOIN entities e ON e.org = p.org AND e.id = p.entity
             WHERE p.org = $1 AND p.state = 'open' AND e.unit_code IN (SELECT code FROM scope)
             ORDER BY p.found_at, p.id LIMIT 10000) o"
        ),
        &params![org, asker],
    )?;
    row.map_or(Ok(0), |r| r.get(0))
}

/// Proposals about entities of the asker's scope that ended, last ended first.
pub fn ended(tx: &mut Tx<'_>, org: OrgId, asker: UserId, before: &Before) -> Result<Page<Listed>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT p.body, p.found_at, p.stands, p.state, p.closed_at, p.decision, p.decided_by, p.decided_name,
             p.decided_value, p.reason, e.unit_code, e.body
             FROM proposals p JOIN entities e ON e.org = p.org AND e.id = p.entity
             WHERE p.org = $1 AND p.closed_at IS NOT NULL AND e.unit_code IN (SELECT code FROM scope)
             AND (p.closed_at < $3 OR (p.closed_at = $3 AND p.id < $4))
             ORDER BY p.closed_at DESC, p.id DESC LIMIT $5"
        ),
        &params![org, asker, before.at, hex::decode(&before.id).unwrap_or_default(), rows_asked()],
    )?;
    let rows = rows.iter().map(read_listed).collect::<Result<Vec<_>, _>>()?;
    let key = |listed: &Listed| {
        let at = listed.known.closed_at.unwrap_or(listed.known.found_at);
        Before { at, id: hex::encode(listed.known.proposed.id().to_bytes()) }.to_string()
    };
    Ok(Page::cut(rows, key))
}

/// Adds a proposal that stands and that nobody has decided.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, proposed: &Proposed, at: Moment) -> Result<(), DbError> {
    let body = serde_json::to_string(proposed).expect("a proposal is plain data with text keys");
    tx.execute(
        "INSERT INTO proposals (org, inspection, id, entity, field, body, found_at, stands, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 'open')",
        &params![
            org,
            proposed.inspection,
            proposed.id(),
            proposed.proposal.entity,
            &proposed.proposal.field,
            body,
            at
        ],
    )?;
    Ok(())
}

/// Notes that a proposal stands in its document no longer; one that nobody has decided ends with that.
pub fn leave(tx: &mut Tx<'_>, org: OrgId, proposed: &Proposed, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "UPDATE proposals SET stands = 0, closed_at = CASE WHEN state = 'open' THEN $4 ELSE closed_at END,
         state = CASE WHEN state = 'open' THEN 'withdrawn' ELSE state END
         WHERE org = $1 AND inspection = $2 AND id = $3",
        &params![org, proposed.inspection, proposed.id(), at],
    )?;
    Ok(())
}

/// Ends an undecided proposal; without a decision, because the directory came to say it.
pub fn close(
    tx: &mut Tx<'_>,
    org: OrgId,
    proposed: &Proposed,
    state: ProposalState,
    decided: Option<&Decided>,
    at: Moment,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE proposals SET state = $4, closed_at = $5, decision = $6, decided_by = $7, decided_name = $8,
         decided_value = $9, reason = $10
         WHERE org = $1 AND inspection = $2 AND id = $3 AND state = 'open'",
        &params![
            org,
            proposed.inspection,
            proposed.id(),
            state.as_str(),
            at,
            decided.map(|decided| decided.id),
            decided.map(|decided| decided.by),
            decided.map(|decided| decided.by_name.as_str()),
            decided.and_then(|decided| decided.value.as_deref()),
            decided.map(|decided| decided.reason.as_str())
        ],
    )?;
    Ok(changed > 0)
}

/// Opens again what a decision decided; what stands no longer counts as taken back.
pub fn reopen(tx: &mut Tx<'_>, org: OrgId, decision: DecisionId) -> Result<(), DbError> {
    tx.execute(
        "UPDATE proposals SET state = CASE WHEN stands = 1 THEN 'open' ELSE 'withdrawn' END,
         closed_at = CASE WHEN stands = 1 THEN NULL ELSE closed_at END,
         decision = NULL, decided_by = NULL, decided_name = NULL, decided_value = NULL, reason = NULL
         WHERE org = $1 AND decision = $2",
        &params![org, decision],
    )?;
    Ok(())
}

/// A fact that a decision changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The decision.
    pub decision: DecisionId,
    /// Whose.
    pub entity: EntityId,
    /// Which.
    pub field: EntityField,
    /// What the directory said before.
    pub former: Option<String>,
    /// What it said then.
    pub value: Option<String>,
}

/// Notes a correction.
pub fn note_correction(
    tx: &mut Tx<'_>,
    org: OrgId,
    correction: &Correction,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO directory_corrections (org, id, entity, field, former, value, corrected_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &params![
            org,
            correction.decision,
            correction.entity,
            correction.field.as_str(),
            correction.former.as_deref(),
            correction.value.as_deref(),
            at
        ],
    )?;
    Ok(())
}

/// What a decision changed in the directory; none where it changed nothing.
pub fn correction(tx: &mut Tx<'_>, org: OrgId, decision: DecisionId) -> Result<Option<Correction>, DbError> {
    let row = tx.query_opt(
        "SELECT entity, field, former, value FROM directory_corrections WHERE org = $1 AND id = $2",
        &params![org, decision],
    )?;
    let Some(r) = row else { return Ok(None) };
    let field: String = r.get(1)?;
    Ok(Some(Correction {
        decision,
        entity: r.get(0)?,
        field: EntityField::find(&field).ok_or_else(|| r.invalid(1, "no fact of an entity".to_owned()))?,
        former: r.get(2)?,
        value: r.get(3)?,
    }))
}
