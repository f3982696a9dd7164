//! Changes that are held apart: what waits for a decision, what one says, deciding, and one as a file.

use super::{Args, Json, Listed, before, parse};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::Act;
use crate::quarantine::{self, Contents, Verdict, Which};
use crate::store::inbox::{Decided, Ruling};
use crate::store::quarantine::{Filter, Listed as Apart, Name};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OfficerId, UserId};
use fieldproof_schema::journal::Kind;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    const ONE: &str = "/api/v1/quarantine/{inspection}/{device}/{digest}";
    Router::new()
        .route("/api/v1/quarantine", get(list))
        .route(ONE, get(show))
        .route(&format!("{ONE}/decision"), post(decide))
        .route(&format!("{ONE}/export"), get(export))
}

/// Where one is: the visit, the terminal, the digest of the bytes.
pub(crate) type Place = (String, String, String);

/// The name of one out of its address.
pub(crate) fn name((inspection, device, digest): &Place) -> Result<Name, ApiError> {
    Ok(Name {
        inspection: parse("inspection", inspection)?,
        device: parse("device", device)?,
        digest: parse("digest", digest)?,
    })
}

/// Which ones, and where their list goes on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuarantineWanted {
    /// `open` (what waits for a decision) or `decided`; without it `open`.
    state: Option<String>,
    /// The error code for which it is held apart.
    code: Option<String>,
    /// The visit.
    inspection: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
}

/// A change that is, or was, held apart.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantineListed {
    #[schema(value_type = String)]
    inspection: InspectionId,
    #[schema(value_type = String)]
    device: DeviceId,
    #[schema(value_type = String)]
    digest: Digest,
    /// `quarantined`; of what was let in `accepted`, `waiting` or `received`.
    state: &'static str,
    code: Option<String>,
    /// Whether a decision may let it in.
    may_be_accepted: bool,
    #[schema(value_type = String, format = DateTime)]
    received_at: Moment,
    size_bytes: u64,
    /// Absent for a visit that the server does not know.
    entity_name: Option<String>,
    /// Empty for what the server wrote itself and was brought back to it.
    device_name: String,
    /// Absent for what the server wrote itself.
    #[schema(value_type = Option<String>)]
    officer: Option<OfficerId>,
    officer_name: String,
    /// The decision that stands.
    decision: Option<QuarantineDecision>,
}

/// A decision that stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantineDecision {
    /// What another decision names as the one that it replaces.
    #[schema(value_type = String)]
    id: DecisionId,
    /// `accept` or `keep`.
    decision: &'static str,
    reason: String,
    #[schema(value_type = String)]
    by: UserId,
    by_name: String,
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
}

impl From<(Decided, String)> for QuarantineDecision {
    fn from((decided, by_name): (Decided, String)) -> Self {
        let Decided { id, ruling, by, at, reason } = decided;
        Self { id, decision: ruling.as_str(), reason, by, by_name, at }
    }
}

impl From<Apart> for QuarantineListed {
    fn from(apart: Apart) -> Self {
        Self {
            inspection: apart.name.inspection,
            device: apart.name.device,
            digest: apart.name.digest,
            state: apart.state.as_str(),
            may_be_accepted: apart.may_be_accepted(),
            code: apart.code,
            received_at: apart.received_at,
            size_bytes: apart.size_bytes,
            entity_name: apart.entity_name,
            device_name: apart.device_name,
            officer: apart.officer,
            officer_name: apart.officer_name,
            decision: apart.decided.map(Into::into),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/quarantine", tag = "quarantine", params(QuarantineWanted), responses(
    (status = 200, description = "What is held apart in the asker's scope, newest first", body = Listed<QuarantineListed>),
    (status = 403, description = "not_allowed")))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
    Args(args): Args<QuarantineWanted>,
) -> Result<axum::Json<Listed<QuarantineListed>>, ApiError> {
    actor.user.may(Act::DecideQuarantine)?;
    let which = match args.state.as_deref() {
        None | Some("open") => Which::Open,
        Some("decided") => Which::Decided,
        Some(_) => return Err(ApiError::field("state", "no such state")),
    };
    let inspection = args.inspection.as_deref().map(|id| parse("inspection", id)).transpose()?;
    let (filter, before) = (Filter { code: args.code, inspection }, before(args.before.as_deref())?);
    let page = quarantine::list(&app, actor.org, &actor.user, which, filter, before).await?;
    Ok(Listed::of(page, QuarantineListed::from))
}

#[utoipa::path(get, path = "/api/v1/quarantine/{inspection}/{device}/{digest}", tag = "quarantine",
    params(("inspection" = String, Path), ("device" = String, Path), ("digest" = String, Path)), responses(
    (status = 200, body = serde_json::Value, description =
        "`item`; `header`: what it says about itself, null for what is no readable change; `missing`: what it builds upon and is not here; `places` with the values before and after it, null where they cannot be read; `entry` that covers it; `decisions`, oldest first"),
    (status = 404, description = "not_found")))]
pub(crate) async fn show(
    State(app): State<App>,
    actor: UserActor,
    Path(place): Path<Place>,
) -> Result<axum::Json<Value>, ApiError> {
    actor.user.may(Act::DecideQuarantine)?;
    let contents = quarantine::contents(&app, &actor, name(&place)?).await?;
    Ok(axum::Json(body(contents)))
}

fn body(contents: Contents) -> Value {
    let header = contents.header.as_ref().map(|header| {
        json!({"change": header.id, "actor": header.actor, "seq": header.seq, "deps": header.deps, "ops": header.ops})
    });
    let entry = contents.cover.as_ref().map(|cover| {
        json!({
            "hash": cover.hash,
            "kind": Kind::Saved.as_str(),
            "officer": cover.officer,
            "earliest": cover.written.earliest,
            "latest": cover.written.latest,
        })
    });
    let place =
        |place: &quarantine::Place| json!({"path": place.path, "before": place.before, "after": place.after});
    let places =
        contents.written.as_ref().map(|written| written.places.iter().map(place).collect::<Vec<_>>());
    json!({
        "header": header,
        "missing": contents.missing,
        "builds_upon_apart": contents.upon,
        "places": places,
        "more_places": contents.written.as_ref().map(|written| written.more),
        "entry": entry,
        "alike": contents.alike,
        "decisions": quarantine::decisions(&contents.history),
        "item": QuarantineListed::from(contents.listed),
    })
}

/// A decision as it is posted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuarantineDecide {
    /// `accept` or `keep`.
    decision: String,
    /// Why: 2 to 2000 characters.
    #[serde(default)]
    reason: String,
    /// The `id` of the decision that stands, where one does.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    replaces: Option<DecisionId>,
    /// Also about everything alike: of the same terminal, for the same visit, for the same reason.
    #[serde(default)]
    together: bool,
}

#[utoipa::path(post, path = "/api/v1/quarantine/{inspection}/{device}/{digest}/decision", tag = "quarantine",
    params(("inspection" = String, Path), ("device" = String, Path), ("digest" = String, Path)),
    request_body = QuarantineDecide, responses(
    (status = 200, description = "What became of it", body = QuarantineListed), (status = 404, description = "not_found"),
    (status = 409, description = "already_decided, state_wrong"),
    (status = 422, description = "choice_unknown, reason_missing")))]
pub(crate) async fn decide(
    State(app): State<App>,
    actor: UserActor,
    Path(place): Path<Place>,
    Json(body): Json<QuarantineDecide>,
) -> Result<axum::Json<QuarantineListed>, ApiError> {
    actor.user.may(Act::DecideQuarantine)?;
    let verdict = Verdict {
        ruling: Ruling::find(&body.decision).ok_or(ErrorCode::ChoiceUnknown)?,
        reason: quarantine::reason_of(&body.reason)?,
        replaces: body.replaces,
        together: body.together,
    };
    let apart = quarantine::decide(&app, actor.org, &actor.user, name(&place)?, verdict).await?;
    Ok(axum::Json(apart.into()))
}

#[utoipa::path(get, path = "/api/v1/quarantine/{inspection}/{device}/{digest}/export", tag = "quarantine",
    params(("inspection" = String, Path), ("device" = String, Path), ("digest" = String, Path)), responses(
    (status = 200, body = serde_json::Value, description =
        "A file: the bytes in hex, who sent them, the journal entry with its signature, the decisions"),
    (status = 404, description = "not_found")))]
pub(crate) async fn export(
    State(app): State<App>,
    actor: UserActor,
    Path(place): Path<Place>,
) -> Result<Response, ApiError> {
    file(&app, &actor, name(&place)?).await
}

/// One change as a file to keep.
pub(crate) async fn file(app: &App, actor: &UserActor, name: Name) -> Result<Response, ApiError> {
    actor.user.may(Act::DecideQuarantine)?;
    let (file, body) = quarantine::export(&quarantine::contents(app, actor, name).await?);
    let headers = [
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, axum::Json(body)).into_response())
}
