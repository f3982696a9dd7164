//! One draw, step by step: frozen and committed, revealed, its result with every recusal and redraw, dispatched.

mod acts;
mod open;
mod result;

use super::faults::Faults;
use super::{Chrome, Route, Seat};
use crate::api::{draws as api, parse};
use crate::app::App;
use crate::db::DbError;
use crate::drawing;
use crate::error::ApiError;
use crate::plans;
use crate::policy::Act;
use crate::store::audit::{self, Filter};
use crate::store::draws::{Draw, Stage};
use crate::store::page::Before;
use crate::store::plans::Plan;
use crate::store::{entities, officers, tasks, units, users};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::{DrawId, OfficerId};
use fieldproof_schema::limits::{DRAW_ENTITIES_MAX, DRAW_OFFICERS_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use open::Open;
use result::{Names, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/draws/{id}", answer: || get(show) },
    Route { path: "/console/draws/{id}/record", answer: || get(record) },
    Route { path: "/console/draws/{id}/reveal", answer: || post(acts::reveal) },
    Route { path: "/console/draws/{id}/recusals", answer: || post(acts::recuse) },
    Route { path: "/console/draws/{id}/dispatch", answer: || post(acts::dispatch) },
];

#[derive(Template)]
#[template(path = "admin/draw.html")]
struct DrawPage {
    p: Page,
    c: Chrome,
    id: DrawId,
    plan: Plan,
    unit: String,
    begun: Begun,
    /// Once drawn.
    outcome: Option<Outcome>,
    /// While it can be dispatched.
    open: Option<Open>,
    is_dispatched: bool,
    faults: Faults,
    typed: Fields,
}

/// The first step, as it was logged before the entropy was known.
struct Begun {
    at: Moment,
    by: String,
    commitment: Digest,
    /// Name and hash of everything that was frozen.
    hashes: Vec<(&'static str, String)>,
    entities: usize,
    officers: usize,
}

async fn show(State(app): State<App>, seat: Seat, Path(id): Path<String>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Draw)?;
    let page = page(&app, &seat, parse("id", &id)?, Faults::default(), Fields::default()).await?;
    Ok(seat.show(&page))
}

async fn page(
    app: &App,
    seat: &Seat,
    id: DrawId,
    faults: Faults,
    typed: Fields,
) -> Result<DrawPage, ApiError> {
    let (org, user) = (seat.actor.org, &seat.actor.user);
    let draw = drawing::find(app, org, user, id).await?;
    let plan = plans::find(app, org, user, Act::Draw, draw.plan).await?;
    let (names, begun, unit) = around(app, seat, &draw, &plan).await?;
    let (outcome, open) = match &draw.stage {
        Stage::Committed(_) => (None, None),
        Stage::Drawn(record) => {
            let open = Open::of(app, seat, record, &plan, &names, &typed).await?;
            (Some(Outcome::of(&seat.p, record, &names, &[])), Some(open))
        }
        Stage::Dispatched(record) => {
            let tasks = app.db.read(move |tx| tasks::of_draw(tx, org, id)).await?;
            (Some(Outcome::of(&seat.p, record, &names, &tasks)), None)
        }
    };
    Ok(DrawPage {
        c: Chrome::new(seat, "plans"),
        p: seat.p.clone(),
        id,
        is_dispatched: matches!(draw.stage, Stage::Dispatched(_)),
        plan,
        unit,
        begun,
        outcome,
        open,
        faults,
        typed,
    })
}

/// Names, the first step, and the unit's name.
async fn around(
    app: &App,
    seat: &Seat,
    draw: &Draw,
    plan: &Plan,
) -> Result<(Names, Begun, String), ApiError> {
    let (org, id, unit) = (seat.actor.org, draw.id, plan.unit_code.clone());
    let filter =
        Filter { subject: Some(format!("draw:{id}")), act: Some("draw.committed".into()), actor: None };
    let bound = |most: usize| i64::try_from(most).unwrap_or(i64::MAX);
    let read = move |tx: &mut crate::db::Tx<'_>| {
        Ok::<_, DbError>((
            entities::names(tx, org, &unit, bound(DRAW_ENTITIES_MAX))?,
            officers::names(tx, org, &unit, bound(DRAW_OFFICERS_MAX))?,
            audit::list(tx, org, &filter, &Before::start())?,
            units::all(tx, org)?,
        ))
    };
    let (entities, officers, logged, units) = app.db.read(read).await?;
    let logged = logged.rows.into_iter().next();
    let details = logged.as_ref().map(|listed| listed.record.details.clone()).unwrap_or_default();
    let hash = |name| details.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let directory = &draw.stage.input().directory;
    let begun = Begun {
        at: draw.created_at,
        by: logged.and_then(|listed| listed.actor_name).unwrap_or_default(),
        commitment: draw.secret.commitment(),
        hashes: ["snapshot", "terms", "pool"].map(|name| (name, hash(name))).to_vec(),
        entities: directory.entities.len(),
        officers: directory.officers.len(),
    };
    let users = declared_by(app, seat, draw).await?;
    let officers: BTreeMap<OfficerId, String> = officers.into_iter().map(|o| (o.id, o.name)).collect();
    let codes = directory.entities.iter().map(|entity| (entity.id, entity.code.clone())).collect();
    let unit = super::directory::unit_name(&units, &plan.unit_code);
    Ok((Names { entities, codes, officers, users }, begun, unit))
}

/// The names of those who declared recusals at the console; there are a few at most.
async fn declared_by(
    app: &App,
    seat: &Seat,
    draw: &Draw,
) -> Result<BTreeMap<fieldproof_schema::ids::UserId, String>, ApiError> {
    let org = seat.actor.org;
    let declared = draw.stage.record().map(result::declared_by_users).unwrap_or_default();
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let mut names = BTreeMap::new();
        for user in &declared {
            if let Some(account) = users::find(tx, org, *user)? {
                names.insert(*user, account.name);
            }
        }
        Ok::<_, DbError>(names)
    };
    Ok(app.db.read(read).await?)
}

/// The record as a file, for whoever wants to run the draw again.
async fn record(State(app): State<App>, seat: Seat, Path(id): Path<String>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Draw)?;
    api::file(&app, seat.actor.org, &seat.actor.user, parse("id", &id)?).await
}
