//! Inspections as the console reads them.

use super::{Args, Listed, before, parse};
use crate::app::App;
use crate::auth::UserActor;
use crate::db::Tx;
use crate::documents;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::inspections::Inspection;
use crate::store::{changes, inspections, journal, review, rows, seals};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{CaseId, DeviceId, EntityId, InspectionId, OfficerId, TaskId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::{InspectionRow, InspectionState};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/inspections", get(list))
        .route("/api/v1/inspections/{id}", get(show))
        .route("/api/v1/inspections/{id}/history", get(history))
}

/// One visit as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InspectionListed {
    #[schema(value_type = String)]
    id: InspectionId,
    #[schema(value_type = String)]
    case: CaseId,
    #[schema(value_type = Option<String>)]
    task: Option<TaskId>,
    #[schema(value_type = String)]
    entity: EntityId,
    entity_name: String,
    unit: String,
    template_id: String,
    template_revision: String,
    #[schema(value_type = String)]
    state: InspectionState,
    changes: i64,
    answered: i64,
    failed: i64,
    open_conflicts: i64,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Moment,
}

impl From<Inspection> for InspectionListed {
    fn from(i: Inspection) -> Self {
        Self {
            id: i.id,
            case: i.case,
            task: i.task,
            entity: i.entity,
            entity_name: i.entity_name,
            unit: i.unit_code,
            template_id: i.template_id,
            template_revision: i.template_revision,
            state: i.state,
            changes: i.changes,
            answered: i.answered,
            failed: i.failed,
            open_conflicts: i.open_conflicts,
            updated_at: i.updated_at,
        }
    }
}

/// Which visits, and where their list goes on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct InspectionsWanted {
    /// `dispatched`, `in_progress`, `sealed`, `returned`, `accepted` or `disclosed`.
    state: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/inspections", tag = "inspections", params(InspectionsWanted), responses(
    (status = 200, description = "Visits of the asker's scope, last changed first", body = Listed<InspectionListed>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
    Args(args): Args<InspectionsWanted>,
) -> Result<axum::Json<Listed<InspectionListed>>, ApiError> {
    actor.user.may(Act::ReadInspections)?;
    let find =
        |name: &str| InspectionState::find(name).ok_or_else(|| ApiError::field("state", "no such state"));
    let state = args.state.as_deref().map(find).transpose()?;
    let before = before(args.before.as_deref())?;
    let (org, asker) = (actor.org, actor.user.id);
    let page = app.db.read(move |tx| review::list(tx, org, asker, state, &before)).await?;
    Ok(Listed::of(page, InspectionListed::from))
}

#[utoipa::path(get, path = "/api/v1/inspections/{id}", tag = "inspections", params(("id" = String, Path)), responses(
    (status = 200, body = serde_json::Value, description =
        "`info`: figures; `row`: state, seals, decisions, evidence, open conflicts; `view`: what it says now; `sealed`: what the last complete seal says"),
    (status = 404, description = "not_found")))]
pub(crate) async fn show(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<axum::Json<Value>, ApiError> {
    let id: InspectionId = parse("id", &id)?;
    let (info, row) = seen(&app, &actor, id).await?;
    let view = documents::view(&app, actor.org, id).await?;
    let sealed = match documents::view_at_seal(&app, actor.org, id).await {
        Ok((statement, view)) => Some(json!({"statement": statement, "view": view})),
        Err(error) if error.code == ErrorCode::StateWrong => None,
        Err(error) => return Err(error),
    };
    let info = InspectionListed::from(info);
    Ok(axum::Json(json!({"info": info, "row": row, "view": view, "sealed": sealed})))
}

async fn seen(
    app: &App,
    actor: &UserActor,
    id: InspectionId,
) -> Result<(Inspection, InspectionRow), ApiError> {
    let (org, asker) = (actor.org, actor.user.clone());
    let find = move |tx: &mut Tx<'_>| {
        let info = inspections::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
        asker.may_on(Act::ReadInspections, &info.unit_code)?;
        let row = rows::inspection(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
        Ok::<_, ApiError>((info, row))
    };
    app.db.read(find).await
}

/// One change of a document: who wrote it, where, and when as far as the server can vouch for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeListed {
    #[schema(value_type = String)]
    change: ChangeId,
    #[schema(value_type = Option<String>)]
    officer: Option<OfficerId>,
    officer_name: Option<String>,
    #[schema(value_type = Option<String>)]
    device: Option<DeviceId>,
    device_name: Option<String>,
    /// The journal entry that covers it.
    #[schema(value_type = Option<String>)]
    entry: Option<Digest>,
    #[schema(value_type = Option<String>, format = DateTime)]
    earliest: Option<Moment>,
    #[schema(value_type = Option<String>, format = DateTime)]
    latest: Option<Moment>,
    size_bytes: i64,
}

/// Which changes of a history are asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct HistoryPage {
    /// The last so many; all of them without it.
    limit: Option<u32>,
    /// Before this place: the `next` of a page.
    before: Option<i64>,
}

#[utoipa::path(get, path = "/api/v1/inspections/{id}/history", tag = "inspections", params(("id" = String, Path),
    ("limit" = Option<u32>, Query, description = "The last so many changes; all without it"),
    ("before" = Option<i64>, Query, description = "The `next` of an earlier page")),
    responses((status = 200, body = serde_json::Value, description =
        "`changes`, each after its predecessors; `next`, when there are earlier ones; `seals` with the time of completion; `decisions`"),
    (status = 404, description = "not_found")))]
pub(crate) async fn history(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Args(page): Args<HistoryPage>,
) -> Result<axum::Json<Value>, ApiError> {
    let id: InspectionId = parse("id", &id)?;
    let (_, row) = seen(&app, &actor, id).await?;
    let org = actor.org;
    let (before, limit) =
        (page.before.unwrap_or(i64::MAX), page.limit.map_or(i64::from(u32::MAX), i64::from).max(1));
    let read = move |tx: &mut Tx<'_>| {
        Ok::<_, ApiError>((
            // One more says whether there are others.
            changes::history(tx, org, id, before, limit + 1)?,
            journal::writers(tx, org, id)?,
            seals::list(tx, org, id)?,
        ))
    };
    let (mut changes, writers, seals) = app.db.read(read).await?;
    let names: BTreeMap<_, _> = writers.iter().map(|writer| (writer.actor, writer)).collect();
    let more = changes.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        changes.pop();
    }
    let next = changes.last().filter(|_| more).map(|change| change.position);
    let listed = changes.into_iter().rev().map(|change| {
        let writer = names.get(&change.actor);
        ChangeListed {
            change: change.id,
            officer: change.officer,
            officer_name: writer.map(|w| w.officer_name.clone()),
            device: change.device,
            device_name: writer.map(|w| w.device_name.clone()),
            entry: change.entry,
            earliest: change.written.earliest,
            latest: change.written.latest,
            size_bytes: change.size_bytes,
        }
    });
    let listed: Vec<_> = listed.collect();
    let seals: Vec<_> = seals
        .iter()
        .map(|s| json!({"digest": s.digest, "version": s.version, "completed_at": s.completed_at, "seal": s.seal}))
        .collect();
    Ok(axum::Json(json!({"changes": listed, "next": next, "seals": seals, "decisions": row.decisions})))
}
