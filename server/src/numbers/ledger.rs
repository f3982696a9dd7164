//! The ledger as people read it: the series of a unit and a year, and one of them number by number; and blocks that people
//! take back.

use super::tell;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::devices;
use crate::store::numbers::{self, Known, Lease};
use crate::store::{inspections, officers, units};
use fieldproof_schema::ids::{BlockId, DecisionId, InspectionId, OrgId};
use fieldproof_schema::numbering::{Leased, Ledger, Series, Use, ledger};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::collections::btree_map::{BTreeMap, Entry};

/// A series with what became of its numbers.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    /// Which.
    pub(crate) series: Series,
    /// What the unit is called.
    pub(crate) unit_name: String,
    /// Number by number.
    pub(crate) ledger: Ledger,
    /// Its blocks, by number.
    pub(crate) leases: Vec<Lease>,
    /// What terminals with blocks are called, and whose they are.
    pub(crate) holders: BTreeMap<String, (String, String)>,
    /// Every use, by number.
    pub(crate) uses: Vec<Known>,
    /// The entities of the visits of the newest uses.
    pub(crate) entities: BTreeMap<InspectionId, String>,
}

/// Uses and blocks that a page lists, the newest first: more than anybody looks through.
pub(crate) const ROWS_MAX: usize = 500;

/// The units of the asker's scope that have given out numbers, with the years, newest first.
pub(crate) fn shelves(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: &User,
) -> Result<Vec<(String, String, Vec<u32>)>, ApiError> {
    user.may(Act::ReadInspections)?;
    let mut found: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (series, _) in numbers::all_series(tx, org)? {
        if user.scope.contains(&series.unit) {
            let years = found.entry(series.unit).or_default();
            if !years.contains(&series.year) {
                years.push(series.year);
            }
        }
    }
    let mut shelves = Vec::with_capacity(found.len());
    for (unit, years) in found {
        let name = units::name(tx, org, &unit)?.unwrap_or_else(|| unit.clone());
        shelves.push((unit, name, years));
    }
    Ok(shelves)
}

/// The series of a unit in a year, by form.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope.
pub(crate) fn of_year(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: &User,
    (unit, year): (&str, u32),
) -> Result<Vec<Book>, ApiError> {
    user.may_on(Act::ReadInspections, unit)?;
    let mut books = Vec::new();
    for (series, _) in numbers::all_series(tx, org)? {
        if series.unit == unit && series.year == year {
            books.push(read(tx, org, series)?);
        }
    }
    Ok(books)
}

/// One series, number by number.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope, and for a series of which nothing was given out or used.
pub(crate) fn one(tx: &mut Tx<'_>, org: OrgId, user: &User, series: &Series) -> Result<Book, ApiError> {
    user.may_on(Act::ReadInspections, &series.unit)?;
    let mut book = read(tx, org, series.clone())?;
    if book.ledger.places.is_empty() {
        return Err(ErrorCode::NotFound.into());
    }
    for lease in &book.leases {
        let Some(device) = lease.leased.device else { continue };
        let known = devices::find(tx, org, device)?;
        let officer = match lease.officer {
            Some(officer) => officers::find(tx, org, officer)?.map(|officer| officer.facts.name),
            None => None,
        };
        let name = known.map(|known| known.name).unwrap_or_default();
        book.holders.insert(device.to_string(), (name, officer.unwrap_or_default()));
    }
    for known in book.uses.iter().rev().take(ROWS_MAX) {
        let visit = known.used.inspection;
        if let Entry::Vacant(unread) = book.entities.entry(visit) {
            let found = inspections::find(tx, org, visit)?;
            unread.insert(found.map(|found| found.entity_name).unwrap_or_default());
        }
    }
    Ok(book)
}

fn read(tx: &mut Tx<'_>, org: OrgId, series: Series) -> Result<Book, DbError> {
    let last = numbers::last(tx, org, &series)?;
    let leases = numbers::of_series(tx, org, &series)?;
    let known = numbers::uses_of(tx, org, &series)?;
    let blocks: Vec<Leased> = leases.iter().map(|lease| lease.leased.clone()).collect();
    let uses: Vec<Use> = known.iter().map(|known| known.used.clone()).collect();
    let unit_name = units::name(tx, org, &series.unit)?.unwrap_or_else(|| series.unit.clone());
    let ledger = ledger(last, &blocks, &uses);
    Ok(Book {
        series,
        unit_name,
        ledger,
        leases,
        holders: BTreeMap::new(),
        uses: known,
        entities: BTreeMap::new(),
    })
}

/// Takes a block back: its terminal is lost, or has no use for it. What is left of it is not given any more; what its
/// terminal gives of it before it hears of that is asked about.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope; [`ErrorCode::StateWrong`] when it was closed before.
pub(crate) async fn take_back(
    app: &App,
    org: OrgId,
    user: &User,
    id: BlockId,
    reason: String,
) -> Result<Series, ApiError> {
    user.may(Act::ManageDevices)?;
    let (now, user) = (app.now(), user.clone());
    let name = DecisionId::new(now, app.random());
    app.db
        .write(move |tx| {
            let lease = numbers::block(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
            let block = lease.leased.block;
            user.may_on(Act::ManageDevices, &block.series.unit)?;
            if !numbers::close(tx, org, id, ("taken_back", &reason), now)? {
                return Err(ErrorCode::StateWrong.into());
            }
            let record = Record {
                id: name,
                at: now,
                actor: format!("user:{}", user.id),
                act: "numbers.taken_back".to_owned(),
                subject: format!("unit:{}", block.series.unit),
                details: json!({
                    "block": id, "form": block.series.form, "year": block.series.year,
                    "first": block.first, "last": block.last, "reason": reason,
                }),
            };
            audit::insert(tx, org, &record)?;
            if let Some(device) = lease.leased.device {
                tell(tx, org, device);
            }
            Ok::<_, ApiError>(block.series)
        })
        .await
}
