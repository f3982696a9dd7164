use super::*;
use crate::data;
use jiff::civil::date;

fn register() -> LawRegister {
    LawRegister::parse(data::legal_basis()).unwrap()
}

#[test]
fn a_superseded_law_is_marked_so_and_ends_on_its_day() {
    let law = register();
    assert_eq!(law.mark("CRB13-29"), Some(Mark::Superseded));
    assert_eq!(law.in_force_on("CRB13-29", date(2025, 8, 31)), InForce::Yes);
    assert_eq!(law.in_force_on("CRB13-29", date(2025, 9, 1)), InForce::No);
    assert_eq!(law.in_force_on("CRB13-29", date(2004, 11, 30)), InForce::No);
}

#[test]
fn marks_are_those_of_the_source() {
    let law = register();
    let source: Value = serde_json::from_str(data::legal_basis()).unwrap();
    for (reference, provision) in law.provisions() {
        let raw = &source["provisions"][reference];
        let in_force = source["laws"][raw["law"].as_str().unwrap()]["inForce"].as_bool().unwrap();
        let expected = if in_force { raw["certainty"].as_str().unwrap() } else { "superseded" };
        assert_eq!(law.mark(reference).unwrap().word(), expected, "{reference}");
        assert_eq!(provision.certainty.word(), raw["certainty"].as_str().unwrap());
    }
    assert_eq!(law.provisions().count(), 225);
    assert_eq!(law.standards().count(), 20);
}

#[test]
fn where_the_register_gives_no_day_force_is_unknown() {
    let law = register();
    let today = date(2026, 11, 24);
    assert_eq!(law.in_force_on("GB37488", today), InForce::Yes);
    assert_eq!(law.in_force_on("GB37488", date(2019, 10, 31)), InForce::No);
    assert_eq!(law.in_force_on("GBZ130", today), InForce::Unknown);
    assert_eq!(law.in_force_on("NOT-THERE", today), InForce::Unknown);
    // XDGF took effect some day in 2009.
    assert_eq!(law.in_force_on("XDGF-7", date(2009, 6, 1)), InForce::Unknown);
    assert_eq!(law.in_force_on("XDGF-7", today), InForce::Yes);
}

#[test]
fn only_what_is_in_force_and_released_is_usable() {
    let law = register();
    let released: Released = ["GB37488", "CRB13-29"].into_iter().collect();
    let today = date(2026, 11, 24);
    assert!(law.standing("GB37488", &released, today).usable());
    assert!(!law.standing("CRB13-29", &released, today).usable());
    assert!(!law.standing("GB5749", &released, today).usable());
    assert!(!law.standing("NOT-THERE", &["NOT-THERE"].into_iter().collect(), today).usable());
}

#[test]
fn a_provision_of_an_unknown_law_is_refused_by_name() {
    let mut source: Value = serde_json::from_str(data::legal_basis()).unwrap();
    source["provisions"]["GGTL-4"]["law"] = "NOWHERE".into();
    source["laws"]["CRB13"]["supersededBy"] = "NOTHING".into();
    let Err(LawError::Dangling(dangling)) = LawRegister::parse(&source.to_string()) else { panic!() };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(dangling, [pair("GGTL-4", "NOWHERE"), pair("CRB13", "NOTHING")]);
}

#[test]
fn a_bad_date_is_named() {
    let mut source: Value = serde_json::from_str(data::legal_basis()).unwrap();
    source["laws"]["GGTL"]["effective"] = "2019-02-30".into();
    let Err(LawError::Unreadable(error)) = LawRegister::parse(&source.to_string()) else { panic!() };
    assert!(error.to_string().contains("2019-02-30"), "{error}");
}

#[test]
fn every_mark_has_a_word_and_a_label() {
    for mark in Mark::ALL {
        assert_eq!(serde_json::to_value(mark).unwrap(), mark.word());
        assert!(mark.label_key().starts_with("law.mark."));
    }
    assert_eq!(Mark::from_word("superseded"), None);
}
