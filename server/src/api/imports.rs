//! Imports: directory files, checklists, the register of laws; and releases of provisions.

use super::{body_error, check};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::imports::{self, Imported, Importer};
use crate::policy::Act;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::routing::post;
use fieldproof_schema::document::TemplatePin;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/import/organisation", post(organisation))
        .route("/api/v1/import/checklists", post(checklists))
        .route("/api/v1/import/laws", post(laws))
        .route("/api/v1/provisions/{id}/release", post(release))
}

/// The whole body as text.
fn text(body: Result<Bytes, BytesRejection>) -> Result<String, ApiError> {
    let bytes = body.map_err(body_error)?;
    String::from_utf8(bytes.into())
        .map_err(|error| ApiError::new(ErrorCode::BodyMalformed).with(json!({"why": error.to_string()})))
}

fn who(actor: &UserActor) -> String {
    format!("user:{}", actor.user.id)
}

#[utoipa::path(post, path = "/api/v1/import/organisation", tag = "import", request_body = serde_json::Value, responses(
    (status = 200, description = "What was taken, and every row that was left out with its reason", body = Imported),
    (status = 400, description = "body_malformed"), (status = 422, description = "import_rows_refused: no row was good")))]
pub(crate) async fn organisation(
    State(app): State<App>,
    actor: UserActor,
    body: Result<Bytes, BytesRejection>,
) -> Result<axum::Json<Imported>, ApiError> {
    actor.user.may(Act::ChangeDirectory)?;
    let importer = Importer { actor: who(&actor), scope: Some(actor.user.scope) };
    Ok(axum::Json(imports::organisation(&app, actor.org, importer, text(body)?).await?))
}

/// A checklist that was imported.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChecklistImported {
    #[schema(value_type = Object)]
    template: TemplatePin,
    /// False when exactly this revision was known.
    new: bool,
}

#[utoipa::path(post, path = "/api/v1/import/checklists", tag = "import", request_body = serde_json::Value, responses(
    (status = 200, description = "One checklist revision", body = ChecklistImported),
    (status = 409, description = "template_revision_taken"),
    (status = 422, description = "template_invalid: `violations` lists every fault")))]
pub(crate) async fn checklists(
    State(app): State<App>,
    actor: UserActor,
    body: Result<Bytes, BytesRejection>,
) -> Result<axum::Json<ChecklistImported>, ApiError> {
    actor.user.may(Act::ChangeDirectory)?;
    let (template, new) = imports::checklist(&app, actor.org, &who(&actor), text(body)?).await?;
    Ok(axum::Json(ChecklistImported { template, new }))
}

/// A register of laws that was imported.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LawsImported {
    #[schema(value_type = String)]
    hash: Digest,
    /// False when it was in use already.
    new: bool,
}

#[utoipa::path(post, path = "/api/v1/import/laws", tag = "import", request_body = serde_json::Value, responses(
    (status = 200, description = "The register is in use", body = LawsImported),
    (status = 422, description = "field_invalid")))]
pub(crate) async fn laws(
    State(app): State<App>,
    actor: UserActor,
    body: Result<Bytes, BytesRejection>,
) -> Result<axum::Json<LawsImported>, ApiError> {
    actor.user.may(Act::ChangeDirectory)?;
    let (hash, new) = imports::law_register(&app, actor.org, &who(&actor), text(body)?).await?;
    Ok(axum::Json(LawsImported { hash, new }))
}

/// A reference that was released.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvisionReleased {
    reference: String,
    /// False when it was released before.
    new: bool,
}

#[utoipa::path(post, path = "/api/v1/provisions/{id}/release", tag = "import",
    params(("id" = String, Path, description = "A provision, a standard, or a checklist item with a limit")), responses(
    (status = 200, description = "It may enter documents and decide by itself", body = ProvisionReleased),
    (status = 404, description = "not_found")))]
pub(crate) async fn release(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<axum::Json<ProvisionReleased>, ApiError> {
    actor.user.may(Act::ReleaseProvision)?;
    let reference = check::text("id", &id, 200)?;
    let new = imports::release(&app, actor.org, &who(&actor), reference.clone()).await?;
    Ok(axum::Json(ProvisionReleased { reference, new }))
}
