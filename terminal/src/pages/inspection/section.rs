//! One section of the checklist: its items, each answered in place.

use super::super::{Ask, Route};
use super::card::Card;
use super::control::Control;
use super::place;
use super::region::Said;
use super::visit::{SectionLine, Visit};
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_presentation::texts;

pub(in crate::pages) const ROUTES: &[Route] =
    &[Route { path: "/inspections/{id}/sections/{n}", answer: || get(show) }];

#[derive(Template)]
#[template(path = "inspection/section.html")]
struct SectionPage {
    p: Page,
    frame: Frame,
    title: String,
    cards: Vec<Card>,
    /// Items that do not apply, by their text.
    left_out: Vec<String>,
    previous: Option<usize>,
    next: Option<usize>,
}

/// What stands around every page of an inspection.
pub(super) struct Frame {
    /// Where the inspection's pages begin, below the root.
    pub(super) path: String,
    pub(super) entity: String,
    pub(super) sections: Vec<SectionLine>,
    pub(super) done: usize,
    pub(super) total: usize,
    pub(super) conflicts: usize,
    /// The heads that the page shows, to tell what arrives later.
    pub(super) heads: String,
    /// Why nothing can be written; none while it can.
    pub(super) closed: Option<&'static str>,
    /// What is still unsent of an inspection that is in other hands now.
    pub(super) unsent: Option<String>,
}

impl Frame {
    /// Around a page; `current` is the section that is open, 0 for none.
    pub(super) fn new(p: &Page, visit: &Visit, current: usize) -> Self {
        let (done, total) = visit.progress();
        let heads: Vec<String> = visit.detail.heads.iter().map(ToString::to_string).collect();
        Self {
            path: visit.path(),
            entity: visit.detail.view.identity.entity.name.clone(),
            sections: visit.sections(p, current),
            done,
            total,
            conflicts: visit.detail.conflicts.len(),
            heads: heads.join(","),
            closed: closed(visit),
            unsent: visit.detail.summary.lost.then(|| unsent(p, visit)),
        }
    }
}

/// How much of an inspection the server does not hold yet, in words.
fn unsent(p: &Page, visit: &Visit) -> String {
    let unsent = &visit.detail.summary.unsent;
    let counts = [unsent.changes, unsent.evidence, unsent.entries].map(|count| count.to_string());
    let [changes, evidence, entries] = counts.each_ref().map(String::as_str);
    let counts = [("changes", changes), ("evidence", evidence), ("entries", entries)];
    texts::text(p.language, "inspection.closed.unsent", &counts)
}

/// The key of the sentence that says why an inspection cannot be written.
fn closed(visit: &Visit) -> Option<&'static str> {
    use fieldproof_schema::reference::InspectionState as State;
    if visit.detail.editable {
        return None;
    }
    if visit.detail.summary.lost {
        return Some("inspection.closed.reassigned");
    }
    Some(match visit.detail.summary.state {
        State::Accepted => "inspection.closed.accepted",
        State::Disclosed => "inspection.closed.disclosed",
        State::Sealed => "inspection.closed.sealed",
        State::Dispatched | State::InProgress | State::Returned => "inspection.closed.signed",
    })
}

async fn show(
    ask: Ask,
    Path((id, n)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let n: usize = parse("section", &n)?;
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let given = query.get("given");
    let said =
        Said { fresh: visit.item(given).is_ok_and(|known| known.state.answer.is_some()), ..Said::default() };
    with(&ask, &visit, n, given, said, StatusCode::OK)
}

/// The page of a section, with something to say about one of its items.
pub(super) fn with(
    ask: &Ask,
    visit: &Visit,
    n: usize,
    item: &str,
    said: Said,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let (p, section) = (ask.p.clone(), visit.section(n)?);
    place::visit(ask, &format!("{}/sections/{n}", visit.path()));
    let mut said = Some(said);
    let (mut cards, mut left_out) = (Vec::new(), Vec::new());
    for known in visit.items().filter(|known| known.item.section == section.title) {
        if known.is_asked() || known.state.answer.is_some() {
            let said = if known.item.id == item { said.take().unwrap_or_default() } else { Said::default() };
            cards.push(Card::new(&p, visit, known, said));
        } else {
            left_out.push(p.either(&known.item.text, &known.item.text_en).to_owned());
        }
    }
    let page = SectionPage {
        frame: Frame::new(&p, visit, n),
        title: p.either(&section.title, &section.title_en).to_owned(),
        cards,
        left_out,
        previous: n.checked_sub(1).filter(|n| *n > 0),
        next: (n < visit.template.sections.len()).then_some(n + 1),
        p,
    };
    Ok(answer(status, &page))
}
