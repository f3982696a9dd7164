//! What is proposed about an entity against what the directory says, and against each other.
//!
//! Looked at whenever a proposal arrives, leaves or is decided, and whenever the row changes: in the same transaction.

use super::tell;
use crate::db::{DbError, Tx};
use crate::store::{conflicts, entities, feeds, inspections, proposals};
use fieldproof_schema::conflict::{Conflict, ConflictKind, NO_VISIT};
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::ids::{EntityId, InspectionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::proposal::{entity_conflicts, is_met, place};
use fieldproof_schema::reference::ProposalState;
use fieldproof_schema::wire::row::RowKind;
use std::collections::BTreeSet;

/// Looks at everything that is undecided about an entity: ends what the directory says by now, opens and ends conflicts,
/// tells the teams of the visits.
pub(crate) fn look(tx: &mut Tx<'_>, org: OrgId, entity: EntityId, now: Moment) -> Result<(), DbError> {
    let Some(known) = entities::find(tx, org, entity)? else { return Ok(()) };
    let mut concerned = BTreeSet::new();
    let mut open = Vec::new();
    for undecided in proposals::open_about(tx, org, entity)? {
        let proposed = undecided.proposed;
        if is_met(&proposed.proposal, &known.row) {
            proposals::close(tx, org, &proposed, ProposalState::Met, None, now)?;
            concerned.insert(proposed.inspection);
        } else {
            open.push(proposed);
        }
    }
    let found = entity_conflicts(&known.row, &open);
    for field in EntityField::ALL {
        let path = place(entity, *field);
        let stands = found.iter().find(|conflict| conflict.path == path);
        let mut is_open = false;
        for before in conflicts::open_at(tx, org, NO_VISIT, &ConflictKind::Entity, &path)? {
            if stands.is_some_and(|stands| stands.id == before.conflict.id) {
                is_open = true;
            } else {
                conflicts::close(tx, org, &before.conflict, now, None)?;
                concerned.extend(visits(&before.conflict));
            }
        }
        if let Some(new) = stands.filter(|_| !is_open)
            && conflicts::insert(tx, org, new, &known.unit_code, now)?
        {
            concerned.extend(visits(new));
        }
    }
    for inspection in concerned {
        tell(tx, org, inspection)?;
        // Officers of other regions do not read the unit's feed, and see the disagreement only with the row.
        for officer in inspections::team(tx, org, inspection)? {
            tx.publish(org, &feeds::of_officer(officer), RowKind::Entity.as_str(), &entity.to_string());
        }
    }
    Ok(())
}

/// The visits whose proposals are sides.
fn visits(conflict: &Conflict) -> impl Iterator<Item = InspectionId> {
    conflict.sides.iter().filter_map(|side| side.origin.as_ref()?.inspection)
}
