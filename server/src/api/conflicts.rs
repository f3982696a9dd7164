//! Conflicts: what is open, how it is decided, and how a decision is taken back.

use super::{Json, parse, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::Act;
use crate::resolve::{self, Choice, Outcome};
use crate::store::conflict_decisions::Kept;
use crate::store::conflicts::Known;
use crate::store::{changes, conflicts, inspections, journal};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use fieldproof_schema::conflict::{ChoiceKind, ConflictSide};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::moment::Interval;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Conflicts in one answer.
const PAGE: i64 = 500;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/conflicts", get(list))
        .route("/api/v1/conflicts/{id}", get(show))
        .route("/api/v1/conflicts/{id}/decision", post(decide))
        .route("/api/v1/conflicts/{id}/undo", post(undo))
}

/// A side with the officer and the device behind it, and when it was written.
fn side(side: &ConflictSide, writers: &[journal::Writer], written: &BTreeMap<ChangeId, Interval>) -> Value {
    let writer = writers.iter().find(|w| w.actor == side.actor);
    let origin = side.origin.as_deref().cloned().unwrap_or_default();
    let told = |name: String| Some(name).filter(|name| !name.is_empty());
    json!({
        "value": side.value,
        "change": side.change,
        "officer": writer.map(|w| w.officer_name.clone()).or(told(origin.officer_name)),
        "device": writer.map(|w| w.device_name.clone()).or(told(origin.device_name)),
        "written": written.get(&side.change).copied().or(origin.written),
        "inspection": origin.inspection,
        "record": origin.record,
    })
}

/// A conflict as the interface shows it.
fn shown(tx: &mut Tx<'_>, org: OrgId, known: &Known, entity_name: Option<&String>) -> Result<Value, DbError> {
    let conflict = &known.conflict;
    let writers = journal::writers(tx, org, conflict.inspection)?;
    let headers = changes::headers(tx, org, conflict.inspection)?;
    let written = headers.into_iter().map(|header| (header.id, header.written)).collect();
    let state = inspections::find(tx, org, conflict.inspection)?.map(|visit| visit.state);
    let sides: Vec<_> = conflict.sides.iter().map(|s| side(s, &writers, &written)).collect();
    let choices = resolve::offered(conflict, state);
    Ok(json!({
        "id": conflict.id,
        "kind": conflict.kind,
        "inspection": conflict.inspection,
        "entity_name": entity_name,
        "unit": known.unit_code,
        "blocks": known.blocks,
        "path": conflict.path,
        "found_at": known.found_at,
        "closed_at": known.closed_at,
        "sides": sides,
        "choices": choices.into_iter().map(ChoiceKind::as_str).collect::<Vec<_>>(),
    }))
}

#[utoipa::path(get, path = "/api/v1/conflicts", tag = "conflicts", responses(
    (status = 200, description = "Open conflicts of the asker's scope, oldest first, each side with officer, device and time")))]
pub(crate) async fn list(State(app): State<App>, actor: UserActor) -> Result<axum::Json<Value>, ApiError> {
    actor.user.may(Act::ReadInspections)?;
    let org = actor.org;
    let read = move |tx: &mut Tx<'_>| {
        let open = conflicts::open(tx, org, actor.user.id, PAGE)?;
        let found = open.into_iter().map(|listed| shown(tx, org, &listed.known, listed.entity_name.as_ref()));
        found.collect::<Result<Vec<_>, DbError>>()
    };
    Ok(axum::Json(json!({"conflicts": app.db.read(read).await?})))
}

#[utoipa::path(get, path = "/api/v1/conflicts/{id}", tag = "conflicts", responses(
    (status = 200, description = "One conflict, with every decision about it, oldest first"),
    (status = 404, description = "not_found")))]
pub(crate) async fn show(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, ApiError> {
    let id: Digest = parse("id", &id)?;
    let org = actor.org;
    let read = move |tx: &mut Tx<'_>| {
        let known = conflicts::find(tx, org, &id)?.ok_or(ErrorCode::NotFound)?;
        actor.user.may_on(Act::ReadInspections, known.unit_code.as_deref().unwrap_or_default())?;
        let history = resolve::history::of(tx, org, &known)?;
        let entity = inspections::find(tx, org, known.conflict.inspection)?.map(|visit| visit.entity_name);
        let mut shown = shown(tx, org, &known, entity.as_ref())?;
        shown["decisions"] = history.iter().map(decision).collect();
        Ok::<_, ApiError>(shown)
    };
    Ok(axum::Json(app.db.read(read).await?))
}

fn decision(kept: &Kept) -> Value {
    json!({
        "id": kept.id,
        "at": kept.at,
        "by": kept.by,
        "capacity": kept.capacity,
        "choice": kept.choice,
        "value": kept.value,
        "reason": kept.reason,
        "undoes": kept.undoes,
    })
}

/// A decision as it is posted: exactly one of `side`, `value`, `both`, `leave_beside`, `choice`, `void` and
/// `renumber`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionBody {
    side: Option<String>,
    value: Option<Value>,
    both: Option<String>,
    #[serde(default)]
    leave_beside: bool,
    choice: Option<String>,
    void: Option<String>,
    renumber: Option<String>,
    #[serde(default)]
    reason: String,
}

impl DecisionBody {
    fn choice(self) -> Result<Choice, ApiError> {
        let about_number = self.void.is_some() || self.renumber.is_some();
        let else_said = self.side.is_some() || self.value.is_some() || self.both.is_some();
        if about_number && (else_said || self.leave_beside || self.choice.is_some()) {
            return Err(ErrorCode::ChoiceUnknown.into());
        }
        match (self.void, self.renumber) {
            (None, None) => {}
            (Some(side), None) => return Ok(Choice::Void(parse("void", &side)?)),
            (None, Some(side)) => return Ok(Choice::Renumber(parse("renumber", &side)?)),
            (Some(_), Some(_)) => return Err(ErrorCode::ChoiceUnknown.into()),
        }
        Ok(match (self.side, self.value, self.both, self.leave_beside, self.choice) {
            (Some(side), None, None, false, None) => Choice::Side(parse("side", &side)?),
            (None, Some(Value::String(register)), None, false, None) => Choice::Value(register),
            (None, Some(value), None, false, None) => Choice::Value(value.to_string()),
            (None, None, Some(side), false, None) => Choice::Both(parse("both", &side)?),
            (None, None, None, true, None) => Choice::Plain(ChoiceKind::Beside),
            (None, None, None, false, Some(name)) => {
                Choice::Plain(ChoiceKind::find(&name).ok_or(ErrorCode::ChoiceUnknown)?)
            }
            _ => return Err(ErrorCode::ChoiceUnknown.into()),
        })
    }
}

/// What became of a conflict, as it is answered.
fn answered(outcome: Outcome) -> Result<axum::Json<Value>, ApiError> {
    let mut answer = serde_json::to_value(&outcome.resolution).map_err(ApiError::internal)?;
    answer["decision"] = json!(outcome.decision);
    if let Some(code) = outcome.code {
        answer["enrolment_code"] = json!({"code": code.code, "expires_at": code.expires_at});
    }
    Ok(axum::Json(answer))
}

#[utoipa::path(post, path = "/api/v1/conflicts/{id}/decision", tag = "conflicts", request_body = serde_json::Value, responses(
    (status = 200, description = "The resolution, and the name of the decision (`decision`)"),
    (status = 409, description = "already_decided, sealed, state_wrong"),
    (status = 422, description = "choice_unknown, reason_missing")))]
pub(crate) async fn decide(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<DecisionBody>,
) -> Result<axum::Json<Value>, ApiError> {
    actor.user.may(Act::DecideConflicts)?;
    let id: Digest = parse("id", &id)?;
    let why = reason(&body.reason)?;
    answered(resolve::decide(&app, actor.org, &actor.user, id, body.choice()?, why).await?)
}

/// Which decision is taken back, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UndoBody {
    decision: String,
    #[serde(default)]
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/conflicts/{id}/undo", tag = "conflicts", request_body = serde_json::Value, responses(
    (status = 200, description = "What takes the decision back; the conflict is open again"),
    (status = 409, description = "already_decided, sealed, decision_took_effect"),
    (status = 422, description = "reason_missing")))]
pub(crate) async fn undo(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<UndoBody>,
) -> Result<axum::Json<Value>, ApiError> {
    actor.user.may(Act::DecideConflicts)?;
    let (id, decision): (Digest, DecisionId) = (parse("id", &id)?, parse("decision", &body.decision)?);
    let why = reason(&body.reason)?;
    answered(resolve::undo(&app, actor.org, &actor.user, id, decision, why).await?)
}
