//! The real checklists, and a small one that tests bend.

mod answers;
mod broken;
mod conditions;
mod judging;
mod real;

use super::*;
use crate::data;
use crate::law::LawRegister;
use serde_json::{Value, json};

fn real(file: &str) -> Template {
    let (_, json) = data::checklists().iter().find(|(name, _)| *name == file).unwrap();
    Template::parse(json).unwrap()
}

fn law() -> LawRegister {
    LawRegister::parse(data::legal_basis()).unwrap()
}

/// An item with this answer and nothing special.
fn item(id: &str, answer: &Value) -> Value {
    json!({
        "id": id, "group": "许可", "groupEn": "Licence", "text": "问", "en": "question", "answer": answer,
        "key": false, "severity": "major", "basis": [{"provision": "GGXZ-12", "certainty": "general"}],
        "penalty": [], "evidence": [{"code": "photo", "zh": "现场照片"}], "photoRequired": false
    })
}

fn conformity() -> Value {
    json!({"type": "judgement", "options": ["合格", "不合格", "合理缺项"]})
}

fn number(limit: &Value) -> Value {
    json!({"type": "number", "unit": "mg/L", "decimals": 2, "limit": limit,
           "standard": {"id": "GB37488", "certainty": "secondary"}})
}

/// One item of each kind.
fn small() -> Value {
    json!({
        "id": "small", "version": "1", "name": "小表", "nameEn": "small", "specialty": "school",
        "items": [
            item("S-1", &conformity()),
            item("S-2", &number(&json!({"min": 0.3, "max": 1.0, "inclusive": true}))),
            item("S-3", &json!({"type": "choice", "options": ["未检出", "检出", "未检测"],
                               "nonCompliantOptions": ["检出"], "multiple": true})),
            item("S-4", &json!({"type": "text"})),
            item("S-5", &json!({"type": "date"})),
            item("S-6", &json!({"type": "photo", "min": 2}))
        ]
    })
}

fn read(template: &Value) -> Template {
    Template::parse(&template.to_string()).unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}
