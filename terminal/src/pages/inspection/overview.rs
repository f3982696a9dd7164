//! An inspection at a glance: where it stands, what is done, what is missing, where the team differs.

use super::super::{Ask, Route};
use super::place;
use super::section::Frame;
use super::visit::Visit;
use crate::api::Path;
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{Applicability, Verdict};
use fieldproof_schema::proposal;
use fieldproof_schema::reference::InspectionState;

pub(in crate::pages) const ROUTES: &[Route] = &[
    Route { path: "/inspections/{id}", answer: || get(show) },
    Route { path: "/inspections/{id}/next", answer: || get(super::next::go) },
];

#[derive(Template)]
#[template(path = "inspection/overview.html")]
struct OverviewPage {
    p: Page,
    frame: Frame,
    state: InspectionState,
    address: String,
    entity_id: String,
    checklist: String,
    plan: String,
    task_no: String,
    due: Option<String>,
    team: Vec<String>,
    returned: Option<Returned>,
    /// Items that may apply: nobody has said what they depend on.
    undecided: Vec<Line>,
    failed: Vec<Line>,
    captures: usize,
    narrative: bool,
    statement: bool,
    waiting: u64,
    quarantined: u32,
    /// What is decided at the desk.
    questions: usize,
    all_answered: bool,
    /// Correction proposals that stand.
    proposals: usize,
    /// Paper forms that are registered.
    papers: usize,
}

/// What a supervisor sent back.
struct Returned {
    comment: String,
    by: String,
    at: String,
    remarks: Vec<Line>,
}

/// An item with the way to it.
struct Line {
    place: String,
    text: String,
    more: String,
}

async fn show(ask: Ask, Path(id): Path<String>, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    place::visit(&ask, &visit.path());
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    Ok(ask.show(&OverviewPage::new(&ask.p, &visit, query.get("all") == "answered")))
}

impl OverviewPage {
    fn new(p: &Page, visit: &Visit, all_answered: bool) -> Self {
        let (detail, identity) = (&visit.detail, &visit.detail.view.identity);
        let summary = &detail.summary;
        Self {
            p: p.clone(),
            frame: Frame::new(p, visit, 0),
            state: summary.state,
            address: identity.entity.address.clone(),
            entity_id: identity.entity.id.to_string(),
            checklist: p.either(&visit.template.title, &visit.template.title_en).to_owned(),
            plan: summary.plan_name.clone(),
            task_no: summary.task_no.clone(),
            due: summary.due.as_deref().map(|due| p.day(due)),
            team: detail.members().map(|member| member.name.clone()).collect(),
            returned: returned(p, visit),
            undecided: lines(p, visit, |known| {
                known.state.applicability == Applicability::Undecided && known.state.answer.is_none()
            }),
            failed: lines(p, visit, |known| known.verdict() == Some(Verdict::Fail)),
            captures: detail.evidence.len(),
            narrative: !detail.view.narrative.is_empty(),
            statement: !detail.view.statement.is_empty(),
            waiting: detail.waiting_changes,
            quarantined: summary.quarantined,
            questions: super::questions::of(p, visit).len(),
            proposals: proposal::standing(&detail.view).len(),
            papers: detail.view.documents.len(),
            all_answered: all_answered && visit.next_open(None).is_none(),
        }
    }
}

fn returned(p: &Page, visit: &Visit) -> Option<Returned> {
    let decision = visit.returned()?;
    let remark = |(item, remark): (&String, &String)| {
        let known = visit.items().find(|known| known.item.id == *item);
        Line {
            place: visit.item_place(item),
            text: known.map_or_else(
                || item.clone(),
                |known| p.either(&known.item.text, &known.item.text_en).to_owned(),
            ),
            more: remark.clone(),
        }
    };
    Some(Returned {
        comment: decision.comment.clone(),
        by: decision.by.clone(),
        at: p.moment(&decision.at),
        remarks: decision.items.iter().map(remark).collect(),
    })
}

fn lines(p: &Page, visit: &Visit, is_in: impl Fn(&super::visit::Known<'_>) -> bool) -> Vec<Line> {
    let line = |known: super::visit::Known<'_>| Line {
        place: visit.item_place(&known.item.id),
        text: p.either(&known.item.text, &known.item.text_en).to_owned(),
        more: known.state.note.clone().unwrap_or_default(),
    };
    visit.items().filter(is_in).map(line).collect()
}
