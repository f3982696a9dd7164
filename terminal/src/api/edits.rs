//! Writing into an inspection: answers, notes, texts, findings, measurements. What is answered was committed before.

use super::{Json, Path, parse, shape};
use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{post, put};
use fieldproof_client_core::{Client, ClientError};
use fieldproof_schema::checklist::Answer;
use fieldproof_schema::ids::{InspectionId, RecordId};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/inspections/{id}/answers/{item}", put(answer))
        .route("/api/v1/inspections/{id}/notes/{item}", put(note))
        .route("/api/v1/inspections/{id}/narrative", put(narrative))
        .route("/api/v1/inspections/{id}/statement", put(statement))
        .route("/api/v1/inspections/{id}/findings", post(finding))
        .route("/api/v1/inspections/{id}/measurements", post(measurement))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    answer: Answer,
}

async fn answer(
    State(app): State<App>,
    Path((id, item)): Path<(String, String)>,
    Json(body): Json<AnswerBody>,
) -> Result<axum::Json<Value>, ApiError> {
    let id = parse("inspection", &id)?;
    let judgement = app.act(move |client| client.answer(id, &item, &body.answer)).await?;
    Ok(axum::Json(json!({"judgement": shape::judgement(&judgement)})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextBody {
    text: String,
}

async fn note(
    State(app): State<App>,
    Path((id, item)): Path<(String, String)>,
    Json(body): Json<TextBody>,
) -> Result<StatusCode, ApiError> {
    let id = parse("inspection", &id)?;
    app.act(move |client| client.note(id, &item, None, &body.text)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn narrative(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<TextBody>,
) -> Result<StatusCode, ApiError> {
    let id = parse("inspection", &id)?;
    app.act(move |client| client.narrative(id, None, &body.text)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn statement(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<TextBody>,
) -> Result<StatusCode, ApiError> {
    let id = parse("inspection", &id)?;
    app.act(move |client| client.statement(id, None, &body.text)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A register of the document: a new one, or in place of `record`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterBody {
    #[serde(default)]
    record: Option<RecordId>,
    register: Value,
}

type Write = fn(&Client, InspectionId, Option<RecordId>, &Value) -> Result<RecordId, ClientError>;

async fn finding(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<RegisterBody>,
) -> Result<(StatusCode, axum::Json<Value>), ApiError> {
    register(&app, &id, body, Client::finding).await
}

async fn measurement(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<RegisterBody>,
) -> Result<(StatusCode, axum::Json<Value>), ApiError> {
    register(&app, &id, body, Client::measurement).await
}

async fn register(
    app: &App,
    id: &str,
    body: RegisterBody,
    write: Write,
) -> Result<(StatusCode, axum::Json<Value>), ApiError> {
    let id = parse("inspection", id)?;
    let status = if body.record.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let record = app.act(move |client| write(client, id, body.record, &body.register)).await?;
    Ok((status, axum::Json(json!({"record": record}))))
}
