//! Texts that save themselves while they are written: notes of items here, narrative and statement on their own page.
//!
//! The form carries the text that the page showed (`base`). What a colleague wrote meanwhile is joined with what is
//! posted; the page's next base is what it posted itself, since that is what it goes on showing.

use super::super::{Ask, Posted, Route};
use super::phrases::Phrases;
use super::place;
use super::visit::Visit;
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use fieldproof_client_core::Client;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::ids::InspectionId;

pub(in crate::pages) const ROUTES: &[Route] =
    &[Route { path: "/inspections/{id}/items/{item}/note", answer: || post(save) }];

/// A text and the form that it is written in.
pub(super) struct Writing {
    /// What names its parts on the page.
    pub(super) name: String,
    /// Where it is posted, below the root.
    pub(super) action: String,
    pub(super) label: String,
    /// Whether a heading says the same.
    pub(super) titled: bool,
    pub(super) text: String,
    pub(super) phrases: Vec<String>,
    pub(super) editable: bool,
    pub(super) rows: u8,
}

/// What is said beside a text that was posted.
#[derive(Template)]
#[template(path = "inspection/saved.html")]
pub(super) struct Saved {
    p: Page,
    name: String,
    /// When it was kept; none when it was not.
    at: Option<String>,
    /// What the page shows, its next base.
    base: String,
    /// Whether what stands holds more than the page shows.
    joined: bool,
    /// Where what stands can be seen.
    place: String,
    /// Why it was not kept.
    fault: Option<String>,
}

async fn save(
    ask: Ask,
    Path((id, item)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let inspection: InspectionId = parse("inspection", &id)?;
    let visit = Visit::load(&ask, &id).await?;
    let (name, back) = (format!("note-{}", visit.item(&item)?.n), visit.item_place(&item));
    let key = item.clone();
    let write =
        move |client: &Client, base: &str, text: &str| client.note(inspection, &key, Some(base), text);
    keep(&ask, &fields, (name, back), Phrases::Note, write).await
}

/// Keeps a posted text by `write` and answers: a part of the page for scripts, the place `back` without.
pub(super) async fn keep(
    ask: &Ask,
    fields: &Fields,
    (name, back): (String, String),
    phrases: Phrases,
    write: impl FnOnce(&Client, &str, &str) -> Result<String, fieldproof_client_core::ClientError>
    + Send
    + 'static,
) -> Result<Response, ApiError> {
    // Without it nothing can be told about what the page had shown, and a colleague's words could be lost.
    let base = fields.find("base").ok_or_else(|| ApiError::field("base", "missing"))?.to_owned();
    let text = phrases.append(&ask.p, fields.get("text"), fields.get("phrase"));
    place::remember(ask, &back);
    let posted = text.clone();
    let kept = ask.app().act(move |client| write(client, &base, &text)).await;
    let p = ask.p.clone();
    let place = format!("{}{back}", p.root);
    match (kept, ask.partial) {
        (Ok(stands), true) => {
            let at = Some(p.moment(&ask.app().host().now()).split_off("2026-11-23 ".len()));
            let joined = stands != posted;
            Ok(ask.show(&Saved { p, name, at, base: posted, joined, place, fault: None }))
        }
        (Ok(_), false) => Ok(ask.go(&back)),
        (Err(error), true) => {
            let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::CONFLICT);
            let fault = error.body().message.get(p.lang()).cloned();
            let part = Saved { p, name, at: None, base: String::new(), joined: false, place, fault };
            Ok(answer(status, &part))
        }
        (Err(error), false) => Err(error),
    }
}
