//! Bodies of reference rows: what a device receives about a subject, as it is now.

use super::{
    captures, changes, conflicts, decisions, devices, disclosures, inbox, inspections, journal, seals,
};
use crate::db::{DbError, Tx, params};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::document::RawChange;
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::law::Released;
use fieldproof_schema::reference::{InspectionRow, OfficerRow, VerdictRow};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::{Body, ChangeRow, RowKind};
use fieldproof_schema::wire::sync::Outcome;
use serde::Serialize;

fn json<T: Serialize>(row: &T) -> Body {
    Body::Reference(serde_json::to_string(row).expect("rows are plain data with text keys"))
}

/// The body of one row; [`Body::Gone`] when there is nothing by that name.
pub fn body(tx: &mut Tx<'_>, org: OrgId, kind: RowKind, subject: &str) -> Result<Body, DbError> {
    let found = match kind {
        RowKind::Officer => match subject.parse() {
            Ok(id) => officer(tx, org, id)?.map(|row| json(&row)),
            Err(_) => None,
        },
        RowKind::Entity => text(tx, "SELECT body FROM entities WHERE org = $1 AND id = $2", org, subject)?,
        RowKind::Task => text(tx, "SELECT body FROM tasks WHERE org = $1 AND id = $2", org, subject)?,
        RowKind::Laws => laws(tx, org)?.map(Body::Reference),
        RowKind::Released => Some(json(&released(tx, org)?)),
        RowKind::Template => match subject.split_once('@') {
            Some((id, revision)) => template(tx, org, id, revision)?,
            None => None,
        },
        RowKind::Inspection => match subject.parse() {
            Ok(id) => inspection(tx, org, id)?.map(|row| json(&row)),
            Err(_) => None,
        },
        RowKind::Change => match parse_change(subject) {
            Some((inspection, id)) => change(tx, org, inspection, id)?,
            None => None,
        },
        RowKind::Verdict => match parse_verdict(subject) {
            Some((inspection, digest, device)) => {
                verdict(tx, org, inspection, digest, device)?.map(|row| json(&row))
            }
            None => None,
        },
    };
    Ok(found.unwrap_or(Body::Gone))
}

/// The subject of a change's row.
pub fn change_subject(inspection: InspectionId, change: ChangeId) -> String {
    format!("{inspection}:{change}")
}

/// The subject of a verdict's row.
pub fn verdict_subject(inspection: InspectionId, item: &Digest, device: DeviceId) -> String {
    format!("{inspection}:{item}:{device}")
}

fn parse_verdict(subject: &str) -> Option<(InspectionId, Digest, DeviceId)> {
    let mut parts = subject.splitn(3, ':');
    let mut next = || parts.next();
    Some((next()?.parse().ok()?, next()?.parse().ok()?, next()?.parse().ok()?))
}

/// What became of a change that a device sent, or of a journal entry: one on the chain is told of when it counts after all.
fn verdict(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    digest: Digest,
    device: DeviceId,
) -> Result<Option<VerdictRow>, DbError> {
    let row = |outcome: Outcome, code| VerdictRow {
        item: digest,
        inspection,
        outcome: outcome.as_str().to_owned(),
        code,
    };
    if let Some(item) = inbox::find(tx, org, inspection, &digest, device)? {
        return Ok(Some(row(item.state.outcome(), item.code)));
    }
    let counts = journal::is_on_chain(tx, org, device, inspection, &digest)?;
    Ok(counts.then(|| row(Outcome::Accepted, None)))
}

/// The subject of a checklist's row.
pub fn template_subject(id: &str, revision: &str) -> String {
    format!("{id}@{revision}")
}

/// The subject of the row that holds the register of laws.
pub const LAWS_SUBJECT: &str = "laws";
/// The subject of the row that holds what was released from it.
pub const RELEASED_SUBJECT: &str = "released";

fn parse_change(subject: &str) -> Option<(InspectionId, ChangeId)> {
    let (inspection, change) = subject.split_once(':')?;
    Some((inspection.parse().ok()?, change.parse().ok()?))
}

fn text(tx: &mut Tx<'_>, sql: &'static str, org: OrgId, subject: &str) -> Result<Option<Body>, DbError> {
    let row = tx.query_opt(sql, &params![org, subject])?;
    row.map(|r| Ok(Body::Reference(r.get(0)?))).transpose()
}

/// The text of the register of laws in use: the newest one.
pub fn laws(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<String>, DbError> {
    let rows = tx.query(
        "SELECT body FROM law_registers WHERE org = $1 ORDER BY created_at DESC, hash LIMIT 1",
        &params![org],
    )?;
    rows.first().map(|r| r.get(0)).transpose()
}

/// What the bureau's legal reviewer released.
pub fn released(tx: &mut Tx<'_>, org: OrgId) -> Result<Released, DbError> {
    let rows = tx.query(
        "SELECT provision FROM released_provisions WHERE org = $1 ORDER BY provision",
        &params![org],
    )?;
    rows.iter().map(|r| r.get::<String>(0)).collect()
}

fn template(tx: &mut Tx<'_>, org: OrgId, id: &str, revision: &str) -> Result<Option<Body>, DbError> {
    let row = tx.query_opt(
        "SELECT body FROM templates WHERE org = $1 AND id = $2 AND revision = $3",
        &params![org, id, revision],
    )?;
    row.map(|r| Ok(Body::Reference(r.get(0)?))).transpose()
}

fn officer(tx: &mut Tx<'_>, org: OrgId, id: OfficerId) -> Result<Option<OfficerRow>, DbError> {
    let row =
        tx.query_opt("SELECT name, certificate FROM officers WHERE org = $1 AND id = $2", &params![org, id])?;
    let Some(row) = row else { return Ok(None) };
    let keys = devices::officer_keys(tx, org, id)?;
    Ok(Some(OfficerRow { id, name: row.get(0)?, certificate: row.get(1)?, keys }))
}

fn change(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    id: ChangeId,
) -> Result<Option<Body>, DbError> {
    let found = changes::find(tx, org, inspection, id)?;
    Ok(found.map(|c| {
        Body::Change(ChangeRow {
            inspection,
            change: RawChange(c.bytes),
            device: c.device,
            officer: c.officer,
            entry: c.entry,
            written: c.written,
        })
    }))
}

/// Everything that the server knows about an inspection, but its content.
pub fn inspection(tx: &mut Tx<'_>, org: OrgId, id: InspectionId) -> Result<Option<InspectionRow>, DbError> {
    let Some(known) = inspections::find(tx, org, id)? else { return Ok(None) };
    let open = conflicts::of_inspection(tx, org, id)?.into_iter().filter(|k| k.closed_at.is_none());
    Ok(Some(InspectionRow {
        id,
        case: known.case,
        state: known.state,
        conflicts: open.map(|k| k.conflict).collect(),
        seals: seals::list(tx, org, id)?.into_iter().map(|k| k.seal).collect(),
        decisions: decisions::list(tx, org, id)?,
        evidence: captures::states(tx, org, id)?,
        quarantined: u32::try_from(inbox::quarantined_count(tx, org, id)?).unwrap_or(u32::MAX),
        disclosure: disclosures::of_inspection(tx, org, id)?,
    }))
}
