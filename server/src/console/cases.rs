//! The list of visits: filters in the address, pages by key, and the same rows as a file for spreadsheets.

use super::{Chrome, Route, Seat, case};
use crate::api;
use crate::app::App;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::units::{self, Unit};
use crate::store::worklist::{self, Visit, Waits, Wanted};
use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_presentation::csv;
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::reference::InspectionState;
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeMap;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/cases", answer: || get(list) },
    Route { path: "/console/cases.csv", answer: || get(export) },
];

/// Days ahead that count as soon.
const SOON_DAYS: i64 = 7;
/// The filters, as they stand in the address.
const FILTERS: &[&str] = &["state", "waits", "due", "unit", "conflicts", "failed", "q"];

/// A visit as lists show it.
pub(super) struct Row {
    pub(super) address: String,
    pub(super) entity: String,
    pub(super) unit: String,
    pub(super) state: InspectionState,
    /// Why it waits, and the icon for it.
    pub(super) waits: Option<(String, &'static str)>,
    pub(super) answered: i64,
    pub(super) failed: i64,
    pub(super) conflicts: i64,
    pub(super) due: String,
    pub(super) overdue: bool,
    pub(super) updated: String,
}

/// What the address asks for.
struct Asked {
    wanted: Wanted,
    fields: Fields,
}

impl Asked {
    fn of(fields: Fields, today: Date) -> Result<Self, ApiError> {
        let text = |name: &str| fields.filled(name).map(str::to_owned);
        let unknown = |name: &'static str| move || ApiError::field(name, "unknown");
        let state = text("state").map(|name| InspectionState::find(&name).ok_or_else(unknown("state")));
        let waits = text("waits").map(|name| Waits::find(&name).ok_or_else(unknown("waits")));
        let due_before = match fields.get("due") {
            "" => None,
            "overdue" => Some(today),
            "soon" => Some(today.checked_add((SOON_DAYS + 1).days()).map_err(ApiError::internal)?),
            _ => return Err(unknown("due")()),
        };
        let wanted = Wanted {
            state: state.transpose()?,
            unit: text("unit"),
            waits: waits.transpose()?,
            due_before,
            conflicts: fields.filled("conflicts").is_some(),
            failed: fields.filled("failed").is_some(),
            search: text("q").map(|text| text.chars().take(100).collect()),
        };
        Ok(Self { wanted, fields })
    }

    /// An address with the same filters.
    fn address(&self, path: &str, before: Option<&str>) -> String {
        let mut pairs: Vec<_> = FILTERS.iter().map(|name| (*name, self.fields.get(name))).collect();
        pairs.push(("before", before.unwrap_or_default()));
        format!("{path}{}", query(&pairs))
    }

    fn is_filtered(&self) -> bool {
        self.wanted != Wanted::default()
    }
}

#[derive(Template)]
#[template(path = "console/cases.html")]
struct CasesPage {
    p: Page,
    c: Chrome,
    rows: Vec<Row>,
    search: String,
    states: Vec<Choice>,
    waits: Vec<Choice>,
    dues: Vec<Choice>,
    units: Vec<Choice>,
    conflicts: bool,
    failed: bool,
    filtered: bool,
    first: Option<String>,
    next: Option<String>,
    export: String,
}

struct Found {
    asked: Asked,
    rows: Vec<Visit>,
    next: Option<String>,
    units: Vec<Unit>,
    today: Date,
}

async fn find(app: &App, seat: &Seat, uri: &axum::http::Uri) -> Result<Found, ApiError> {
    seat.actor.user.may(Act::ReadInspections)?;
    let today = app.now().date_in_china();
    let asked = Asked::of(Fields::parse(uri.query().unwrap_or_default().as_bytes()), today)?;
    let before = api::before(asked.fields.filled("before"))?;
    let (org, asker, wanted) = (seat.actor.org, seat.actor.user.id, asked.wanted.clone());
    let read = move |tx: &mut crate::db::Tx<'_>| {
        Ok::<_, ApiError>((
            worklist::list(tx, org, asker, today, &wanted, &before)?,
            units::list(tx, org, asker)?,
        ))
    };
    let (page, units) = app.db.read(read).await?;
    Ok(Found { asked, rows: page.rows, next: page.next, units, today })
}

async fn list(
    State(app): State<App>,
    seat: Seat,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let found = find(&app, &seat, &uri).await?;
    let (p, asked) = (&seat.p, &found.asked);
    let chosen = |name: &str, value: &str| asked.fields.get(name) == value;
    let all = |name: &str| Choice::new("", p.t("console.cases.all"), chosen(name, ""));
    let states = InspectionState::ALL
        .iter()
        .map(|state| Choice::new(state.as_str(), p.state_word(state), chosen("state", state.as_str())));
    let waits = Waits::ALL.iter().map(|waits| {
        let name = waits.as_str();
        Choice::new(name, p.t(format!("console.waits.{name}")), chosen("waits", name))
    });
    let dues = ["overdue", "soon"]
        .map(|due| Choice::new(due, p.t(format!("console.cases.due.{due}")), chosen("due", due)));
    let units =
        found.units.iter().map(|unit| Choice::new(&unit.code, &unit.name, chosen("unit", &unit.code)));
    let paged = asked.fields.filled("before").is_some();
    Ok(seat.show(&CasesPage {
        c: Chrome::new(&seat, "cases"),
        search: asked.fields.get("q").to_owned(),
        states: std::iter::once(all("state")).chain(states).collect(),
        waits: std::iter::once(all("waits")).chain(waits).collect(),
        dues: std::iter::once(all("due")).chain(dues).collect(),
        units: std::iter::once(all("unit")).chain(units).collect(),
        conflicts: asked.wanted.conflicts,
        failed: asked.wanted.failed,
        filtered: asked.is_filtered(),
        first: paged.then(|| asked.address("/console/cases", None)),
        next: found.next.as_deref().map(|next| asked.address("/console/cases", Some(next))),
        export: asked.address("/console/cases.csv", asked.fields.filled("before")),
        rows: rows(p, &found.rows, &found.units, found.today),
        p: p.clone(),
    }))
}

/// Visits as lists show them.
pub(super) fn rows(p: &Page, visits: &[Visit], units: &[Unit], today: Date) -> Vec<Row> {
    let units: BTreeMap<_, _> = units.iter().map(|unit| (unit.code.as_str(), unit.name.as_str())).collect();
    visits.iter().map(|visit| row(p, visit, &units, today)).collect()
}

fn row(p: &Page, visit: &Visit, units: &BTreeMap<&str, &str>, today: Date) -> Row {
    let info = &visit.info;
    let unfinished = matches!(
        info.state,
        InspectionState::Dispatched | InspectionState::InProgress | InspectionState::Returned
    );
    let icon = |waits: Waits| match waits {
        Waits::Review => "clipboard-check",
        Waits::Answered => "arrow-forward-up",
        Waits::Evidence => "photo-off",
        Waits::Overdue => "hourglass",
    };
    Row {
        address: case::address(info.id),
        entity: info.entity_name.clone(),
        unit: units
            .get(info.unit_code.as_str())
            .map_or_else(|| info.unit_code.clone(), |name| (*name).to_owned()),
        state: info.state,
        waits: visit.waits.map(|waits| (p.t(format!("console.waits.{}", waits.as_str())), icon(waits))),
        answered: info.answered,
        failed: info.failed,
        conflicts: info.open_conflicts,
        due: visit.due.as_deref().map(|due| p.day(due)).unwrap_or_default(),
        overdue: unfinished && visit.due.as_deref().is_some_and(|due| due < today.to_string().as_str()),
        updated: p.moment(&info.updated_at),
    }
}

/// The rows of the page that is shown.
async fn export(
    State(app): State<App>,
    seat: Seat,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let found = find(&app, &seat, &uri).await?;
    let p = &seat.p;
    let names = ["entity", "unit", "state", "waits", "answered", "failed", "conflicts", "due", "updated"];
    let mut text = csv::line(&names.map(|name| p.t(format!("console.cases.column.{name}"))));
    for row in rows(p, &found.rows, &found.units, found.today) {
        text.push_str(&csv::line(&[
            row.entity,
            row.unit,
            p.state_word(&row.state),
            row.waits.map(|(word, _)| word).unwrap_or_default(),
            row.answered.to_string(),
            row.failed.to_string(),
            row.conflicts.to_string(),
            row.due,
            row.updated,
        ]));
    }
    let name = format!("attachment; filename=\"cases-{}.csv\"", found.today);
    let headers = [
        (CONTENT_TYPE, csv::MEDIA_TYPE.to_owned()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, format!("{}{text}", csv::BEGINNING)).into_response())
}
