//! Bodies of reference rows: what a device receives about a subject, as it is now.

use super::{
    captures, changes, conflicts, decisions, devices, disclosures, inbox, inspections, journal, seals,
    snapshots,
};
use crate::db::{DbError, Tx, params};
use crate::numbers;
use crate::proposals;
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::document::RawChange;
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::law::Released;
use fieldproof_schema::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_BYTES_PER_CHANGE, DOCUMENT_CHANGES_MIN};
use fieldproof_schema::reference::{InspectionRow, OfficerRow, VerdictRow};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::{Body, ChangeRow, DocumentRow, RowKind};
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
        RowKind::Numbers => match subject.parse() {
            Ok(device) => numbers::row(tx, org, device)?.map(|row| json(&row)),
            Err(_) => None,
        },
        // Made where it is known who asks, and what for: see [`document`].
        RowKind::Document => None,
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

/// The device to which a verdict's row speaks, by its subject.
pub fn verdict_device(subject: &str) -> Option<DeviceId> {
    parse_verdict(subject).map(|(_, _, device)| device)
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
        let (outcome, code) = item.told();
        return Ok(Some(row(outcome, code)));
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
    Ok(changes::find(tx, org, inspection, id)?.map(|change| change_body(inspection, change)))
}

fn change_body(inspection: InspectionId, change: changes::Change) -> Body {
    Body::Change(ChangeRow {
        inspection,
        change: RawChange(change.bytes),
        device: change.device,
        officer: change.officer,
        entry: change.entry,
        written: change.written,
    })
}

/// The changes of an inspection beyond the first `known`, for a device that speaks protocol 2: as they are, or as the whole
/// document; or only where they come from, when the device wrote all of them itself.
pub fn document(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    known: i64,
    asker: Option<DeviceId>,
) -> Result<Body, DbError> {
    let Some(info) = inspections::find(tx, org, inspection)? else { return Ok(Body::Gone) };
    let origins = changes::origins(tx, org, inspection, known)?;
    let heads = snapshots::heads(tx, org, inspection, info.version)?;
    let is_own = !heads.is_empty() && asker.is_some() && origins.iter().all(|origin| origin.device == asker);
    let changes = if is_own && known > 0 { Vec::new() } else { contents(tx, org, &info, known)? };
    Ok(Body::Document(DocumentRow { inspection, changes, origins, heads, carried: None }))
}

fn contents(
    tx: &mut Tx<'_>,
    org: OrgId,
    info: &inspections::Inspection,
    known: i64,
) -> Result<Vec<RawChange>, DbError> {
    let count = usize::try_from(info.changes - known).unwrap_or(0);
    if count >= DOCUMENT_CHANGES_MIN
        && let Some(whole) = snapshots::get(tx, org, info.id, info.version)?
        && whole.len() <= count.saturating_mul(DOCUMENT_BYTES_PER_CHANGE)
        && whole.len() <= DOCUMENT_BYTES_MAX
    {
        return Ok(vec![RawChange(whole)]);
    }
    let single = changes::written_after(tx, org, info.id, known)?;
    Ok(single.into_iter().map(RawChange).collect())
}

/// The same for a device of protocol 1: each change in a row of its own.
pub fn changes_beyond(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    known: i64,
) -> Result<Vec<(String, Body)>, DbError> {
    let beyond = changes::after(tx, org, inspection, known)?.into_iter();
    Ok(beyond.map(|c| (change_subject(inspection, c.id), change_body(inspection, c))).collect())
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
        progress: snapshots::progress(tx, org, id)?,
        team: inspections::team(tx, org, id)?,
        proposals: proposals::fates(tx, org, id)?,
        papers: numbers::fates(tx, org, id)?,
    }))
}
