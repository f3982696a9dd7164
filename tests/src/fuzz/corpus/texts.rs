//! Texts: checklists and laws cut down from those of the product, so that an edit of them costs little; seals.

use super::{AT, COLLEAGUE, DEVICE, OFFICER, VISIT, key};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::data;
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{EntityId, RecordId};
use fieldproof_schema::journal::body::Sealed;
use fieldproof_schema::proposal::Proposal;
use fieldproof_schema::seal::{self, Capture, Party, Seal, Signed, Statement};
use fieldproof_schema::suite::{Digest, Signer};
use serde_json::{Map, Value, json};

/// The first items of a checklist that stand without those that were left out.
fn cut(name: &str, items: usize) -> String {
    let json = data::checklists().iter().find(|(file, _)| *file == name).map_or("{}", |(_, json)| json);
    let mut value: Value = serde_json::from_str(json).expect("the checklists are JSON");
    // What it says of the whole is not true of a part.
    for count in ["itemCount", "keyItemCount"] {
        value.as_object_mut().and_then(|template| template.remove(count));
    }
    let all = value["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    for item in all {
        let kept = value["items"].as_array().map_or(0, Vec::len);
        if kept == items {
            break;
        }
        let mut longer = value.clone();
        if let Some(list) = longer["items"].as_array_mut() {
            list.push(item);
        }
        if Template::parse(&longer.to_string()).is_ok() {
            value = longer;
        }
    }
    value.to_string()
}

/// Of a swimming pool.
pub(super) fn checklist() -> String {
    cut("public-swimming.json", 6)
}

/// Of a place where dishes are disinfected.
pub(super) fn other_checklist() -> String {
    cut("tableware-disinfection.json", 5)
}

/// All laws, the first provisions and standards, all of which lead somewhere.
pub(super) fn laws() -> String {
    let mut value: Value = serde_json::from_str(data::legal_basis()).expect("the register is JSON");
    for (part, most) in [("provisions", 12), ("standards", 8)] {
        if let Some(map) = value[part].as_object_mut() {
            *map = std::mem::take(map).into_iter().take(most).collect();
        }
    }
    let cited: Vec<Value> = value["provisions"]
        .as_object()
        .map(|provisions| provisions.values().map(|provision| provision["law"].clone()).collect())
        .unwrap_or_default();
    if let Some(laws) = value["laws"].as_object_mut() {
        let superseded: Vec<Value> =
            laws.values().filter_map(|law| law.get("supersededBy")).take(2).cloned().collect();
        laws.retain(|key, law| {
            let known = |names: &[Value]| names.iter().any(|name| name == key);
            known(&cited) && law.get("supersededBy").is_none() || known(&superseded)
        });
        let kept: Vec<String> = laws.keys().cloned().collect();
        if let Some(provisions) = value["provisions"].as_object_mut() {
            provisions.retain(|_, provision| {
                kept.iter().any(|law| provision["law"].as_str() == Some(law.as_str()))
            });
        }
    }
    value.to_string()
}

/// A first seal and a supplement, each with its text.
pub(super) fn statements() -> Vec<(Statement, String)> {
    let first = Statement {
        format: 1,
        inspection: VISIT,
        version: 1,
        supplements: None,
        answers_return: None,
        comment: None,
        heads: vec![ChangeId([4; 32])],
        content: Digest::of(b"content"),
        captures: vec![Capture {
            record: RecordId::from_bytes([5; 16]),
            digest: Digest::of(b"photo"),
            used: false,
        }],
        team: vec![OFFICER, COLLEAGUE],
        unmerged: Vec::new(),
        unsettled: None,
        party: Party::Refused { witness: "居委会见证人".into(), reason: "未说明".into() },
        at: AT,
    };
    let supplement = Statement {
        version: 2,
        supplements: Some(Digest::of(first.to_text().as_bytes())),
        comment: Some("已补正".into()),
        party: Party::Signed { name: "清波游泳馆负责人".into() },
        ..first.clone()
    };
    [first, supplement].map(|statement| (statement.clone(), statement.to_text())).into()
}

/// Correction proposals: of a fact that the directory has, of one that it lacks, one of a later version, taken back.
pub(super) fn proposals() -> Vec<Vec<u8>> {
    let moved = Proposal {
        entity: EntityId::from_bytes([2; 16]),
        field: "address".into(),
        base: Some("体育路 3 号".into()),
        value: "体育路 5 号".into(),
        reason: "现场核对门牌".into(),
        evidence: vec![RecordId::from_bytes([5; 16])],
        withdrawn: false,
        rest: Map::new(),
    };
    let called =
        Proposal { field: "phone".into(), base: None, value: "0335-0000000".into(), ..moved.clone() };
    let coded = Proposal { field: "uscc".into(), value: "92390121MA8P3MR10A".into(), ..called.clone() };
    let rest = Map::from_iter([("seen".to_owned(), json!(["门牌"]))]);
    let later = Proposal { field: "colour".into(), rest, withdrawn: true, ..moved.clone() };
    [moved, called, coded, later].map(|proposal| proposal.to_register().into_bytes()).into()
}

/// A signature under a statement as the journal holds it.
pub(super) fn sealed(statement: &str) -> Sealed {
    let key = key();
    Sealed { statement: statement.to_owned(), key: key.public_key(), signature: seal::sign(statement, &key) }
}

/// Statements, and seals around them.
pub(super) fn seals() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (_, text) in statements() {
        let Sealed { statement, key, signature } = sealed(&text);
        let signatures = [OFFICER, COLLEAGUE]
            .map(|officer| Signed { officer, device: DEVICE, key, signature, at: AT })
            .into();
        let seal = Seal { statement, signatures };
        found.push(text.into_bytes());
        found.push(serde_json::to_vec(&seal).expect("a seal is plain data with text keys"));
    }
    found
}
