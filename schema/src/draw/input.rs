//! What a draw is made from: the plan, the frozen directory, and their bounds.

use super::canonical;
use super::error::DrawError;
use super::ratio::Ratio;
use super::seed::DrawSecret;
use crate::ids::{DrawId, EntityId, OfficerId, OrgId};
use crate::limits;
use crate::rule::{Fields, Rule};
use crate::suite::Digest;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The version of the algorithm and of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The one that [`super`] specifies.
    #[serde(rename = "fieldproof-draw/1")]
    V1,
}

/// Everything that is fixed before the entropy is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawInput {
    /// The version of the algorithm.
    pub format: Format,
    /// The plan and the circumstances, fit to be published.
    pub terms: DrawTerms,
    /// The entities and officers as they stood.
    pub directory: Directory,
    /// Hides the entities behind the pseudonyms of the public record; never published, fresh for every draw.
    pub salt: DrawSecret,
}

/// The plan and the circumstances of one draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawTerms {
    /// The draw.
    pub draw: DrawId,
    /// The row of the plan.
    pub plan: DrawPlan,
    /// The day of the draw in China; certificates have to be valid on it.
    pub on: Date,
    /// How often an entity may be inspected.
    pub frequency: Frequency,
    /// [`DrawSecret::commitment`] of the server's secret.
    pub commitment: Digest,
}

/// A row of a draw plan (抽查计划).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawPlan {
    /// The plan's number (计划编号).
    pub plan_no: String,
    /// The task's number within the plan (任务编号).
    pub task_no: String,
    /// The year of the plan.
    pub year: i16,
    /// Whether conditions limit the population.
    pub scope: Scope,
    /// What is inspected, as a specialty path: `publicPlace`.
    pub specialty: String,
    /// Which entities belong to the population (抽查对象范围).
    pub population: Rule,
    /// The share that is drawn (抽查比例).
    pub ratio: Ratio,
    /// Officers per team: at least 2 (rule 56).
    pub team_size: u32,
    /// What raises an entity's chance (rules 58, 61, 64); empty means equal chances.
    pub weights: Vec<WeightRule>,
}

/// Whether conditions limit the population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Conditions by type, industry, nature, scale or region (定向抽查, rule 52).
    Directed,
    /// No conditions (不定向抽查, rule 53).
    Undirected,
}

/// One reason for more weight. Every entity has weight 1; each rule that is true adds to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightRule {
    /// The factor's code, recorded as the reason: `riskLevel`.
    pub factor: String,
    /// When it applies. An unknown answer adds nothing and is recorded.
    pub when: Rule,
    /// What it adds; at most [`limits::DRAW_WEIGHT_ADD_MAX`].
    pub add: u32,
}

/// How often an entity may be inspected (抽查频次, rules 61 and 67).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    /// Inspections per year after which an entity is drawn no more; none means no ceiling.
    pub per_year_max: Option<u32>,
    /// Days after an inspection during which an entity is not drawn again; 0 means none.
    pub rest_days: u16,
}

/// The two directories of rule 37, frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The directory of inspection objects (检查对象名录库); at most [`limits::DRAW_ENTITIES_MAX`].
    pub entities: Vec<Candidate>,
    /// The directory of officers (执法人员名录库); at most [`limits::DRAW_OFFICERS_MAX`].
    pub officers: Vec<OfficerCandidate>,
}

/// An entity (检查对象) as the directory had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The entity.
    pub id: EntityId,
    /// The directory's own code, for people.
    pub code: String,
    /// The unit that supervises it.
    pub org: OrgId,
    /// Whether the directory lists it as open to inspection.
    pub active: bool,
    /// Its specialties; a rule reads them as `specialty`.
    pub specialties: BTreeSet<String>,
    /// Every other field that the plan's rules read: dates as ISO texts, no fractions; a missing field is unknown.
    pub fields: BTreeMap<String, Value>,
    /// The day of its last inspection; none where there was none.
    pub last_inspection: Option<Date>,
    /// Inspections in the plan's year up to the day of the draw.
    pub inspections_this_year: u32,
}

impl Fields for Candidate {
    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "specialty" => Some(self.specialties.iter().map(String::as_str).collect()),
            other => self.fields.get(other).filter(|value| !value.is_null()).cloned(),
        }
    }
}

/// An officer (执法人员) as the directory had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerCandidate {
    /// The officer.
    pub id: OfficerId,
    /// The directory's own code, for people.
    pub code: String,
    /// The officer's unit. It does not limit where the officer is sent.
    pub org: OrgId,
    /// Specialty paths; `publicPlace` covers `publicPlace/swimming`.
    pub specialties: BTreeSet<String>,
    /// The number of the enforcement certificate (执法证号); none for staff without one.
    pub certificate_no: Option<String>,
    /// The last day on which the certificate is valid.
    pub certificate_expires: Option<Date>,
    /// Whether the officer is enrolled for random matching.
    pub in_directory: bool,
    /// Whether the officer is in service.
    pub active: bool,
    /// Entities in which the officer has declared an interest (利害关系).
    pub interests: BTreeSet<EntityId>,
}

impl DrawInput {
    /// Puts entities and officers into the order of their ids.
    pub(super) fn sort(&mut self) {
        self.directory.entities.sort_by_key(|e| e.id);
        self.directory.officers.sort_by_key(|o| o.id);
    }

    /// Checks every bound; expects the lists to be sorted.
    pub(super) fn check(&self) -> Result<(), DrawError> {
        let Directory { entities, officers } = &self.directory;
        at_most("entities", entities.len(), limits::DRAW_ENTITIES_MAX)?;
        at_most("officers", officers.len(), limits::DRAW_OFFICERS_MAX)?;
        if let Some(pair) = entities.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(DrawError::DuplicateEntity(pair[0].id));
        }
        if let Some(pair) = officers.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(DrawError::DuplicateOfficer(pair[0].id));
        }
        for entity in entities {
            if let Some((field, _)) = entity.fields.iter().find(|(_, value)| !canonical::is_whole(value)) {
                return Err(DrawError::FractionInField { entity: entity.id, field: field.clone() });
            }
        }
        self.terms.plan.check()
    }
}

impl DrawPlan {
    fn check(&self) -> Result<(), DrawError> {
        if !(2..=limits::DRAW_TEAM_SIZE_MAX).contains(&self.team_size) {
            return Err(DrawError::TeamSize(self.team_size));
        }
        if let (Scope::Undirected, Some(field)) = (self.scope, self.population.fields().first()) {
            return Err(DrawError::ConditionInUndirectedDraw { field: (*field).to_owned() });
        }
        at_most("weight rules", self.weights.len(), limits::DRAW_WEIGHT_RULES_MAX)?;
        for weight in &self.weights {
            if weight.add > limits::DRAW_WEIGHT_ADD_MAX {
                return Err(DrawError::WeightTooLarge { factor: weight.factor.clone(), add: weight.add });
            }
        }
        self.rules().try_for_each(check_rule)
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        std::iter::once(&self.population).chain(self.weights.iter().map(|weight| &weight.when))
    }
}

fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), DrawError> {
    if count > max { Err(DrawError::TooMany { what, count, max }) } else { Ok(()) }
}

fn check_rule(rule: &Rule) -> Result<(), DrawError> {
    let depth = rule.depth();
    if depth > limits::RULE_DEPTH_MAX {
        return Err(DrawError::RuleTooDeep { depth });
    }
    check_numbers(rule)
}

fn check_numbers(rule: &Rule) -> Result<(), DrawError> {
    match rule {
        Rule::All { all: parts } | Rule::Any { any: parts } => parts.iter().try_for_each(check_numbers),
        Rule::Not { not } => check_numbers(not),
        Rule::Compare { field, value, .. } if !canonical::is_whole(value) => {
            Err(DrawError::FractionInRule { field: field.clone() })
        }
        Rule::Compare { .. } => Ok(()),
    }
}
