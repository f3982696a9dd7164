//! Registers of paper forms.

use crate::fuzz::corpus::AT;
use fieldproof_schema::document::{Actor, ChangeId};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::numbering::{
    Ended, Number, Paper, Registered, UseState, ledger, number_conflicts, used_at,
};
use fieldproof_schema::suite::Digest;
use std::str;

/// A registered paper form, and another one that says the same in another visit.
pub(super) fn paper(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Some(read) = Paper::from_register(text) else { return };
    let again =
        Paper::from_register(&read.to_register()).expect("what was read is written so that it is read");
    assert_eq!(again, read);
    let registered = |n: u8, paper: &Paper| Registered {
        inspection: InspectionId::from_bytes([n; 16]),
        record: RecordId::from_bytes([n; 16]),
        change: ChangeId([n; 32]),
        actor: Actor([n; 16]),
        paper: paper.clone(),
    };
    let uses = [registered(1, &read).uses(), registered(2, &read).uses()].concat();
    let stands = uses.iter().filter(|one| one.state == UseState::Standing).count();
    let found = number_conflicts(&uses, |_| true);
    assert_eq!(found.len(), usize::from(stands > 0), "the same number stands twice");
    for conflict in &found {
        assert!(conflict.sides.iter().all(|side| used_at(side).is_some()));
        let number = read.number().expect("what conflicts has a number");
        if !number.series.form.contains('/') {
            assert_eq!(Number::placed(&conflict.path), Some(number), "a place names its number");
        }
    }
    let places = ledger(3, &[], &uses).places;
    let has_place = |serial: u32| serial == 0 || places.iter().any(|place| place.serial == serial);
    assert!(uses.iter().all(|one| has_place(one.number.serial)), "the ledger leaves no use out");
    // What was decided is taken back.
    let conflict = Digest::of(b"a conflict");
    let ended = |conflict| Ended { reason: "重号".into(), by: "管理员甲".into(), at: AT, conflict };
    if read.void.is_none() {
        let void = read.clone().voided(ended(Some(conflict)));
        assert!(registered(1, &void).uses().iter().all(|one| one.state != UseState::Standing));
        assert_eq!(void.taken_back(conflict, ended(None)), Some(read));
    }
}
