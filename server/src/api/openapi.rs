//! The description of the JSON API, for integrators: `GET /api/v1/openapi.json`.

use super::{
    audit, conflicts, device, devices, directory, disclosures, draws, events, evidence, health, imports,
    inspections, numbers, packages, plans, proposals, quarantine, recovery, reviews, session, sync, teams,
    templates, users,
};
use crate::app::App;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/openapi.json", get(show))
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Fieldproof", description = "Errors are `{code, message, details}`; codes are in docs/ERRORS.md."),
    modifiers(&Bearer),
    security(("bearer" = [])),
    paths(
        audit::list, conflicts::list, conflicts::show, conflicts::decide, conflicts::undo, device::enrol, device::challenge, device::session, device::readmission,
        recovery::custody, recovery::help, recovery::officer_key, recovery::list, recovery::propose, recovery::confirm, recovery::end,
        devices::issue, devices::list, devices::revoke, directory::list_units, directory::list_officers,
        directory::list_entities, disclosures::list, disclosures::show, draws::commit, draws::show, draws::reveal,
        draws::recuse, draws::record, draws::dispatch, events::listen, evidence::offer, evidence::ask, evidence::append,
        evidence::download, evidence::receipt, health::health, imports::organisation, imports::checklists,
        imports::laws, imports::release, inspections::list, inspections::show, inspections::history, plans::list,
        numbers::list, numbers::show, numbers::take_back, packages::hand_in, packages::hand_out, plans::add, plans::copy, proposals::list, proposals::show, proposals::decide, quarantine::list, quarantine::show, quarantine::decide, quarantine::export,
        reviews::give_back, reviews::accept, reviews::disclose, teams::change, session::open, session::show,
        session::close, sync::round, templates::list, templates::show, templates::withdraw, users::list, users::add,
    )
)]
struct Description;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The description.
pub fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// Made once: anybody may ask for it, as often as they like, without signing in.
static TEXT: LazyLock<String> =
    LazyLock::new(|| description().to_json().expect("a description is plain data with text keys"));

async fn show() -> Response {
    let head = [(CACHE_CONTROL, "public, max-age=3600"), (CONTENT_TYPE, "application/json")];
    (head, TEXT.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_described_with_an_answer() {
        let described = serde_json::to_value(description()).unwrap();
        let paths = described["paths"].as_object().unwrap();
        assert!(paths.len() > 30);
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(!operation["responses"].as_object().unwrap().is_empty(), "{method} {path}");
            }
        }
    }
}
