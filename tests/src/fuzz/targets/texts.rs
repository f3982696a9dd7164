//! Texts in JSON: checklists, the register of laws, seals.

use crate::fuzz::corpus::{AT, DEVICE, key};
use fieldproof_schema::checklist::{Answer, Outcome, Template, check, check_register, judge};
use fieldproof_schema::conflict::Origin;
use fieldproof_schema::data;
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::document::{Actor, ChangeId};
use fieldproof_schema::ids::{InspectionId, OfficerId, RecordId};
use fieldproof_schema::law::{LawRegister, Released};
use fieldproof_schema::limits::{ITEM_ID_CHARS_MAX, ITEM_LIST_MAX, RULE_DEPTH_MAX};
use fieldproof_schema::limits::{TEMPLATE_BYTES_MAX, TEMPLATE_ITEMS_MAX};
use fieldproof_schema::proposal::{Proposal, Proposed, entity_conflicts, is_met, placed};
use fieldproof_schema::reference::EntityRow;
use fieldproof_schema::seal::{self, Seal, SealError, Signed, Statement};
use fieldproof_schema::suite::Signer;
use serde_json::{Map, Value, json};
use std::str;
use std::sync::OnceLock;

/// A checklist that somebody wrote, and one that a server released.
pub(super) fn template(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match Template::parse(text) {
        Ok(template) => {
            assert!(text.len() <= TEMPLATE_BYTES_MAX, "longer texts are refused");
            let released = Template::parse_released(text).expect("what may be written may be released");
            assert_eq!(released, template);
            within_bounds(&template);
            answered(&template);
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal says why"),
    }
    if let Ok(released) = Template::parse_released(text) {
        let again = Template::parse_released(released.canonical()).expect("a canonical text is readable");
        assert_eq!(again.hash(), released.hash(), "the hash is of what the text says");
        answered(&released);
    }
}

fn within_bounds(template: &Template) {
    assert!(template.items.len() <= TEMPLATE_ITEMS_MAX, "more items are refused");
    for item in &template.items {
        assert!(item.id.len() <= ITEM_ID_CHARS_MAX && template.item(&item.id) == Some(item));
        assert!(item.provisions.len().max(item.penalties.len()) <= ITEM_LIST_MAX, "longer lists are refused");
        let depth = item.condition.as_ref().map_or(0, |rule| rule.depth());
        assert!(depth <= RULE_DEPTH_MAX, "deeper rules are refused");
    }
}

fn register() -> &'static LawRegister {
    static REGISTER: OnceLock<LawRegister> = OnceLock::new();
    REGISTER.get_or_init(|| LawRegister::parse(data::legal_basis()).expect("the register is readable"))
}

/// Every item can be asked whether it applies, and takes or refuses any answer.
fn answered(template: &Template) {
    let pass = Answer::Conformity { result: Outcome::Pass };
    let mut registers: Vec<String> = vec![pass.to_register()];
    let others = [
        json!({"type": "number", "value": "7.20", "unit": "mg/L", "case": "x"}),
        json!({"type": "choice", "options": ["未检出"]}),
        json!({"type": "date", "date": "2026-06-01"}),
        json!({"type": "photo", "records": []}),
        json!({"type": "later", "value": [1]}),
        json!("no answer"),
    ];
    registers.extend(others.iter().map(Value::to_string));
    let answers = |id: &str| (id.len().is_multiple_of(2)).then(|| pass.clone());
    let entity = |name: &str| (name.len().is_multiple_of(3)).then(|| Value::from(name));
    assert_eq!(template.applicability(&answers, &entity).len(), template.items.len());
    assert!(template.open_items(&answers, &entity).len() <= template.items.len());
    template.serves(&["publicPlace/swimming"]);
    let day = AT.date_in_china();
    for item in &template.items {
        for register in &registers {
            let answer = Answer::from_register(register);
            let fits = check(item, &answer).is_ok();
            assert_eq!(check_register(template, &item.id, register).is_ok(), fits);
            if fits {
                judge(item, &answer, self::register(), &Released::default(), day);
            }
        }
    }
}

/// A register of laws.
pub(super) fn law(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(register) = LawRegister::parse(text) else { return };
    let released = Released::default();
    let day = AT.date_in_china();
    let references =
        register.provisions().map(|(key, _)| key).chain(register.standards().map(|(key, _)| key));
    for reference in references {
        assert!(register.resolve(reference).is_some(), "{reference} leads somewhere");
        assert!(register.mark(reference).is_some(), "{reference} has a mark");
        assert!(!register.standing(reference, &released, day).usable(), "nothing is released");
    }
    assert_eq!(LawRegister::parse(text).map(|again| again.hash()).ok(), Some(register.hash()));
}

/// A correction proposal, against a row that says something else and against another one.
pub(super) fn proposal(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Some(read) = Proposal::from_register(text) else { return };
    let again =
        Proposal::from_register(&read.to_register()).expect("what was read is written so that it is read");
    assert_eq!(again, read);
    let Some(field) = EntityField::find(&read.field) else { return };
    let mut row = EntityRow {
        id: read.entity,
        code: "ENT-001".into(),
        name: "清波游泳馆".into(),
        uscc: None,
        address: "体育路 3 号".into(),
        fields: Map::new(),
    };
    let proposed = |n: u8, value: &str| Proposed {
        inspection: InspectionId::from_bytes([n; 16]),
        record: RecordId::from_bytes([n; 16]),
        change: ChangeId([n; 32]),
        actor: Actor([n; 16]),
        proposal: Proposal { value: value.to_owned(), ..read.clone() },
        origin: Origin::default(),
    };
    let sides = [proposed(1, &read.value), proposed(2, "另一个内容")];
    for conflict in entity_conflicts(&row, &sides) {
        assert_eq!(placed(&conflict.path), Some((read.entity, field)));
        assert!(conflict.sides.len() > 1, "a conflict has at least two sides");
    }
    if field.check(&read.value).is_ok() {
        field.put(&mut row, Some(&read.value));
        assert!(is_met(&read, &row), "what is accepted stands in the row");
        assert_eq!(entity_conflicts(&row, &sides[..1]), []);
    }
}

/// What officers sign, and the signatures under it.
pub(super) fn seal(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(seal) = serde_json::from_str::<Seal>(text) {
        let written = serde_json::to_string(&seal).expect("a seal is plain data with text keys");
        assert_eq!(serde_json::from_str::<Seal>(&written).ok().as_ref(), Some(&seal));
        if seal.check().is_ok() {
            assert!(Statement::from_text(&seal.statement).is_ok(), "only statements are signed");
        }
        statement(&seal.statement);
    }
    statement(text);
}

fn statement(text: &str) {
    let Ok(statement) = Statement::from_text(text) else { return };
    assert_eq!(Statement::from_text(&statement.to_text()).as_ref(), Ok(&statement));
    let key = key();
    let sign = |officer| Signed {
        officer,
        device: DEVICE,
        key: key.public_key(),
        signature: seal::sign(text, &key),
        at: AT,
    };
    let whole =
        Seal { statement: text.to_owned(), signatures: statement.team.iter().copied().map(sign).collect() };
    assert_eq!(whole.check(), Ok(true), "a whole team completes it");
    let stranger = OfficerId::from_bytes([0xee; 16]);
    if !statement.team.contains(&stranger) {
        let more = Seal { signatures: vec![sign(stranger)], ..whole };
        assert_eq!(more.check(), Err(SealError::NotOnTeam(stranger)));
    }
}
