use super::*;
use crate::data;
use crate::rule::{Fields, Rule};
use crate::uscc::UsccError;
use serde_json::json;

fn sample() -> Value {
    serde_json::from_str(data::sample_org()).unwrap()
}

fn faults(file: &Value) -> Vec<(Section, usize, Option<String>, String, &'static str)> {
    let parsed = parse_organisation_file(&file.to_string()).unwrap();
    let named = |e: RowError| (e.section, e.row, e.id, e.field, e.problem.code());
    parsed.errors.into_iter().map(named).collect()
}

#[test]
fn the_sample_city_is_read_whole_and_survives_unchanged() {
    let parsed = parse_organisation_file(data::sample_org()).unwrap();
    assert_eq!(parsed.errors, []);
    let file = parsed.file;
    assert!(file.fictitious);
    assert_eq!((file.organisations.len(), file.officers.len(), file.entities.len()), (56, 12, 200));
    let sample = sample();
    assert_eq!(serde_json::to_value(&file.organisations).unwrap(), sample["organisations"]);
    assert_eq!(serde_json::to_value(&file.officers).unwrap(), sample["officers"]);
    assert_eq!(serde_json::to_value(&file.entities).unwrap(), sample["entities"]);
}

#[test]
fn a_bad_row_is_named_and_blocks_no_other() {
    let mut file = sample();
    let entities = file["entities"].as_array_mut().unwrap();
    entities[0]["uscc"] = "92390121MA8P3MR10B".into();
    entities[1]["name"] = " ".into();
    entities[1]["orgId"] = "ORG-NOWHERE".into();
    entities[2]["id"] = "ENT-002".into();
    entities[3]["townId"] = "ORG-C-HC".into();
    entities[4] = json!("no row");
    entities[5].as_object_mut().unwrap().remove("specialties");
    entities[6]["registrationDate"] = "2020-02-30".into();
    entities[7]["location"]["lat"] = json!(91);
    entities[8]["specialties"] = json!([]);
    entities[9].as_object_mut().unwrap().remove("uscc");
    file["officers"][0]["certificateExpires"] = "soon".into();
    let some = |id: &str| Some(id.to_owned());
    let in_entities = |row, id, field: &str, code| (Section::Entities, row, id, field.to_owned(), code);
    assert_eq!(
        faults(&file),
        [
            (Section::Officers, 1, some("OFF-01"), "certificateExpires".to_owned(), "badDate"),
            in_entities(1, some("ENT-001"), "uscc", "badUscc"),
            in_entities(2, some("ENT-002"), "name", "missing"),
            in_entities(2, some("ENT-002"), "orgId", "unknownOrganisation"),
            in_entities(3, some("ENT-002"), "id", "duplicateId"),
            in_entities(4, some("ENT-004"), "townId", "unknownRegion"),
            in_entities(5, None, "", "notAnObject"),
            in_entities(6, some("ENT-006"), "", "wrongType"),
            in_entities(7, some("ENT-007"), "registrationDate", "badDate"),
            in_entities(8, some("ENT-008"), "location", "badLocation"),
            in_entities(9, some("ENT-009"), "specialties", "missing"),
        ]
    );
    let parsed = parse_organisation_file(&file.to_string()).unwrap();
    assert_eq!((parsed.file.officers.len(), parsed.file.entities.len()), (11, 191));
    assert_eq!(parsed.file.entities[0].code, "ENT-010");
    let wrong = RowProblem::BadUscc(UsccError::CheckDigit { expected: 'A', found: 'B' });
    assert_eq!(parsed.errors[1].problem, wrong);
    assert_eq!(
        parsed.errors[1].to_string(),
        "entities row 1 (ENT-001): uscc: the check character is 'B', the others give 'A'"
    );
}

#[test]
fn organisations_must_stand_under_each_other() {
    let unit = |id: &str, parent: Value, region: Value| json!({"id": id, "name": id, "level": "district", "kind": "region", "parent": parent, "regionCode": region});
    let file = json!({"organisations": [
        unit("below", "above".into(), "390102001".into()),
        unit("above", Value::Null, "390100".into()),
        unit("elsewhere", "above".into(), "400101".into()),
        unit("under-elsewhere", "elsewhere".into(), "40010101".into()),
        unit("a", "b".into(), Value::Null),
        unit("b", "a".into(), Value::Null),
        unit("under-b", "b".into(), Value::Null),
    ]});
    let found: Vec<_> =
        faults(&file).into_iter().map(|(_, row, _, field, code)| (row, field, code)).collect();
    let parent = || "parent".to_owned();
    assert_eq!(
        found,
        [
            (3, "regionCode".to_owned(), "badRegionCode"),
            (4, parent(), "unknownOrganisation"),
            (5, parent(), "circular"),
            (6, parent(), "circular"),
            (7, parent(), "unknownOrganisation"),
        ]
    );
    let parsed = parse_organisation_file(&file.to_string()).unwrap();
    let codes: Vec<_> = parsed.file.organisations.iter().map(|unit| unit.code.as_str()).collect();
    assert_eq!(codes, ["below", "above"]);
}

#[test]
fn a_file_of_entities_alone_can_refer_to_known_organisations() {
    let file = json!({"entities": [sample()["entities"][0]]}).to_string();
    let alone = parse_organisation_file(&file).unwrap();
    assert_eq!(alone.errors.len(), 2);
    let known = parse_organisation_rows(&file, &|code| code.starts_with("ORG-D4")).unwrap();
    assert_eq!((known.errors.len(), known.file.entities.len()), (0, 1));
}

#[test]
fn what_is_no_such_file_is_refused_as_a_whole() {
    assert!(matches!(parse_organisation_file("{"), Err(ImportError::NotJson(_))));
    assert!(matches!(parse_organisation_file("[]"), Err(ImportError::NotAnObject)));
    assert!(matches!(parse_organisation_file("{}"), Err(ImportError::Nothing)));
    assert!(matches!(
        parse_organisation_file(r#"{"entities": {}}"#),
        Err(ImportError::NotAList(Section::Entities))
    ));
}

#[test]
fn a_rule_sees_the_same_in_an_entity_and_in_its_json() {
    let parsed = parse_organisation_file(data::sample_org()).unwrap();
    for (entity, raw) in parsed.file.entities.iter().zip(sample()["entities"].as_array().unwrap()) {
        let raw = raw.as_object().unwrap();
        let json = JsonFields(raw);
        let attributes = raw["attributes"].as_object().unwrap();
        for name in raw.keys().chain(attributes.keys()).map(String::as_str).chain(["specialty", "nothing"]) {
            assert_eq!(entity.field(name), json.field(name), "{} {name}", entity.code);
        }
    }
    let entity = &parsed.file.entities[0];
    assert_eq!(entity.field("rooms"), Some(json!(150)));
    assert_eq!(entity.field("objectCategory"), None);
    assert_eq!(entity.field("specialty"), Some(json!(["publicPlace/lodging"])));
}

#[test]
fn the_published_draw_plan_selects_from_the_sample_city() {
    let entities = parse_organisation_file(data::sample_org()).unwrap().file.entities;
    let plan: Value = serde_json::from_str(data::draw_plan_beidaihe_2020()).unwrap();
    let rule: Rule = serde_json::from_value(plan["plans"][0]["population"]["combinedRule"].clone()).unwrap();
    let eligible = entities.iter().filter(|entity| rule.decide(*entity) == Some(true)).count();
    let by_hand = entities.iter().filter(|entity| {
        entity.attributes.get("hasOccupationalHazard") == Some(&json!(true))
            && entity.registration_status.as_deref() == Some("established")
            && entity.registration_date.as_deref().is_some_and(|date| date <= "2020-02-29")
    });
    assert_eq!(eligible, by_hand.count());
    assert!(eligible > 0);
}
