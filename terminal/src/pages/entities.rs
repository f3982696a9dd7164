//! Entities (检查对象): searching the directory, and the profile of one with the visits to it.

mod facts;

use super::paging::{self, Pager, ROWS};
use super::tasks::{stage, words};
use super::{Ask, Route};
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::response::Response;
use axum::routing::get;
use facts::{Fact, facts};
use fieldproof_client_core::{EntityPage, EntityProfile, Standing, Visit};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::EntityId;
use fieldproof_schema::reference::InspectionState;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/entities", answer: || get(list) },
    Route { path: "/entities/{id}", answer: || get(show) },
];

/// Visits on one page: each is opened and judged.
const VISITS: u64 = 20;

#[derive(Template)]
#[template(path = "entities.html")]
struct ListPage {
    p: Page,
    words: String,
    found: EntityPage,
    pager: Pager,
}

async fn list(ask: Ask, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let (words, from) = (words(&fields), paging::from(&fields));
    let asked = words.clone();
    let found = ask.app().read(move |client| client.entities(&asked, from, ROWS)).await?;
    let more = found.total > from.saturating_add(ROWS);
    let pager = Pager::new("/entities", &[("q", &words)], from, more);
    Ok(ask.show(&ListPage { p: ask.p.clone(), words, found, pager }))
}

#[derive(Template)]
#[template(path = "entity.html")]
struct EntityPageView {
    p: Page,
    name: String,
    uscc: String,
    address: String,
    /// False when only an earlier visit says who it is.
    listed: bool,
    facts: Vec<Fact>,
    /// Where a correction is proposed: in the latest open visit.
    correct: Option<String>,
    open: Vec<(Visit, Standing)>,
    past: Vec<(Visit, Standing)>,
    older: Option<String>,
}

async fn show(ask: Ask, Path(id): Path<String>, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let entity: EntityId = parse("entity", &id)?;
    let from = paging::from(&Fields::parse(uri.query().unwrap_or_default().as_bytes()));
    let (profile, standings) = ask
        .app()
        .read(move |client| {
            let profile = client.entity(entity, from, VISITS)?;
            let standings: Result<Vec<_>, _> =
                profile.visits.iter().map(|visit| client.standing(visit.summary.id)).collect();
            Ok((profile, standings?))
        })
        .await?;
    Ok(ask.show(&view(ask.p.clone(), entity, from, profile, standings)))
}

fn view(
    p: Page,
    entity: EntityId,
    from: u64,
    profile: EntityProfile,
    standings: Vec<Standing>,
) -> EntityPageView {
    let EntityProfile { row, snapshot, visits, more } = profile;
    let listed = row.is_some();
    let (name, uscc, address, fields) = match (row, snapshot) {
        (Some(row), _) => (row.name, row.uscc, row.address, row.fields),
        (None, Some(pinned)) => (pinned.name, pinned.uscc, pinned.address, pinned.fields),
        (None, None) => {
            let name = visits.first().map(|visit| visit.summary.entity_name.clone());
            (name.unwrap_or_default(), None, String::new(), serde_json::Map::new())
        }
    };
    let is_open = |visit: &Visit| match visit.summary.state {
        InspectionState::Dispatched | InspectionState::InProgress | InspectionState::Returned => true,
        InspectionState::Sealed | InspectionState::Accepted | InspectionState::Disclosed => false,
    };
    let latest = visits.iter().find(|visit| is_open(visit) && !visit.summary.lost);
    let correct = latest.map(|visit| format!("/inspections/{}/proposals", visit.summary.id));
    let (open, past) = visits.into_iter().zip(standings).partition(|(visit, _)| is_open(visit));
    EntityPageView {
        facts: facts(&p, &fields),
        correct,
        older: more.then(|| format!("/entities/{entity}?from={}", from + VISITS)),
        uscc: uscc.unwrap_or_default(),
        p,
        name,
        address,
        listed,
        open,
        past,
    }
}
