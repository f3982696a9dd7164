//! What is done with a draw: revealed, recused from, dispatched. What is refused comes back on the page with what was
//! typed.

use super::super::faults::Faults;
use super::super::{Posted, Seat, look};
use super::open::{KINDS, TEMPLATE};
use super::page;
use crate::api::{check, parse, reason};
use crate::app::App;
use crate::dispatch::{self, Order};
use crate::drawing;
use crate::error::ApiError;
use crate::policy::Act;
use axum::extract::{Path, State};
use axum::response::Response;
use fieldproof_presentation::fields::Fields;
use fieldproof_schema::draw::Recusal;
use fieldproof_schema::ids::{DrawId, OfficerId};
use fieldproof_schema::wire::error::ErrorCode;

/// Characters that one witness may contribute.
const WITNESS_CHARS_MAX: usize = 200;

async fn done(
    app: &App,
    seat: &Seat,
    id: DrawId,
    fields: Fields,
    places: &[(ErrorCode, &str)],
    (result, anchor): (Result<(), ApiError>, &str),
) -> Result<Response, ApiError> {
    match result {
        Ok(()) => Ok(look::go(&format!("/console/draws/{id}#{anchor}"))),
        Err(error) => {
            let faults = Faults::of(&seat.p, "draw", places, error)?;
            Ok(faults.show(&page(app, seat, id, faults.clone(), fields).await?))
        }
    }
}

pub(super) async fn reveal(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Draw)?;
    let id: DrawId = parse("id", &id)?;
    let revealed = match entropy(&fields) {
        Ok(entropy) => drawing::reveal(&app, seat.actor.org, &seat.actor.user, id, entropy).await.map(drop),
        Err(error) => Err(error),
    };
    let places = [(ErrorCode::DrawEntropyInvalid, "one")];
    done(&app, &seat, id, fields, &places, (revealed, "result")).await
}

/// What both witnesses contributed, one after the other.
fn entropy(fields: &Fields) -> Result<String, ApiError> {
    let one = check::text("one", fields.get("one"), WITNESS_CHARS_MAX)?;
    let two = check::text("two", fields.get("two"), WITNESS_CHARS_MAX)?;
    Ok(format!("{one} {two}"))
}

pub(super) async fn recuse(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Draw)?;
    let id: DrawId = parse("id", &id)?;
    let pick: u32 = parse("pick", fields.get("pick"))?;
    let result = match recusal(&fields, pick) {
        Ok((officer, kind, reason)) => {
            let made = |declared_by, at| Recusal { pick, officer, kind, reason, declared_by, at };
            drawing::recuse(&app, seat.actor.org, &seat.actor.user, id, made).await.map(drop)
        }
        Err(error) => Err(error),
    };
    let [why, who] = ["reason", "officer"].map(|field| format!("{field}-{pick}"));
    let places = [(ErrorCode::ReasonMissing, why.as_str()), (ErrorCode::RecusalInvalid, who.as_str())];
    done(&app, &seat, id, fields, &places, (result, &format!("pick-{pick}"))).await
}

fn recusal(
    fields: &Fields,
    pick: u32,
) -> Result<(OfficerId, fieldproof_schema::draw::RecusalKind, String), ApiError> {
    let officer =
        fields.get("officer").parse().map_err(|_| ApiError::field(&format!("officer-{pick}"), "missing"))?;
    let kind = KINDS.iter().find(|(name, _)| *name == fields.get("kind")).map(|(_, kind)| *kind);
    let kind = kind.ok_or_else(|| ApiError::field(&format!("kind-{pick}"), "missing"))?;
    Ok((officer, kind, reason(fields.get("reason"))?))
}

pub(super) async fn dispatch(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::Draw)?;
    let id: DrawId = parse("id", &id)?;
    let result = match order(&app, &fields) {
        Ok(order) => dispatch::dispatch(&app, seat.actor.org, &seat.actor.user, id, order).await.map(drop),
        Err(error) => Err(error),
    };
    let places = [(ErrorCode::DrawTooFewOfficers, "")];
    done(&app, &seat, id, fields, &places, (result, "dispatch")).await
}

fn order(app: &App, fields: &Fields) -> Result<Order, ApiError> {
    let due = fields.filled("due").map(|text| check::date("due", text)).transpose()?;
    if due.is_some_and(|due| due < app.now().date_in_china()) {
        return Err(ApiError::field("due", "has passed"));
    }
    let named = fields.iter().filter_map(|(name, value)| Some((name.strip_prefix(TEMPLATE)?, value)));
    let named = named.filter(|(_, value)| !value.is_empty());
    Ok(Order { templates: named.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(), due })
}
