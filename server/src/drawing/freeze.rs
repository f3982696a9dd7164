//! From directory rows to the input of a draw. Pure.

use crate::error::ApiError;
use crate::plans::PlanRow;
use crate::store::entities::Entity;
use crate::store::officers::Officer;
use fieldproof_schema::directory::JsonFields;
use fieldproof_schema::draw::{
    Candidate, Directory, DrawInput, DrawSecret, DrawTerms, Format, OfficerCandidate,
};
use fieldproof_schema::ids::{DrawId, EntityId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::EntityRow;
use fieldproof_schema::rule::Fields;
use jiff::civil::Date;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The directories as they stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Directories {
    pub(super) entities: Vec<Entity>,
    pub(super) officers: Vec<Officer>,
    /// When visits of these entities began.
    pub(super) visits: Vec<(EntityId, Moment)>,
    /// Units by code.
    pub(super) units: BTreeMap<String, OrgId>,
}

/// The specialties of an entity.
pub(crate) fn specialties(entity: &EntityRow) -> BTreeSet<String> {
    let listed = JsonFields(&entity.fields).field("specialties");
    let listed = listed.as_ref().and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Everything that decides the draw, but the secret and the entropy.
pub(super) fn input(
    draw: DrawId,
    row: &PlanRow,
    directories: &Directories,
    on: Date,
    secret: &DrawSecret,
    salt: DrawSecret,
) -> Result<DrawInput, ApiError> {
    let plan = row.drawn_from()?;
    let rules = std::iter::once(&plan.population).chain(plan.weights.iter().map(|weight| &weight.when));
    let fields: BTreeSet<String> =
        rules.flat_map(|rule| rule.fields()).filter(|f| *f != "specialty").map(str::to_owned).collect();
    let mut visits: BTreeMap<EntityId, Vec<Date>> = BTreeMap::new();
    for (entity, at) in &directories.visits {
        visits.entry(*entity).or_default().push(at.date_in_china());
    }
    let unit = |code: &str| directories.units.get(code).copied().unwrap_or(OrgId::from_bytes([0; 16]));
    let candidate = |entity: &Entity| {
        let known = visits.get(&entity.row.id).map(Vec::as_slice).unwrap_or_default();
        candidate(entity, &fields, known, plan.year, on, unit(&entity.unit_code))
    };
    let entities: Vec<_> = directories.entities.iter().map(candidate).collect();
    let ids: BTreeMap<&str, EntityId> =
        directories.entities.iter().map(|e| (e.row.code.as_str(), e.row.id)).collect();
    let officers = directories.officers.iter().map(|o| officer(o, &ids, unit(&o.facts.org_code))).collect();
    Ok(DrawInput {
        format: Format::V1,
        terms: DrawTerms { draw, frequency: row.frequency(), plan, on, commitment: secret.commitment() },
        directory: Directory { entities, officers },
        salt,
    })
}

fn field(row: &EntityRow, name: &str) -> Option<Value> {
    match name {
        "id" => Some(row.code.clone().into()),
        "name" => Some(row.name.clone().into()),
        "uscc" => row.uscc.clone().map(Value::from),
        "address" => Some(row.address.clone().into()),
        other => JsonFields(&row.fields).field(other),
    }
}

fn candidate(
    entity: &Entity,
    fields: &BTreeSet<String>,
    visits: &[Date],
    year: i16,
    on: Date,
    org: OrgId,
) -> Candidate {
    let row = &entity.row;
    // The file's last inspection is one that this server may not have: it counts unless a visit of that day is here.
    let imported = field(row, "lastInspection").and_then(|v| v.as_str()?.parse::<Date>().ok());
    let known = visits.iter().copied();
    let all: BTreeSet<Date> = known.clone().chain(imported).filter(|day| *day <= on).collect();
    let here = known.filter(|day| *day <= on && day.year() == year).count();
    let elsewhere =
        imported.filter(|day| *day <= on && day.year() == year && !visits.contains(day)).iter().count();
    Candidate {
        id: row.id,
        code: row.code.clone(),
        org,
        active: field(row, "registrationStatus") != Some(Value::from("deregistered")),
        specialties: specialties(row),
        fields: fields.iter().map(|name| (name.clone(), field(row, name).unwrap_or(Value::Null))).collect(),
        last_inspection: all.last().copied(),
        inspections_this_year: u32::try_from(here + elsewhere).unwrap_or(u32::MAX),
    }
}

fn officer(officer: &Officer, entities: &BTreeMap<&str, EntityId>, org: OrgId) -> OfficerCandidate {
    let facts = &officer.facts;
    OfficerCandidate {
        id: officer.id,
        code: facts.code.clone(),
        org,
        specialties: facts.specialties.iter().cloned().collect(),
        certificate_no: Some(facts.certificate_no.clone()).filter(|no| !no.trim().is_empty()),
        certificate_expires: facts.certificate_expires.parse().ok(),
        in_directory: facts.in_directory,
        active: facts.active,
        // Interests in entities outside the unit cannot matter here.
        interests: facts
            .recusal
            .iter()
            .filter_map(|r| entities.get(r.entity_code.as_str()).copied())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entity(fields: &Value) -> Entity {
        let fields = fields.as_object().cloned().unwrap_or_default();
        let row = EntityRow {
            id: EntityId::from_bytes([1; 16]),
            code: "ENT-001".into(),
            name: "宾馆".into(),
            uscc: None,
            address: "路 1".into(),
            fields,
        };
        Entity { row, unit_code: "ORG-D1".into() }
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_visit_that_file_and_server_both_know_counts_once() {
        let entity = entity(&json!({"lastInspection": "2026-02-24"}));
        let visits = [day("2026-02-24"), day("2026-05-01"), day("2025-12-31")];
        let made = |visits: &[Date]| {
            let fields = BTreeSet::new();
            candidate(&entity, &fields, visits, 2026, day("2026-06-01"), OrgId::from_bytes([2; 16]))
        };
        let candidate = made(&visits);
        assert_eq!(
            (candidate.inspections_this_year, candidate.last_inspection),
            (2, Some(day("2026-05-01")))
        );
        assert_eq!(made(&[]).inspections_this_year, 1);
        assert_eq!(made(&[day("2026-07-01")]).last_inspection, Some(day("2026-02-24")));
    }

    #[test]
    fn rules_see_own_fields_and_attributes_and_a_deregistered_entity_is_closed() {
        let entity = entity(&json!({
            "registrationStatus": "deregistered", "attributes": {"rooms": 7}, "specialties": ["school"]}));
        let fields = BTreeSet::from(["rooms".to_owned(), "name".to_owned(), "missing".to_owned()]);
        let made = candidate(&entity, &fields, &[], 2026, day("2026-06-01"), OrgId::from_bytes([2; 16]));
        assert_eq!(made.fields["rooms"], 7);
        assert_eq!(made.fields["name"], "宾馆");
        assert_eq!(made.fields["missing"], Value::Null);
        assert!(!made.active);
        assert_eq!(made.specialties, BTreeSet::from(["school".to_owned()]));
    }
}
