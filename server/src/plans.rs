//! Rows of draw plans (抽查计划): what they say, what makes one usable, and how one becomes next year's.
//!
//! The form is that of published plans, with what they leave open added: which of two population rules counts, team
//! size, weights, frequency. Storing rows and drawing from them is done elsewhere.

mod copy;
mod keep;

use crate::api::check;
use crate::error::ApiError;
use fieldproof_schema::draw::{DrawPlan, Frequency, Ratio, Scope, WeightRule};
use fieldproof_schema::rule::Rule;
use fieldproof_schema::wire::error::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

pub use copy::to_year;
pub use keep::{copy, find, keep};

/// Officers in a team where the row does not say (rule 56: not fewer than two).
const TEAM_SIZE: u32 = 2;
/// Inspections per year where the row does not say: 抽查频次原则上每年一次.
const PER_YEAR: u32 = 1;
/// Characters of any text in a row.
const TEXT_CHARS_MAX: usize = 2000;
/// Characters of a number or a name.
const NAME_CHARS_MAX: usize = 200;
/// Years that plans are made for.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;

/// A row of a draw plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRow {
    /// 计划编号.
    pub plan_no: String,
    /// 计划名称.
    pub name: String,
    /// 任务编号.
    pub task_no: String,
    /// 任务名称.
    #[serde(default)]
    pub task_name: String,
    /// 抽查类型: 定向 or 不定向.
    pub scope: PlanScope,
    /// 抽查比例 as text: `20%`, `0.2` or `1/5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_text: Option<String>,
    /// 抽查比例 as a number, where there is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Number>,
    /// 抽查事项.
    pub item: String,
    /// What is inspected, as a specialty path: `publicPlace`.
    pub specialty: String,
    /// 抽查对象范围.
    pub population: Population,
    /// The year of the plan.
    pub year: i16,
    /// Officers per team; two where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_size: Option<u32>,
    /// What raises an entity's chance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightRule>,
    /// How often an entity may be inspected; once a year where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<Frequency>,
    /// Whatever else the row holds: windows, notes, source.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// 抽查类型.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanScope {
    /// 定向抽查.
    #[serde(rename = "定向")]
    Directed,
    /// 不定向抽查.
    #[serde(rename = "不定向")]
    Undirected,
}

/// 抽查对象范围: its words, and the rules that they stand for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Population {
    /// The table's words.
    #[serde(default)]
    pub text: String,
    /// The table's rule.
    pub rule: Rule,
    /// The words of the plan's body, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_text: Option<String>,
    /// The rule where table and body are taken together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combined_rule: Option<Rule>,
    /// Which rule counts; needed where there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<PopulationChoice>,
    /// Whatever else the row holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Which of two population rules counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PopulationChoice {
    /// The table's.
    Rule,
    /// Table and body together.
    CombinedRule,
}

impl PlanRow {
    /// Checks what can be checked without the directory.
    ///
    /// # Errors
    /// [`ErrorCode::FieldInvalid`] names the field.
    pub fn check(&self) -> Result<(), ApiError> {
        for (field, text) in [("planNo", &self.plan_no), ("taskNo", &self.task_no), ("name", &self.name)] {
            check::text(field, text, NAME_CHARS_MAX)?;
        }
        check::text("item", &self.item, NAME_CHARS_MAX)?;
        check::text("specialty", &self.specialty, NAME_CHARS_MAX)?;
        check::optional_text("taskName", &self.task_name, NAME_CHARS_MAX)?;
        check::optional_text("population.text", &self.population.text, TEXT_CHARS_MAX)?;
        if !YEARS.contains(&self.year) {
            let why = format!("not between {} and {}", YEARS.start(), YEARS.end());
            return Err(ApiError::field("year", why));
        }
        self.drawn_from()?;
        Ok(())
    }

    /// What the draw needs of the row.
    ///
    /// # Errors
    /// [`ErrorCode::FieldInvalid`] names the field that is missing or cannot be read.
    pub fn drawn_from(&self) -> Result<DrawPlan, ApiError> {
        Ok(DrawPlan {
            plan_no: self.plan_no.clone(),
            task_no: self.task_no.clone(),
            year: self.year,
            scope: match self.scope {
                PlanScope::Directed => Scope::Directed,
                PlanScope::Undirected => Scope::Undirected,
            },
            specialty: self.specialty.clone(),
            population: self.population.rule()?.clone(),
            ratio: self.ratio()?,
            team_size: self.team_size.unwrap_or(TEAM_SIZE),
            weights: self.weights.clone(),
        })
    }

    /// How often an entity may be inspected.
    pub fn frequency(&self) -> Frequency {
        self.frequency.unwrap_or(Frequency { per_year_max: Some(PER_YEAR), rest_days: 0 })
    }

    fn ratio(&self) -> Result<Ratio, ApiError> {
        let (field, text) = match (&self.ratio_text, &self.ratio) {
            (Some(text), _) => ("ratioText", text.clone()),
            (None, Some(number)) => ("ratio", number.to_string()),
            (None, None) => return Err(ApiError::field("ratioText", "missing")),
        };
        text.parse().map_err(|error| ApiError::field(field, error))
    }
}

impl Population {
    fn rule(&self) -> Result<&Rule, ApiError> {
        match (&self.combined_rule, self.choice) {
            (None, None | Some(PopulationChoice::Rule)) | (Some(_), Some(PopulationChoice::Rule)) => {
                Ok(&self.rule)
            }
            (Some(combined), Some(PopulationChoice::CombinedRule)) => Ok(combined),
            (None, Some(PopulationChoice::CombinedRule)) => {
                Err(ApiError::field("population.choice", "there is no combinedRule"))
            }
            (Some(_), None) => Err(ApiError::new(ErrorCode::FieldInvalid).with(json!({
                "field": "population.choice",
                "why": "the row has two population rules; say which one counts",
                "choices": ["rule", "combinedRule"],
            }))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::data;

    pub(super) fn rows() -> Vec<PlanRow> {
        let file: Value = serde_json::from_str(data::draw_plan_beidaihe_2020()).unwrap();
        serde_json::from_value(file["plans"].clone()).unwrap()
    }

    #[test]
    fn the_published_rows_are_read_and_those_with_two_rules_ask_which_one_counts() {
        let rows = rows();
        assert_eq!(rows.len(), 6);
        for mut row in rows {
            if row.population.combined_rule.is_some() {
                let error = row.check().unwrap_err();
                assert_eq!(error.details["field"], "population.choice");
                row.population.choice = Some(PopulationChoice::CombinedRule);
            }
            row.check().unwrap();
            assert_eq!(row.drawn_from().unwrap().team_size, 2);
        }
    }

    #[test]
    fn a_row_is_kept_with_everything_that_it_says() {
        let file: Value = serde_json::from_str(data::draw_plan_beidaihe_2020()).unwrap();
        for (row, source) in rows().iter().zip(file["plans"].as_array().unwrap()) {
            assert_eq!(&serde_json::to_value(row).unwrap(), source);
        }
    }

    #[test]
    fn a_share_can_be_a_number_and_must_be_there() {
        let mut row = rows().remove(5);
        assert_eq!(row.drawn_from().unwrap().ratio.to_string(), "3/10");
        row.ratio_text = None;
        assert_eq!(row.drawn_from().unwrap().ratio.to_string(), "3/10");
        row.ratio = None;
        assert_eq!(row.drawn_from().unwrap_err().details["field"], "ratioText");
    }
}
