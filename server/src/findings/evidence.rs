//! Captures whose bytes do not come, or are not what was declared, and captures that a later seal leaves out.

use super::{open, tell};
use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::store::awaited::{self, Missing};
use crate::store::inspections::Inspection;
use crate::store::{captures, conflicts, inspections, seals};
use fieldproof_schema::conflict::{Conflict, ConflictKind, ConflictSide, Origin};
use fieldproof_schema::ids::{InspectionId, OrgId, RecordId};
use fieldproof_schema::limits::EVIDENCE_DAYS_MAX;
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::seal::Statement;
use fieldproof_schema::suite::Digest;

/// Captures that one look takes up.
const PAGE: i64 = 64;

/// Looks for captures whose bytes are past their deadline; returns how many somebody is asked about now.
///
/// # Errors
/// When the database fails. Repeated, it finds what it has not found.
pub async fn look(app: &App) -> Result<usize, ApiError> {
    let (org, now) = (app.org().await?, app.now());
    let before = now.plus_seconds(-EVIDENCE_DAYS_MAX * 24 * 3600);
    if app.db.read(move |tx| awaited::overdue(tx, org, before, 1)).await?.is_empty() {
        return Ok(0);
    }
    let ask = move |tx: &mut Tx<'_>| {
        let missing = awaited::overdue(tx, org, before, PAGE)?;
        for capture in &missing {
            ask_about(tx, org, capture, "missing", now)?;
        }
        Ok::<_, DbError>(missing.len())
    };
    Ok(app.db.write(ask).await?)
}

/// What arrived for a capture of `device` is not what its journal declared.
pub(crate) fn differs(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    digest: &Digest,
    now: Moment,
) -> Result<(), DbError> {
    for capture in awaited::waited_for(tx, device.org, digest, device.id)? {
        ask_about(tx, device.org, &capture, "differs", now)?;
    }
    Ok(())
}

fn ask_about(tx: &mut Tx<'_>, org: OrgId, capture: &Missing, what: &str, now: Moment) -> Result<(), DbError> {
    let Some(visit) = inspections::find(tx, org, capture.inspection)? else { return Ok(()) };
    let asked_at = capture.asked_at.map(Moment::as_micros).unwrap_or_default();
    let subject = [capture.record.as_bytes().as_slice(), what.as_bytes(), &asked_at.to_be_bytes()].concat();
    let origin = Origin {
        record: Some(capture.record),
        device_name: capture.device_name.clone(),
        officer_name: capture.officer_name.clone(),
        written: Some(Interval { earliest: None, latest: capture.asked_at }),
        ..Origin::default()
    };
    let side = ConflictSide::subject(what, &subject, origin);
    let conflict = Conflict::new(ConflictKind::Evidence, visit.id, place(capture.record), vec![side]);
    open(tx, org, &conflict, &visit.unit_code, now)
}

/// Where conflicts about the bytes of a capture stand.
fn place(record: RecordId) -> String {
    format!("evidence/{record}")
}

/// Bytes that were asked about have come: nobody has to decide any more.
pub(crate) fn arrived(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    now: Moment,
) -> Result<(), DbError> {
    for capture in captures::states(tx, org, inspection)?.iter().filter(|state| state.held) {
        let open = conflicts::open_at(tx, org, inspection, &ConflictKind::Evidence, &place(capture.record))?;
        for known in open {
            conflicts::close(tx, org, &known.conflict, now, None)?;
            tell(tx, org, inspection)?;
        }
    }
    Ok(())
}

/// A seal was completed: what the one before relied on and this one does not is asked about.
pub(crate) fn sealed(tx: &mut Tx<'_>, org: OrgId, visit: &Inspection, now: Moment) -> Result<(), DbError> {
    let complete: Vec<_> =
        seals::list(tx, org, visit.id)?.into_iter().filter(|seal| seal.completed_at.is_some()).collect();
    let [.., before, last] = complete.as_slice() else { return Ok(()) };
    let statement = |seal: &seals::Known| Statement::from_text(&seal.seal.statement).ok();
    let (Some(before), Some(last)) = (statement(before), statement(last)) else { return Ok(()) };
    let used = |capture: &&fieldproof_schema::seal::Capture| capture.used;
    for capture in before.captures.iter().filter(used) {
        let stays = last.captures.iter().filter(used);
        if stays.into_iter().any(|stays| stays.record == capture.record && stays.digest == capture.digest) {
            continue;
        }
        let written = Interval { earliest: Some(before.at), latest: Some(last.at) };
        let origin = Origin { record: Some(capture.record), written: Some(written), ..Origin::default() };
        let subject = [capture.record.as_bytes().as_slice(), &last.version.to_be_bytes()].concat();
        let side = ConflictSide::subject("removed", &subject, origin);
        let path = format!("{}/removed", place(capture.record));
        let conflict = Conflict::new(ConflictKind::Evidence, visit.id, path, vec![side]);
        open(tx, org, &conflict, &visit.unit_code, now)?;
    }
    Ok(())
}
