//! Conflicts: the list of those that are open or ended, and one at a time.

mod answer_form;
mod directory;
mod history;
mod offer;
mod one;

pub(super) use directory::name_entities;

use super::{Chrome, Route, Seat, wording};
use crate::api;
use crate::app::App;
use crate::db::Tx;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::conflicts::{self, Listed};
use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist;
use fieldproof_schema::conflict::{ConflictKind, Resolution};
use fieldproof_schema::ids::OrgId;
use std::sync::Arc;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/conflicts", answer: || get(list) },
    Route { path: "/console/conflicts/{id}", answer: || get(one::show).post(one::decide) },
];

/// Open conflicts of one page: more than an administrator decides in a day.
const OPEN_MAX: i64 = 200;

/// Where a conflict's page is.
pub(super) fn address(id: impl std::fmt::Display) -> String {
    format!("/console/conflicts/{id}")
}

/// A conflict as lists show it.
pub(super) struct Row {
    pub(super) address: String,
    pub(super) entity: String,
    pub(super) kind: String,
    pub(super) place: String,
    pub(super) sides: Vec<String>,
    pub(super) due: String,
    pub(super) overdue: bool,
    pub(super) found: String,
    /// Who ended it, and when; empty while it is open.
    pub(super) ended: String,
}

#[derive(Template)]
#[template(path = "console/conflicts.html")]
struct ConflictsPage {
    p: Page,
    c: Chrome,
    open: bool,
    count: i64,
    rows: Vec<Row>,
    /// Open ones that are not shown.
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
    let (reader, org, asker) = (app.clone(), seat.actor.org, seat.actor.user.id);
    let read = move |tx: &mut Tx<'_>| {
        let count = conflicts::open_count(tx, org, asker)?;
        let (found, next) = if open {
            (conflicts::waiting(tx, org, asker, OPEN_MAX)?, None)
        } else {
            let page = conflicts::ended(tx, org, asker, &before)?;
            (page.rows, page.next)
        };
        let mut listed = Vec::with_capacity(found.len());
        for mut conflict in found {
            name_entities(tx, org, &mut conflict)?;
            let template = template_of(tx, &reader, org, &conflict)?;
            listed.push((conflict, template));
        }
        Ok::<_, ApiError>((count, listed, next))
    };
    let (count, listed, next) = app.db.read(read).await?;
    let today = app.now().date_in_china().to_string();
    let rows: Vec<_> =
        listed.iter().map(|(listed, template)| row(&seat.p, listed, template.as_ref(), &today)).collect();
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    Ok(seat.show(&ConflictsPage {
        c: Chrome::new(&seat, "conflicts"),
        open,
        count,
        more: if open { (count - shown).max(0) } else { 0 },
        rows,
        next: next
            .map(|next| format!("/console/conflicts{}", query(&[("state", "ended"), ("before", &next)]))),
        may_decide: seat.actor.user.may(Act::DecideConflicts).is_ok(),
        p: seat.p.clone(),
    }))
}

/// The checklist of the visit that a conflict is about; none where it is about no visit.
pub(super) fn template_of(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    listed: &Listed,
) -> Result<Option<Arc<checklist::Template>>, ApiError> {
    let Some((id, revision)) = &listed.template else { return Ok(None) };
    app.templates.get(tx, org, id, revision).map(Some)
}

/// A conflict as lists show it, on the day `today`.
pub(super) fn row(
    p: &Page,
    listed: &Listed,
    template: Option<&Arc<checklist::Template>>,
    today: &str,
) -> Row {
    let conflict = &listed.known.conflict;
    let sides = conflict.sides.iter().filter(|side| !side.value.is_empty());
    let by = listed
        .known
        .resolution
        .as_deref()
        .and_then(Resolution::from_register)
        .map(|resolution| resolution.by);
    let ended = listed.known.closed_at.map(|at| match by {
        Some(by) => format!("{by} · {}", p.moment(&at)),
        None => p.t1("console.conflicts.merged", "at", p.moment(&at)),
    });
    Row {
        address: address(conflict.id),
        entity: listed.entity_name.clone().unwrap_or_default(),
        kind: kind(p, &conflict.kind),
        place: wording::place_in(p, template.map(Arc::as_ref), &conflict.path),
        sides: sides.map(|side| wording::at_place(p, &conflict.path, &side.value)).collect(),
        overdue: ended.is_none() && listed.due.as_deref().is_some_and(|due| due < today),
        due: listed.due.as_deref().map(|due| p.day(due)).unwrap_or_default(),
        found: p.moment(&listed.known.found_at),
        ended: ended.unwrap_or_default(),
    }
}

/// What kind of conflict it is, in words.
fn kind(p: &Page, kind: &ConflictKind) -> String {
    match kind {
        ConflictKind::Other(name) => name.clone(),
        known => p.t(format!("console.conflict.kind.{}", known.as_str())),
    }
}
