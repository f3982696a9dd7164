//! What happened to an inspection, in order.

use super::{Path, parse, shape};
use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::Value;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/api/v1/inspections/{id}/history", get(show))
}

async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<axum::Json<Value>, ApiError> {
    let id = parse("inspection", &id)?;
    let history = app.read(move |client| client.history(id)).await?;
    Ok(axum::Json(shape::history(&history)))
}
