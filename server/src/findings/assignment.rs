//! Who was on a task: a terminal whose officer is not on the team, and one entity that was dispatched twice.

use super::{is_open, open, origin};
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::store::inspections;
use crate::store::visits::{self, Twin};
use fieldproof_schema::conflict::{Conflict, ConflictKind, ConflictSide, Origin};
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::limits::TWIN_VISITS_DAYS;
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::suite::Digest;

/// A terminal sent a change for a visit whose team its officer is not, or no longer, on. The change is held apart already;
/// somebody is asked once for all that this terminal sends until it is decided, and once more for what comes after that.
pub(crate) fn outside_team(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    inspection: InspectionId,
    change: &Digest,
    now: Moment,
) -> Result<(), DbError> {
    let Some(visit) = inspections::find(tx, device.org, inspection)? else { return Ok(()) };
    let path = format!("assignment/{}", device.id);
    if is_open(tx, device.org, inspection, &ConflictKind::Assignment, &path)? {
        return Ok(());
    }
    let (origin, _) = origin(tx, device, Interval { earliest: None, latest: Some(now) })?;
    let side = ConflictSide::subject("", &[device.id.as_bytes(), &change.value[..]].concat(), origin);
    let conflict = Conflict::new(ConflictKind::Assignment, inspection, path, vec![side]);
    open(tx, device.org, &conflict, &visit.unit_code, now)
}

/// A visit was dispatched while another one of the same entity, of the same plan or lately with the same checklist, is not
/// finished.
pub(crate) fn dispatched_twice(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    now: Moment,
) -> Result<(), DbError> {
    let since = now.plus_seconds(-TWIN_VISITS_DAYS * 24 * 3600);
    let Some(visit) = inspections::find(tx, org, inspection)? else { return Ok(()) };
    let Some(twin) = visits::twin(tx, org, inspection, since)? else { return Ok(()) };
    let side = |Twin { id, opened_at }: Twin| {
        let written = Interval { earliest: Some(opened_at), latest: Some(opened_at) };
        let origin = Origin { inspection: Some(id), written: Some(written), ..Origin::default() };
        ConflictSide::subject("", id.as_bytes(), origin)
    };
    let path = format!("assignment/visits/{}", visit.entity);
    let sides = vec![side(Twin { id: inspection, opened_at: now }), side(twin)];
    let conflict = Conflict::new(ConflictKind::Assignment, inspection, path, sides);
    open(tx, org, &conflict, &visit.unit_code, now)
}
