//! `POST /api/v1/sync`: one round of sync.

use super::body_error;
use crate::admission;
use crate::app::{App, blocking};
use crate::error::ApiError;
use crate::sync;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fieldproof_schema::limits::SYNC_BODY_BYTES_MAX;
use fieldproof_schema::suite::Purpose;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::frame::{self, FrameError};
use fieldproof_schema::wire::sync::{Nonce, SyncRequest};
use fieldproof_schema::wire::{ANSWER_SIGNATURE, SYNC_MEDIA_TYPE};
use serde_json::json;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/sync", post(round).layer(DefaultBodyLimit::max(SYNC_BODY_BYTES_MAX)))
}

#[utoipa::path(post, path = "/api/v1/sync", tag = "device",
    request_body(content = Vec<u8>, content_type = "application/vnd.fieldproof.sync+cbor+zstd"), responses(
    (status = 200, description = "A sync answer, CBOR in zstd; see docs/PROTOCOL.md"),
    (status = 400, description = "body_malformed"), (status = 413, description = "body_too_large"),
    (status = 503, description = "busy: Retry-After says in how many seconds to return")))]
pub(crate) async fn round(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (device, _permit, body) = admission::enter(&app, &app.admission.sync, request).await?;
    let body = body.map_err(body_error)?;
    let request: SyncRequest =
        blocking(move || frame::unpack(&body)).await?.map_err(|error| match error {
            FrameError::TooLarge => ApiError::new(ErrorCode::BodyTooLarge),
            FrameError::NotZstd | FrameError::NotAMessage(_) => {
                ApiError::new(ErrorCode::BodyMalformed).with(json!({"why": error.to_string()}))
            }
        })?;
    let nonce = request.nonce;
    let answer = sync::round(&app, &device, request).await?;
    let signer = app.clone();
    let (packed, signature) = blocking(move || {
        let packed = frame::pack(&answer);
        let sign = |nonce: Nonce| signer.key.sign(Purpose::Answer, &nonce.message(&packed)).to_string();
        let signature = nonce.map(sign);
        (packed, signature)
    })
    .await?;
    let headers = [(header::CONTENT_TYPE, SYNC_MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")];
    let signature = signature.map(|signature| [(ANSWER_SIGNATURE, signature)]);
    Ok((headers, signature, packed).into_response())
}
