//! What a conflict about the directory is about: the entity, and the proposals that are its sides.

use crate::db::{DbError, Tx};
use crate::store::proposals::{self, Listed};
use crate::store::{conflicts, entities, inspections};
use fieldproof_schema::conflict::{Conflict, ConflictKind, ConflictSide};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{EntityId, InspectionId, OrgId, RecordId};
use fieldproof_schema::proposal::{self, Proposal, placed};
use std::collections::{BTreeMap, BTreeSet};

/// The entity and the proposals.
pub(super) struct About {
    pub(super) entity: EntityId,
    pub(super) name: String,
    proposals: BTreeMap<ChangeId, Listed>,
}

impl About {
    /// The proposal that a side is; none for the directory's own words.
    pub(super) fn proposal(&self, side: &ConflictSide) -> Option<&Proposal> {
        self.proposals.get(&side.change).map(|listed| &listed.known.proposed.proposal)
    }

    /// The visits with the captures that are pointed to.
    pub(super) fn evidence(&self) -> impl Iterator<Item = (InspectionId, &[RecordId])> {
        self.proposals.values().map(|listed| {
            let proposed = &listed.known.proposed;
            (proposed.inspection, proposed.proposal.evidence.as_slice())
        })
    }

    /// What the directory said when the first of them was proposed.
    pub(super) fn base(&self) -> Option<String> {
        let first = self.proposals.values().min_by_key(|listed| listed.known.found_at)?;
        first.known.proposed.proposal.base.clone()
    }
}

/// What a conflict is about; none where it is about something else.
pub(super) fn about(tx: &mut Tx<'_>, org: OrgId, conflict: &Conflict) -> Result<Option<About>, DbError> {
    let Some((entity, _)) = placed(&conflict.path) else { return Ok(None) };
    let Some(known) = entities::find(tx, org, entity)? else { return Ok(None) };
    let mut found = BTreeMap::new();
    for side in &conflict.sides {
        let origin = side.origin.as_deref();
        let Some((visit, record)) = origin.and_then(|origin| origin.inspection.zip(origin.record)) else {
            continue;
        };
        let listed = proposals::find(tx, org, &proposal::name(visit, record, side.change))?;
        found.extend(listed.map(|listed| (side.change, listed)));
    }
    Ok(Some(About { entity, name: known.row.name, proposals: found }))
}

/// The entities of the visits that are sides.
pub(super) fn visited(
    tx: &mut Tx<'_>,
    org: OrgId,
    conflict: &Conflict,
) -> Result<BTreeMap<InspectionId, String>, DbError> {
    let mut found = BTreeMap::new();
    for visit in conflict.sides.iter().filter_map(|side| side.origin.as_ref()?.inspection) {
        found.extend(inspections::find(tx, org, visit)?.map(|known| (visit, known.entity_name)));
    }
    Ok(found)
}

/// Names the entities of conflicts about the directory, and of those about numbers, in a list.
pub(in crate::console) fn name_entities(
    tx: &mut Tx<'_>,
    org: OrgId,
    listed: &mut conflicts::Listed,
) -> Result<(), DbError> {
    let conflict = &listed.known.conflict;
    if let Some((entity, _)) = placed(&conflict.path).filter(|_| conflict.kind == ConflictKind::Entity) {
        listed.entity_name = entities::find(tx, org, entity)?.map(|known| known.row.name);
    }
    if conflict.kind == ConflictKind::Number {
        let names: BTreeSet<String> = visited(tx, org, conflict)?.into_values().collect();
        listed.entity_name = Some(names.into_iter().collect::<Vec<_>>().join(" · "));
    }
    Ok(())
}
