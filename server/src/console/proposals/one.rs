//! One correction proposal: what the directory said and says, what is proposed, by whom, what shows it; and the decision.

use super::{field, state};
use crate::api::{check, parse};
use crate::app::App;
use crate::console::captures::{self, Capture};
use crate::console::fault::Said;
use crate::console::{Chrome, Posted, Seat, case, conflicts, look};
use crate::error::ApiError;
use crate::policy::Act;
use crate::proposals::{self, Ruling, Shown};
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::limits::{DIRECTORY_FIELD_CHARS_MAX, REASON_CHARS_MAX};
use fieldproof_schema::reference::ProposalState;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

#[derive(Template)]
#[template(path = "console/proposal.html")]
struct ProposalPage {
    p: Page,
    c: Chrome,
    entity: String,
    entity_page: String,
    visit_page: String,
    field: String,
    base: Option<String>,
    value: String,
    present: Option<String>,
    /// Whether the directory says something else by now than when it was proposed.
    changed: bool,
    reason: String,
    officer: String,
    device: String,
    when: String,
    /// The captures that show it, as far as the reader may see the visit.
    captures: Vec<Capture>,
    /// How many are pointed to.
    evidence: usize,
    state: Html,
    /// The page of the conflict that is decided first.
    conflict: Option<String>,
    /// Whether this user decides it here.
    asked: bool,
    /// Why nobody does: a key.
    closed_to: Option<&'static str>,
    decision: Option<DecisionShown>,
    longest: usize,
    typed: Fields,
    /// What has to be changed before it can be taken.
    problem: Option<String>,
    fault: Option<Said>,
    done: bool,
}

struct DecisionShown {
    by: String,
    at: String,
    value: Option<String>,
    reason: String,
}

async fn load(app: &App, seat: &Seat, id: &str) -> Result<(Shown, Vec<Capture>), ApiError> {
    let id: Digest = case::find(id)?;
    let (org, asker) = (seat.actor.org, seat.actor.user.clone());
    let shown = app.db.read(move |tx| proposals::find(tx, org, &asker, &id)).await?;
    let proposed = &shown.listed.known.proposed;
    let captures = captures::pointed_to(app, seat, proposed.inspection, &proposed.proposal.evidence).await?;
    Ok((shown, captures))
}

pub(in crate::console) async fn show(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let asked = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let mut page = page(&seat, load(&app, &seat, &id).await?, Fields::default());
    page.done = asked.get("done") == "decided";
    Ok(seat.show(&page))
}

/// What was chosen, and why. An error is a key of the catalogues.
fn chosen(fields: &Fields) -> Result<(Ruling, String), &'static str> {
    let ruling = match fields.get("decision") {
        "accept" => Ruling::Accept,
        "edit" if fields.filled("value").is_some() => Ruling::Edit(fields.get("value").trim().to_owned()),
        "edit" => return Err("console.proposal.problem.value"),
        "reject" => Ruling::Reject,
        _ => return Err("console.proposal.problem.choice"),
    };
    let reason = fields.filled("reason").ok_or("console.conflict.problem.reason")?;
    let reason =
        check::text("reason", reason, REASON_CHARS_MAX).map_err(|_| "console.conflict.problem.long")?;
    Ok((ruling, reason))
}

pub(in crate::console) async fn decide(
    State(app): State<App>,
    seat: Seat,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    seat.actor.user.may(Act::DecideProposals)?;
    let (ruling, reason) = match chosen(&fields) {
        Ok(chosen) => chosen,
        Err(problem) => {
            let mut page = page(&seat, load(&app, &seat, &id).await?, fields);
            page.problem = Some(seat.p.t(problem));
            return Ok(answer(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let digest: Digest = parse("id", &id)?;
    match proposals::decide(&app, seat.actor.org, &seat.actor.user, digest, ruling, reason).await {
        Ok(_) => Ok(look::go(&format!("{}?done=decided", super::address(digest)))),
        Err(error) if error.code == ErrorCode::NotFound => Err(error),
        Err(error) => {
            // Once more, since somebody else may have decided in between.
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::CONFLICT);
            let mut page = page(&seat, load(&app, &seat, &id).await?, fields);
            if error.code == ErrorCode::FieldInvalid {
                page.problem = Some(seat.p.t("console.proposal.problem.unfit"));
            } else {
                page.fault = Some(Said::new(&seat.p, &error.body()));
            }
            Ok(answer(status, &page))
        }
    }
}

fn page(seat: &Seat, (shown, captures): (Shown, Vec<Capture>), typed: Fields) -> ProposalPage {
    let p = &seat.p;
    let Shown { listed, conflict } = shown;
    let may = seat.actor.user.may(Act::DecideProposals).is_ok();
    let present = listed.known.proposed.field().and_then(|field| field.of(&listed.row)).map(str::to_owned);
    let known = listed.known;
    let (proposal, origin) = (known.proposed.proposal, known.proposed.origin);
    let visit = case::address(known.proposed.inspection);
    let waits = known.state == ProposalState::Open;
    let closed_to = match (waits, &conflict, may) {
        (false, _, _) => None,
        (true, Some(_), _) => Some("console.proposal.in_conflict"),
        (true, None, false) => Some("console.proposal.others_decide"),
        (true, None, true) => None,
    };
    ProposalPage {
        c: Chrome::new(seat, "proposals"),
        entity: listed.row.name,
        entity_page: format!("/console/entities/{}", listed.row.id),
        field: field(p, &proposal.field),
        changed: waits && present != proposal.base,
        base: proposal.base,
        value: proposal.value,
        present,
        reason: proposal.reason,
        officer: origin.officer_name,
        device: origin.device_name,
        when: origin.written.as_ref().map(|written| p.interval(written)).unwrap_or_default(),
        captures,
        evidence: proposal.evidence.len(),
        visit_page: visit,
        state: state(p, known.state),
        conflict: conflict.map(conflicts::address),
        asked: waits && closed_to.is_none(),
        closed_to,
        decision: known.decided.map(|decided| DecisionShown {
            by: decided.by_name,
            at: known.closed_at.map(|at| p.moment(&at)).unwrap_or_default(),
            value: decided.value,
            reason: decided.reason,
        }),
        longest: DIRECTORY_FIELD_CHARS_MAX,
        typed,
        problem: None,
        fault: None,
        done: false,
        p: p.clone(),
    }
}
