//! Plans: the rows, what one says in words, how one is added from a published row or copied to a year, and its draws.

mod add;
mod say;

use super::faults::Faults;
use super::{Chrome, Posted, Route, Seat, look};
use crate::api::{Args, before, parse};
use crate::app::App;
use crate::db::DbError;
use crate::drawing;
use crate::error::ApiError;
use crate::plans::{self, PlanScope};
use crate::policy::Act;
use crate::store::draws::{self, Listed};
use crate::store::plans::{self as rows, Plan};
use crate::store::units;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::PlanId;
use fieldproof_schema::wire::error::ErrorCode;
use say::Said;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/plans", answer: || get(list) },
    Route { path: "/console/plans/new", answer: || get(add::show).post(add::take) },
    Route { path: "/console/plans/{id}", answer: || get(show) },
    Route { path: "/console/plans/{id}/copy", answer: || post(copy) },
    Route { path: "/console/plans/{id}/draws", answer: || post(commit) },
];

#[derive(Template)]
#[template(path = "admin/plans.html")]
struct PlansPage {
    p: Page,
    c: Chrome,
    rows: Vec<Line>,
    next: Option<String>,
    is_start: bool,
    may_draw: bool,
}

struct Line {
    plan: Plan,
    unit: String,
    ratio: String,
}

#[derive(serde::Deserialize)]
struct Wanted {
    before: Option<String>,
}

async fn list(State(app): State<App>, seat: Seat, Args(wanted): Args<Wanted>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReadPlans)?;
    let before = before(wanted.before.as_deref())?;
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut crate::db::Tx<'_>| {
        Ok::<_, DbError>((rows::list(tx, org, asker, &before)?, units::all(tx, org)?))
    };
    let (page, units) = app.db.read(read).await?;
    let line = |plan: Plan| Line {
        unit: super::directory::unit_name(&units, &plan.unit_code),
        ratio: say::ratio(&plan.row),
        plan,
    };
    Ok(seat.show(&PlansPage {
        c: Chrome::new(&seat, "plans"),
        p: seat.p.clone(),
        rows: page.rows.into_iter().map(line).collect(),
        next: page.next.map(|before| format!("/console/plans{}", query(&[("before", &before)]))),
        is_start: wanted.before.is_none(),
        may_draw: seat.actor.user.may(Act::Draw).is_ok(),
    }))
}

#[derive(Template)]
#[template(path = "admin/plan.html")]
struct PlanPage {
    p: Page,
    c: Chrome,
    plan: Plan,
    unit: String,
    said: Said,
    draws: Vec<Listed>,
    /// Whether a draw waits for its entropy: no other can be started then.
    is_waiting: bool,
    may_draw: bool,
    faults: Faults,
    year: String,
}

async fn show(State(app): State<App>, seat: Seat, Path(id): Path<String>) -> Result<Response, ApiError> {
    Ok(seat.show(&page(&app, &seat, &id, Faults::default(), None).await?))
}

async fn page(
    app: &App,
    seat: &Seat,
    id: &str,
    faults: Faults,
    year: Option<String>,
) -> Result<PlanPage, ApiError> {
    let id: PlanId = parse("id", id)?;
    let plan = plans::find(app, seat.actor.org, &seat.actor.user, Act::ReadPlans, id).await?;
    let org = seat.actor.org;
    let read = move |tx: &mut crate::db::Tx<'_>| {
        Ok::<_, DbError>((draws::of_plan(tx, org, id)?, units::all(tx, org)?))
    };
    let (draws, units) = app.db.read(read).await?;
    Ok(PlanPage {
        c: Chrome::new(seat, "plans"),
        unit: super::directory::unit_name(&units, &plan.unit_code),
        said: Said::of(&seat.p, &plan.row),
        is_waiting: draws.iter().any(|draw| draw.state == "committed"),
        draws,
        may_draw: seat.actor.user.may(Act::Draw).is_ok(),
        faults,
        year: year.unwrap_or_else(|| app.now().date_in_china().year().to_string()),
        plan,
        p: seat.p.clone(),
    })
}

/// The year that a form names.
fn year(fields: &Fields) -> Result<i16, ApiError> {
    fields.get("year").trim().parse().map_err(|_| ApiError::field("year", "not a year"))
}

async fn copy(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let plan: PlanId = parse("id", &id)?;
    let copied = match year(&fields) {
        Ok(year) => plans::copy(&app, seat.actor.org, &seat.actor.user, plan, year).await,
        Err(error) => Err(error),
    };
    match copied {
        Ok(plan) => Ok(look::go(&format!("/console/plans/{}", plan.id))),
        Err(error) => {
            let faults = Faults::of(&seat.p, "plan", &[(ErrorCode::StateWrong, "year")], error)?;
            let typed = fields.get("year").to_owned();
            Ok(faults.show(&page(&app, &seat, &id, faults.clone(), Some(typed)).await?))
        }
    }
}

/// Freezes the directory and commits the secret: the first step of a draw.
async fn commit(State(app): State<App>, seat: Seat, Path(id): Path<String>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Draw)?;
    let plan: PlanId = parse("id", &id)?;
    match drawing::commit(&app, seat.actor.org, &seat.actor.user, plan).await {
        Ok(made) => Ok(look::go(&format!("/console/draws/{}", made.id))),
        Err(error) => {
            let faults = Faults::of(&seat.p, "draw", &[], error)?;
            Ok(faults.show(&page(&app, &seat, &id, faults.clone(), None).await?))
        }
    }
}
