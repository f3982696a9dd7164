//! What the directory says about an entity, in words: the fields that the catalogue knows by their names there, others by
//! their own.

use fieldproof_presentation::page::Page;
use fieldproof_presentation::texts;
use serde_json::{Map, Value};

/// Fields that are of no use in the field: codes of other systems, and what is shown elsewhere.
const LEFT_OUT: [&str; 6] = ["fictitious", "orgId", "townId", "subCategory", "keyCategories", "entityType"];
/// In this order before all others.
const FIRST: [&str; 12] = [
    "legalRepresentative",
    "specialties",
    "registrationStatus",
    "riskLevel",
    "creditLevel",
    "hygieneCreditGrade",
    "keySupervision",
    "complaints12m",
    "seriousViolations36m",
    "lastInspection",
    "licences",
    "location",
];
/// Nesting that is still told; deeper is said to be more.
const DEPTH_MAX: usize = 4;

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) label: String,
    pub(super) words: Vec<String>,
}

/// The facts of an entity's fields.
pub(super) fn facts(p: &Page, fields: &Map<String, Value>) -> Vec<Fact> {
    let mut named: Vec<(&String, &Value)> = fields
        .iter()
        .filter(|(name, _)| *name != "attributes" && !LEFT_OUT.contains(&name.as_str()))
        .collect();
    let attributes = fields.get("attributes").and_then(Value::as_object);
    named.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    named
        .into_iter()
        .chain(attributes.into_iter().flatten())
        .filter_map(|(name, value)| {
            let words = words(p, name, value, 0);
            (!words.is_empty()).then(|| Fact { label: label(p, name), words })
        })
        .collect()
}

/// The name of a field.
fn label(p: &Page, name: &str) -> String {
    let key = format!("terminal.field.{name}");
    if texts::has(&key) { p.t(key) } else { name.to_owned() }
}

/// A value in words; nothing where it says nothing.
fn words(p: &Page, name: &str, value: &Value, depth: usize) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(yes) => vec![p.t(if *yes { "kit.yes" } else { "kit.no" })],
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![said(p, name, text)],
        Value::Array(_) | Value::Object(_) if depth >= DEPTH_MAX => vec!["…".to_owned()],
        Value::Array(values) => values.iter().flat_map(|value| words(p, name, value, depth + 1)).collect(),
        Value::Object(fields) if name == "location" => place(fields),
        Value::Object(fields) => {
            let parts = fields.iter().filter_map(|(name, value)| {
                let words = words(p, name, value, depth + 1).join(p.t("terminal.field.comma").as_str());
                (!words.is_empty())
                    .then(|| p.t2("terminal.field.part", "label", label(p, name), "words", words))
            });
            let parts: Vec<_> = parts.collect();
            if parts.is_empty() {
                Vec::new()
            } else {
                vec![parts.join(p.t("terminal.field.semicolon").as_str())]
            }
        }
    }
}

/// A word of the directory's own vocabulary; any other text as it is.
fn said(p: &Page, name: &str, text: &str) -> String {
    if name == "specialties" {
        let parts: Vec<_> = text.split('/').map(|part| known(p, "specialty", part)).collect();
        return parts.join(p.t("terminal.field.below").as_str());
    }
    known(p, name, text)
}

fn known(p: &Page, name: &str, text: &str) -> String {
    let key = format!("terminal.value.{name}.{text}");
    if texts::has(&key) { p.t(key) } else { text.to_owned() }
}

/// Degrees and the system that they are in.
fn place(fields: &Map<String, Value>) -> Vec<String> {
    let [lat, lon] = ["lat", "lon"].map(|name| fields.get(name).and_then(Value::as_f64));
    let system = fields.get("crs").and_then(Value::as_str).unwrap_or_default();
    match (lat, lon) {
        (Some(lat), Some(lon)) => vec![format!("{lat:.6}, {lon:.6} {system}").trim().to_owned()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::page::Theme;
    use fieldproof_presentation::texts::Language;
    use serde_json::json;

    fn told(language: Language, fields: &Value) -> Vec<(String, String)> {
        let p = Page { language, theme: Theme::Auto, root: String::new() };
        let facts = facts(&p, fields.as_object().unwrap());
        facts.into_iter().map(|fact| (fact.label, fact.words.join("|"))).collect()
    }

    #[test]
    fn known_fields_are_told_in_words_and_unknown_ones_by_their_names() {
        let fields = json!({
            "orgId": "ORG-D4",
            "newField": "x<y",
            "specialties": ["publicPlace/lodging"],
            "keySupervision": true,
            "riskLevel": "high",
            "objectCategory": null,
            "location": {"lon": 123.4, "lat": 30.3, "crs": "CGCS2000"},
            "attributes": {"rooms": 150},
        });
        let told = told(Language::English, &fields);
        for (label, words) in [
            ("Specialties", "Public places / Lodging"),
            ("Risk level", "high"),
            ("Key supervision", "Yes"),
            ("newField", "x<y"),
            ("Rooms", "150"),
            ("Location", "30.300000, 123.400000 CGCS2000"),
        ] {
            assert!(told.contains(&(label.into(), words.into())), "{label}: {told:?}");
        }
        assert_eq!(told.len(), 6);
        assert_eq!(told[0].0, "Specialties");
    }

    #[test]
    fn whatever_a_file_holds_ends_somewhere() {
        let mut deep = json!("x");
        for _ in 0..1000 {
            deep = json!([deep]);
        }
        assert_eq!(told(Language::Chinese, &json!({"deep": deep})), [("deep".to_owned(), "…".to_owned())]);
    }

    #[test]
    fn every_field_of_the_sample_city_has_a_name() {
        let city: Value = serde_json::from_str(fieldproof_schema::data::sample_org()).unwrap();
        for entity in city["entities"].as_array().unwrap() {
            let mut fields = entity.as_object().unwrap().clone();
            for own in ["id", "name", "uscc", "address"] {
                fields.remove(own);
            }
            for (label, words) in told(Language::Chinese, &Value::Object(fields)) {
                assert!(!label.is_ascii() && !words.contains("terminal."), "{label}: {words}");
            }
        }
    }
}
