//! What a row of a plan says, in words.

use super::super::words;
use crate::plans::{PlanRow, PopulationChoice};
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::Page;
use fieldproof_schema::draw::Frequency;
use serde_json::Value;

/// A row in words.
pub(super) struct Said {
    pub(super) ratio: String,
    pub(super) specialty: String,
    pub(super) team_size: u32,
    pub(super) frequency: String,
    pub(super) windows: Vec<String>,
    pub(super) population: Html,
    /// The rule that does not count, where the row has two.
    pub(super) other: Option<Html>,
    /// The name of the rule that counts.
    pub(super) rule_key: &'static str,
    pub(super) weights: Vec<Weight>,
    pub(super) notes: Vec<String>,
}

/// What raises an entity's chance.
pub(super) struct Weight {
    pub(super) factor: String,
    pub(super) when: Html,
    pub(super) add: u32,
}

impl Said {
    pub(super) fn of(p: &Page, row: &PlanRow) -> Self {
        let population = &row.population;
        let table = words::rule(p, &population.rule);
        let combined = population.combined_rule.as_ref().map(|rule| words::rule(p, rule));
        let is_combined = population.choice == Some(PopulationChoice::CombinedRule);
        let (counts, other) = match combined {
            Some(combined) if is_combined => (combined, Some(table)),
            other => (table, other),
        };
        let weight = |weight: &fieldproof_schema::draw::WeightRule| Weight {
            factor: words::code(p, "field", &weight.factor),
            when: words::rule(p, &weight.when),
            add: weight.add,
        };
        Self {
            ratio: ratio(row),
            specialty: words::specialty(p, &row.specialty),
            team_size: row.drawn_from().map(|plan| plan.team_size).unwrap_or_default(),
            frequency: frequency(p, row.frequency()),
            windows: windows(p, row),
            population: counts,
            other,
            rule_key: if is_combined { "admin.plan.rule.combined" } else { "admin.plan.rule.table" },
            weights: row.weights.iter().map(weight).collect(),
            notes: notes(row),
        }
    }
}

/// The share as the row writes it.
pub(super) fn ratio(row: &PlanRow) -> String {
    let number = || row.ratio.as_ref().map(ToString::to_string);
    row.ratio_text.clone().or_else(number).unwrap_or_default()
}

fn frequency(p: &Page, frequency: Frequency) -> String {
    let ceiling = match frequency.per_year_max {
        Some(n) => p.t1("admin.plan.per_year", "n", n),
        None => p.t("admin.plan.no_ceiling"),
    };
    match frequency.rest_days {
        0 => ceiling,
        days => format!("{ceiling}{}{}", p.t("admin.list.comma"), p.t1("admin.plan.rest_days", "n", days)),
    }
}

fn windows(p: &Page, row: &PlanRow) -> Vec<String> {
    let month = |window: &Value, name: &str| window.get(name).and_then(Value::as_i64);
    let window = |window: &Value| {
        let (from, to) = (month(window, "fromMonth")?, month(window, "toMonth")?);
        let (from, to) = (format!("{}-{from:02}", row.year), format!("{}-{to:02}", row.year));
        Some(p.t2("admin.plan.window", "from", from, "to", to))
    };
    let listed = row.rest.get("windows").and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(window).collect()
}

fn notes(row: &PlanRow) -> Vec<String> {
    let listed = row.rest.get("notes").and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(Value::as_str).map(str::to_owned).collect()
}
