//! Conflicts that are not in a document: found where something happens, opened in the same transaction, told to the team.
//!
//! Nothing that is found here keeps a sync, a judgement or a seal waiting. What is found in documents is in
//! [`crate::sync::assess`]; how all of it is decided is in [`crate::resolve`].

pub(crate) mod assignment;
pub(crate) mod entity;
pub mod evidence;
pub(crate) mod identity;
pub(crate) mod number;
pub(crate) mod template;

use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::store::{conflicts, devices, feeds, inspections, officers};
use fieldproof_schema::conflict::{Conflict, ConflictKind, Origin};
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::moment::{Interval, Moment};

/// Opens a conflict of a unit, unless one about the same place is open or people have decided this very one.
fn open(
    tx: &mut Tx<'_>,
    org: OrgId,
    conflict: &Conflict,
    unit_code: &str,
    now: Moment,
) -> Result<(), DbError> {
    if !is_open(tx, org, conflict.inspection, &conflict.kind, &conflict.path)?
        && conflicts::insert(tx, org, conflict, unit_code, now)?
    {
        tell(tx, org, conflict.inspection)?;
    }
    Ok(())
}

/// Whether somebody is being asked about a place already.
fn is_open(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    kind: &ConflictKind,
    path: &str,
) -> Result<bool, DbError> {
    Ok(!conflicts::open_at(tx, org, inspection, kind, path)?.is_empty())
}

/// Conflicts are counted in the visit and stand in its row.
fn tell(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<(), DbError> {
    conflicts::recount(tx, org, inspection)?;
    let team = inspections::team(tx, org, inspection)?;
    feeds::publish_inspection(tx, org, &team, inspection);
    Ok(())
}

/// The terminal and its officer, as printed, and the officer's unit.
fn origin(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    written: Interval,
) -> Result<(Origin, Option<String>), DbError> {
    let officer = officers::find(tx, device.org, device.officer)?;
    let origin = Origin {
        device: Some(device.id),
        device_name: devices::find(tx, device.org, device.id)?.map(|d| d.name).unwrap_or_default(),
        officer: Some(device.officer),
        officer_name: officer.as_ref().map(|officer| officer.facts.name.clone()).unwrap_or_default(),
        written: Some(written),
        ..Origin::default()
    };
    Ok((origin, officer.map(|officer| officer.facts.org_code)))
}
