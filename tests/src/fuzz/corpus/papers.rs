//! Registered paper forms.

use super::AT;
use fieldproof_schema::ids::BlockId;
use fieldproof_schema::numbering::{Ended, Issued, Paper};
use fieldproof_schema::suite::Digest;
use serde_json::{Map, json};

/// Numbered out of a block, typed, without a number, replaced and void, and one of a later version.
pub(super) fn papers() -> Vec<Vec<u8>> {
    let issued = |serial, block| Issued {
        unit: "ORG-C".into(),
        year: 2026,
        serial,
        category: String::new(),
        text: format!("2026-{serial:03}"),
        block,
    };
    let ended = |conflict| Ended { reason: "重号".into(), by: "管理员甲".into(), at: AT, conflict };
    let numbered = Paper {
        form: "DOC-03".into(),
        number: Some(issued(7, Some(BlockId::from_bytes([4; 16])))),
        note: String::new(),
        at: AT,
        void: None,
        former: Vec::new(),
        rest: Map::new(),
    };
    let typed = Paper { number: Some(issued(31, None)), note: "两页".into(), ..numbered.clone() };
    let plain = Paper { form: "DOC-01".into(), number: None, ..numbered.clone() };
    let replaced = typed.clone().renumbered(issued(9, None), ended(Some(Digest::of(b"conflict"))));
    let void = replaced.clone().voided(ended(None));
    let rest = Map::from_iter([("pages".to_owned(), json!(2))]);
    let later = Paper { form: "DOC-99".into(), rest, ..numbered.clone() };
    [numbered, typed, plain, replaced, void, later].map(|paper| paper.to_register().into_bytes()).into()
}
