//! The pages an officer works on, one file per page, all under the secret of the start.
//!
//! A page reads through the façade, an act is a form that is posted; what a page shows was committed before. Handlers
//! return [`ApiError`] like those of the JSON interface; [`explain`] makes a page of it. What is asked for by a script
//! (`HX-Request`) is a part of the page that the same address gives without one.

mod assets;
mod enrol;
mod entities;
mod face;
mod fault;
mod history;
mod inspection;
mod package;
mod paging;
mod recover;
mod recovery;
mod scanned;
mod seal;
mod settings;
mod strip;
mod sync;
mod tasks;
mod unlock;

pub use face::{Ask, Face};
pub use settings::Settings;

use crate::error::ApiError;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::middleware;
use axum::routing::MethodRouter;
use fieldproof_presentation::fields::Fields;
use fieldproof_schema::limits::JSON_BODY_BYTES_MAX;
use fieldproof_schema::wire::error::ErrorCode;
use tower_http::timeout::RequestBodyTimeoutLayer;

/// An address and what answers there.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) answer: fn() -> MethodRouter<Face>,
}

/// Every page: tests walk it.
pub(crate) const ALL: &[&[Route]] = &[
    assets::ROUTES,
    enrol::ROUTES,
    entities::ROUTES,
    history::ROUTES,
    inspection::answer::ROUTES,
    inspection::evidence::ROUTES,
    inspection::fresh::ROUTES,
    inspection::law::ROUTES,
    inspection::narrative::ROUTES,
    inspection::note::ROUTES,
    inspection::overview::ROUTES,
    inspection::papers::ROUTES,
    inspection::party::ROUTES,
    inspection::place::ROUTES,
    inspection::proposals::ROUTES,
    inspection::recording::ROUTES,
    inspection::section::ROUTES,
    inspection::signature::ROUTES,
    inspection::team::ROUTES,
    inspection::upload::ROUTES,
    package::ROUTES,
    recover::ROUTES,
    recovery::ROUTES,
    seal::ROUTES,
    settings::ROUTES,
    strip::ROUTES,
    sync::ROUTES,
    sync::uploads::ROUTES,
    tasks::ROUTES,
    unlock::ROUTES,
];

/// The addresses of all pages below the root, as patterns.
pub fn addresses() -> impl Iterator<Item = &'static str> {
    ALL.iter().copied().flatten().map(|route| route.path)
}

/// All pages.
pub fn routes(face: Face) -> Router {
    let mut router = Router::new();
    for route in ALL.iter().copied().flatten() {
        router = router.route(route.path, (route.answer)());
    }
    router
        .fallback(async || ApiError::from(ErrorCode::NotFound))
        .method_not_allowed_fallback(async || ApiError::from(ErrorCode::MethodNotAllowed))
        .layer(middleware::from_fn_with_state(face.clone(), unlock::keep_locked))
        .layer(middleware::from_fn_with_state(face.clone(), fault::explain))
        .layer(middleware::from_fn_with_state(face.clone(), strip::fill))
        .layer(DefaultBodyLimit::max(JSON_BODY_BYTES_MAX))
        .layer(RequestBodyTimeoutLayer::new(crate::api::BODY_REST))
        .with_state(face)
}

#[cfg(test)]
mod tests;

/// What a form of a page posted.
pub(crate) struct Posted(pub(crate) Fields);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await.map_err(crate::api::body_error)?;
        Ok(Self(Fields::parse(&body)))
    }
}
