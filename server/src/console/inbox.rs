//! The first page: what needs me now, what expires first at the top.

use super::cases::{self, Row};
use super::conflicts::{self as disputes, Row as Dispute};
use super::proposals::{self as corrections, Row as Proposal};
use super::quarantine::{self as held, Row as Apart};
use super::{Chrome, Route, Seat};
use crate::app::App;
use crate::error::ApiError;
use crate::policy::{Act, Role};
use crate::restore;
use crate::store::page::Before;
use crate::store::quarantine::{self, Filter};
use crate::store::tenants::{self, Epoch};
use crate::store::worklist::{self, Waits};
use crate::store::{conflicts, proposals, units};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::page::Page;

pub(super) const ROUTES: &[Route] = &[Route { path: "/console", answer: || get(show) }];

/// Rows of one part; the rest is behind its link.
const ROWS: i64 = 15;

/// What a role is asked for, most urgent first. What the others do is theirs to see in the list of cases.
pub(super) fn asked(role: Role) -> &'static [Waits] {
    match role {
        Role::Supervisor => &[Waits::Answered, Waits::Review, Waits::Evidence, Waits::Overdue],
        // Terminals that hold back evidence or a whole visit are the administrator's to find.
        Role::Administrator => &[Waits::Evidence, Waits::Overdue],
        Role::Inspector => &[Waits::Overdue, Waits::Evidence],
    }
}

/// Whether open conflicts, and what is held apart, wait for this role.
pub(super) fn decides(role: Role) -> bool {
    role == Role::Administrator
}

/// Whether correction proposals wait for this role.
pub(super) fn corrects(role: Role) -> bool {
    role == Role::Supervisor
}

struct Part {
    name: &'static str,
    title: String,
    explained: String,
    count: i64,
    /// Where all of them are.
    all: String,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "console/inbox.html")]
struct InboxPage {
    p: Page,
    c: Chrome,
    conflicts: Vec<Dispute>,
    conflicts_count: i64,
    apart: Vec<Apart>,
    apart_count: i64,
    proposals: Vec<Proposal>,
    proposals_count: i64,
    parts: Vec<Part>,
    /// The restore that people should know of, while terminals may come back that have not heard of it.
    restored: Option<Epoch>,
    /// With how many originals something is the matter for which nobody asks again.
    spoilt: u64,
}

async fn show(State(app): State<App>, seat: Seat) -> Result<Response, ApiError> {
    let user = seat.actor.user.clone();
    user.may(Act::ReadInspections)?;
    let (reader, org, today) = (app.clone(), seat.actor.org, app.now().date_in_china());
    let counts = seat.waits.clone();
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let mut open = Vec::new();
        if decides(user.role) && counts.conflicts > 0 {
            for mut listed in conflicts::waiting(tx, org, user.id, ROWS)? {
                disputes::name_entities(tx, org, &mut listed)?;
                let template = disputes::template_of(tx, &reader, org, &listed)?;
                open.push((listed, template));
            }
        }
        let mut apart = Vec::new();
        if counts.quarantine > 0 {
            let page = quarantine::open(tx, org, user.id, &Filter::default(), &Before::start())?;
            apart = page.rows.into_iter().take(ROWS as usize).collect();
        }
        let proposed = if corrects(user.role) && counts.proposals > 0 {
            proposals::waiting(tx, org, user.id, ROWS)?
        } else {
            Vec::new()
        };
        let mut parts = Vec::new();
        for waits in asked(user.role) {
            let count = counts.of(*waits);
            if count > 0 {
                parts.push((*waits, count, worklist::waiting(tx, org, user.id, today, *waits, ROWS)?));
            }
        }
        let units = if parts.is_empty() { Vec::new() } else { units::list(tx, org, user.id)? };
        let restored = tenants::restored(tx, org)?;
        Ok::<_, ApiError>((open, apart, proposed, parts, units, restored))
    };
    let (open, apart, proposed, parts, units, restored) = app.db.read(read).await?;
    let (p, day) = (&seat.p, today.to_string());
    let part = |(waits, count, visits): (Waits, i64, Vec<worklist::Visit>)| {
        let name = waits.as_str();
        Part {
            name,
            title: p.t(format!("console.waits.{name}")),
            explained: p.t(format!("console.inbox.explained.{name}")),
            count,
            all: format!("/console/cases?waits={name}"),
            rows: cases::rows(p, &visits, &units, today),
        }
    };
    Ok(seat.show(&InboxPage {
        c: Chrome::new(&seat, "inbox"),
        conflicts: open
            .iter()
            .map(|(listed, template)| disputes::row(p, listed, template.as_ref(), &day))
            .collect(),
        conflicts_count: seat.waits.conflicts,
        apart: apart.iter().map(|listed| held::row(p, listed)).collect(),
        apart_count: seat.waits.quarantine,
        proposals: proposed.iter().map(|listed| corrections::row(p, listed)).collect(),
        proposals_count: seat.waits.proposals,
        parts: parts.into_iter().map(part).collect(),
        spoilt: seat.waits.originals.open(),
        restored: restored.filter(|epoch| restore::is_recent(epoch, app.now())),
        p: p.clone(),
    }))
}
