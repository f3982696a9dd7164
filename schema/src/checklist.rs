//! Checklists (检查表): what is asked, what was answered, what follows from it.
//!
//! A template is data. This module reads it, finds every fault in it, decides which items apply to an entity, checks
//! answers against their items, and judges them. It does not store answers ([`crate::document`]), know who gave them,
//! or decide what the law says ([`crate::law`]).

mod answer;
mod check;
mod conditions;
mod cursor;
mod decimal;
mod item;
mod judge;
mod progress;
mod read;
mod violation;

pub use answer::{Answer, Outcome};
pub use check::{AnswerError, check, check_register};
pub use conditions::{Applicability, ITEM_FIELD_PREFIX};
pub use decimal::{Decimal, DecimalError};
pub use item::{
    Bounds, Cases, EvidenceHint, Item, ItemKind, Limit, LimitSource, NumberKind, Reference, Severity,
};
pub use judge::{Comparison, Judgement, Reading, Verdict, judge, read_limit};
pub use progress::{answers, applicability, progress};
pub use violation::{Problem, TemplateError, Violation};

use crate::document::TemplatePin;
use crate::suite::Digest;
use std::collections::BTreeMap;

/// A checklist revision, read and free of faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name among templates, for instance `public-swimming`.
    pub id: String,
    /// Its revision, for instance `2026.1`. A released revision never changes.
    pub revision: String,
    /// The title.
    pub title: String,
    /// The title in English.
    pub title_en: String,
    /// The specialty path that it serves, for instance `publicPlace/swimming`; `publicPlace` covers it.
    pub specialty: String,
    /// Documents (文书) that usually follow, by title.
    pub documents_suggested: Vec<String>,
    /// How well the step from items to provisions is known, in the source's words.
    pub mapping_certainty: Option<String>,
    /// Where the checklist comes from, in the source's words.
    pub source: Option<String>,
    /// What users of the checklist must know.
    pub notes: Vec<String>,
    /// How results are scored, where the template says.
    pub scoring: Option<Scoring>,
    /// The sections, in order.
    pub sections: Vec<Section>,
    /// The items, in order.
    pub items: Vec<Item>,
    canonical: String,
    hash: Digest,
    index: BTreeMap<String, usize>,
    /// Item positions such that each comes after the items that its condition reads.
    order: Vec<usize>,
}

/// A heading over some items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// The heading in English.
    pub title_en: String,
}

/// How the results of a checklist are scored (量化分级).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scoring {
    /// Whether this checklist is scored at all.
    pub applies: bool,
    /// What one answer counts, in the source's words.
    pub judgement: String,
    /// How the standardised score is made, in the source's words.
    pub standardised: String,
    /// How well that rule is known, in the source's words.
    pub standardised_certainty: String,
    /// What a failed key item means, in the source's words.
    pub key_item: String,
}

impl Template {
    /// Reads a template that somebody wrote; the error lists every fault, not the first.
    pub fn parse(json: &str) -> Result<Self, TemplateError> {
        read::template(json, read::Unknown::Refused)
    }

    /// Reads a template that the server released; kinds that this version does not know become [`ItemKind::Other`], so
    /// that the rest of the checklist stays usable.
    pub fn parse_released(json: &str) -> Result<Self, TemplateError> {
        read::template(json, read::Unknown::Kept)
    }

    /// The template's JSON with sorted keys and no spaces, unknown fields included.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The hash of [`Self::canonical`].
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// What an inspection pins.
    pub fn pin(&self) -> TemplatePin {
        TemplatePin { id: self.id.clone(), revision: self.revision.clone(), hash: self.hash }
    }

    /// Whether the checklist may be used for an entity with these specialties: its path covers one of them or is covered,
    /// since an entity that is only known as `drinkingWater` may be of either kind.
    pub fn serves<S: AsRef<str>>(&self, specialties: &[S]) -> bool {
        let covers =
            |a: &str, b: &str| b.strip_prefix(a).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let own = self.specialty.as_str();
        specialties.iter().map(AsRef::as_ref).any(|other| covers(own, other) || covers(other, own))
    }

    /// The item with this id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.index.get(id).map(|&position| &self.items[position])
    }

    /// The ids of all items, in order.
    pub fn item_ids(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item.id.as_str())
    }

    /// The items of a section, in order.
    pub fn items_of<'a>(&'a self, section: &'a Section) -> impl Iterator<Item = &'a Item> {
        self.items.iter().filter(|item| item.section == section.title)
    }

    /// The references of all items to the register of laws: provisions, penalties, standards of limits. Repeats included.
    pub fn references(&self) -> impl Iterator<Item = (&Item, &str)> {
        self.items.iter().flat_map(|item| {
            let provisions = item.provisions.iter().chain(&item.penalties).map(|r| r.provision.as_str());
            let standard = item.limit().and_then(|limit| limit.source.standard.as_deref());
            provisions.chain(standard).map(move |reference| (item, reference))
        })
    }
}

#[cfg(test)]
mod tests;
