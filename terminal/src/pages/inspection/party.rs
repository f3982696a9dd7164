//! What the inspected party may read: what was asked and answered, narrative and statement. No notes, no marks of our own.

use super::super::{Ask, Route};
use super::visit::Visit;
use super::words;
use crate::api::Path;
use crate::error::ApiError;
use askama::Template;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::Verdict;

pub(in crate::pages) const ROUTES: &[Route] =
    &[Route { path: "/inspections/{id}/party", answer: || get(show) }];

#[derive(Template)]
#[template(path = "inspection/party.html")]
struct PartyPage {
    p: Page,
    path: String,
    entity: String,
    uscc: Option<String>,
    address: String,
    checklist: String,
    team: Vec<(String, String)>,
    sections: Vec<(String, Vec<PartyLine>)>,
    narrative: String,
    statement: String,
}

struct PartyLine {
    text: String,
    answer: Option<String>,
    verdict: Option<Verdict>,
}

async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let p = ask.p.clone();
    let (view, identity) = (&visit.detail.view, &visit.detail.view.identity);
    let sections = visit.template.sections.iter().map(|section| {
        let items = visit.items().filter(|known| known.item.section == section.title);
        let lines = items.filter(|known| known.is_asked()).map(|known| PartyLine {
            text: p.either(&known.item.text, &known.item.text_en).to_owned(),
            answer: known.state.answer.as_ref().map(|answer| words::answer(&p, answer)),
            verdict: known.verdict(),
        });
        (p.either(&section.title, &section.title_en).to_owned(), lines.collect())
    });
    Ok(ask.show(&PartyPage {
        path: visit.path(),
        entity: identity.entity.name.clone(),
        uscc: identity.entity.uscc.clone(),
        address: identity.entity.address.clone(),
        checklist: p.either(&visit.template.title, &visit.template.title_en).to_owned(),
        team: identity.team.iter().map(|m| (m.name.clone(), m.certificate.clone())).collect(),
        sections: sections.collect(),
        narrative: view.narrative.clone(),
        statement: view.statement.clone(),
        p: p.clone(),
    }))
}
