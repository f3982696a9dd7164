//! Row 003 of the Beidaihe plan on the fictitious sample organisation, moved from 2020 to 2026.

use super::build::{ENTROPY, SECRET, date};
use crate::draw::{
    Candidate, Directory, DrawInput, DrawPlan, DrawRecord, DrawSecret, DrawTerms, Exclusion, Format,
    Frequency, OfficerCandidate, Scope, Unfit, draw, verify,
};
use crate::ids::{DrawId, EntityId, OfficerId, OrgId};
use crate::rule::{Rule, specialty_covers};
use crate::suite::Digest;
use jiff::civil::Date;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const ORG: &str = include_str!("../../../data/sample-org.json");
const PLANS: &str = include_str!("../../../data/draw-plan-beidaihe-2020.json");

fn id_bytes(code: &str) -> [u8; 16] {
    Digest::of(code.as_bytes()).value[..16].try_into().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(text).collect()
}

fn day(value: &Value) -> Option<Date> {
    value.as_str().map(date)
}

fn plan() -> DrawPlan {
    let plans: Value = serde_json::from_str(&PLANS.replace("\"2020-", "\"2026-")).unwrap();
    let row = plans["plans"].as_array().unwrap().iter().find(|row| row["taskNo"] == "003号").unwrap();
    let population: Rule = serde_json::from_value(row["population"]["combinedRule"].clone()).unwrap();
    DrawPlan {
        plan_no: text(&row["planNo"]),
        task_no: text(&row["taskNo"]),
        year: 2026,
        scope: Scope::Directed,
        specialty: text(&row["specialty"]),
        population,
        ratio: text(&row["ratioText"]).parse().unwrap(),
        team_size: 2,
        weights: Vec::new(),
    }
}

fn candidate(entity: &Value, plan: &DrawPlan, on: Date) -> Candidate {
    let last_inspection = day(&entity["lastInspection"]).filter(|last| *last <= on);
    let fields = plan.population.fields().into_iter().filter(|field| *field != "specialty");
    Candidate {
        id: EntityId::from_bytes(id_bytes(&text(&entity["id"]))),
        code: text(&entity["id"]),
        org: OrgId::from_bytes(id_bytes(&text(&entity["orgId"]))),
        active: true,
        specialties: texts(&entity["specialties"]),
        fields: fields.map(|field| (field.to_owned(), entity[field].clone())).collect(),
        last_inspection,
        inspections_this_year: last_inspection.is_some_and(|last| last.year() == plan.year).into(),
    }
}

fn officer_of(value: &Value) -> OfficerCandidate {
    let interests = value["recusal"].as_array().unwrap().iter();
    OfficerCandidate {
        id: OfficerId::from_bytes(id_bytes(&text(&value["id"]))),
        code: text(&value["id"]),
        org: OrgId::from_bytes(id_bytes(&text(&value["orgId"]))),
        specialties: texts(&value["specialties"]),
        certificate_no: Some(text(&value["certificateNo"])),
        certificate_expires: day(&value["certificateExpires"]),
        in_directory: value["inDirectory"].as_bool().unwrap(),
        active: value["active"].as_bool().unwrap(),
        interests: interests.map(|i| EntityId::from_bytes(id_bytes(&text(&i["entityId"])))).collect(),
    }
}

fn record(per_year_max: Option<u32>) -> DrawRecord {
    let org: Value = serde_json::from_str(ORG).unwrap();
    let (plan, on) = (plan(), date("2026-10-08"));
    let entities = org["entities"].as_array().unwrap().iter().map(|e| candidate(e, &plan, on)).collect();
    let officers = org["officers"].as_array().unwrap().iter().map(officer_of).collect();
    let secret = DrawSecret::from_bytes(SECRET);
    let terms = DrawTerms {
        draw: DrawId::from_bytes(id_bytes("draw")),
        plan,
        on,
        frequency: Frequency { per_year_max, rest_days: 0 },
        commitment: secret.commitment(),
    };
    let salt = DrawSecret::from_bytes([7; 32]);
    let input = DrawInput { format: Format::V1, terms, directory: Directory { entities, officers }, salt };
    draw(input, secret, ENTROPY).unwrap()
}

#[test]
fn seventy_two_public_places_give_fifteen_picks() {
    let record = record(None);
    assert_eq!((record.steps.eligible.len(), record.steps.sample_size, record.result.len()), (72, 15, 15));
    let verified = verify(&record.to_json()).unwrap();
    assert_eq!((verified.eligible, verified.picks, verified.assigned), (72, 15, 15));
}

#[test]
fn the_yearly_ceiling_leaves_out_who_was_inspected_this_year() {
    let record = record(Some(1));
    let visited =
        record.steps.excluded.iter().filter(|e| e.why == Exclusion::Ceiling { inspections: 1 }).count();
    assert_eq!((record.steps.eligible.len() + visited, visited, record.result.len()), (72, 22, 10));
}

#[test]
fn the_sample_officers_are_matched_by_the_rules() {
    let record = record(None);
    let officers: BTreeMap<OfficerId, &OfficerCandidate> =
        record.input.directory.officers.iter().map(|o| (o.id, o)).collect();
    let unfit: BTreeMap<&str, Unfit> =
        record.steps.unfit.iter().map(|u| (officers[&u.officer].code.as_str(), u.why)).collect();
    assert_eq!(
        unfit,
        BTreeMap::from([("OFF-03", Unfit::NotInDirectory), ("OFF-12", Unfit::CertificateExpired)])
    );
    let mut loads: BTreeMap<OfficerId, usize> = BTreeMap::new();
    for (assignment, team) in record.result.iter().zip(&record.steps.teams) {
        let members = assignment.team.officers();
        assert_eq!(members.len(), 2);
        for member in members {
            *loads.entry(*member).or_default() += 1;
            assert!(!officers[member].interests.contains(&assignment.entity));
        }
        let specialist = officers[&members[0]];
        assert!(
            team.needs
                .iter()
                .all(|need| specialist.specialties.iter().any(|own| specialty_covers(own, need)))
        );
    }
    // Thirty seats for ten officers, half of them for the four who know public places.
    assert_eq!(loads.len(), 10);
    assert!(loads.values().all(|load| (2..=4).contains(load)), "{loads:?}");
}
