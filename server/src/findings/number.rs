//! Numbers of documents that stand twice, or outside their lease.
//!
//! Looked at whenever a use arrives or changes, in the same transaction.

use super::tell;
use crate::db::{DbError, Tx};
use crate::store::numbers::{self, Known};
use crate::store::{conflicts, inspections, units};
use fieldproof_schema::conflict::{Conflict, ConflictKind, NO_VISIT};
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::numbering::{Number, Use, number_conflicts, used_at};
use std::collections::BTreeSet;

/// Looks at all uses of a number: opens and ends the conflict about it, and tells the teams of the visits.
pub(crate) fn look(tx: &mut Tx<'_>, org: OrgId, number: &Number, now: Moment) -> Result<(), DbError> {
    let known = numbers::of_number(tx, org, number)?;
    let mut leased = BTreeSet::new();
    for one in &known {
        if is_leased(tx, org, one)? {
            leased.insert((one.used.inspection, one.used.record));
        }
    }
    let uses: Vec<Use> = known.into_iter().map(|known| known.used).collect();
    let found = number_conflicts(&uses, |one| leased.contains(&(one.inspection, one.record)));
    let stands = found.first();
    let mut is_open = false;
    let mut concerned: BTreeSet<InspectionId> = BTreeSet::new();
    for before in conflicts::open_at(tx, org, NO_VISIT, &ConflictKind::Number, &number.place())? {
        if stands.is_some_and(|stands| stands.id == before.conflict.id) {
            is_open = true;
        } else {
            conflicts::close(tx, org, &before.conflict, now, None)?;
            concerned.extend(visits(&before.conflict));
        }
    }
    if let Some(new) = stands.filter(|_| !is_open) {
        let unit = whose(tx, org, number, new)?;
        if conflicts::insert(tx, org, new, &unit, now)? {
            concerned.extend(visits(new));
        }
    }
    for visit in concerned {
        tell(tx, org, visit)?;
    }
    Ok(())
}

/// Whose conflict it is: that of the unit whose number it is; of the visit's, where nobody knows such a unit.
fn whose(tx: &mut Tx<'_>, org: OrgId, number: &Number, conflict: &Conflict) -> Result<String, DbError> {
    let unit = &number.series.unit;
    if units::name(tx, org, unit)?.is_some() {
        return Ok(unit.clone());
    }
    let visit = match visits(conflict).next() {
        Some(visit) => inspections::find(tx, org, visit)?,
        None => None,
    };
    Ok(visit.map_or_else(|| unit.clone(), |visit| visit.unit_code))
}

/// Whether a use is within its lease: out of a block that the terminal had, and known before there was doubt about it; or
/// people let it stand.
fn is_leased(tx: &mut Tx<'_>, org: OrgId, known: &Known) -> Result<bool, DbError> {
    if known.allowed {
        return Ok(true);
    }
    let Some(block) = known.used.block else { return Ok(false) };
    let lease = numbers::block(tx, org, block)?.map(numbers::Lease::for_uses);
    Ok(lease.is_some_and(|lease| lease.covers(&known.used.number, known.device, known.known_at)))
}

/// The visits whose documents are sides.
pub(crate) fn visits(conflict: &Conflict) -> impl Iterator<Item = InspectionId> {
    conflict.sides.iter().filter_map(used_at).map(|(visit, _)| visit)
}
