//! Inspections (检查): the list, and everything about one.

use super::{Path, parse, shape};
use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use fieldproof_client_core::Client;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/api/v1/inspections", get(list)).route("/api/v1/inspections/{id}", get(show))
}

async fn list(State(app): State<App>) -> Result<axum::Json<Value>, ApiError> {
    let inspections = app.read(Client::inspections).await?;
    Ok(axum::Json(json!({"inspections": inspections})))
}

async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<axum::Json<Value>, ApiError> {
    let id = parse("inspection", &id)?;
    let detail = app.read(move |client| client.inspection(id)).await?;
    Ok(axum::Json(shape::detail(&detail)))
}
