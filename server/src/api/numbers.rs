//! The ledger of document numbers: the series of a unit and a year, one of them number by number, and blocks taken back.

use super::{Json, parse, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::db::Tx;
use crate::error::ApiError;
use crate::numbers::ledger::{self, Book};
use crate::policy::Act;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use fieldproof_schema::ids::BlockId;
use fieldproof_schema::numbering::{Series, Stand};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/numbers", get(list))
        .route("/api/v1/numbers/{unit}/{form}/{year}", get(show))
        .route("/api/v1/number-blocks/{id}/take-back", post(take_back))
}

fn counts(book: &Book) -> Value {
    let count = |stand: &Stand| (stand.as_str().to_owned(), json!(book.ledger.count(*stand)));
    Value::Object(Stand::ALL.iter().map(count).collect::<Map<_, _>>())
}

#[utoipa::path(get, path = "/api/v1/numbers", tag = "numbers", responses(
    (status = 200, description = "The units of the asker's scope that have given out numbers, each with its years and, for \
     each form, how many numbers stand how")))]
pub(crate) async fn list(State(app): State<App>, actor: UserActor) -> Result<axum::Json<Value>, ApiError> {
    actor.user.may(Act::ReadInspections)?;
    let org = actor.org;
    let read = move |tx: &mut Tx<'_>| {
        let mut rows = Vec::new();
        for (unit, name, years) in ledger::shelves(tx, org, &actor.user)? {
            for year in years {
                for book in ledger::of_year(tx, org, &actor.user, (&unit, year))? {
                    rows.push(json!({
                        "unit": unit, "unit_name": name, "form": book.series.form, "year": year,
                        "counts": counts(&book),
                    }));
                }
            }
        }
        Ok::<_, ApiError>(json!({"rows": rows}))
    };
    Ok(axum::Json(app.db.read(read).await?))
}

#[utoipa::path(get, path = "/api/v1/numbers/{unit}/{form}/{year}", tag = "numbers", responses(
    (status = 200, description = "One series: what became of each number, to whom blocks were leased, who used what"),
    (status = 404, description = "not_found")))]
pub(crate) async fn show(
    State(app): State<App>,
    actor: UserActor,
    Path((unit, form, year)): Path<(String, String, String)>,
) -> Result<axum::Json<Value>, ApiError> {
    let series = Series { unit, form, year: parse("year", &year)? };
    let org = actor.org;
    let book = app.db.read(move |tx| ledger::one(tx, org, &actor.user, &series)).await?;
    let numbers: Vec<_> = book
        .ledger
        .places
        .iter()
        .map(|place| json!({"serial": place.serial, "state": place.stand.as_str()}))
        .collect();
    let blocks: Vec<_> = book
        .leases
        .iter()
        .map(|lease| {
            let block = &lease.leased.block;
            let holder = lease.leased.device.and_then(|device| book.holders.get(&device.to_string()));
            json!({
                "id": block.id, "first": block.first, "last": block.last, "device": lease.leased.device,
                "device_name": holder.map(|(name, _)| name), "officer_name": holder.map(|(_, name)| name),
                "leased_at": lease.leased_at, "closed_at": lease.leased.closed_at, "closed_why": lease.closed_why,
                "closed_note": lease.closed_note, "used": lease.used,
            })
        })
        .collect();
    let uses: Vec<_> = book
        .uses
        .iter()
        .map(|known| {
            json!({
                "serial": known.used.number.serial, "text": known.used.text, "state": known.used.state.as_str(),
                "inspection": known.used.inspection, "record": known.used.record, "block": known.used.block,
                "origin": known.used.origin, "known_at": known.known_at,
            })
        })
        .collect();
    Ok(axum::Json(json!({
        "unit": book.series.unit, "unit_name": book.unit_name, "form": book.series.form, "year": book.series.year,
        "counts": counts(&book), "numbers": numbers, "blocks": blocks, "uses": uses,
    })))
}

/// Why a block is taken back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeBackBody {
    #[serde(default)]
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/number-blocks/{id}/take-back", tag = "numbers", request_body = serde_json::Value,
    responses((status = 200, description = "The series; no number of the block is given any more"),
    (status = 404, description = "not_found"), (status = 409, description = "state_wrong: it was closed before"),
    (status = 422, description = "reason_missing")))]
pub(crate) async fn take_back(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<TakeBackBody>,
) -> Result<axum::Json<Value>, ApiError> {
    actor.user.may(Act::ManageDevices)?;
    let id: BlockId = parse("id", &id)?;
    let why = reason(&body.reason)?;
    let series = ledger::take_back(&app, actor.org, &actor.user, id, why).await?;
    Ok(axum::Json(json!({"unit": series.unit, "form": series.form, "year": series.year})))
}
