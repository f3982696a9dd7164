//! The officer's tasks: what is due first comes first.

use super::{Ask, Route};
use crate::error::ApiError;
use askama::Template;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::{Client, InspectionSummary};
use fieldproof_presentation::page::Page;

pub(super) const ROUTES: &[Route] =
    &[Route { path: "/", answer: || get(start) }, Route { path: "/tasks", answer: || get(show) }];

/// Where the officer was last.
async fn start(ask: Ask) -> Response {
    let place = ask.face.settings().place;
    ask.go(ask.face.path_within(&place))
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    p: Page,
    inspections: Vec<InspectionSummary>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let inspections = ask.app().read(Client::inspections).await?;
    Ok(ask.show(&TasksPage { p: ask.p.clone(), inspections }))
}
