//! The checks of single rows, and of rows against each other.

use super::{RowError, RowProblem, Section};
use crate::directory::{Entity, EntityField, Officer, Organisation};
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// The organisations that rows may refer to.
pub(super) struct Units<'a> {
    in_file: BTreeMap<&'a str, &'a Organisation>,
    known: &'a dyn Fn(&str) -> bool,
}

impl<'a> Units<'a> {
    pub(super) fn new(organisations: &'a [Organisation], known: &'a dyn Fn(&str) -> bool) -> Self {
        Self { in_file: organisations.iter().map(|unit| (unit.code.as_str(), unit)).collect(), known }
    }

    fn has(&self, code: &str) -> bool {
        self.in_file.contains_key(code) || (self.known)(code)
    }

    /// Whether rows may lie there; of units that only the directory has, it knows better.
    fn has_region(&self, code: &str) -> bool {
        self.in_file.get(code).map_or_else(|| (self.known)(code), |unit| unit.kind == "region")
    }
}

/// The faults of one row.
struct Row<'a> {
    section: Section,
    row: usize,
    value: &'a Value,
    faults: Vec<RowError>,
}

impl<'a> Row<'a> {
    fn id(&self) -> Option<&'a str> {
        self.value.get("id").and_then(Value::as_str).filter(|id| !id.trim().is_empty())
    }

    fn fault(&mut self, field: impl Into<String>, problem: RowProblem) {
        let id = self.id().map(str::to_owned);
        self.faults.push(RowError { section: self.section, row: self.row, id, field: field.into(), problem });
    }

    /// These fields must hold texts that say something.
    fn need_texts(&mut self, fields: &[&str]) {
        for field in fields {
            let problem = match self.value.get(*field) {
                Some(Value::String(text)) if !text.trim().is_empty() => continue,
                None | Some(Value::Null | Value::String(_)) => RowProblem::Missing,
                Some(_) => RowProblem::WrongType("a text is expected".to_owned()),
            };
            self.fault(*field, problem);
        }
    }

    fn date(&mut self, field: impl Into<String>, text: Option<&str>) {
        let Some(text) = text else { return };
        if !text.parse::<Date>().is_ok_and(|date| date.to_string() == text) {
            self.fault(field, RowProblem::BadDate(text.to_owned()));
        }
    }

    /// The typed row. What its missing texts already explain is not said twice.
    fn typed<T: DeserializeOwned>(&mut self) -> Option<T> {
        match serde_json::from_value(self.value.clone()) {
            Ok(typed) => Some(typed),
            Err(error) => {
                if self.faults.is_empty() {
                    self.fault("", RowProblem::WrongType(error.to_string()));
                }
                None
            }
        }
    }
}

/// Walks a section: each row must be an object with a code of its own and these texts, and pass `check`.
fn read<T: DeserializeOwned>(
    section: Section,
    values: &[Value],
    texts: &[&str],
    errors: &mut Vec<RowError>,
    check: impl Fn(&T, &mut Row<'_>),
) -> Vec<(usize, T)> {
    let mut first_rows = BTreeMap::new();
    let mut good = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let mut row = Row { section, row: index + 1, value, faults: Vec::new() };
        if value.is_object() {
            row.need_texts(&["id"]);
            row.need_texts(texts);
        } else {
            row.fault("", RowProblem::NotAnObject);
        }
        if let Some(id) = row.id()
            && let Some(first) = first_rows.insert(id, row.row)
        {
            first_rows.insert(id, first);
            row.fault("id", RowProblem::DuplicateId { first });
        }
        let typed = row.typed::<T>().inspect(|typed| check(typed, &mut row));
        if row.faults.is_empty() {
            good.extend(typed.map(|typed| (row.row, typed)));
        }
        errors.append(&mut row.faults);
    }
    good
}

/// Reads the organisations. A unit below a bad one is bad itself, level by level.
pub(super) fn organisations(
    values: &[Value],
    known: &dyn Fn(&str) -> bool,
    errors: &mut Vec<RowError>,
) -> Vec<Organisation> {
    let section = Section::Organisations;
    let mut units = read::<Organisation>(section, values, &["name", "level", "kind"], errors, |_, _| {});
    let mut placed: Vec<(usize, Organisation)> = Vec::new();
    loop {
        let above = |unit: &Organisation| match &unit.parent {
            None => true,
            Some(parent) => known(parent) || placed.iter().any(|(_, unit)| &unit.code == parent),
        };
        let (ready, waiting): (Vec<_>, Vec<_>) = units.into_iter().partition(|(_, unit)| above(unit));
        if ready.is_empty() {
            let circular = |unit: &Organisation| leads_back(unit, &waiting);
            for (row, unit) in &waiting {
                let parent = unit.parent.clone().unwrap_or_default();
                let problem = if circular(unit) {
                    RowProblem::Circular
                } else {
                    RowProblem::UnknownOrganisation(parent)
                };
                let id = Some(unit.code.clone());
                errors.push(RowError { section, row: *row, id, field: "parent".to_owned(), problem });
            }
            break;
        }
        for (row, unit) in ready {
            match region_code_fault(&unit, &placed) {
                None => placed.push((row, unit)),
                Some(problem) => {
                    let field = "regionCode".to_owned();
                    errors.push(RowError { section, row, id: Some(unit.code), field, problem });
                }
            }
        }
        units = waiting;
    }
    placed.sort_unstable_by_key(|(row, _)| *row);
    placed.into_iter().map(|(_, unit)| unit).collect()
}

fn leads_back(unit: &Organisation, waiting: &[(usize, Organisation)]) -> bool {
    let mut at = unit;
    for _ in waiting {
        let parent = waiting.iter().find(|(_, other)| Some(&other.code) == at.parent.as_ref());
        let Some((_, parent)) = parent else { return false };
        if parent.code == unit.code {
            return true;
        }
        at = parent;
    }
    false
}

/// A region's code continues that of the region above; trailing pairs of zeros only fill it up.
fn region_code_fault(unit: &Organisation, placed: &[(usize, Organisation)]) -> Option<RowProblem> {
    let code = unit.region_code.as_deref()?;
    let parent = placed.iter().find(|(_, other)| Some(&other.code) == unit.parent.as_ref());
    let above = parent.and_then(|(_, parent)| parent.region_code.as_deref()).unwrap_or_default();
    let mut stem = above;
    while let Some(shorter) = stem.strip_suffix("00") {
        stem = shorter;
    }
    let fits =
        (2..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit()) && code.starts_with(stem);
    (!fits).then(|| RowProblem::BadRegionCode(code.to_owned()))
}

/// Reads the officers.
pub(super) fn officers(values: &[Value], units: &Units<'_>, errors: &mut Vec<RowError>) -> Vec<Officer> {
    let texts = ["name", "orgId", "role", "certificateNo", "certificateExpires"];
    let good = read::<Officer>(Section::Officers, values, &texts, errors, |officer, row| {
        if !units.has(&officer.org_code) {
            row.fault("orgId", RowProblem::UnknownOrganisation(officer.org_code.clone()));
        }
        row.date("certificateExpires", Some(&officer.certificate_expires));
    });
    good.into_iter().map(|(_, officer)| officer).collect()
}

/// Reads the entities.
pub(super) fn entities(values: &[Value], units: &Units<'_>, errors: &mut Vec<RowError>) -> Vec<Entity> {
    let good =
        read::<Entity>(Section::Entities, values, &["name", "orgId", "address"], errors, |entity, row| {
            if !units.has(&entity.org_code) {
                row.fault("orgId", RowProblem::UnknownOrganisation(entity.org_code.clone()));
            }
            if let Some(town) = entity.town_code.as_deref().filter(|town| !units.has_region(town)) {
                row.fault("townId", RowProblem::UnknownRegion(town.to_owned()));
            }
            // The same check as of what the field proposes.
            if let Some(Err(problem)) = entity.uscc.as_deref().map(|uscc| EntityField::Uscc.check(uscc)) {
                row.fault("uscc", problem);
            }
            if entity.specialties.iter().all(|specialty| specialty.trim().is_empty()) {
                row.fault("specialties", RowProblem::Missing);
            }
            let on_earth = |lon: f64, lat: f64| lon.abs() <= 180.0 && lat.abs() <= 90.0;
            if entity.location.as_ref().is_some_and(|point| !on_earth(point.lon, point.lat)) {
                row.fault("location", RowProblem::BadLocation);
            }
            row.date("registrationDate", entity.registration_date.as_deref());
            for (index, licence) in entity.licences.iter().enumerate() {
                row.date(format!("licences[{index}].issued"), Some(&licence.issued));
                row.date(format!("licences[{index}].expires"), licence.expires.as_deref());
            }
        });
    good.into_iter().map(|(_, entity)| entity).collect()
}
