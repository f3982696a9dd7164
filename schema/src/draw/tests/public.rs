use super::build::{drawn, entity_id, usual};
use crate::draw::{
    DrawError, PublicDrawRecord, Step, VerifyError, opening, pseudonym, pseudonymous, verify_public,
};
use crate::suite::Digest;
use serde_json::{Value, json};

fn public() -> PublicDrawRecord {
    let mut input = usual();
    input.directory.officers[0].interests.insert(entity_id(8));
    pseudonymous(&drawn(input))
}

fn edited(edit: impl FnOnce(&mut Value)) -> VerifyError {
    let mut value = serde_json::to_value(public()).unwrap();
    edit(&mut value);
    verify_public(&value.to_string()).unwrap_err()
}

fn step(error: &VerifyError) -> Step {
    match error {
        VerifyError::Differs { step, .. } => *step,
        other => panic!("{other}"),
    }
}

#[test]
fn the_public_record_is_checkable_and_names_nobody() {
    let record = drawn(usual());
    let text = serde_json::to_string(&pseudonymous(&record)).unwrap();
    let verified = verify_public(&text).unwrap();
    assert_eq!((verified.eligible, verified.picks), (8, 4));
    assert_eq!(verified.frozen, record.steps.frozen);
    for entity in &record.input.directory.entities {
        assert!(!text.contains(&entity.id.to_string()) && !text.contains(&entity.code));
    }
    for officer in &record.input.directory.officers {
        assert!(!text.contains(&officer.id.to_string()) && !text.contains(&officer.code));
    }
    assert!(!text.contains(&hex::encode(record.input.salt.as_bytes())));
}

#[test]
fn the_public_pool_is_in_the_order_of_its_pseudonyms() {
    let pool = public().pool;
    assert!(pool.windows(2).all(|pair| pair[0].pseudonym < pair[1].pseudonym));
}

#[test]
fn an_opened_pseudonym_belongs_to_one_entity() {
    let salt = usual().salt;
    let opened = |entity: u8| {
        let entity = entity_id(entity);
        Digest::of(
            &[b"fieldproof-draw/1/pseudonym\0", &opening(&salt, entity_id(1)).value[..], entity.as_bytes()]
                .concat(),
        )
    };
    assert_eq!(opened(1), pseudonym(&salt, entity_id(1)));
    assert_ne!(opened(2), pseudonym(&salt, entity_id(2)));
}

#[test]
fn edits_of_the_public_record_are_found() {
    let other = json!(Digest::of(b"other"));
    assert_eq!(step(&edited(|v| v["picks"][1]["pseudonym"] = other.clone())), Step::Picks);
    assert_eq!(step(&edited(|v| v["picks"][1]["drawn"]["counter"] = json!(77))), Step::Picks);
    assert_eq!(step(&edited(|v| v["entropy"] = json!("other"))), Step::Picks);
    assert_eq!(step(&edited(|v| v["terms"]["plan"]["ratio"] = json!("1/4"))), Step::Frozen);
    assert_eq!(step(&edited(|v| v["pool"][0]["weight"] = json!(3))), Step::Frozen);
    assert_eq!(step(&edited(|v| v["frozen"]["snapshot"] = other.clone())), Step::Picks);
    let shorter = edited(|v| {
        v["picks"].as_array_mut().unwrap().pop();
    });
    assert_eq!(step(&shorter), Step::SampleSize);
    assert!(matches!(
        edited(|v| v["secret"] = json!("11".repeat(32))),
        VerifyError::Refused(DrawError::WrongSecret)
    ));
    for weight in [0, u64::MAX] {
        assert!(matches!(
            edited(|v| v["pool"][1]["weight"] = json!(weight)),
            VerifyError::Refused(DrawError::MalformedPool { position: 2 })
        ));
    }
    assert!(matches!(
        edited(|v| v["pool"].as_array_mut().unwrap().swap(0, 1)),
        VerifyError::Refused(DrawError::MalformedPool { position: 2 })
    ));
}
