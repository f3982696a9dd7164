use super::build::{ENTROPY, SECRET, entity, officer_id, rule, usual};
use crate::draw::{
    DeclaredBy, DrawRecord, DrawSecret, Recusal, RecusalKind, WeightRule, draw, recuse, verify,
};
use crate::moment::Moment;
use serde_json::json;

/// Released with the first version; whatever comes later must still verify it.
const RECORD: &str = include_str!("record-v1.json");

fn record() -> DrawRecord {
    let mut input = usual();
    input.terms.plan.weights.push(WeightRule {
        factor: "riskLevel".to_owned(),
        when: rule(json!({"field": "riskLevel", "op": "==", "value": "high"})),
        add: 2,
    });
    for (candidate, risk) in input.directory.entities.iter_mut().zip(["high", "low", "low", "high"]) {
        candidate.fields.insert("riskLevel".to_owned(), json!(risk));
    }
    let mut school = entity(9);
    school.specialties = ["school".to_owned()].into();
    input.directory.entities.push(school);
    input.directory.entities[6].inspections_this_year = 1;
    input.directory.entities[7].fields.clear();
    input.directory.officers[2].certificate_expires = Some("2026-06-30".parse().unwrap());
    let record = draw(input, DrawSecret::from_bytes(SECRET), ENTROPY).unwrap();
    let recusal = Recusal {
        pick: 2,
        officer: record.result[1].team.officers()[0],
        kind: RecusalKind::Employment,
        reason: "两年内曾任职".to_owned(),
        declared_by: DeclaredBy::Officer(officer_id(5)),
        at: Moment::from_micros(1_791_504_000_000_000),
    };
    recuse(&record, recusal).unwrap()
}

#[test]
fn the_first_released_record_still_verifies() {
    let verified = verify(RECORD).unwrap();
    assert_eq!((verified.eligible, verified.picks, verified.assigned, verified.recusals), (6, 3, 3, 1));
    insta::assert_snapshot!(verified.record, @"std-a59af88210a8c7a5cb7a2faec3448e84235344a4cc5def188a7bd6f494a016a3");
}

#[test]
fn the_same_input_gives_the_same_record_to_the_byte() {
    assert_eq!(record().to_json(), RECORD);
}

#[test]
fn a_record_survives_json() {
    let record = record();
    assert_eq!(serde_json::from_str::<DrawRecord>(&record.to_json()).unwrap(), record);
}
