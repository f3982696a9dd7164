//! Whether the server can work: for load balancers and supervisors of processes.

use crate::app::App;
use crate::error::ApiError;
use crate::store::tenants;
use axum::Router;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(health))
}

#[utoipa::path(get, path = "/healthz", tag = "health", responses(
    (status = 200, description = "The database answers and the organisation is there"),
    (status = 503, description = "unavailable")))]
pub(crate) async fn health(State(app): State<App>) -> Result<Response, ApiError> {
    // Asked of the database each time: what the process remembers says nothing about it.
    let tenant = app.db.read(tenants::find).await?;
    let tenant = tenant.ok_or_else(|| {
        ApiError::new(ErrorCode::Unavailable)
            .with(json!({"why": "no organisation: run `fieldproof admin init`"}))
    })?;
    let body = axum::Json(json!({"status": "ok", "organisation": tenant.code, "server_at": app.now()}));
    Ok(([(CACHE_CONTROL, "no-store")], body).into_response())
}
