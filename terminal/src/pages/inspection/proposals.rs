//! Correction proposals (更正建议): what the directory says about the entity, what is proposed, and what became of it.

use super::super::{Ask, Posted, Route};
use super::place;
use super::section::Frame;
use super::shots::Shot;
use super::visit::Visit;
use super::words::{self, By};
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::{ClientError, Correction, ProposalBook, ProposalLine};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::conflict::Conflict;
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::limits::DIRECTORY_FIELD_CHARS_MAX;
use fieldproof_schema::reference::ProposalState;

pub(in crate::pages) const ROUTES: &[Route] =
    &[Route { path: "/inspections/{id}/proposals", answer: || get(show).post(act) }];

#[derive(Template)]
#[template(path = "inspection/proposals.html")]
struct ProposalsPage {
    p: Page,
    frame: Frame,
    /// False when the directory's row is not on this terminal.
    listed: bool,
    facts: Vec<Fact>,
    proposals: Vec<Proposed>,
    longest: usize,
    problem: Option<String>,
}

/// A fact of the entity.
struct Fact {
    name: &'static str,
    label: String,
    present: String,
    /// The form that proposes another one; none where nothing can be proposed.
    form: Option<Form>,
}

/// A proposal of the visit.
struct Proposed {
    record: String,
    label: String,
    base: String,
    value: String,
    reason: String,
    shots: usize,
    by: Option<By>,
    stage: Option<Html>,
    state: Html,
    /// What the directory says instead, where a supervisor wrote something else.
    written: String,
    /// Who decided, when, and why.
    decided: Option<(String, String)>,
    /// What stands against it.
    against: Vec<String>,
    /// The form that changes it; none once it was decided, or where nothing can be written.
    form: Option<Form>,
}

/// Proposes something, or something else.
struct Form {
    /// What names its parts on the page.
    key: String,
    field: &'static str,
    record: String,
    value: String,
    reason: String,
    shots: Vec<(Shot, bool)>,
    /// Whether it was just posted, and not taken.
    open: bool,
}

async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, ApiError> {
    let (visit, book) = load(&ask, &id).await?;
    place::visit(&ask, &format!("{}/proposals", visit.path()));
    Ok(ask.show(&page(&ask.p, &visit, &book, &Fields::default(), None)))
}

async fn load(ask: &Ask, id: &str) -> Result<(Visit, ProposalBook), ApiError> {
    let visit = Visit::load(ask, id).await?;
    let inspection = visit.id;
    let book = ask.app().read(move |client| client.proposals(inspection)).await?;
    Ok((visit, book))
}

async fn act(ask: Ask, Path(id): Path<String>, Posted(fields): Posted) -> Result<Response, ApiError> {
    let inspection = parse("inspection", &id)?;
    let record: Option<RecordId> =
        fields.filled("record").map(|record| parse("record", record)).transpose()?;
    let done = match (fields.get("act"), record) {
        ("take_back", Some(record)) => {
            ask.app().act(move |client| client.take_back(inspection, record)).await
        }
        ("propose", _) => {
            let field = EntityField::find(fields.get("field"));
            let field = field.ok_or_else(|| ApiError::field("field", "not a fact of an entity"))?;
            let evidence: Result<_, _> = fields.all("evidence").map(|r| parse("evidence", r)).collect();
            let (value, reason) = (fields.get("value").to_owned(), fields.get("reason").to_owned());
            let correction = Correction { field, value, reason, evidence: evidence? };
            let propose = move |client: &fieldproof_client_core::Client| {
                client.propose(inspection, record, &correction).map(|_| ())
            };
            ask.app().act(propose).await
        }
        _ => return Err(ApiError::field("act", "neither propose nor take_back")),
    };
    match done {
        Ok(()) => Ok(ask.go(&format!("/inspections/{inspection}/proposals#proposed"))),
        Err(ApiError::Client(error)) => {
            let Some(problem) = problem(&ask.p, &error, fields.get("field")) else {
                return Err(error.into());
            };
            let (visit, book) = load(&ask, &id).await?;
            let page = page(&ask.p, &visit, &book, &fields, Some(problem));
            Ok(answer(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

/// What the officer can change about what was refused; none where a page of its own says it.
fn problem(p: &Page, error: &ClientError, field: &str) -> Option<String> {
    Some(match error {
        ClientError::FieldInvalid { field: "value" } if field == EntityField::Uscc.as_str() => {
            p.t("inspection.proposal.problem.uscc")
        }
        ClientError::FieldInvalid { .. } => {
            p.t1("inspection.proposal.problem.value", "n", DIRECTORY_FIELD_CHARS_MAX)
        }
        ClientError::ReasonMissing => p.t("inspection.proposal.problem.reason"),
        ClientError::StateWrong { why } => p.t(format!("terminal.obstacle.{}", why.as_str())),
        _ => return None,
    })
}

fn label(p: &Page, field: EntityField) -> String {
    p.t(format!("terminal.field.{}", field.as_str()))
}

fn page(
    p: &Page,
    visit: &Visit,
    book: &ProposalBook,
    typed: &Fields,
    problem: Option<String>,
) -> ProposalsPage {
    let fact = |field: &EntityField| {
        let present = field.of(&book.row).unwrap_or_default().to_owned();
        Fact {
            name: field.as_str(),
            label: label(p, *field),
            form: book.editable.then(|| form(p, visit, *field, None, typed)),
            present,
        }
    };
    ProposalsPage {
        frame: Frame::new(p, visit, 0),
        listed: book.listed,
        facts: EntityField::ALL.iter().map(fact).collect(),
        proposals: book.proposals.iter().map(|line| proposed(p, visit, book, line, typed)).collect(),
        longest: DIRECTORY_FIELD_CHARS_MAX,
        problem,
        p: p.clone(),
    }
}

fn form(p: &Page, visit: &Visit, field: EntityField, line: Option<&ProposalLine>, typed: &Fields) -> Form {
    let record = line.map(|line| line.proposed.record.to_string()).unwrap_or_default();
    let open = typed.get("act") == "propose"
        && typed.get("record") == record
        && typed.get("field") == field.as_str();
    let before = line.map(|line| &line.proposed.proposal);
    let said = |name: &str, before: Option<&String>| match open {
        true => typed.get(name).to_owned(),
        false => before.cloned().unwrap_or_default(),
    };
    let listed = visit.detail.evidence.iter().filter(|capture| capture.listed);
    let shot = |capture: &fieldproof_client_core::EvidenceItem| {
        let record = capture.record.to_string();
        let chosen = match open {
            true => typed.all("evidence").any(|chosen| chosen == record),
            false => before.is_some_and(|before| before.evidence.contains(&capture.record)),
        };
        (Shot::new(p, visit, capture), chosen)
    };
    Form {
        key: if record.is_empty() { field.as_str().to_owned() } else { record.clone() },
        field: field.as_str(),
        value: said("value", before.map(|before| &before.value)),
        reason: said("reason", before.map(|before| &before.reason)),
        shots: listed.map(shot).collect(),
        record,
        open,
    }
}

fn proposed(p: &Page, visit: &Visit, book: &ProposalBook, line: &ProposalLine, typed: &Fields) -> Proposed {
    let proposal = &line.proposed.proposal;
    let field = line.proposed.field();
    let (state, fate) = (line.state(), line.fate.as_ref());
    let (tone, icon) = match state {
        ProposalState::Open => ("info", "hourglass"),
        ProposalState::Accepted | ProposalState::Met => ("pass", "circle-check"),
        ProposalState::Edited => ("info", "pencil"),
        ProposalState::Rejected | ProposalState::Withdrawn => ("none", "ban"),
    };
    let stage = line.author.as_ref().map(|author| words::stage(author.stage));
    let decided = fate.filter(|fate| !fate.by.is_empty()).map(|fate| {
        let at = fate.at.map(|at| p.moment(&at)).unwrap_or_default();
        (format!("{} · {at}", fate.by), fate.reason.clone())
    });
    let waits = state == ProposalState::Open;
    let mut against: Vec<String> = book
        .conflicts
        .iter()
        .filter(|conflict| waits && line.is_side_of(conflict))
        .flat_map(|conflict| opposed(p, conflict, &proposal.value))
        .collect();
    // The server knows of visits that are not on this terminal.
    if against.is_empty() && waits && fate.is_some_and(|fate| fate.conflict.is_some()) {
        against.push(p.t("inspection.proposal.against.elsewhere"));
    }
    Proposed {
        record: line.proposed.record.to_string(),
        label: field.map_or_else(|| proposal.field.clone(), |field| label(p, field)),
        base: proposal.base.clone().unwrap_or_default(),
        value: proposal.value.clone(),
        reason: proposal.reason.clone(),
        shots: proposal.evidence.len(),
        by: line.author.as_ref().map(|author| words::author_of(p, author)),
        stage: stage.map(|(tone, icon, key)| p.badge(tone, icon, &p.t(key))),
        state: p.badge(tone, icon, &p.t(format!("inspection.proposal.state.{}", state.as_str()))),
        written: match (state, fate.and_then(|fate| fate.value.clone())) {
            (ProposalState::Edited, Some(value)) => value,
            _ => String::new(),
        },
        decided,
        against,
        form: field.filter(|_| waits && book.editable).map(|field| form(p, visit, field, Some(line), typed)),
    }
}

/// What else a conflict has for the fact, and whose it is.
fn opposed(p: &Page, conflict: &Conflict, own: &str) -> Vec<String> {
    let others = conflict.sides.iter().filter(|side| side.value != own);
    let said = others.map(|side| match side.origin.as_deref().filter(|origin| origin.record.is_some()) {
        Some(origin) if !origin.officer_name.is_empty() => {
            p.t2("inspection.proposal.against.officer", "officer", &origin.officer_name, "value", &side.value)
        }
        Some(_) => p.t1("inspection.proposal.against.other", "value", &side.value),
        None if side.value.is_empty() => p.t("inspection.proposal.against.nothing"),
        None => p.t1("inspection.proposal.against.directory", "value", &side.value),
    });
    said.collect()
}
