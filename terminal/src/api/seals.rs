//! Sealing (定稿): what would be signed, signing it, and signing with a colleague.

use super::{Json, Path, Query, parse, shape};
use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use fieldproof_client_core::Client;
use fieldproof_schema::seal::Party;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/inspections/{id}/seal", get(preview).post(seal))
        .route("/api/v1/inspections/{id}/cosign", post(cosign))
}

/// How the party took it, in the address: `outcome=signed&name=…` or `outcome=refused&witness=…&reason=…`.
#[derive(Deserialize)]
struct PreviewQuery {
    #[serde(flatten)]
    party: Party,
    comment: Option<String>,
    /// Why it cannot wait for the conflicts that are open.
    despite: Option<String>,
}

async fn preview(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<PreviewQuery>,
) -> Result<axum::Json<Value>, ApiError> {
    let id = parse("inspection", &id)?;
    let PreviewQuery { party, comment, despite } = query;
    let draw_up =
        move |client: &Client| client.seal_statement(id, &party, comment.as_deref(), despite.as_deref());
    let preview = app.read(draw_up).await?;
    Ok(axum::Json(shape::seal_preview(&preview)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealBody {
    passphrase: String,
    party: Party,
    #[serde(default)]
    comment: Option<String>,
    /// Why it is signed although conflicts are open.
    #[serde(default)]
    despite: Option<String>,
}

async fn seal(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<SealBody>,
) -> Result<axum::Json<Value>, ApiError> {
    let id = parse("inspection", &id)?;
    let SealBody { passphrase, party, comment, despite } = body;
    let sign = move |client: &Client| match &despite {
        Some(reason) => client.seal_despite(id, &passphrase, &party, comment.as_deref(), reason),
        None => client.seal(id, &passphrase, &party, comment.as_deref()),
    };
    let seal = app.act(sign).await?;
    Ok(axum::Json(json!({"seal": seal})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CosignBody {
    passphrase: String,
}

async fn cosign(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<CosignBody>,
) -> Result<axum::Json<Value>, ApiError> {
    let id = parse("inspection", &id)?;
    let seal = app.act(move |client| client.cosign(id, &body.passphrase)).await?;
    Ok(axum::Json(json!({"seal": seal})))
}
