//! What inspections refer to: checklists (检查表) and provisions (条款).

use super::{Path, shape};
use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use fieldproof_client_core::{Client, ClientError};
use fieldproof_schema::checklist::Template;
use serde_json::Value;
use std::sync::Arc;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/templates/{id}/{revision}", get(template))
        .route("/api/v1/provisions/{reference}", get(provision))
}

/// The checklist word for word, as the server released it.
async fn template(
    State(app): State<App>,
    Path((id, revision)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let found = app.read(move |client| pinned_template(client, &id, &revision)).await?;
    let found = found.ok_or(ClientError::NotFound { what: "template" })?;
    Ok(([(CONTENT_TYPE, "application/json")], found.canonical().to_owned()))
}

/// Looks among the checklists that inspections of this terminal pin.
fn pinned_template(client: &Client, id: &str, revision: &str) -> Result<Option<Arc<Template>>, ClientError> {
    for line in client.inspections()? {
        let template = match client.inspection(line.id) {
            Ok(detail) => detail.template,
            // Its document has not arrived; another inspection may pin the same checklist.
            Err(ClientError::StateWrong { .. }) => None,
            Err(error) => return Err(error),
        };
        if let Some(template) = template
            && template.id == id
            && template.revision == revision
        {
            return Ok(Some(template));
        }
    }
    Ok(None)
}

async fn provision(
    State(app): State<App>,
    Path(reference): Path<String>,
) -> Result<axum::Json<Value>, ApiError> {
    let today = app.host().now().date_in_china();
    let found = app
        .read(move |client| {
            let laws = client.laws()?.ok_or(ClientError::NotFound { what: "law register" })?;
            let found = shape::citation(&laws, &reference, today);
            found.ok_or(ClientError::NotFound { what: "provision" })
        })
        .await?;
    Ok(axum::Json(found))
}
