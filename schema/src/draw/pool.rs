//! Who can be drawn, with which weight, and why the others cannot.

use super::input::{Candidate, DrawInput, DrawTerms};
use super::public;
use crate::ids::EntityId;
use crate::rule::{Fields, Rule};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An entity that can be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eligible {
    /// The entity.
    pub entity: EntityId,
    /// 1 and what the factors add.
    pub weight: u64,
    /// The factors that added weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<String>,
    /// The factors that a missing field left open; they added nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
}

/// An entity that cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// The entity.
    pub entity: EntityId,
    /// Why not.
    pub why: Exclusion,
}

/// Why an entity cannot be drawn: the first of these that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Exclusion {
    /// The directory does not list it as open to inspection.
    Inactive,
    /// The plan's rule says that it is not in the population.
    Outside,
    /// The plan's rule cannot be decided.
    Unknown {
        /// The fields that are missing or cannot be compared, sorted.
        fields: Vec<String>,
    },
    /// It has been inspected often enough this year.
    Ceiling {
        /// How often.
        inspections: u32,
    },
    /// Its last inspection was a short time ago.
    Resting {
        /// The first day on which it can be drawn again.
        until: Date,
    },
}

pub(super) struct Pool {
    /// In the order of the draw: by pseudonym, which says nothing about the entities.
    pub(super) eligible: Vec<Eligible>,
    /// By id.
    pub(super) excluded: Vec<Excluded>,
}

pub(super) fn sift(input: &DrawInput) -> Pool {
    let mut pool = Pool { eligible: Vec::new(), excluded: Vec::new() };
    for candidate in &input.directory.entities {
        match exclusion(candidate, &input.terms) {
            Some(why) => pool.excluded.push(Excluded { entity: candidate.id, why }),
            None => pool.eligible.push(weigh(candidate, &input.terms)),
        }
    }
    pool.eligible.sort_by_cached_key(|eligible| public::pseudonym(&input.salt, eligible.entity));
    pool
}

fn exclusion(candidate: &Candidate, terms: &DrawTerms) -> Option<Exclusion> {
    if !candidate.active {
        return Some(Exclusion::Inactive);
    }
    match terms.plan.population.decide(candidate) {
        Some(true) => {}
        Some(false) => return Some(Exclusion::Outside),
        None => {
            let mut fields = BTreeSet::new();
            undecided(&terms.plan.population, candidate, &mut fields);
            return Some(Exclusion::Unknown { fields: fields.into_iter().collect() });
        }
    }
    if terms.frequency.per_year_max.is_some_and(|max| candidate.inspections_this_year >= max) {
        return Some(Exclusion::Ceiling { inspections: candidate.inspections_this_year });
    }
    let until = candidate.last_inspection?.saturating_add(i32::from(terms.frequency.rest_days).days());
    (terms.on < until).then_some(Exclusion::Resting { until })
}

/// Collects the fields of every comparison that `subject` leaves open.
fn undecided(rule: &Rule, subject: &dyn Fields, fields: &mut BTreeSet<String>) {
    match rule {
        Rule::All { all: parts } | Rule::Any { any: parts } => {
            parts.iter().for_each(|part| undecided(part, subject, fields));
        }
        Rule::Not { not } => undecided(not, subject, fields),
        Rule::Compare { field, .. } => {
            if rule.decide(subject).is_none() {
                fields.insert(field.clone());
            }
        }
    }
}

fn weigh(candidate: &Candidate, terms: &DrawTerms) -> Eligible {
    let mut eligible =
        Eligible { entity: candidate.id, weight: 1, factors: Vec::new(), undecided: Vec::new() };
    for rule in &terms.plan.weights {
        match rule.when.decide(candidate) {
            Some(true) => {
                eligible.weight += u64::from(rule.add);
                eligible.factors.push(rule.factor.clone());
            }
            Some(false) => {}
            None => eligible.undecided.push(rule.factor.clone()),
        }
    }
    eligible
}
