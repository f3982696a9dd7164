//! Reading a file of organisations, officers and entities, row by row.
//!
//! One bad row never blocks the others: good rows are returned, bad ones are listed with their place and every fault.

mod rows;

use super::{Entity, Officer, Organisation};
use crate::limits::DIRECTORY_FIELD_CHARS_MAX;
use crate::uscc::UsccError;
use serde_json::Value;
use std::fmt;

/// The part of the file that a row stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `organisations`.
    Organisations,
    /// `officers`.
    Officers,
    /// `entities`.
    Entities,
}

impl Section {
    /// Every section, in the order in which they are read.
    pub const ALL: [Self; 3] = [Self::Organisations, Self::Officers, Self::Entities];

    /// The section's name in the file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Organisations => "organisations",
            Self::Officers => "officers",
            Self::Entities => "entities",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not JSON.
    #[error("the file is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// It is not an object.
    #[error("the file is not a JSON object")]
    NotAnObject,
    /// It has none of the three sections.
    #[error("the file has no organisations, officers or entities")]
    Nothing,
    /// A section is not a list.
    #[error("{0} is not a list")]
    NotAList(Section),
}

/// One fault of one row. A row with any fault is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{section} row {row}{}: {field}: {problem}", .id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default())]
pub struct RowError {
    /// Where the row stands.
    pub section: Section,
    /// Its place in the section, counted from 1.
    pub row: usize,
    /// The code that the row gives itself.
    pub id: Option<String>,
    /// The field, by its name in the file; empty for the row as a whole.
    pub field: String,
    /// What is wrong with it.
    pub problem: RowProblem,
}

/// The kinds of faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// The row is not an object.
    #[error("not an object")]
    NotAnObject,
    /// A field that must be there is not, or says nothing.
    #[error("missing")]
    Missing,
    /// A field has another type than its name says.
    #[error("of the wrong type: {0}")]
    WrongType(String),
    /// An earlier row of the section has the same code.
    #[error("already used in row {first}")]
    DuplicateId {
        /// The earlier row, counted from 1.
        first: usize,
    },
    /// The code of an organisation that neither the file nor the directory has.
    #[error("no organisation {0:?}")]
    UnknownOrganisation(String),
    /// The code of a region that neither the file nor the directory has.
    #[error("no region {0:?}")]
    UnknownRegion(String),
    /// The units above lead back to the unit itself.
    #[error("leads back to itself")]
    Circular,
    /// The division code is not two to twelve digits, or lies outside the region above.
    #[error("{0:?} is not a division code within the region above")]
    BadRegionCode(String),
    /// The unified social credit code is wrong.
    #[error("{0}")]
    BadUscc(UsccError),
    /// A date is not `YYYY-MM-DD`.
    #[error("{0:?} is not a date (YYYY-MM-DD)")]
    BadDate(String),
    /// A point is not on Earth.
    #[error("longitude or latitude out of range")]
    BadLocation,
    /// A text is longer than anybody reads, or more than one line.
    #[error("longer than {DIRECTORY_FIELD_CHARS_MAX} characters, or more than one line")]
    TooLong,
}

impl RowProblem {
    /// A stable name for lists, exports and texts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnObject => "notAnObject",
            Self::Missing => "missing",
            Self::WrongType(_) => "wrongType",
            Self::DuplicateId { .. } => "duplicateId",
            Self::UnknownOrganisation(_) => "unknownOrganisation",
            Self::UnknownRegion(_) => "unknownRegion",
            Self::Circular => "circular",
            Self::BadRegionCode(_) => "badRegionCode",
            Self::BadUscc(_) => "badUscc",
            Self::BadDate(_) => "badDate",
            Self::BadLocation => "badLocation",
            Self::TooLong => "tooLong",
        }
    }
}

/// The good rows of a file, in its order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OrganisationFile {
    /// What the file calls itself.
    pub title: Option<String>,
    /// True when the file says that its content is made up.
    pub fictitious: bool,
    /// The organisations.
    pub organisations: Vec<Organisation>,
    /// The officers.
    pub officers: Vec<Officer>,
    /// The entities.
    pub entities: Vec<Entity>,
}

/// What reading a file gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parsed {
    /// The good rows.
    pub file: OrganisationFile,
    /// Every fault of the others, in the order of the file.
    pub errors: Vec<RowError>,
}

/// Reads a file that brings all its organisations with it.
pub fn parse_organisation_file(json: &str) -> Result<Parsed, ImportError> {
    parse_organisation_rows(json, &|_| false)
}

/// Reads a file that may refer to organisations which the directory already has; `known` tells their codes.
pub fn parse_organisation_rows(json: &str, known: &dyn Fn(&str) -> bool) -> Result<Parsed, ImportError> {
    let value: Value = serde_json::from_str(json).map_err(ImportError::NotJson)?;
    if !value.is_object() {
        return Err(ImportError::NotAnObject);
    }
    let section = |section: Section| match value.get(section.key()) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(rows)) => Ok(Some(rows.as_slice())),
        Some(_) => Err(ImportError::NotAList(section)),
    };
    let [organisations, officers, entities] = Section::ALL.map(section);
    let [organisations, officers, entities] = [organisations?, officers?, entities?];
    if organisations.is_none() && officers.is_none() && entities.is_none() {
        return Err(ImportError::Nothing);
    }
    let mut errors = Vec::new();
    let organisations = rows::organisations(organisations.unwrap_or_default(), known, &mut errors);
    let units = rows::Units::new(&organisations, known);
    let officers = rows::officers(officers.unwrap_or_default(), &units, &mut errors);
    let entities = rows::entities(entities.unwrap_or_default(), &units, &mut errors);
    errors.sort_by_key(|error| (error.section, error.row));
    let file = OrganisationFile {
        title: value.get("title").and_then(Value::as_str).map(str::to_owned),
        fictitious: value.get("fictitious").and_then(Value::as_bool).unwrap_or(false),
        organisations,
        officers,
        entities,
    };
    Ok(Parsed { file, errors })
}
