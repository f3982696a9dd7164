//! What supervisors decide: returned, accepted, disclosed.

use super::{Json, check, parse, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::Act;
use crate::review::{self, Remarks};
use crate::store::disclosures::Disclosure;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use fieldproof_schema::ids::DisclosureId;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::Decision;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/inspections/{id}/return", post(give_back))
        .route("/api/v1/inspections/{id}/accept", post(accept))
        .route("/api/v1/inspections/{id}/disclose", post(disclose))
}

/// A return.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Return {
    /// What the officers have to answer. May be empty where a single item is spoken of.
    #[serde(default)]
    comment: String,
    /// What they have to answer about single items, by item.
    #[serde(default)]
    items: BTreeMap<String, String>,
}

impl Return {
    fn remarks(self) -> Result<Remarks, ApiError> {
        let said = |(item, text): (String, String)| Ok::<_, ApiError>((item, reason(&text)?));
        let items = self.items.into_iter().map(said).collect::<Result<BTreeMap<_, _>, _>>()?;
        let comment = if items.is_empty() {
            reason(&self.comment)?
        } else {
            check::optional_text("comment", &self.comment, REASON_CHARS_MAX)?
        };
        Ok(Remarks { comment, items })
    }
}

#[utoipa::path(post, path = "/api/v1/inspections/{id}/return", tag = "reviews", params(("id" = String, Path)),
    request_body = Return, responses(
    (status = 200, description = "The decision", body = serde_json::Value), (status = 404, description = "not_found"),
    (status = 409, description = "already_decided, state_wrong"), (status = 422, description = "reason_missing, answer_unknown_item, field_invalid")))]
pub(crate) async fn give_back(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<Return>,
) -> Result<axum::Json<Decision>, ApiError> {
    actor.user.may(Act::Review)?;
    let decision =
        review::give_back(&app, actor.org, &actor.user, parse("id", &id)?, body.remarks()?).await?;
    Ok(axum::Json(decision))
}

/// An acceptance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accept {
    #[serde(default)]
    comment: String,
    /// Why it is accepted although evidence is missing on the server.
    #[serde(default)]
    accept_missing_evidence: Option<String>,
}

#[utoipa::path(post, path = "/api/v1/inspections/{id}/accept", tag = "reviews", params(("id" = String, Path)),
    request_body = Accept, responses(
    (status = 200, description = "The decision", body = serde_json::Value), (status = 404, description = "not_found"),
    (status = 409, description = "already_decided, state_wrong, conflicts_open, evidence_incomplete (`missing`)"),
    (status = 422, description = "reason_missing, field_invalid")))]
pub(crate) async fn accept(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<Accept>,
) -> Result<axum::Json<Decision>, ApiError> {
    actor.user.may(Act::Review)?;
    let comment = check::optional_text("comment", &body.comment, REASON_CHARS_MAX)?;
    let gap = body.accept_missing_evidence.map(|text| reason(&text)).transpose()?;
    let decision = review::accept(&app, actor.org, &actor.user, parse("id", &id)?, comment, gap).await?;
    Ok(axum::Json(decision))
}

/// A published result.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Published {
    #[schema(value_type = String)]
    id: DisclosureId,
    #[schema(value_type = String, format = DateTime)]
    published_at: Moment,
    /// What the public reads.
    body: Value,
}

impl From<Disclosure> for Published {
    fn from(disclosure: Disclosure) -> Self {
        Self { id: disclosure.id, published_at: disclosure.published_at, body: disclosure.body }
    }
}

#[utoipa::path(post, path = "/api/v1/inspections/{id}/disclose", tag = "reviews", params(("id" = String, Path)),
    responses((status = 201, description = "The result is public", body = Published),
    (status = 404, description = "not_found"), (status = 409, description = "already_decided, state_wrong")))]
pub(crate) async fn disclose(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<Published>), ApiError> {
    actor.user.may(Act::Disclose)?;
    let disclosure = review::disclose(&app, actor.org, &actor.user, parse("id", &id)?).await?;
    Ok((StatusCode::CREATED, axum::Json(disclosure.into())))
}
