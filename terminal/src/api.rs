//! The JSON API, one file per resource. Handlers read what was asked, call the store, and answer.

mod conflicts;
mod edits;
mod evidence;
mod history;
mod inspections;
mod network;
pub(crate) mod packages;
mod references;
mod seals;
mod shape;
mod terminal;

use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use fieldproof_schema::limits::JSON_BODY_BYTES_MAX;
use fieldproof_schema::wire::error::ErrorCode;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tower_http::timeout::RequestBodyTimeoutLayer;

/// How long a body may rest between two pieces. It comes from this very machine.
pub(crate) const BODY_REST: Duration = Duration::from_secs(30);

/// All resources.
pub fn routes(app: App) -> Router {
    let work = Router::new()
        .merge(conflicts::routes())
        .merge(edits::routes())
        .merge(evidence::routes())
        .merge(history::routes())
        .merge(inspections::routes())
        .merge(packages::routes())
        .merge(references::routes())
        .merge(seals::routes())
        .route_layer(middleware::from_fn_with_state(app.clone(), enrolled));
    Router::new()
        .merge(network::routes())
        .merge(terminal::routes())
        .merge(work)
        .fallback(async || ApiError::from(ErrorCode::NotFound))
        .method_not_allowed_fallback(async || ApiError::from(ErrorCode::MethodNotAllowed))
        .layer(DefaultBodyLimit::max(JSON_BODY_BYTES_MAX))
        .layer(RequestBodyTimeoutLayer::new(BODY_REST))
        .with_state(app)
}

async fn enrolled(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    app.ensure_enrolled().await?;
    Ok(next.run(request).await)
}

/// A JSON body; what is wrong with one is said in the product's own envelope.
struct Json<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(body_error)?;
        serde_json::from_slice(&bytes).map(Self).map_err(ApiError::malformed)
    }
}

/// Why a body could not be taken in.
pub(crate) fn body_error(rejection: BytesRejection) -> ApiError {
    match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge.into(),
        _ => ErrorCode::BodyMalformed.into(),
    }
}

/// The named parts of the address.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        let path = path.map_err(|why: PathRejection| ApiError::field("path", why.body_text()))?;
        Ok(Self(path.0))
    }
}

/// The part of the address behind the question mark.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let query = query.map_err(|why: QueryRejection| ApiError::field("query", why.body_text()))?;
        Ok(Self(query.0))
    }
}

/// A part of the address that must be an id of some kind.
pub(crate) fn parse<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|why| ApiError::field(name, why))
}

#[cfg(test)]
mod tests;
