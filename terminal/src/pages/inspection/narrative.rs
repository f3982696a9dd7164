//! What happened (检查情况) and what the inspected party said (当事人陈述), saved while it is written.

use super::super::{Ask, Posted, Route};
use super::note::{Writing, keep};
use super::phrases::Phrases;
use super::place;
use super::section::Frame;
use super::visit::Visit;
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::Client;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::InspectionId;

pub(in crate::pages) const ROUTES: &[Route] =
    &[Route { path: "/inspections/{id}/narrative", answer: || get(show).post(save) }];

#[derive(Template)]
#[template(path = "inspection/narrative.html")]
struct NarrativePage {
    p: Page,
    frame: Frame,
    narrative: Writing,
    statement: Writing,
}

async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    place::visit(&ask, &format!("{}/narrative", visit.path()));
    let p = ask.p.clone();
    let writing = |name: &str, text: &str, phrases: Phrases| Writing {
        name: name.to_owned(),
        action: format!("{}/narrative", visit.path()),
        label: p.t(format!("inspection.{name}")),
        titled: true,
        text: text.to_owned(),
        phrases: phrases.all(&p),
        editable: visit.detail.editable,
        rows: 10,
    };
    let view = &visit.detail.view;
    Ok(ask.show(&NarrativePage {
        frame: Frame::new(&p, &visit, 0),
        narrative: writing("narrative", &view.narrative, Phrases::Narrative),
        statement: writing("statement", &view.statement, Phrases::Statement),
        p: p.clone(),
    }))
}

async fn save(ask: Ask, Path(id): Path<String>, Posted(fields): Posted) -> Result<Response, ApiError> {
    let inspection: InspectionId = parse("inspection", &id)?;
    let of = fields.get("of");
    let back = format!("/inspections/{inspection}/narrative#{of}");
    match of {
        "narrative" => {
            let write =
                move |client: &Client, base: &str, text: &str| client.narrative(inspection, Some(base), text);
            keep(&ask, &fields, (of.to_owned(), back), Phrases::Narrative, write).await
        }
        "statement" => {
            let write =
                move |client: &Client, base: &str, text: &str| client.statement(inspection, Some(base), text);
            keep(&ask, &fields, (of.to_owned(), back), Phrases::Statement, write).await
        }
        _ => Err(ApiError::field("of", "unknown")),
    }
}
