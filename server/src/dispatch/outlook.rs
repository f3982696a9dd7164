//! What a dispatch would ask, before it is tried: for which picks a checklist has to be named.

use super::{choice, in_use};
use crate::app::App;
use crate::error::ApiError;
use fieldproof_schema::checklist::Template;
use fieldproof_schema::draw::DrawRecord;
use fieldproof_schema::ids::{EntityId, OrgId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A pick for which nothing decides between checklists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undecided {
    /// The pick, from 1.
    pub pick: u32,
    /// The entity's code.
    pub entity: String,
    /// The entity's name.
    pub name: String,
    /// The entity's specialties.
    pub specialties: BTreeSet<String>,
    /// The ids of the checklists that fit; empty where none does.
    pub fitting: Vec<String>,
}

/// The checklists in use, and the picks that need one to be named. Specialties are those of the frozen directory; the
/// dispatch itself looks at the directory of its own day.
pub async fn outlook(
    app: &App,
    org: OrgId,
    record: &DrawRecord,
    names: &BTreeMap<EntityId, String>,
) -> Result<(Vec<Arc<Template>>, Vec<Undecided>), ApiError> {
    let reader = app.clone();
    let templates = app.db.read(move |tx| in_use(tx, &reader, org)).await?;
    let known: BTreeMap<_, _> = record.input.directory.entities.iter().map(|e| (e.id, e)).collect();
    let plan = &record.input.terms.plan.specialty;
    let mut undecided = Vec::new();
    for assignment in record.result.iter().filter(|a| !a.team.officers().is_empty()) {
        let Some(entity) = known.get(&assignment.entity) else { continue };
        let named = BTreeMap::new();
        if let Err(fitting) = choice::choose(&entity.code, &entity.specialties, plan, &templates, &named) {
            undecided.push(Undecided {
                pick: assignment.pick,
                entity: entity.code.clone(),
                name: names.get(&assignment.entity).cloned().unwrap_or_default(),
                specialties: entity.specialties.clone(),
                fitting,
            });
        }
    }
    Ok((templates, undecided))
}
