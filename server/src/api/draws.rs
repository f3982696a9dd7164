//! Draws: committed, revealed, recused from, dispatched.

use super::{Json, check, parse, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::dispatch::{self, Order};
use crate::drawing;
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::store::draws::{Draw, Stage};
use crate::store::tasks;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fieldproof_schema::draw::{Assignment, DrawRecord, Excluded, Frozen, Recusal, RecusalKind};
use fieldproof_schema::ids::{DrawId, OfficerId, OrgId, PlanId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::TaskRow;
use fieldproof_schema::suite::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/plans/{id}/draws", post(commit))
        .route("/api/v1/draws/{id}", get(show))
        .route("/api/v1/draws/{id}/reveal", post(reveal))
        .route("/api/v1/draws/{id}/recusals", post(recuse))
        .route("/api/v1/draws/{id}/record", get(record))
        .route("/api/v1/draws/{id}/dispatch", post(dispatch))
}

/// What is told before the entropy is known.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DrawCommitted {
    #[schema(value_type = String)]
    id: DrawId,
    /// The hash of the server's secret.
    #[schema(value_type = String)]
    commitment: Digest,
    /// The hashes of directory, terms and pool.
    #[schema(value_type = Object)]
    frozen: Frozen,
}

#[utoipa::path(post, path = "/api/v1/plans/{id}/draws", tag = "draws", params(("id" = String, Path)), responses(
    (status = 201, description = "Frozen and committed; write both down before drawing entropy", body = DrawCommitted),
    (status = 404, description = "not_found"),
    (status = 409, description = "state_wrong: another draw of the row waits for its entropy"),
    (status = 422, description = "plan_invalid")))]
pub(crate) async fn commit(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<DrawCommitted>), ApiError> {
    actor.user.may(Act::Draw)?;
    let plan: PlanId = parse("id", &id)?;
    let made = drawing::commit(&app, actor.org, &actor.user, plan).await?;
    let answer = DrawCommitted { id: made.id, commitment: made.commitment, frozen: made.frozen };
    Ok((StatusCode::CREATED, axum::Json(answer)))
}

/// A draw as far as it went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DrawShown {
    #[schema(value_type = String)]
    id: DrawId,
    #[schema(value_type = String)]
    plan: PlanId,
    /// `committed`, `drawn` or `dispatched`.
    state: &'static str,
    #[schema(value_type = String)]
    commitment: Digest,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    /// Entities and officers in the frozen directory.
    entities: usize,
    officers: usize,
    /// Once drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// Once dispatched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    tasks: Vec<TaskRow>,
}

/// What a draw gave.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Outcome {
    /// The hash of the whole record.
    #[schema(value_type = String)]
    record: Digest,
    eligible: usize,
    #[schema(value_type = Vec<Object>)]
    excluded: Vec<Excluded>,
    picks: Vec<PickShown>,
    recusals: usize,
}

/// One pick.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PickShown {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    assignment: Assignment,
    /// The entity's code.
    entity_code: String,
    /// The officers' codes.
    officer_codes: Vec<String>,
}

fn outcome(record: &DrawRecord) -> Outcome {
    let directory = &record.input.directory;
    let entities: BTreeMap<_, _> = directory.entities.iter().map(|e| (e.id, &e.code)).collect();
    let officers: BTreeMap<_, _> = directory.officers.iter().map(|o| (o.id, &o.code)).collect();
    let pick = |assignment: &Assignment| PickShown {
        entity_code: entities.get(&assignment.entity).map(|code| (*code).clone()).unwrap_or_default(),
        officer_codes: assignment
            .team
            .officers()
            .iter()
            .filter_map(|o| Some((*officers.get(o)?).clone()))
            .collect(),
        assignment: assignment.clone(),
    };
    Outcome {
        record: record.digest,
        eligible: record.steps.eligible.len(),
        excluded: record.steps.excluded.clone(),
        picks: record.result.iter().map(pick).collect(),
        recusals: record.recusals.len(),
    }
}

fn shown(draw: &Draw, tasks: Vec<TaskRow>) -> DrawShown {
    let directory = &draw.stage.input().directory;
    DrawShown {
        id: draw.id,
        plan: draw.plan,
        state: draw.stage.as_str(),
        commitment: draw.secret.commitment(),
        created_at: draw.created_at,
        entities: directory.entities.len(),
        officers: directory.officers.len(),
        outcome: draw.stage.record().map(outcome),
        tasks,
    }
}

#[utoipa::path(get, path = "/api/v1/draws/{id}", tag = "draws", params(("id" = String, Path)), responses(
    (status = 200, description = "The draw as far as it went", body = DrawShown),
    (status = 404, description = "not_found")))]
pub(crate) async fn show(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<axum::Json<DrawShown>, ApiError> {
    actor.user.may(Act::Draw)?;
    let id: DrawId = parse("id", &id)?;
    let draw = drawing::find(&app, actor.org, &actor.user, id).await?;
    let tasks = match draw.stage {
        Stage::Dispatched(_) => app.db.read(move |tx| tasks::of_draw(tx, actor.org, id)).await?,
        Stage::Committed(_) | Stage::Drawn(_) => Vec::new(),
    };
    Ok(axum::Json(shown(&draw, tasks)))
}

/// Entropy that nobody knew when the draw was committed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reveal {
    /// What two witnesses typed, or a beacon's value.
    entropy: String,
}

#[utoipa::path(post, path = "/api/v1/draws/{id}/reveal", tag = "draws", params(("id" = String, Path)),
    request_body = Reveal, responses(
    (status = 200, description = "What was drawn", body = Outcome), (status = 404, description = "not_found"),
    (status = 409, description = "state_wrong: it was drawn before"),
    (status = 422, description = "draw_entropy_invalid")))]
pub(crate) async fn reveal(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<Reveal>,
) -> Result<axum::Json<Outcome>, ApiError> {
    actor.user.may(Act::Draw)?;
    let record = drawing::reveal(&app, actor.org, &actor.user, parse("id", &id)?, body.entropy).await?;
    Ok(axum::Json(outcome(&record)))
}

/// An officer stands back from a pick.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recuse {
    /// From 1.
    pick: u32,
    #[schema(value_type = String)]
    officer: OfficerId,
    /// `kinship`, `investment`, `employment` or `other`.
    #[schema(value_type = String)]
    kind: RecusalKind,
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/draws/{id}/recusals", tag = "draws", params(("id" = String, Path)),
    request_body = Recuse, responses(
    (status = 200, description = "The draw with the replacement", body = Outcome),
    (status = 404, description = "not_found"), (status = 409, description = "state_wrong"),
    (status = 422, description = "recusal_invalid, reason_missing")))]
pub(crate) async fn recuse(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<Recuse>,
) -> Result<axum::Json<Outcome>, ApiError> {
    actor.user.may(Act::Draw)?;
    let Recuse { pick, officer, kind, .. } = body;
    let reason = reason(&body.reason)?;
    let recusal = |declared_by, at| Recusal { pick, officer, kind, reason, declared_by, at };
    let record = drawing::recuse(&app, actor.org, &actor.user, parse("id", &id)?, recusal).await?;
    Ok(axum::Json(outcome(&record)))
}

#[utoipa::path(get, path = "/api/v1/draws/{id}/record", tag = "draws", params(("id" = String, Path)), responses(
    (status = 200, description = "The whole record, for `fieldproof draw verify`", body = serde_json::Value),
    (status = 404, description = "not_found"), (status = 409, description = "state_wrong: not drawn yet")))]
pub(crate) async fn record(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    actor.user.may(Act::Draw)?;
    file(&app, actor.org, &actor.user, parse("id", &id)?).await
}

/// The record as a file.
pub(crate) async fn file(app: &App, org: OrgId, user: &User, id: DrawId) -> Result<Response, ApiError> {
    let draw = drawing::find(app, org, user, id).await?;
    let record = draw.stage.record().ok_or_else(|| drawing::wrong_state(&draw.stage))?;
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"draw-{id}.json\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, record.to_json()).into_response())
}

/// How a draw is dispatched.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dispatch {
    /// Which checklist, by entity code or specialty: `water-central`, or `water-central@2026.1`.
    #[serde(default)]
    templates: BTreeMap<String, String>,
    /// The last day; the end of the plan's next window where it is absent.
    #[serde(default)]
    due: Option<String>,
}

/// What was dispatched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DispatchedTasks {
    #[schema(value_type = Vec<Object>)]
    tasks: Vec<TaskRow>,
    /// Picks without a team, for which nothing was made.
    unassigned: Vec<u32>,
}

#[utoipa::path(post, path = "/api/v1/draws/{id}/dispatch", tag = "draws", params(("id" = String, Path)),
    request_body = Dispatch, responses(
    (status = 201, description = "One task and one inspection per pick that has a team", body = DispatchedTasks),
    (status = 404, description = "not_found"),
    (status = 409, description = "state_wrong: not drawn, or dispatched before; draw_too_few_officers"),
    (status = 422, description = "field_invalid: `unresolved` lists the picks without a checklist; nothing was made")))]
pub(crate) async fn dispatch(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<Dispatch>,
) -> Result<(StatusCode, axum::Json<DispatchedTasks>), ApiError> {
    actor.user.may(Act::Draw)?;
    let due = body.due.map(|text| check::date("due", &text)).transpose()?;
    if due.is_some_and(|due| due < app.now().date_in_china()) {
        return Err(ApiError::field("due", "has passed"));
    }
    let order = Order { templates: body.templates, due };
    let made = dispatch::dispatch(&app, actor.org, &actor.user, parse("id", &id)?, order).await?;
    Ok((StatusCode::CREATED, axum::Json(DispatchedTasks { tasks: made.tasks, unassigned: made.unassigned })))
}
