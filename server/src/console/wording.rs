//! Answers, limits and places of a document in words.

use crate::store::journal::Writer;
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{
    Answer, Bounds, Decimal, Item, ItemKind, Limit, NumberKind, Template, Verdict,
};
use fieldproof_schema::document::Actor;
use fieldproof_schema::form::FormRegister;
use fieldproof_schema::numbering::{Number, Paper};
use fieldproof_schema::proposal::placed;
use fieldproof_schema::reference::{EvidenceRegister, PaperCorrection};
use serde_json::Value;
use std::collections::BTreeMap;

/// The word for a verdict.
pub(crate) fn verdict(p: &Page, verdict: Verdict) -> String {
    p.t(match verdict {
        Verdict::Pass => "kit.verdict.pass",
        Verdict::Fail => "kit.verdict.fail",
        Verdict::NotApplicable => "kit.verdict.not_applicable",
        Verdict::Recorded => "kit.verdict.recorded",
        Verdict::NotDecided => "kit.verdict.not_decided",
    })
}

/// What an answer says, whole.
pub(crate) fn answer(p: &Page, answer: &Answer) -> String {
    match answer {
        Answer::Conformity { result } => verdict(p, (*result).into()),
        Answer::NotApplicable { reason } if reason.is_empty() => verdict(p, Verdict::NotApplicable),
        Answer::NotApplicable { reason } => {
            p.t2("console.wording.reasoned", "what", verdict(p, Verdict::NotApplicable), "reason", reason)
        }
        Answer::Number { value, unit, case, result } => {
            let mut text = with_unit(&value.to_string(), unit);
            for more in case.iter().cloned().chain(result.map(|result| verdict(p, result.into()))) {
                text.push_str(" · ");
                text.push_str(&more);
            }
            text
        }
        Answer::Choice { options, result } => {
            let chosen = p.list(options);
            let stated = result.map(|result| format!(" · {}", verdict(p, result.into())));
            format!("{}{}", chosen, stated.unwrap_or_default())
        }
        Answer::Text { text } => text.clone(),
        Answer::Date { date } => p.day(&date.to_string()),
        Answer::Photo { records } => p.t1("console.wording.photos", "n", records.len()),
        Answer::Other(register) => p.t1("console.wording.unknown", "text", register),
    }
}

/// What an answer says besides its verdict; empty where the verdict is all.
pub(crate) fn value(p: &Page, given: &Answer) -> String {
    match given {
        Answer::Conformity { .. } => String::new(),
        Answer::NotApplicable { reason } => reason.clone(),
        Answer::Number { value, unit, case, .. } => {
            let case = case.as_deref().map(|case| format!(" · {case}")).unwrap_or_default();
            format!("{}{case}", with_unit(&value.to_string(), unit))
        }
        Answer::Choice { .. }
        | Answer::Text { .. }
        | Answer::Date { .. }
        | Answer::Photo { .. }
        | Answer::Other(_) => answer(p, given),
    }
}

fn with_unit(number: &str, unit: &str) -> String {
    if unit.is_empty() { number.to_owned() } else { format!("{number}\u{202F}{unit}") }
}

/// What a value must keep to.
pub(crate) fn limit(number: &NumberKind, limit: &Limit) -> String {
    let text = match &limit.cases {
        None => bounds(&limit.bounds, &number.unit),
        Some(cases) => {
            let each =
                cases.bounds.iter().map(|(name, case)| format!("{name} {}", bounds(case, &number.unit)));
            each.collect::<Vec<_>>().join("; ")
        }
    };
    match &number.display_as {
        Some(other) => format!("{text} ({other})"),
        None => text,
    }
}

fn bounds(bounds: &Bounds, unit: &str) -> String {
    let (least, most) = if bounds.inclusive { ("≥", "≤") } else { (">", "<") };
    let one = |sign: &str, bound: Decimal| format!("{sign} {}", with_unit(&bound.to_string(), unit));
    match (bounds.min, bounds.max) {
        (Some(min), Some(max)) if bounds.inclusive => with_unit(&format!("{min}–{max}"), unit),
        (Some(min), Some(max)) => format!("{}, {}", one(least, min), one(most, max)),
        (Some(min), None) => one(least, min),
        (None, Some(max)) => one(most, max),
        (None, None) => String::new(),
    }
}

/// The limit of an item, in words.
pub(crate) fn limit_of(item: &Item) -> Option<String> {
    match &item.kind {
        ItemKind::Number(number) => Some(limit(number, number.limit.as_ref()?)),
        _ => None,
    }
}

/// What an item asks, in the language of the page.
pub(crate) fn item(p: &Page, item: &Item) -> String {
    p.either(&item.text, &item.text_en).to_owned()
}

/// What a place of the document is called: the item's question, or the kind of what stands there.
pub(crate) fn place(p: &Page, template: &Template, path: &str) -> String {
    place_in(p, Some(template), path)
}

/// The same where the checklist may not be known.
pub(crate) fn place_in(p: &Page, template: Option<&Template>, path: &str) -> String {
    let (map, key) = path.split_once('/').unwrap_or((path, ""));
    if map == "assignment" && key.starts_with("visits/") {
        return p.t("console.wording.place.visits");
    }
    if let Some((_, field)) = placed(path) {
        return super::proposals::field(p, field.as_str());
    }
    if let Some(number) = Number::placed(path) {
        let (year, serial) = (number.series.year, number.serial);
        let said = p.t2("console.wording.place.number", "year", year, "serial", serial);
        return format!("{} {said}", form(p, &number.series.form));
    }
    if map == "template" {
        let called = template.map(|template| {
            format!("{} · {}", p.either(&template.title, &template.title_en), template.revision)
        });
        return called.unwrap_or_else(|| key.to_owned());
    }
    match (map, template.and_then(|template| template.item(key))) {
        ("answers" | "notes", Some(found)) => item(p, found),
        ("", _) => p.t("console.wording.place.whole"),
        (
            known @ ("findings" | "measurements" | "evidence" | "documents" | "proposals" | "narrative"
            | "statement" | "assignment" | "identity"),
            _,
        ) => p.t(format!("console.wording.place.{known}")),
        _ => path.to_owned(),
    }
}

/// What a register says whose form this program does not fix: its fields, one a line, or the text itself.
pub(crate) fn register(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) => {
            let lines = fields.iter().map(|(name, value)| match value {
                Value::String(text) => format!("{name}: {text}"),
                value => format!("{name}: {value}"),
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Ok(Value::String(text)) => text,
        Ok(_) | Err(_) => text.to_owned(),
    }
}

/// A value at a place of the document.
pub(crate) fn at_place(p: &Page, path: &str, text: &str) -> String {
    if path.starts_with("answers/") {
        return answer(p, &Answer::from_register(text));
    }
    // Words of the directory are words, and numbers are as they are spelled.
    if placed(path).is_some() || path.starts_with("number/") {
        return text.to_owned();
    }
    if let Some(told) = beside(p, path, text) {
        return told;
    }
    if path.starts_with("documents/") {
        return paper_form(p, text, None);
    }
    if path.starts_with("evidence/")
        && let Ok(listed) = serde_json::from_str::<EvidenceRegister>(text)
    {
        return if listed.caption.is_empty() { listed.kind } else { listed.caption };
    }
    register(text)
}

/// What a form is called.
pub(crate) fn form(p: &Page, code: &str) -> String {
    let known = FormRegister::shipped().find(code);
    known.map_or_else(|| code.to_owned(), |form| p.either(&form.name, &form.name_en).to_owned())
}

/// A registered paper form: what it is called, its number, that it is void or had another number, and what was decided about it
/// beside its seal.
pub(crate) fn paper_form(p: &Page, text: &str, correction: Option<&PaperCorrection>) -> String {
    let Some(paper) = Paper::from_register(text) else { return register(text) };
    let replaced = |number: &str| p.t1("console.wording.paper_replaced", "number", number);
    let void = |reason: &str| p.t1("console.wording.paper_void", "reason", reason);
    let own = paper.number.as_ref().map(|issued| issued.text.as_str());
    let now = correction.and_then(|correction| correction.number.as_ref());
    let mut parts = vec![form(p, &paper.form)];
    parts.extend(now.map(|issued| issued.text.as_str()).or(own).map(str::to_owned));
    parts.extend(paper.former.iter().map(|former| replaced(&former.number.text)));
    parts.extend(now.and(own).map(replaced));
    parts.extend(paper.void.as_ref().map(|ended| void(&ended.reason)));
    parts.extend(correction.filter(|_| now.is_none()).map(|correction| void(&correction.ended.reason)));
    parts.extend(Some(paper.note).filter(|note| !note.is_empty()));
    parts.join(" ")
}

/// What a side of a conflict says that is not about what the document holds.
fn beside(p: &Page, path: &str, text: &str) -> Option<String> {
    let key = match (path.split_once('/')?.0, text) {
        ("evidence", "missing" | "differs" | "removed") => format!("console.wording.evidence.{text}"),
        ("identity", _) => {
            let (branch, place) = text.split_once(':')?;
            let key = match branch {
                "chain" => "console.wording.journal.chain",
                "revoked" => "console.wording.journal.revoked",
                _ => "console.wording.journal.branch",
            };
            return Some(p.t1(key, "n", place));
        }
        _ => return None,
    };
    Some(p.t(key))
}

/// Who wrote, and on which terminal. What the server wrote itself was decided by an administrator.
pub(crate) fn writer(p: &Page, writers: &BTreeMap<Actor, Writer>, actor: Actor) -> (String, String) {
    match writers.get(&actor) {
        Some(writer) => (writer.officer_name.clone(), writer.device_name.clone()),
        None => (p.t("console.wording.server"), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::page::Theme;
    use fieldproof_presentation::texts::Language;

    fn page() -> Page {
        Page { language: Language::Chinese, theme: Theme::Auto, root: String::new() }
    }

    #[test]
    fn limits_read_as_people_write_them() {
        let number = |text: &str| Some(text.parse::<Decimal>().unwrap());
        let say = |min, max, inclusive| bounds(&Bounds { min, max, inclusive }, "mg/L");
        assert_eq!(say(number("0.3"), number("1.0"), true), "0.3–1.0\u{202F}mg/L");
        assert_eq!(say(number("0.3"), None, true), "≥ 0.3\u{202F}mg/L");
        assert_eq!(say(None, number("5"), false), "< 5\u{202F}mg/L");
        assert_eq!(say(number("1"), number("2"), false), "> 1\u{202F}mg/L, < 2\u{202F}mg/L");
    }

    #[test]
    fn a_register_of_any_form_is_readable() {
        assert_eq!(register(r#"{"text":"地面积水","n":2}"#), "text: 地面积水\nn: 2");
        assert_eq!(register("\"话\""), "话");
        assert_eq!(register("不是 JSON"), "不是 JSON");
    }

    #[test]
    fn an_answer_of_a_later_version_is_shown_as_it_is() {
        let text = r#"{"type":"hologram","x":1}"#;
        assert!(answer(&page(), &Answer::from_register(text)).contains(text));
    }
}
