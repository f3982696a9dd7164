//! The register of laws, standards and provisions: what may be cited, since when, and how well its text is known.
//!
//! The register repeats its source and repairs nothing: a provision that the source marks as superseded stays so. Which
//! provisions a bureau's legal reviewer has released is the bureau's own decision and comes from outside ([`Released`]).

mod entries;
mod period;

pub use entries::{Law, Provision, Standard};
pub use period::Period;

use crate::canonical::canonical_json;
use crate::suite::Digest;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How well a text is known, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// The full text was read (已读全文).
    #[serde(rename = "text")]
    Verified,
    /// Confirmed in at least one public page, mostly an extract (公开页核实).
    #[serde(rename = "secondary")]
    SecondarySource,
    /// General knowledge (未核实).
    #[serde(rename = "general")]
    Unverified,
    /// Amended or replaced since: only for comparison (已修订).
    #[serde(rename = "superseded")]
    Superseded,
}

impl Mark {
    /// Every mark, best first.
    pub const ALL: [Self; 4] = [Self::Verified, Self::SecondarySource, Self::Unverified, Self::Superseded];

    /// The word in the source data.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verified => "text",
            Self::SecondarySource => "secondary",
            Self::Unverified => "general",
            Self::Superseded => "superseded",
        }
    }

    /// The mark behind a word of the source data; `superseded` is no such word there, it is a flag of its own.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().filter(|mark| *mark != Self::Superseded).find(|mark| mark.word() == word)
    }

    /// The key under which the text catalogues hold the label.
    pub fn label_key(self) -> &'static str {
        match self {
            Self::Verified => "law.mark.verified",
            Self::SecondarySource => "law.mark.secondary",
            Self::Unverified => "law.mark.unverified",
            Self::Superseded => "law.mark.superseded",
        }
    }
}

/// Whether something was in force on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InForce {
    /// It was.
    Yes,
    /// It was not yet, or no longer.
    No,
    /// The register does not say.
    Unknown,
}

/// What a reference names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cited<'a> {
    /// A provision and its law.
    Provision(&'a Provision, &'a Law),
    /// A standard.
    Standard(&'a Standard),
}

/// The provisions and standards that a bureau's legal reviewer has released for use, by reference.
///
/// A limit whose number nobody has verified is released by its item's id besides (see [`crate::checklist::judge`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Released(BTreeSet<String>);

impl Released {
    /// True when the reviewer released `reference`.
    pub fn contains(&self, reference: &str) -> bool {
        self.0.contains(reference)
    }
}

impl<S: Into<String>> FromIterator<S> for Released {
    fn from_iter<I: IntoIterator<Item = S>>(references: I) -> Self {
        Self(references.into_iter().map(Into::into).collect())
    }
}

/// Where a reference stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// How well its text is known.
    pub mark: Mark,
    /// Whether it is in force.
    pub in_force: InForce,
    /// Whether the legal reviewer released it.
    pub released: bool,
}

impl Standing {
    /// True when it may enter a document or decide by itself; otherwise the officer is warned and asked.
    pub fn usable(self) -> bool {
        self.in_force == InForce::Yes && self.released
    }
}

/// Why a register cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LawError {
    /// It is not JSON of the expected shape.
    #[error("the register of laws is not readable")]
    Unreadable(#[source] serde_json::Error),
    /// References inside it lead nowhere; each with the entry that holds it.
    #[error("{} references of the register lead nowhere, first {:?}", .0.len(), .0.first())]
    Dangling(Vec<(String, String)>),
    /// One key names two things.
    #[error("the key {0:?} names both a provision and a standard")]
    Ambiguous(String),
}

/// The register, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct LawRegister {
    content: Content,
    hash: Digest,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Content {
    #[serde(default)]
    warnings: Vec<String>,
    laws: BTreeMap<String, Law>,
    standards: BTreeMap<String, Standard>,
    provisions: BTreeMap<String, Provision>,
}

impl LawRegister {
    /// Reads a register and checks that every reference inside it leads somewhere.
    pub fn parse(json: &str) -> Result<Self, LawError> {
        let value: Value = serde_json::from_str(json).map_err(LawError::Unreadable)?;
        let hash = Digest::of(canonical_json(&value).as_bytes());
        let content: Content = serde_json::from_value(value).map_err(LawError::Unreadable)?;
        let provisions = content.provisions.iter().map(|(key, provision)| (key, Some(&provision.law)));
        let laws = content.laws.iter().map(|(key, law)| (key, law.superseded_by.as_ref()));
        let dangling: Vec<_> = provisions
            .chain(laws)
            .filter_map(|(key, target)| {
                Some((key, target.filter(|target| !content.laws.contains_key(*target))?))
            })
            .map(|(key, target)| (key.clone(), target.clone()))
            .collect();
        if !dangling.is_empty() {
            return Err(LawError::Dangling(dangling));
        }
        if let Some(key) = content.provisions.keys().find(|key| content.standards.contains_key(*key)) {
            return Err(LawError::Ambiguous(key.clone()));
        }
        Ok(Self { content, hash })
    }

    /// The hash of its canonical JSON, unknown fields included.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// What the register warns its users of.
    pub fn warnings(&self) -> &[String] {
        &self.content.warnings
    }

    /// The law with this key.
    pub fn law(&self, key: &str) -> Option<&Law> {
        self.content.laws.get(key)
    }

    /// Every provision with its reference, sorted by reference.
    pub fn provisions(&self) -> impl Iterator<Item = (&str, &Provision)> {
        self.content.provisions.iter().map(|(key, provision)| (key.as_str(), provision))
    }

    /// Every standard with its reference, sorted by reference.
    pub fn standards(&self) -> impl Iterator<Item = (&str, &Standard)> {
        self.content.standards.iter().map(|(key, standard)| (key.as_str(), standard))
    }

    /// What a reference of a checklist or a document names: a provision (`GGTL-14`) or a standard (`GB37488`).
    pub fn resolve(&self, reference: &str) -> Option<Cited<'_>> {
        if let Some(provision) = self.content.provisions.get(reference) {
            return Some(Cited::Provision(provision, self.content.laws.get(&provision.law)?));
        }
        self.content.standards.get(reference).map(Cited::Standard)
    }

    /// How well the text behind a reference is known; superseded wins over everything.
    pub fn mark(&self, reference: &str) -> Option<Mark> {
        Some(match self.resolve(reference)? {
            Cited::Provision(_, law) if !law.in_force => Mark::Superseded,
            Cited::Provision(provision, _) => provision.certainty,
            Cited::Standard(standard) => standard.certainty,
        })
    }

    /// Whether the text behind a reference was in force on a day; unknown where the register does not say.
    pub fn in_force_on(&self, reference: &str, day: Date) -> InForce {
        let (effective, superseded_on, in_force) = match self.resolve(reference) {
            Some(Cited::Provision(_, law)) => {
                (Some(&law.effective), law.superseded_on.as_ref(), law.in_force)
            }
            Some(Cited::Standard(standard)) => (standard.effective.as_ref(), None, true),
            None => return InForce::Unknown,
        };
        let begun = effective.map_or(InForce::Unknown, |period| period.begun_by(day));
        let ended = match superseded_on {
            Some(period) => period.begun_by(day),
            None if in_force => InForce::No,
            None => InForce::Yes,
        };
        match (begun, ended) {
            (InForce::No, _) | (_, InForce::Yes) => InForce::No,
            (InForce::Yes, InForce::No) => InForce::Yes,
            _ => InForce::Unknown,
        }
    }

    /// Mark, force and release of a reference together; an unknown reference is unverified and never usable.
    pub fn standing(&self, reference: &str, released: &Released, day: Date) -> Standing {
        Standing {
            mark: self.mark(reference).unwrap_or(Mark::Unverified),
            in_force: self.in_force_on(reference, day),
            released: released.contains(reference),
        }
    }
}

#[cfg(test)]
mod tests;
