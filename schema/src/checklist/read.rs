//! From JSON to a template: the fields of the whole, then what holds between items.

mod items;
mod kinds;

use super::conditions;
use super::cursor::Cursor;
use super::violation::{Problem, TemplateError};
use super::{Item, Scoring, Section, Template};
use crate::canonical::canonical_json;
use crate::limits::{ITEM_LIST_MAX, TEMPLATE_BYTES_MAX, TEMPLATE_ITEMS_MAX};
use crate::suite::Digest;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What happens to kinds that this version does not know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// They are faults.
    Refused,
    /// They are kept.
    Kept,
}

pub(super) fn template(json: &str, unknown: Unknown) -> Result<Template, TemplateError> {
    if json.len() > TEMPLATE_BYTES_MAX {
        return Err(TemplateError::TooLarge { bytes: json.len() });
    }
    let value: Value = serde_json::from_str(json).map_err(TemplateError::NotJson)?;
    let found = RefCell::new(Vec::new());
    let template = whole(&Cursor::new(&value, &found), unknown);
    let faults = found.into_inner();
    match template {
        Some(template) if faults.is_empty() => Ok(template),
        _ => Err(TemplateError::Faults(faults)),
    }
}

/// Reads everything before giving up on anything, so that all faults are found.
fn whole(at: &Cursor<'_>, unknown: Unknown) -> Option<Template> {
    at.object()?;
    let id = at.need("id").and_then(|c| c.id());
    let revision = at.need("version").and_then(|c| c.id());
    let title = at.need("name").and_then(|c| c.text());
    let title_en = at.need("nameEn").and_then(|c| c.text());
    let specialty = at.need("specialty").and_then(|c| c.text());
    let documents_suggested = texts(at, "documentsSuggested");
    let notes = texts(at, "notes");
    let mapping_certainty = at.get("mappingCertainty").and_then(|c| c.loose_text());
    let source = at.get("source").and_then(|c| c.loose_text());
    let scoring = at.get("scoring").and_then(|c| scoring(&c));
    let listed = at.need("items").and_then(|c| match c.list(TEMPLATE_ITEMS_MAX)? {
        items if items.is_empty() => c.fault(Problem::Empty),
        items => Some(items),
    });
    let listed = listed.unwrap_or_default();
    let read: Vec<_> = listed.iter().map(|c| items::read(c, unknown)).collect();
    counts(at, &listed);
    let index = index(&listed);
    let order = conditions::order(&listed, &read, &index);
    let items: Vec<Item> = read.into_iter().collect::<Option<_>>()?;
    let canonical = canonical_json(at.value());
    Some(Template {
        id: id?.to_owned(),
        revision: revision?.to_owned(),
        title: title?.to_owned(),
        title_en: title_en?.to_owned(),
        specialty: specialty?.to_owned(),
        documents_suggested: documents_suggested?,
        mapping_certainty: mapping_certainty.map(str::to_owned),
        source: source.map(str::to_owned),
        notes: notes?,
        scoring,
        sections: sections(&listed),
        items,
        hash: Digest::of(canonical.as_bytes()),
        canonical,
        index: index.into_iter().map(|(id, position)| (id.to_owned(), position)).collect(),
        order: order?,
    })
}

/// A list of texts that may be absent.
fn texts(at: &Cursor<'_>, key: &str) -> Option<Vec<String>> {
    at.get(key).map_or(Some(Vec::new()), |c| c.texts(ITEM_LIST_MAX))
}

fn scoring(at: &Cursor<'_>) -> Option<Scoring> {
    at.object()?;
    let text = |key| at.get(key).map_or(Some(""), |c| c.loose_text()).map(str::to_owned);
    let applies = at.need("applies").and_then(|c| c.boolean());
    let [judgement, standardised, standardised_certainty, key_item] =
        ["judgement", "standardised", "standardisedCertainty", "keyItem"].map(text);
    Some(Scoring {
        applies: applies?,
        judgement: judgement?,
        standardised: standardised?,
        standardised_certainty: standardised_certainty?,
        key_item: key_item?,
    })
}

/// Counts that the template states must be right: they are how a cut list is noticed.
fn counts(at: &Cursor<'_>, items: &[Cursor<'_>]) {
    let keys = items.iter().filter(|c| c.value().get("key") == Some(&Value::Bool(true))).count();
    for (field, found) in [("itemCount", items.len()), ("keyItemCount", keys)] {
        let Some(place) = at.get(field) else { continue };
        match place.value().as_u64() {
            Some(stated) if stated == found as u64 => {}
            Some(stated) => _ = place.fault::<()>(Problem::Count { stated, found }),
            None => _ = place.fault::<()>(Problem::Expected("a whole number")),
        }
    }
}

/// Positions by id; repeated ids are faults.
fn index<'a>(items: &[Cursor<'a>]) -> BTreeMap<&'a str, usize> {
    let mut index = BTreeMap::new();
    for (position, item) in items.iter().enumerate() {
        let Some(id) = item.value().get("id").and_then(Value::as_str) else { continue };
        if index.contains_key(id) {
            item.get("id").and_then(|c| c.fault::<()>(Problem::Duplicate(id.to_owned())));
        } else {
            index.insert(id, position);
        }
    }
    index
}

fn sections(items: &[Cursor<'_>]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for item in items {
        let text = |key| item.value().get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let title = text("group");
        if sections.iter().all(|section| section.title != title) {
            sections.push(Section { title, title_en: text("groupEn") });
        }
    }
    sections
}
