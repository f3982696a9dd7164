//! Correction proposals: the list of what waits or ended, and one at a time.

mod one;

use super::{Chrome, Route, Seat};
use crate::api;
use crate::app::App;
use crate::db::Tx;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::page::Page as Rows;
use crate::store::proposals::{self, Listed};
use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::Page;
use fieldproof_schema::reference::ProposalState;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/proposals", answer: || get(list) },
    Route { path: "/console/proposals/{id}", answer: || get(one::show).post(one::decide) },
];

/// Undecided proposals of one page: more than a supervisor decides in a day.
const WAITING_MAX: i64 = 200;

/// Where a proposal's page is.
pub(super) fn address(id: impl std::fmt::Display) -> String {
    format!("/console/proposals/{id}")
}

/// A proposal as lists show it.
pub(super) struct Row {
    pub(super) address: String,
    pub(super) entity: String,
    pub(super) field: String,
    /// What the directory said when it was proposed; empty where it said nothing.
    pub(super) base: String,
    pub(super) value: String,
    pub(super) officer: String,
    pub(super) found: String,
    pub(super) state: Html,
    /// Who ended it, and when; empty while it waits.
    pub(super) ended: String,
}

/// What a fact of the directory is called.
pub(super) fn field(p: &Page, name: &str) -> String {
    super::words::code(p, "console.proposal.field.", name)
}

/// Where a proposal stands, as a mark.
fn state(p: &Page, state: ProposalState) -> Html {
    let (tone, icon) = match state {
        ProposalState::Open => ("warn", "hourglass"),
        ProposalState::Accepted | ProposalState::Met => ("pass", "circle-check"),
        ProposalState::Edited => ("info", "pencil"),
        ProposalState::Rejected => ("none", "ban"),
        ProposalState::Withdrawn => ("none", "arrow-back-up"),
    };
    p.badge(tone, icon, &p.t(format!("console.proposal.state.{}", state.as_str())))
}

/// A proposal as lists show it.
pub(super) fn row(p: &Page, listed: &Listed) -> Row {
    let known = &listed.known;
    let proposal = &known.proposed.proposal;
    let ended = known.closed_at.map(|at| match &known.decided {
        Some(decided) => format!("{} · {}", decided.by_name, p.moment(&at)),
        None => p.moment(&at),
    });
    Row {
        address: address(known.proposed.id()),
        entity: listed.row.name.clone(),
        field: field(p, &proposal.field),
        base: proposal.base.clone().unwrap_or_default(),
        value: proposal.value.clone(),
        officer: known.proposed.origin.officer_name.clone(),
        found: p.moment(&known.found_at),
        state: state(p, known.state),
        ended: ended.unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "console/proposals.html")]
struct ProposalsPage {
    p: Page,
    c: Chrome,
    open: bool,
    count: i64,
    proposals: Vec<Row>,
    /// Undecided ones that are not shown.
    more: i64,
    next: Option<String>,
    may_decide: bool,
}

async fn list(
    State(app): State<App>,
    seat: Seat,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::ReadInspections)?;
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let open = fields.get("state") != "ended";
    let before = api::before(fields.filled("before"))?;
    let (org, asker) = (seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut Tx<'_>| {
        let count = proposals::waiting_count(tx, org, asker)?;
        let page = if open {
            Rows { rows: proposals::waiting(tx, org, asker, WAITING_MAX)?, next: None }
        } else {
            proposals::ended(tx, org, asker, &before)?
        };
        Ok::<_, ApiError>((count, page))
    };
    let (count, page) = app.db.read(read).await?;
    let rows: Vec<_> = page.rows.iter().map(|listed| row(&seat.p, listed)).collect();
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let next = page.next.map(|next| query(&[("state", "ended"), ("before", &next)]));
    Ok(seat.show(&ProposalsPage {
        c: Chrome::new(&seat, "proposals"),
        open,
        count,
        more: if open { (count - shown).max(0) } else { 0 },
        proposals: rows,
        next: next.map(|query| format!("/console/proposals{query}")),
        may_decide: seat.actor.user.may(Act::DecideProposals).is_ok(),
        p: seat.p.clone(),
    }))
}
