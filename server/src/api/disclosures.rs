//! Published results, for everyone and without signing in.

use super::reviews::Published;
use super::{Args, Listed, before, check, parse};
use crate::app::App;
use crate::error::ApiError;
use crate::store::disclosures;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_schema::ids::DisclosureId;
use fieldproof_schema::wire::error::ErrorCode;
use serde::Deserialize;

/// Caches may answer for a minute: new results are seen soon, and a rush of readers meets the cache.
const CACHEABLE: &str = "public, max-age=60";

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/public/results", get(list)).route("/api/v1/public/results/{id}", get(show))
}

/// Which results, and where their list goes on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultsWanted {
    /// Part of the entity's name.
    search: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/public/results", tag = "public", params(ResultsWanted), responses(
    (status = 200, description = "Results, newest first", body = Listed<Published>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Args(args): Args<ResultsWanted>,
) -> Result<Response, ApiError> {
    let before = before(args.before.as_deref())?;
    let search = args.search.map(|text| check::optional_text("search", &text, 100)).transpose()?;
    let org = app.org().await?;
    let list = move |tx: &mut crate::db::Tx<'_>| disclosures::list(tx, org, search.as_deref(), &before);
    let page = app.db.read(list).await?;
    Ok(([(CACHE_CONTROL, CACHEABLE)], Listed::of(page, Published::from)).into_response())
}

#[utoipa::path(get, path = "/api/v1/public/results/{id}", tag = "public", params(("id" = String, Path)), responses(
    (status = 200, description = "One result", body = Published), (status = 404, description = "not_found")))]
pub(crate) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id: DisclosureId = parse("id", &id)?;
    let org = app.org().await?;
    let found = app.db.read(move |tx| disclosures::find(tx, org, id)).await?.ok_or(ErrorCode::NotFound)?;
    Ok(([(CACHE_CONTROL, CACHEABLE)], axum::Json(Published::from(found))).into_response())
}
