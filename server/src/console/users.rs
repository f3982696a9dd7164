//! Users: who may do what, added, ended and brought back; and everybody's own password.

mod add;
mod password;

use super::faults::Faults;
use super::{Chrome, Posted, Route, Seat, look};
use crate::accounts;
use crate::api::{Args, check, parse, reason};
use crate::app::App;
use crate::db::DbError;
use crate::error::ApiError;
use crate::policy::{Act, Role};
use crate::store::units;
use crate::store::users::{self, Account};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_presentation::fields::query;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::UserId;
use fieldproof_schema::wire::error::ErrorCode;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/users", answer: || get(list) },
    Route { path: "/console/users/new", answer: || get(add::show).post(add::take) },
    Route { path: "/console/users/{id}", answer: || get(show) },
    Route { path: "/console/users/{id}/active", answer: || post(set_active) },
    Route { path: "/console/password", answer: || get(password::show).post(password::change) },
];

/// The word for a role.
fn role_key(role: Role) -> String {
    format!("admin.role_name.{}", role.as_str())
}

/// What a role may do, in words.
fn role_means(role: Role) -> String {
    format!("admin.role_means.{}", role.as_str())
}

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UsersPage {
    p: Page,
    c: Chrome,
    rows: Vec<Line>,
    next: Option<String>,
    is_start: bool,
}

struct Line {
    account: Account,
    role: String,
    unit: String,
    is_self: bool,
}

#[derive(serde::Deserialize)]
struct Wanted {
    after: Option<String>,
}

async fn list(State(app): State<App>, seat: Seat, Args(wanted): Args<Wanted>) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageUsers)?;
    let is_start = wanted.after.is_none();
    let after = check::after(wanted.after)?;
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut crate::db::Tx<'_>| {
        Ok::<_, DbError>((users::list(tx, org, asker, &after)?, units::all(tx, org)?))
    };
    let (page, units) = app.db.read(read).await?;
    let p = seat.p.clone();
    let line = |account: Account| Line {
        role: p.t(role_key(account.role)),
        unit: super::directory::unit_name(&units, &account.unit_code),
        is_self: account.id == asker,
        account,
    };
    Ok(seat.show(&UsersPage {
        c: Chrome::new(&seat, "users"),
        rows: page.rows.into_iter().map(line).collect(),
        next: page.next.map(|after| format!("/console/users{}", query(&[("after", &after)]))),
        is_start,
        p,
    }))
}

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage {
    p: Page,
    c: Chrome,
    line: Line,
    means: String,
    faults: Faults,
    reason: String,
}

async fn show(State(app): State<App>, seat: Seat, Path(id): Path<String>) -> Result<Response, ApiError> {
    Ok(seat.show(&page(&app, &seat, parse("id", &id)?, Faults::default(), String::new()).await?))
}

async fn page(
    app: &App,
    seat: &Seat,
    id: UserId,
    faults: Faults,
    reason: String,
) -> Result<UserPage, ApiError> {
    let (org, asker) = (seat.actor.org, seat.actor.user.clone());
    let read = move |tx: &mut crate::db::Tx<'_>| {
        asker.may(Act::ManageUsers)?;
        let account = users::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
        asker.may_on(Act::ManageUsers, &account.unit_code)?;
        Ok::<_, ApiError>((account, units::all(tx, org)?))
    };
    let (account, units) = app.db.read(read).await?;
    let p = seat.p.clone();
    Ok(UserPage {
        c: Chrome::new(seat, "users"),
        means: p.t(role_means(account.role)),
        line: Line {
            role: p.t(role_key(account.role)),
            unit: super::directory::unit_name(&units, &account.unit_code),
            is_self: account.id == seat.actor.user.id,
            account,
        },
        faults,
        reason,
        p,
    })
}

async fn set_active(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageUsers)?;
    let id: UserId = parse("id", &id)?;
    let active = fields.get("active") == "yes";
    let changed = match reason(fields.get("reason")) {
        Ok(reason) => accounts::set_active(&app, seat.actor.org, &seat.actor.user, id, active, reason).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(()) => Ok(look::go(&format!("/console/users/{id}"))),
        Err(error) => {
            let faults = Faults::of(&seat.p, "user", &[(ErrorCode::ReasonMissing, "reason")], error)?;
            let typed = fields.get("reason").to_owned();
            Ok(faults.show(&page(&app, &seat, id, faults.clone(), typed).await?))
        }
    }
}
