//! How new terminals must be: what is asked of them, what they are, and a form that raises it.

use super::super::faults::Faults;
use super::super::{Chrome, Posted, Seat, look};
use crate::app::App;
use crate::error::ApiError;
use crate::floor::{self, Standing, Wanted};
use crate::policy::Act;
use crate::store::{devices, users};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use fieldproof_presentation::page::Page;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::{PROTOCOL, PROTOCOL_MIN};

#[derive(Template)]
#[template(path = "admin/floor.html")]
pub(super) struct FloorPage {
    p: Page,
    c: Chrome,
    standing: Standing,
    /// Who set it, in words.
    by: String,
    /// Whether a terminal brought it back.
    is_learned: bool,
    may_raise: bool,
    faults: Faults,
    typed: Typed,
    least: u16,
    most: u16,
}

/// What the form holds.
#[derive(Debug, Clone)]
struct Typed {
    protocol: String,
    program: String,
    reason: String,
}

pub(super) async fn show(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    Ok(seat.show(&page(&app, &seat, Faults::default(), None).await?))
}

async fn page(app: &App, seat: &Seat, faults: Faults, typed: Option<Typed>) -> Result<FloorPage, ApiError> {
    seat.actor.user.may(Act::ManageDevices)?;
    let org = seat.actor.org;
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let standing = Standing::read(tx, org)?;
        let by = standing.set.as_ref().map(|set| set.by.clone()).unwrap_or_default();
        let name = match by.split_once(':') {
            Some(("user", id)) => match id.parse() {
                Ok(id) => users::find(tx, org, id)?.map(|account| account.name),
                Err(_) => None,
            },
            Some(("device", id)) => match id.parse() {
                Ok(id) => devices::find(tx, org, id)?.map(|device| device.name),
                Err(_) => None,
            },
            _ => None,
        };
        Ok::<_, ApiError>((standing, by, name))
    };
    let (standing, by, name) = app.db.read(read).await?;
    let set = standing.set.as_ref();
    let typed = typed.unwrap_or_else(|| Typed {
        protocol: set.map_or(PROTOCOL_MIN, |set| set.floor.protocol).to_string(),
        program: set.and_then(|set| set.floor.program).map(|program| program.to_string()).unwrap_or_default(),
        reason: String::new(),
    });
    let whole = &app.tenant().await?.code;
    Ok(FloorPage {
        is_learned: by.starts_with("device:"),
        by: name.unwrap_or_else(|| seat.p.t("admin.floor.by.system")),
        may_raise: seat.actor.user.may_on(Act::RaiseFloor, whole).is_ok(),
        standing,
        c: Chrome::new(seat, "devices"),
        p: seat.p.clone(),
        faults,
        typed,
        least: PROTOCOL_MIN,
        most: PROTOCOL,
    })
}

pub(super) async fn raise(
    State(app): State<App>,
    seat: Seat,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let user = &seat.actor.user;
    user.may_on(Act::RaiseFloor, &app.tenant().await?.code)?;
    let typed = Typed {
        protocol: fields.get("protocol").trim().to_owned(),
        program: fields.get("program").trim().to_owned(),
        reason: fields.get("reason").to_owned(),
    };
    let raised = match wanted(&typed) {
        Ok(wanted) => floor::raise(&app, &format!("user:{}", user.id), wanted, &typed.reason).await,
        Err(error) => Err(error),
    };
    match raised {
        Ok(_) => Ok(look::go("/console/devices/floor")),
        Err(error) => {
            let places = [(ErrorCode::ReasonMissing, "reason"), (ErrorCode::FloorFalls, "protocol")];
            let faults = Faults::of(&seat.p, "floor", &places, error)?;
            Ok(faults.show(&page(&app, &seat, faults.clone(), Some(typed)).await?))
        }
    }
}

fn wanted(typed: &Typed) -> Result<Wanted, ApiError> {
    let protocol = typed.protocol.parse().map_err(|error| ApiError::field("protocol", error))?;
    let program = Some(&typed.program).filter(|text| !text.is_empty());
    let program = program.map(|text| text.parse()).transpose();
    Ok(Wanted { protocol, program: program.map_err(|error| ApiError::field("program", error))? })
}
