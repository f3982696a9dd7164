//! Style sheets, scripts, icons; and a word that the terminal is there.

use super::Route;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use fieldproof_presentation::assets;

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/assets/{version}/{name}",
        answer: || {
            get(async |Path((version, name)): Path<(String, String)>, headers: HeaderMap| {
                assets::serve(&version, &name, &headers)
            })
        },
    },
    Route { path: "/ping", answer: || get(async || StatusCode::NO_CONTENT) },
];
