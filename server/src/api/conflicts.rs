//! Conflicts: what is open, and how it is decided.

use super::{Json, parse, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::db::DbError;
use crate::error::ApiError;
use crate::policy::Act;
use crate::resolve::{self, Choice};
use crate::store::{conflicts, inspections, journal};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use fieldproof_schema::conflict::{ConflictSide, Resolution};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// Conflicts in one answer.
const PAGE: i64 = 500;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/conflicts", get(list)).route("/api/v1/conflicts/{id}/decision", post(decide))
}

/// A side with the officer and the device behind it.
fn side(side: &ConflictSide, writers: &[journal::Writer]) -> Value {
    let writer = writers.iter().find(|w| w.actor == side.actor);
    json!({
        "value": side.value,
        "change": side.change,
        "officer": writer.map(|w| &w.officer_name),
        "device": writer.map(|w| &w.device_name),
    })
}

#[utoipa::path(get, path = "/api/v1/conflicts", tag = "conflicts", responses(
    (status = 200, description = "Open conflicts of the asker's scope, oldest first, each side with officer and device")))]
pub(crate) async fn list(State(app): State<App>, actor: UserActor) -> Result<axum::Json<Value>, ApiError> {
    actor.user.may(Act::ReadInspections)?;
    let org = actor.org;
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let mut found = Vec::new();
        for known in conflicts::open(tx, org, actor.user.id, PAGE)? {
            let conflict = known.conflict;
            let Some(inspection) = inspections::find(tx, org, conflict.inspection)? else { continue };
            let writers = journal::writers(tx, org, inspection.id)?;
            let sides: Vec<_> = conflict.sides.iter().map(|s| side(s, &writers)).collect();
            found.push(json!({
                "id": conflict.id,
                "kind": conflict.kind,
                "inspection": conflict.inspection,
                "entity_name": inspection.entity_name,
                "path": conflict.path,
                "found_at": known.found_at,
                "sides": sides,
            }));
        }
        Ok::<_, DbError>(found)
    };
    Ok(axum::Json(json!({"conflicts": app.db.read(read).await?})))
}

/// A decision as it is posted: exactly one of `side`, `value` and `leave_beside`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionBody {
    side: Option<String>,
    value: Option<Value>,
    #[serde(default)]
    leave_beside: bool,
    #[serde(default)]
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/conflicts/{id}/decision", tag = "conflicts", request_body = serde_json::Value, responses(
    (status = 200, description = "The resolution"), (status = 409, description = "already_decided"),
    (status = 422, description = "choice_unknown, reason_missing")))]
pub(crate) async fn decide(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<DecisionBody>,
) -> Result<axum::Json<Resolution>, ApiError> {
    actor.user.may(Act::DecideConflicts)?;
    let id: Digest = parse("id", &id)?;
    let why = reason(&body.reason)?;
    let choice = match (body.side, body.value, body.leave_beside) {
        (Some(side), None, false) => Choice::Side(parse("side", &side)?),
        (None, Some(Value::String(register)), false) => Choice::Value(register),
        (None, Some(value), false) => Choice::Value(value.to_string()),
        (None, None, true) => Choice::LeaveBeside,
        _ => return Err(ErrorCode::ChoiceUnknown.into()),
    };
    Ok(axum::Json(resolve::decide(&app, actor.org, &actor.user, id, choice, why).await?))
}
