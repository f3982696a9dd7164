//! Sealing (定稿): everything that will be signed is read before it is; then the party, then the officer's passphrase.
//!
//! One address shows whatever the seal needs from this officer: to draw it up, to sign a colleague's, to wait, or nothing
//! any more. What stands in the way is said with what to do about it.

mod content;
mod form;
pub(super) mod state;

use super::fault::Said;
use super::{Ask, Posted, Route};
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use content::{Content, content};
use fieldproof_client_core::{
    Client, ClientError, InspectionDetail, SealOutlook, SealState, SealedContent, Stage,
};
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Party;
use form::Form;
use state::{
    Blocker, Member, Open, Returned, Signature, blocker, members, open, returned, signatures, signed_over,
};

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/inspections/{id}/seal", answer: || get(show).post(seal) },
    Route { path: "/inspections/{id}/cosign", answer: || post(cosign) },
];

/// What the seal needs from this officer.
enum Turn {
    /// To draw it up.
    Draft,
    /// To sign what a colleague drew up.
    Cosign,
    /// Nothing until a colleague signs.
    Wait,
    /// Nothing any more.
    Done,
}

#[derive(Template)]
#[template(path = "seal/page.html")]
struct SealPage {
    p: Page,
    id: InspectionId,
    entity: String,
    inspection_state: InspectionState,
    turn: Turn,
    version: u32,
    /// Conflicts that the team has not settled.
    open: Vec<Open>,
    /// What stands in the way of signing.
    blockers: Vec<Blocker>,
    /// The return that is to be answered.
    returned: Option<Returned>,
    /// Team members of whom nothing is merged here.
    unmerged: Vec<Member>,
    /// Records that the server does not hold yet.
    unsent: u64,
    content: Option<Content>,
    /// The statement that waits, or the last that is complete.
    seal: Option<Seal>,
    form: Form,
    fault: Option<Said>,
}

/// A statement as people read it.
struct Seal {
    version: u32,
    at: String,
    party: Party,
    comment: Option<String>,
    /// The conflicts that were signed over, and why.
    unsettled: Vec<Open>,
    despite: String,
    signatures: Vec<Signature>,
    /// Word for word what is signed.
    text: String,
}

impl SealPage {
    /// Whether the officer can sign now.
    fn may_sign(&self) -> bool {
        self.blockers.is_empty()
    }

    fn count(&self) -> usize {
        self.content.as_ref().map_or(0, |content| content.sections.iter().map(|s| s.lines.len()).sum())
    }
}

/// Everything that the page is made of, read at once.
struct Known {
    detail: InspectionDetail,
    outlook: SealOutlook,
    unsent: u64,
    /// The content at the heads of the statement that is shown; none while it is not all here.
    sealed: Option<SealedContent>,
}

/// The statement that the page is about: the one that waits, else the last that is complete.
fn shown<'a>(detail: &'a InspectionDetail, outlook: &SealOutlook, turn: &Turn) -> Option<&'a SealState> {
    match turn {
        Turn::Draft => None,
        Turn::Cosign | Turn::Wait => detail.seals.iter().find(|seal| Some(seal.digest) == outlook.pending),
        Turn::Done => detail.seals.iter().rev().find(|seal| seal.complete),
    }
}

fn turn(detail: &InspectionDetail, outlook: &SealOutlook, anew: bool) -> Turn {
    let pending = detail.seals.iter().find(|seal| Some(seal.digest) == outlook.pending);
    match pending {
        Some(seal) if seal.mine => Turn::Wait,
        Some(_) if !anew => Turn::Cosign,
        _ if detail.editable => Turn::Draft,
        _ => Turn::Done,
    }
}

fn read(client: &Client, id: InspectionId, anew: bool) -> Result<Known, ClientError> {
    let (detail, outlook) = (client.inspection(id)?, client.seal_outlook(id)?);
    let standing = client.standing(id)?;
    let statement =
        shown(&detail, &outlook, &turn(&detail, &outlook, anew)).map(|seal| seal.statement.clone());
    let sealed = match statement {
        Some(statement) => client.sealed_content(id, &statement)?,
        None => None,
    };
    Ok(Known { detail, outlook, unsent: standing.here + standing.sent, sealed })
}

async fn page(ask: &Ask, id: &str, anew: bool, form: Form) -> Result<SealPage, ApiError> {
    let id: InspectionId = parse("inspection", id)?;
    let known = ask.app().read(move |client| read(client, id, anew)).await?;
    let p = ask.p.clone();
    let Known { detail, outlook, unsent, sealed } = known;
    let turn = turn(&detail, &outlook, anew);
    let template = detail.template.as_deref();
    let content = match (&turn, &sealed) {
        (Turn::Draft, _) => Some(content(&p, &detail.view, template, &detail.items, &detail.evidence)),
        (_, Some(sealed)) => Some(content(&p, &sealed.view, template, &sealed.items, &sealed.captures)),
        (_, None) => None,
    };
    let seal = shown(&detail, &outlook, &turn).map(|seal| Seal {
        version: seal.statement.version,
        at: p.moment(&seal.statement.at),
        party: seal.statement.party.clone(),
        comment: seal.statement.comment.clone(),
        unsettled: sealed
            .as_ref()
            .map(|sealed| signed_over(&p, &detail, &seal.statement, &sealed.view))
            .unwrap_or_default(),
        despite: seal.statement.unsettled.as_ref().map(|u| u.reason.clone()).unwrap_or_default(),
        signatures: signatures(&p, seal, &detail),
        text: seal.text.clone(),
    });
    Ok(SealPage {
        id,
        entity: detail.view.identity.entity.name.clone(),
        inspection_state: detail.summary.state,
        version: outlook.version,
        open: match &turn {
            Turn::Draft => open(&p, &detail, &detail.conflicts),
            Turn::Cosign | Turn::Wait | Turn::Done => Vec::new(),
        },
        blockers: blocker(&p, &turn, &detail, &outlook),
        returned: returned(&p, &detail),
        unmerged: members(&detail, &outlook.unmerged),
        unsent,
        content,
        seal,
        form,
        fault: None,
        turn,
        p,
    })
}

async fn show(ask: Ask, Path(id): Path<String>, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let anew = uri.query() == Some("anew");
    Ok(ask.show(&page(&ask, &id, anew, Form::default()).await?))
}

/// Signs what the officer has read. A wrong passphrase, or anything else in the way, keeps what was typed.
async fn seal(ask: Ask, Path(id): Path<String>, Posted(fields): Posted) -> Result<Response, ApiError> {
    let mut form = Form::read(&fields);
    let Some((party, comment)) = form.party(&ask.p) else {
        let page = page(&ask, &id, true, form).await?;
        return Ok(answer(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let (inspection, passphrase) = (parse("inspection", &id)?, fields.get("passphrase").to_owned());
    let despite = form.despite();
    let sign = move |client: &Client| match &despite {
        Some(reason) => client.seal_despite(inspection, &passphrase, &party, comment.as_deref(), reason),
        None => client.seal(inspection, &passphrase, &party, comment.as_deref()),
    };
    let sealed = ask.app().act(sign).await;
    signed(&ask, &id, true, form, sealed.map(drop)).await
}

/// Signs what a colleague drew up.
async fn cosign(ask: Ask, Path(id): Path<String>, Posted(fields): Posted) -> Result<Response, ApiError> {
    let (inspection, passphrase) = (parse("inspection", &id)?, fields.get("passphrase").to_owned());
    let signed_too = ask.app().act(move |client| client.cosign(inspection, &passphrase)).await;
    signed(&ask, &id, false, Form::default(), signed_too.map(drop)).await
}

async fn signed(
    ask: &Ask,
    id: &str,
    anew: bool,
    form: Form,
    done: Result<(), ApiError>,
) -> Result<Response, ApiError> {
    let Err(error) = done else { return Ok(ask.go(&format!("/inspections/{id}/seal"))) };
    let mut page = page(ask, id, anew, form).await?;
    page.fault = Some(Said::new(&ask.p, &error.body()));
    let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::CONFLICT);
    Ok(answer(status, &page))
}
