//! Provisions and standards, with how well their text is known.

use fieldproof_schema::law::{Cited, LawRegister};
use jiff::civil::Date;
use serde_json::{Value, json};

/// What a reference names and whether it was in force on a day; `None` when it names nothing.
pub(in crate::api) fn citation(laws: &LawRegister, reference: &str, on: Date) -> Option<Value> {
    let cited = match laws.resolve(reference)? {
        Cited::Provision(provision, law) => json!({
            "type": "provision",
            "law": provision.law,
            "law_title": law.title,
            "law_title_en": law.title_en,
            "law_version": law.version,
            "article": provision.article,
            "kind": provision.kind,
            "summary": provision.summary,
            "note": provision.note,
            "penalty": provision.penalty,
            "more": provision.rest,
        }),
        Cited::Standard(standard) => json!({
            "type": "standard",
            "title": standard.title,
            "number": standard.no,
            "note": standard.note,
            "more": standard.rest,
        }),
    };
    Some(json!({
        "reference": reference,
        "mark": laws.mark(reference),
        "in_force": laws.in_force_on(reference, on),
        "cited": cited,
    }))
}
