//! The directory as files carry it: organisations (机构), officers (执法人员), regulated entities (检查对象).
//!
//! Codes (`ORG-C-SUP`, `ENT-001`) are the file's own; a server maps them to its ids. This module reads and checks; it
//! neither stores rows nor merges them with rows that are already known.

mod entity;
mod field;
mod fields;
mod import;

pub use entity::{Entity, Licence, Location};
pub use field::EntityField;
pub use fields::JsonFields;
pub use import::{
    ImportError, OrganisationFile, Parsed, RowError, RowProblem, Section, parse_organisation_file,
    parse_organisation_rows,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An organisational unit: a region, an authority, an enforcement body, an assistance station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// Its code in the file.
    #[serde(rename = "id")]
    pub code: String,
    /// `province`, `city`, `district` or `township`.
    pub level: String,
    /// Its name.
    pub name: String,
    /// The division code (行政区划码) of a region: two to twelve digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_code: Option<String>,
    /// The code of the unit above; none for the topmost.
    pub parent: Option<String>,
    /// `label`, `region`, `authority`, `enforcement` or `assistance`.
    pub kind: String,
    /// The word that starts the numbers of its documents (文号代字).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc_prefix: Option<String>,
    /// Whatever else the file holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// An enforcement officer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Officer {
    /// The code in the file.
    #[serde(rename = "id")]
    pub code: String,
    /// The name as it is printed.
    pub name: String,
    /// The code of the organisation.
    #[serde(rename = "orgId")]
    pub org_code: String,
    /// `lead`, `assisting`, `legalReviewer`, …
    pub role: String,
    /// Specialty paths; `all` covers every one.
    pub specialties: Vec<String>,
    /// The number of the enforcement certificate (执法证件).
    pub certificate_no: String,
    /// The last day on which the certificate is valid, `YYYY-MM-DD`.
    pub certificate_expires: String,
    /// Whether draws may pick this officer (入双随机库).
    pub in_directory: bool,
    /// Whether the officer is in service.
    pub active: bool,
    /// Entities that this officer must not inspect (回避).
    #[serde(default)]
    pub recusal: Vec<Recusal>,
    /// Whatever else the file holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A declared interest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recusal {
    /// The entity's code.
    #[serde(rename = "entityId")]
    pub entity_code: String,
    /// What the interest is.
    pub relation: String,
    /// Whatever else the file holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[cfg(test)]
mod tests;
