//! Packages: a visit as a file, and what a colleague's file holds.

use super::{Path, Query, parse};
use crate::app::App;
use crate::error::ApiError;
use crate::incoming;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fieldproof_client_core::Client;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::EVIDENCE_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use tokio_util::io::ReaderStream;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/inspections/{id}/package", post(export))
        .route("/api/v1/packages", post(import))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    /// Whether the originals that are here belong in it.
    #[serde(default)]
    originals: bool,
}

async fn export(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(what): Query<What>,
) -> Result<Response, ApiError> {
    body_of(&app, parse("inspection", &id)?, what.originals).await
}

/// Makes a package and answers with it. Its file has lost its name before the first byte is sent; what a kill leaves is
/// cleared at the next start.
pub(crate) async fn body_of(app: &App, id: InspectionId, originals: bool) -> Result<Response, ApiError> {
    let failed = |source: io::Error| ApiError::File { what: "making a package", source };
    let place = tempfile::tempdir_in(app.incoming()).map_err(failed)?;
    let file = app
        .act(move |client: &Client| {
            let path = place.path().join("package.zip");
            client.export_package(id, &path, originals)?;
            Ok(std::fs::File::open(&path))
        })
        .await?
        .map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut response = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file))).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(axum::http::header::CONTENT_LENGTH, HeaderValue::from(length));
    // An id is plain ASCII.
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"fieldproof-{id}.zip\"")) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

async fn import(State(app): State<App>, body: Body) -> Result<axum::Json<Value>, ApiError> {
    let received = incoming::receive(app.incoming(), body, EVIDENCE_BYTES_MAX).await?;
    let imported = app.act(move |client| client.import_package(&received)).await?;
    Ok(axum::Json(json!({
        "inspection": imported.inspection,
        "changes": imported.changes,
        "entries": imported.entries,
        "originals": imported.originals,
        "waiting": imported.waiting,
        "refused": imported.refused,
    })))
}
