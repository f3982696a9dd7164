//! Every address of the server in one list, and what surrounds every request.

use crate::api;
use crate::app::App;
use crate::console;
use crate::error::ApiError;
use crate::public;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::assets;
use fieldproof_schema::limits::JSON_BODY_BYTES_MAX;
use fieldproof_schema::wire::error::ErrorCode;

/// The whole server as one service.
pub fn router(app: App) -> Router {
    api::routes()
        .merge(console::routes(&app))
        .merge(public::routes())
        .route("/assets/{version}/{name}", get(asset))
        .route("/ping", get(async || StatusCode::NO_CONTENT))
        .fallback(public::nowhere)
        .method_not_allowed_fallback(async || ApiError::new(ErrorCode::MethodNotAllowed))
        .layer(DefaultBodyLimit::max(JSON_BODY_BYTES_MAX))
        .layer(middleware::map_response(harden))
        .layer(middleware::from_fn(log))
        .with_state(app)
}

async fn asset(Path((version, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    assets::serve(&version, &name, &headers)
}

/// Nothing that the API answers with is meant to be rendered by a browser.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    // Not `no-referrer`: browsers then send forms with the origin `null`, and we could not tell our own.
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

/// One line per request that changes something or fails: method, address without its query, status.
async fn log(request: axum::extract::Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status();
    if status.is_client_error()
        || status.is_server_error()
        || (method != Method::GET && method != Method::HEAD)
    {
        tracing::info!(http.method = %method, http.path = path, http.status = status.as_u16(), "answered");
    }
    response
}
