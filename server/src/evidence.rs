//! Originals that are held: which captures they complete, and who is told.

use crate::db::{DbError, Tx};
use crate::findings;
use crate::store::{captures, captures_apart, feeds, inspections, originals};
use fieldproof_schema::ids::{DeviceId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// Notes that the bytes which a device captured are held and were read back, however they came, and tells the teams.
pub fn note_held(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
    device: DeviceId,
    now: Moment,
) -> Result<(), DbError> {
    originals::came(tx, org, digest, now)?;
    captures_apart::hold(tx, org, digest, device, now)?;
    for inspection in captures::hold(tx, org, digest, device, now)? {
        let team = inspections::team(tx, org, inspection)?;
        feeds::publish_inspection(tx, org, &team, inspection);
        findings::evidence::arrived(tx, org, inspection, now)?;
    }
    Ok(())
}
