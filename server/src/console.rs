//! The console of supervisors and administrators: server-rendered pages under `/console`.
//!
//! A page reads views through the stores and decides through the same steps as the JSON API. Handlers return
//! [`ApiError`] like those of the API; [`fault::explain`] makes a page of it. Who is signed in, and whether a form is our
//! own, is settled before a handler runs ([`gate`]).

mod audit;
mod captures;
mod case;
mod cases;
mod checklists;
mod chrome;
mod compare;
mod conflicts;
mod devices;
mod directory;
mod draws;
mod evidence;
mod fault;
mod faults;
mod gate;
mod inbox;
mod laws;
mod look;
mod numbers;
mod originals;
mod packages;
mod plans;
mod proposals;
mod quarantine;
mod review;
mod session;
mod team;
#[cfg(test)]
mod tests;
mod upload;
mod users;
#[cfg(test)]
mod walk;
mod wording;
mod words;

pub(crate) use chrome::Chrome;
pub(crate) use gate::{Posted, Seat};

use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::middleware;
use axum::routing::MethodRouter;
use fieldproof_schema::wire::error::ErrorCode;

/// An address and what answers there.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) answer: fn() -> MethodRouter<App>,
}

/// Every page that needs somebody signed in: tests walk it.
pub(crate) const ALL: &[&[Route]] = &[
    inbox::ROUTES,
    cases::ROUTES,
    case::ROUTES,
    compare::ROUTES,
    evidence::ROUTES,
    review::ROUTES,
    team::ROUTES,
    conflicts::ROUTES,
    proposals::ROUTES,
    numbers::ROUTES,
    quarantine::ROUTES,
    packages::ROUTES,
    directory::ROUTES,
    checklists::ROUTES,
    laws::ROUTES,
    plans::ROUTES,
    draws::ROUTES,
    devices::ROUTES,
    originals::ROUTES,
    users::ROUTES,
    audit::ROUTES,
];

/// The addresses of all pages, as patterns.
pub fn addresses() -> impl Iterator<Item = &'static str> {
    ALL.iter().copied().chain([session::OUTSIDE, look::ROUTES]).flatten().map(|route| route.path)
}

/// The console.
pub fn routes(app: &App) -> Router<App> {
    let router = |routes: &[&[Route]]| {
        let all = routes.iter().copied().flatten();
        let router = all.fold(Router::new(), |router, route| router.route(route.path, (route.answer)()));
        // Here, so that it stands behind the gate like every other answer.
        router.method_not_allowed_fallback(async || ApiError::from(ErrorCode::MethodNotAllowed))
    };
    let inside = router(ALL).layer(middleware::from_fn_with_state(app.clone(), gate::keep));
    let outside = router(&[session::OUTSIDE, look::ROUTES]).layer(middleware::from_fn(gate::own_forms_only));
    let nowhere = async || ApiError::from(ErrorCode::NotFound);
    inside
        .merge(outside)
        .route("/console/{*nowhere}", axum::routing::any(nowhere))
        .layer(middleware::from_fn(fault::explain))
}
