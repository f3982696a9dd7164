//! What the inspected party may read: what was asked and answered, narrative and statement. No notes, no marks of our own.

use super::super::seal::state::{Open, signed_over};
use super::super::{Ask, Route};
use super::visit::{Known, Visit};
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
    /// What the officers signed over, and why.
    unsettled: Vec<Open>,
    despite: String,
}

struct PartyLine {
    text: String,
    answer: Option<String>,
    verdict: Option<Verdict>,
}

/// One item. Where the team has not agreed yet, there is nothing for the party to read.
fn line(p: &Page, known: Known<'_>) -> PartyLine {
    let differs = known.state.conflict.is_some();
    let answer = known.state.answer.as_ref().filter(|_| !differs);
    PartyLine {
        text: p.either(&known.item.text, &known.item.text_en).to_owned(),
        answer: answer.and_then(|answer| words::beside_verdict(p, answer)),
        verdict: if differs { Some(Verdict::NotDecided) } else { known.verdict() },
    }
}

async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let p = ask.p.clone();
    let (view, identity) = (&visit.detail.view, &visit.detail.view.identity);
    let sections = visit.template.sections.iter().map(|section| {
        let items = visit.items().filter(|known| known.item.section == section.title);
        let lines = items.filter(|known| known.is_asked()).map(|known| line(&p, known));
        (p.either(&section.title, &section.title_en).to_owned(), lines.collect())
    });
    let signed = visit.detail.seals.iter().rev().find_map(|seal| {
        let unsettled = seal.statement.unsettled.as_ref()?;
        let current = seal.complete || !visit.detail.editable;
        current.then(|| (signed_over(&p, &visit.detail, &seal.statement, view), unsettled.reason.clone()))
    });
    let (unsettled, despite) = signed.unwrap_or_default();
    Ok(ask.show(&PartyPage {
        unsettled,
        despite,
        path: visit.path(),
        entity: identity.entity.name.clone(),
        uscc: identity.entity.uscc.clone(),
        address: identity.entity.address.clone(),
        checklist: p.either(&visit.template.title, &visit.template.title_en).to_owned(),
        team: visit.detail.members().map(|m| (m.name.clone(), m.certificate.clone())).collect(),
        sections: sections.collect(),
        narrative: view.narrative.clone(),
        statement: view.statement.clone(),
        p: p.clone(),
    }))
}
