//! Writing into an inspection: answers, notes, texts, findings, measurements. What is answered was committed before.

use super::{Json, Path, parse, shape};
use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use fieldproof_client_core::{Client, ClientError, Correction, NewPaper};
use fieldproof_schema::checklist::Answer;
use fieldproof_schema::directory::EntityField;
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
        .route("/api/v1/inspections/{id}/proposals", get(proposals).post(propose))
        .route("/api/v1/inspections/{id}/proposals/{record}/take-back", post(take_back))
        .route("/api/v1/inspections/{id}/papers", get(papers).post(register_paper))
        .route("/api/v1/inspections/{id}/papers/{record}/void", post(void_paper))
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

async fn proposals(State(app): State<App>, Path(id): Path<String>) -> Result<axum::Json<Value>, ApiError> {
    let id = parse("inspection", &id)?;
    let book = app.read(move |client| client.proposals(id)).await?;
    Ok(axum::Json(shape::proposals(&book)))
}

/// A correction of the directory: a new one, or other words in place of `record`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProposalBody {
    #[serde(default)]
    record: Option<RecordId>,
    field: String,
    value: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    evidence: Vec<RecordId>,
}

async fn propose(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<ProposalBody>,
) -> Result<(StatusCode, axum::Json<Value>), ApiError> {
    let id = parse("inspection", &id)?;
    let ProposalBody { record, field, value, reason, evidence } = body;
    let known = EntityField::find(&field);
    let field =
        known.ok_or_else(|| ApiError::field("field", format!("{field:?} is no fact of an entity")))?;
    let status = if record.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let correction = Correction { field, value, reason, evidence };
    let record = app.act(move |client| client.propose(id, record, &correction)).await?;
    Ok((status, axum::Json(json!({"record": record}))))
}

async fn take_back(
    State(app): State<App>,
    Path((id, record)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (id, record) = (parse("inspection", &id)?, parse("record", &record)?);
    app.act(move |client| client.take_back(id, record)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn papers(State(app): State<App>, Path(id): Path<String>) -> Result<axum::Json<Value>, ApiError> {
    let id = parse("inspection", &id)?;
    let book = app.read(move |client| client.papers(id)).await?;
    Ok(axum::Json(shape::papers(&book)))
}

/// A paper form: with the next number, or with the one that stands on it already.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaperBody {
    form: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    serial: Option<u32>,
}

async fn register_paper(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<PaperBody>,
) -> Result<(StatusCode, axum::Json<Value>), ApiError> {
    let id = parse("inspection", &id)?;
    let PaperBody { form, category, note, serial } = body;
    let new = NewPaper { form, category, note, typed: serial };
    let (record, number) = app.act(move |client| client.register_paper(id, &new)).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({"record": record, "number": number}))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VoidBody {
    #[serde(default)]
    reason: String,
}

async fn void_paper(
    State(app): State<App>,
    Path((id, record)): Path<(String, String)>,
    Json(body): Json<VoidBody>,
) -> Result<StatusCode, ApiError> {
    let (id, record) = (parse("inspection", &id)?, parse("record", &record)?);
    app.act(move |client| client.void_paper(id, record, &body.reason)).await?;
    Ok(StatusCode::NO_CONTENT)
}
