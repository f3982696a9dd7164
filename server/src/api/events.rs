//! `GET /api/v1/events`: a device listens for what is new.

use crate::app::App;
use crate::auth::DeviceActor;
use crate::error::ApiError;
use crate::events;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_schema::wire::events::{EVENTS_MEDIA_TYPE, EVENTS_PATH, LAST_EVENT_HEADER};

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route(EVENTS_PATH, get(listen))
}

#[utoipa::path(get, path = "/api/v1/events", tag = "device", responses(
    (status = 200, description = "A stream of server-sent events, for as long as the device listens; Last-Event-ID is the state \
        that the device has reached, see docs/PROTOCOL.md"),
    (status = 503, description = "busy: too many listen")))]
pub(crate) async fn listen(
    State(app): State<App>,
    device: DeviceActor,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let reached = headers.get(LAST_EVENT_HEADER).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let stream = events::listen(app, device, reached).await?;
    // The last one is for proxies that would collect a stream before they pass it on.
    let headers = [
        (header::CONTENT_TYPE.as_str(), EVENTS_MEDIA_TYPE),
        (header::CACHE_CONTROL.as_str(), "no-store"),
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}
