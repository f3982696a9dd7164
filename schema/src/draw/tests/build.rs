//! A small directory to draw from; every test changes only what it is about.

use crate::draw::{
    Candidate, Directory, DrawInput, DrawPlan, DrawRecord, DrawSecret, DrawTerms, Format, Frequency,
    OfficerCandidate, Scope, draw,
};
use crate::ids::{DrawId, EntityId, OfficerId, OrgId};
use crate::rule::Rule;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const SECRET: [u8; 32] = [42; 32];
pub(super) const ENTROPY: &str = "4711 0815";

pub(super) fn entity_id(n: u8) -> EntityId {
    EntityId::from_bytes([n; 16])
}

pub(super) fn officer_id(n: u8) -> OfficerId {
    OfficerId::from_bytes([n; 16])
}

pub(super) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn rule(json: Value) -> Rule {
    serde_json::from_value(json).unwrap()
}

pub(super) fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

pub(super) fn entity(n: u8) -> Candidate {
    Candidate {
        id: entity_id(n),
        code: format!("ENT-{n:03}"),
        org: OrgId::from_bytes([1; 16]),
        active: true,
        specialties: set(&["publicPlace/lodging"]),
        fields: BTreeMap::from([("registrationStatus".to_owned(), json!("established"))]),
        last_inspection: None,
        inspections_this_year: 0,
    }
}

pub(super) fn officer(n: u8, specialties: &[&str]) -> OfficerCandidate {
    OfficerCandidate {
        id: officer_id(n),
        code: format!("OFF-{n:02}"),
        org: OrgId::from_bytes([1; 16]),
        specialties: set(specialties),
        certificate_no: Some(format!("YH-{n:04}")),
        certificate_expires: Some(date("2028-12-31")),
        in_directory: true,
        active: true,
        interests: BTreeSet::new(),
    }
}

pub(super) fn input(entities: Vec<Candidate>, officers: Vec<OfficerCandidate>) -> DrawInput {
    DrawInput {
        format: Format::V1,
        terms: DrawTerms {
            draw: DrawId::from_bytes([9; 16]),
            plan: DrawPlan {
                plan_no: "2026001".to_owned(),
                task_no: "003号".to_owned(),
                year: 2026,
                scope: Scope::Directed,
                specialty: "publicPlace".to_owned(),
                population: rule(json!({"all": [
                    {"field": "registrationStatus", "op": "==", "value": "established"},
                    {"field": "specialty", "op": "==", "value": "publicPlace"}]})),
                ratio: "0.5".parse().unwrap(),
                team_size: 2,
                weights: Vec::new(),
            },
            on: date("2026-10-08"),
            frequency: Frequency { per_year_max: Some(1), rest_days: 0 },
            commitment: DrawSecret::from_bytes(SECRET).commitment(),
        },
        directory: Directory { entities, officers },
        salt: DrawSecret::from_bytes([7; 32]),
    }
}

/// Eight lodgings, and five officers of whom three know public places.
pub(super) fn usual() -> DrawInput {
    input(
        (1..=8).map(entity).collect(),
        vec![
            officer(1, &["publicPlace"]),
            officer(2, &["publicPlace", "school"]),
            officer(3, &["medical"]),
            officer(4, &["publicPlace/lodging"]),
            officer(5, &["school"]),
        ],
    )
}

pub(super) fn drawn(input: DrawInput) -> DrawRecord {
    draw(input, DrawSecret::from_bytes(SECRET), ENTROPY).unwrap()
}
