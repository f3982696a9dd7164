//! The directories: units as a tree, officers, entities, and the import of a file of all three.

mod entities;
mod entity;
mod import;
mod officers;

use super::{Chrome, Route, Seat};
use crate::app::App;
use crate::db::DbError;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::units::{self, Unit};
use crate::store::{entities as objects, officers as people};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::page::Page;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/units", answer: || get(show_units) },
    Route { path: "/console/officers", answer: || get(officers::show) },
    Route { path: "/console/entities", answer: || get(entities::show) },
    Route { path: "/console/entities/{id}", answer: || get(entity::show) },
    Route { path: "/console/import", answer: || get(import::show).post(import::take) },
];

#[derive(Template)]
#[template(path = "admin/units.html")]
struct UnitsPage {
    p: Page,
    c: Chrome,
    tab: &'static str,
    may_import: bool,
    rows: Vec<Branch>,
}

/// A unit at its place in the tree.
struct Branch {
    unit: Unit,
    kind: String,
    officers: i64,
    entities: i64,
    /// Whether units stand below it.
    opens: bool,
    /// How many levels end with it.
    closes: usize,
}

async fn show_units(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReadDirectory)?;
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut crate::db::Tx<'_>| {
        Ok::<_, DbError>((units::list(tx, org, asker)?, people::counts(tx, org)?, objects::counts(tx, org)?))
    };
    let (units, officers, entities) = app.db.read(read).await?;
    let count = |of: &BTreeMap<String, i64>, code: &str| of.get(code).copied().unwrap_or_default();
    let rows = tree(units).into_iter().map(|(unit, opens, closes)| Branch {
        kind: super::words::code(&seat.p, "kind", &unit.kind),
        officers: count(&officers, &unit.code),
        entities: count(&entities, &unit.code),
        unit,
        opens,
        closes,
    });
    Ok(seat.show(&UnitsPage {
        c: Chrome::new(&seat, "directory"),
        p: seat.p.clone(),
        tab: "units",
        may_import: seat.actor.user.may(Act::ChangeDirectory).is_ok(),
        rows: rows.collect(),
    }))
}

/// Units, each after the one above it: whether it has some below, and how many levels end with it. A unit whose superior
/// is not among them stands at the top; one that a loop of superiors hides, too.
fn tree(units: Vec<Unit>) -> Vec<(Unit, bool, usize)> {
    let known: BTreeSet<String> = units.iter().map(|unit| unit.code.clone()).collect();
    let mut below: BTreeMap<Option<String>, Vec<Unit>> = BTreeMap::new();
    for unit in units {
        let above = unit.parent_code.clone().filter(|parent| known.contains(parent));
        below.entry(above).or_default().push(unit);
    }
    let mut placed = Vec::new();
    // Units still to be placed, the next one last, with their depth.
    let mut waiting: Vec<(usize, Unit)> = Vec::new();
    let mut tops = Some(below.remove(&None).unwrap_or_default());
    while let Some(units) = tops {
        waiting.extend(units.into_iter().rev().map(|unit| (0, unit)));
        while let Some((depth, unit)) = waiting.pop() {
            let children = below.remove(&Some(unit.code.clone())).unwrap_or_default();
            waiting.extend(children.into_iter().rev().map(|child| (depth + 1, child)));
            placed.push((depth, unit));
        }
        tops = below.pop_first().map(|(_, hidden)| hidden);
    }
    let depths: Vec<_> = placed.iter().map(|(depth, _)| *depth).chain([0]).collect();
    let ends = placed.into_iter().enumerate();
    ends.map(|(at, (depth, unit))| (unit, depths[at + 1] > depth, depth.saturating_sub(depths[at + 1])))
        .collect()
}

/// The name of a unit; its code where the directory has none.
pub(super) fn unit_name(units: &BTreeMap<String, Unit>, code: &str) -> String {
    units.get(code).map_or_else(|| code.to_owned(), |unit| unit.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::ids::OrgId;

    fn unit(code: &str, parent: Option<&str>) -> Unit {
        Unit {
            id: OrgId::from_bytes([0; 16]),
            code: code.into(),
            parent_code: parent.map(str::to_owned),
            level: "city".into(),
            kind: "region".into(),
            name: code.into(),
            body: String::new(),
        }
    }

    #[test]
    fn units_stand_below_their_superiors_and_none_is_lost() {
        let units = vec![
            unit("A", Some("outside")),
            unit("A1", Some("A")),
            unit("A11", Some("A1")),
            unit("A2", Some("A")),
            unit("B", None),
            unit("L1", Some("L2")),
            unit("L2", Some("L1")),
        ];
        let placed = tree(units);
        let seen: Vec<_> =
            placed.iter().map(|(u, opens, closes)| (u.code.as_str(), *opens, *closes)).collect();
        assert_eq!(
            seen,
            [
                ("A", true, 0),
                ("A1", true, 0),
                ("A11", false, 1),
                ("A2", false, 1),
                ("B", false, 0),
                ("L2", true, 0),
                ("L1", false, 1)
            ]
        );
    }
}
