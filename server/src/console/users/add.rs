//! A user is added: who, with which role in which unit, and a first password.

use super::super::faults::Faults;
use super::super::{Chrome, Posted, Seat, look};
use super::{role_key, role_means};
use crate::accounts::{self, NewUser, PASSWORD_CHARS_MIN};
use crate::app::App;
use crate::error::ApiError;
use crate::policy::{Act, Role};
use crate::store::units;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Choice, Page};
use fieldproof_schema::wire::error::ErrorCode;

#[derive(Template)]
#[template(path = "admin/user_new.html")]
struct NewPage {
    p: Page,
    c: Chrome,
    typed: Fields,
    roles: Vec<RoleOption>,
    units: Vec<Choice>,
    faults: Faults,
    shortest: usize,
}

struct RoleOption {
    value: &'static str,
    name: String,
    means: String,
    is_chosen: bool,
}

pub(super) async fn show(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageUsers)?;
    Ok(seat.show(&page(&app, &seat, Fields::default(), Faults::default()).await?))
}

async fn page(app: &App, seat: &Seat, typed: Fields, faults: Faults) -> Result<NewPage, ApiError> {
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let known = app.db.read(move |tx| units::list(tx, org, asker)).await?;
    let p = seat.p.clone();
    let role = |role: &Role| RoleOption {
        value: role.as_str(),
        name: p.t(role_key(*role)),
        means: p.t(role_means(*role)),
        is_chosen: typed.get("role") == role.as_str(),
    };
    let unit = |unit: units::Unit| {
        let label = format!("{} ({})", unit.name, unit.code);
        let is_chosen = typed.get("unit") == unit.code;
        Choice::new(unit.code, label, is_chosen)
    };
    Ok(NewPage {
        c: Chrome::new(seat, "users"),
        roles: Role::ALL.iter().map(role).collect(),
        units: known.into_iter().map(unit).collect(),
        typed,
        faults,
        shortest: PASSWORD_CHARS_MIN,
        p,
    })
}

pub(super) async fn take(
    State(app): State<App>,
    seat: Seat,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ManageUsers)?;
    let added = match read(&seat, &fields) {
        Ok(new) => accounts::add(&app, seat.actor.org, format!("user:{}", seat.actor.user.id), new).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(account) => Ok(look::go(&format!("/console/users/{}", account.id))),
        Err(error) => {
            let places = [(ErrorCode::LoginTaken, "login"), (ErrorCode::PasswordTooShort, "password")];
            let faults = Faults::of(&seat.p, "user", &places, error)?;
            Ok(faults.show(&page(&app, &seat, fields, faults.clone()).await?))
        }
    }
}

fn read(seat: &Seat, fields: &Fields) -> Result<NewUser, ApiError> {
    let role = Role::find(fields.get("role")).ok_or_else(|| ApiError::field("role", "missing"))?;
    let unit = fields.get("unit");
    if !seat.actor.user.scope.contains(unit) {
        return Err(ApiError::field("unit", "no such unit in your scope"));
    }
    Ok(NewUser {
        login: fields.get("login").to_owned(),
        name: fields.get("name").to_owned(),
        role,
        unit_code: unit.to_owned(),
        password: fields.get("password").to_owned(),
    })
}
