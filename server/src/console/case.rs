//! The page of one inspection: what was found, on what evidence, who did what; and, at its foot, the decision that waits.

mod items;
mod steps;
mod timeline;

use super::captures::{self, Capture};
use super::fault::Said;
use super::review::{Bar, Draft};
use super::{Chrome, Route, Seat, wording};
use crate::app::App;
use crate::dossier::{self, Around, Dossier};
use crate::error::ApiError;
use crate::store::seals;
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::document::View;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::{Party, Statement};
use fieldproof_schema::wire::error::ErrorCode;
use items::{Section, sections};
use steps::{Step, steps};
use timeline::{Event, events};

pub(super) const ROUTES: &[Route] = &[Route { path: "/console/inspections/{id}", answer: || get(show) }];

/// Where an inspection's page is.
pub(crate) fn address(id: InspectionId) -> String {
    format!("/console/inspections/{id}")
}

/// An id in an address. What cannot be one leads nowhere.
pub(crate) fn find<T: std::str::FromStr>(id: &str) -> Result<T, ApiError> {
    id.parse().map_err(|_| ErrorCode::NotFound.into())
}

#[derive(Template)]
#[template(path = "console/case.html")]
struct CasePage {
    p: Page,
    c: Chrome,
    head: Head,
    steps: Vec<Step>,
    sections: Vec<Section>,
    captures: Vec<Capture>,
    /// Captures whose bytes are not here.
    missing: usize,
    beyond: Vec<(String, String)>,
    narrative: String,
    statement: String,
    /// What the document says now where the sealed text says something else.
    late: Vec<(String, String)>,
    signed: Option<SealShown>,
    versions: Vec<u32>,
    events: Vec<Event>,
    earlier: Option<usize>,
    bar: Bar,
    fault: Option<Said>,
    done: Option<String>,
}

/// The header's facts.
struct Head {
    id: InspectionId,
    entity: String,
    uscc: String,
    address: String,
    unit: String,
    officers: Vec<(String, String)>,
    template: String,
    task: Option<(String, String)>,
    due: Option<String>,
    overdue: bool,
    state: InspectionState,
    open_conflicts: Vec<(String, String)>,
    quarantined: i64,
    /// Visits of the same case, and their addresses.
    linked: Vec<String>,
    disclosure: Option<String>,
}

/// The seal that counts.
struct SealShown {
    version: u32,
    signers: Vec<String>,
    at: String,
    party: String,
    refused: bool,
    comment: String,
    unmerged: usize,
    /// The conflicts that were signed over: what each is about, and its page; and why.
    unsettled: Vec<(String, String)>,
    despite: String,
    digest: String,
}

async fn show(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let dossier = dossier::read(&app, &seat.actor, find(&id)?).await?;
    let skip = query.get("skip").parse().unwrap_or_default();
    let done = ["returned", "accepted", "disclosed"].into_iter().find(|done| *done == query.get("done"));
    let draft = Draft::default();
    let today = app.now().date_in_china();
    let page = Shown {
        seat: &seat,
        dossier: &dossier,
        today: today.to_string(),
        skip,
        done,
        draft: &draft,
        fault: None,
    };
    Ok(seat.show(&page.build()))
}

/// The page once more with what was typed, and why it was not taken.
pub(super) async fn again(
    app: &App,
    seat: &Seat,
    id: InspectionId,
    draft: &Draft,
    error: Option<&ApiError>,
) -> Result<Response, ApiError> {
    let dossier = dossier::read(app, &seat.actor, id).await?;
    let status = error.map_or(422, |error| error.code.status());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
    let fault = error.map(|error| Said::new(&seat.p, &error.body()));
    let today = app.now().date_in_china().to_string();
    let page = Shown { seat, dossier: &dossier, today, skip: 0, done: None, draft, fault };
    Ok(answer(status, &page.build()))
}

struct Shown<'a> {
    seat: &'a Seat,
    dossier: &'a Dossier,
    today: String,
    skip: usize,
    done: Option<&'static str>,
    draft: &'a Draft,
    fault: Option<Said>,
}

impl Shown<'_> {
    fn build(self) -> CasePage {
        let Self { seat, dossier, today, skip, done, draft, fault } = self;
        let (p, view, around) = (&seat.p, dossier.official(), &dossier.around);
        let captures = captures::of(p, dossier);
        let (events, earlier) = events(p, around, skip);
        CasePage {
            c: Chrome::new(seat, "cases"),
            head: head(p, dossier, &today),
            steps: steps(p, around),
            sections: sections(p, dossier, &captures, &draft.items),
            missing: captures.iter().filter(|capture| !capture.held).count(),
            beyond: beyond(p, around, view),
            narrative: view.narrative.clone(),
            statement: view.statement.clone(),
            late: late(p, dossier),
            signed: dossier.statement().map(|statement| signed(p, around, statement)),
            versions: around.versions().iter().map(|statement| statement.version).collect(),
            events,
            earlier,
            bar: Bar::new(p, &seat.actor.user, dossier, &captures, draft),
            captures,
            fault,
            done: done.map(|done| p.t(format!("console.review.done.{done}"))),
            p: p.clone(),
        }
    }
}

fn head(p: &Page, dossier: &Dossier, today: &str) -> Head {
    let (around, view) = (&dossier.around, dossier.official());
    let (info, identity) = (&around.info, &view.identity);
    let due = around.task.as_ref().and_then(|task| task.due.clone());
    let unfinished = matches!(
        info.state,
        InspectionState::Dispatched | InspectionState::InProgress | InspectionState::Returned
    );
    let conflicts = around.open_conflicts().map(|known| {
        (known.conflict.id.to_string(), wording::place(p, &around.template, &known.conflict.path))
    });
    Head {
        id: info.id,
        entity: identity.entity.name.clone(),
        uscc: identity.entity.uscc.clone().unwrap_or_default(),
        address: identity.entity.address.clone(),
        unit: around.unit.clone(),
        officers: around.present().map(|m| (m.name.clone(), m.certificate.clone())).collect(),
        template: format!(
            "{} {}",
            p.either(&around.template.title, &around.template.title_en),
            info.template_revision
        ),
        task: around
            .task
            .as_ref()
            .map(|task| (format!("{} {}", task.plan_no, task.task_no), task.item.clone())),
        overdue: unfinished && due.as_deref().is_some_and(|due| due < today),
        due: due.map(|due| p.day(&due)),
        state: info.state,
        open_conflicts: conflicts.collect(),
        quarantined: around.quarantined,
        linked: around.linked.iter().map(|visit| format!("/console/inspections/{visit}")).collect(),
        disclosure: around.disclosure.map(|id| id.to_string()),
    }
}

/// Findings, measurements, documents and proposals: whatever the document holds besides answers.
fn beyond(p: &Page, around: &Around, view: &View) -> Vec<(String, String)> {
    let maps = [
        ("findings", &view.findings),
        ("measurements", &view.measurements),
        ("documents", &view.documents),
        ("proposals", &view.proposals),
    ];
    let each = maps.into_iter().flat_map(|(map, registers)| registers.iter().map(move |(k, r)| (map, k, r)));
    each.map(|(map, key, register)| {
        let said = match map {
            "documents" => wording::paper_form(p, &register.standing.value, around.corrections.get(key)),
            _ => wording::register(&register.standing.value),
        };
        (wording::place(p, &around.template, map), said)
    })
    .collect()
}

fn late(p: &Page, dossier: &Dossier) -> Vec<(String, String)> {
    let Some(sealed) = &dossier.sealed else { return Vec::new() };
    let texts = [
        ("narrative", &sealed.view.narrative, &dossier.now.narrative),
        ("statement", &sealed.view.statement, &dossier.now.statement),
    ];
    let differing = texts.into_iter().filter(|(_, sealed, now)| sealed != now);
    differing.map(|(name, _, now)| (p.t(format!("console.wording.place.{name}")), now.clone())).collect()
}

fn signed(p: &Page, around: &Around, statement: &Statement) -> SealShown {
    let digest = fieldproof_schema::suite::Digest::of(statement.to_text().as_bytes());
    let known =
        around.seals.iter().find(|seal| seal.completed_at.is_some() && seal.version == statement.version);
    let signer = |signed: &fieldproof_schema::seal::Signed| {
        format!("{} · {}", around.officer_name(signed.officer), p.moment(&signed.at))
    };
    let (party, refused) = match &statement.party {
        Party::Signed { name } => (p.t1("console.case.party.signed", "name", name), false),
        Party::Refused { witness, reason } => {
            (p.t2("console.case.party.refused", "witness", witness, "reason", reason), true)
        }
    };
    let unsettled = statement.unsettled.as_ref();
    let named = unsettled.into_iter().flat_map(|unsettled| &unsettled.conflicts);
    let open = named.map(|id| {
        let known = around.conflicts.iter().find(|known| known.conflict.id == *id);
        let place = known.map(|known| wording::place(p, &around.template, &known.conflict.path));
        (place.unwrap_or_else(|| id.to_string()), super::conflicts::address(id))
    });
    SealShown {
        version: statement.version,
        signers: known
            .map(|seal: &seals::Known| seal.seal.signatures.iter().map(signer).collect())
            .unwrap_or_default(),
        at: p.moment(&statement.at),
        party,
        refused,
        comment: statement.comment.clone().unwrap_or_default(),
        unmerged: statement.unmerged.len(),
        despite: unsettled.map(|unsettled| unsettled.reason.clone()).unwrap_or_default(),
        unsettled: open.collect(),
        digest: known.map_or(digest, |seal| seal.digest).to_string(),
    }
}
