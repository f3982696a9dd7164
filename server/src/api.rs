//! The JSON API, one file per resource. Handlers check who may, read and validate, call a step, answer.

pub mod conflicts;
pub mod device;
pub mod evidence;
pub mod sync;

use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use fieldproof_schema::limits::REASON_CHARS_MAX;
use fieldproof_schema::wire::error::ErrorCode;
use serde::de::DeserializeOwned;
use serde_json::json;

/// All resources.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(conflicts::routes())
        .merge(device::routes())
        .merge(evidence::routes())
        .merge(sync::routes())
}

/// A JSON body; what is wrong with one is said in the product's own envelope.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(body_error)?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| ApiError::new(ErrorCode::BodyMalformed).with(json!({"why": error.to_string()})))
    }
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
