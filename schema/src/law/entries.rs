//! The entries of the register, as the source holds them. Fields that are not named here are kept beside.

use super::{Mark, Period};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A law, regulation or rule (法律、法规、规章).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Law {
    /// Its title, without book-title marks.
    pub title: String,
    /// An English gloss of the title.
    #[serde(rename = "en")]
    pub title_en: String,
    /// Which revision was read.
    pub version: String,
    /// When it took effect, as precisely as the source says.
    pub effective: Period,
    /// How well its text is known.
    pub certainty: Mark,
    /// False once it was amended or replaced.
    pub in_force: bool,
    /// The law that replaced it.
    pub superseded_by: Option<String>,
    /// The day from which the replacement counts.
    pub superseded_on: Option<Period>,
    /// A remark of the register.
    pub note: Option<String>,
    /// Whatever else the source holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A technical standard (标准), the source of most numeric limits.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standard {
    /// Its title.
    pub title: String,
    /// Its number, for instance `GB 37488-2019`.
    pub no: String,
    /// When it took effect, where the source says.
    pub effective: Option<Period>,
    /// How well its text is known.
    pub certainty: Mark,
    /// A remark of the register.
    pub note: Option<String>,
    /// Whatever else the source holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// One article or item of a law (条款).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provision {
    /// The key of its law.
    pub law: String,
    /// Its number, for instance `第十四条`; none where the text was not obtained.
    pub article: Option<String>,
    /// `duty`, `penalty`, `authority` or `discretion`.
    pub kind: String,
    /// What it says, in short.
    pub summary: String,
    /// How well its text is known.
    pub certainty: Mark,
    /// A remark of the register.
    pub note: Option<String>,
    /// The penalty, as the source structures it.
    pub penalty: Option<Value>,
    /// Whatever else the source holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
