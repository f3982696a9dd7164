//! The JSON API, one file per resource. Handlers check who may, read and validate, call a step, answer.

pub mod audit;
pub(crate) mod check;
pub mod conflicts;
pub mod device;
pub mod devices;
pub mod directory;
pub mod disclosures;
pub mod draws;
pub mod events;
pub mod evidence;
pub mod health;
pub mod imports;
pub mod inspections;
pub mod numbers;
pub mod openapi;
pub mod packages;
pub mod plans;
pub mod proposals;
pub mod quarantine;
pub mod recovery;
pub mod reviews;
pub mod session;
pub mod sync;
pub mod teams;
pub mod templates;
pub mod users;

use crate::app::App;
use crate::error::ApiError;
use crate::store::page::{Before, Page};
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::wire::error::ErrorCode;
use serde::de::DeserializeOwned;
use serde_json::json;

/// All resources.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(audit::routes())
        .merge(conflicts::routes())
        .merge(proposals::routes())
        .merge(device::routes())
        .merge(recovery::routes())
        .merge(devices::routes())
        .merge(directory::routes())
        .merge(disclosures::routes())
        .merge(draws::routes())
        .merge(events::routes())
        .merge(evidence::routes())
        .merge(health::routes())
        .merge(imports::routes())
        .merge(inspections::routes())
        .merge(numbers::routes())
        .merge(openapi::routes())
        .merge(packages::routes())
        .merge(plans::routes())
        .merge(quarantine::routes())
        .merge(reviews::routes())
        .merge(teams::routes())
        .merge(session::routes())
        .merge(sync::routes())
        .merge(templates::routes())
        .merge(users::routes())
}

/// A JSON body; what is wrong with one is said in the product's own envelope.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(body_error)?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let field = error.path().to_string();
            match error.into_inner() {
                error if error.is_data() => ApiError::field(&field, error),
                error => malformed(&error),
            }
        })?;
        json.end().map(|()| Self(body)).map_err(|error| malformed(&error))
    }
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::BodyMalformed).with(json!({"why": error.to_string()}))
}

/// What stands behind the `?` of an address.
pub struct Args<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Args<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let args = axum::extract::Query::try_from_uri(&parts.uri);
        args.map(|axum::extract::Query(args)| Self(args))
            .map_err(|error| ApiError::field("query", error.body_text()))
    }
}

/// A page of a list.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Listed<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What to ask for next (as `before` or `after`); absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Listed<T> {
    pub(crate) fn of<R>(page: Page<R>, row: impl Fn(R) -> T) -> axum::Json<Self> {
        axum::Json(Self { rows: page.rows.into_iter().map(row).collect(), next: page.next })
    }
}

/// Where a list that runs from new to old goes on.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageBefore {
    /// The `next` of the page before.
    before: Option<String>,
}

/// Where a list by code goes on.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageAfter {
    /// The `next` of the page before.
    after: Option<String>,
}

/// The key in [`PageBefore`].
pub(crate) fn before(text: Option<&str>) -> Result<Before, ApiError> {
    text.map_or_else(|| Ok(Before::start()), |text| parse("before", text))
}

/// Why a body could not be taken in.
pub fn body_error(rejection: BytesRejection) -> ApiError {
    match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge.into(),
        _ => ErrorCode::BodyMalformed.into(),
    }
}

/// A path parameter that must be an id of some kind.
pub fn parse<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| ApiError::field(name, error))
}

/// A reason that a person typed: needed, and bounded.
pub fn reason(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REASON_CHARS_MAX {
        return Err(ApiError::new(ErrorCode::ReasonMissing).with(json!({"longest": REASON_CHARS_MAX})));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
