//! Answering an item, taking an answer back, and looking ahead at what would follow from one.

use super::super::{Ask, Posted, Route};
use super::place;
use super::region::{Differs, Region, Said};
use super::typed::{self, Typo};
use super::visit::{Known, Visit};
use super::words;
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_client_core::{Answered, ClientError};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{self, Page};
use fieldproof_schema::checklist::{Answer, AnswerError, Verdict};
use fieldproof_schema::document::{ChangeId, Side};

pub(in crate::pages) const ROUTES: &[Route] = &[
    Route { path: "/inspections/{id}/items/{item}/answer", answer: || post(answer) },
    Route { path: "/inspections/{id}/items/{item}/undo", answer: || post(undo) },
    Route { path: "/inspections/{id}/items/{item}/judge", answer: || get(judge) },
];

/// How long an answer offers to be taken back. The style sheet lets the offer go after as long.
const UNDO_SECONDS: i64 = 10;

async fn answer(
    ask: Ask,
    Path((id, item)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let known = visit.item(&item)?;
    place::remember(&ask, &visit.item_place(&item));
    let seen = fields.filled("seen").map(|seen| parse::<ChangeId>("seen", seen)).transpose()?;
    let given = match typed::answer(known.item, &fields, known.state.answer.as_ref()) {
        Ok(given) => given,
        Err(typo) => {
            let said = Said { fault: Some(typo_text(&ask.p, &typo)), ..Said::default() };
            return show(&ask, &visit, &item, said, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let strange = is_strange(known, given.as_ref());
    let (inspection, key, answer) = (visit.id, item.clone(), given.clone());
    let act = move |client: &fieldproof_client_core::Client| {
        client.answer_over(inspection, &key, answer.as_ref(), seen)
    };
    let answered = match ask.app().act(act).await {
        Ok(answered) => answered,
        Err(error) => return refused(&ask, &visit, &item, error),
    };
    let before = visit;
    let visit = Visit::load(&ask, &id).await?;
    let total_was = fields.filled("total").and_then(|total| total.parse().ok());
    let mut said = Said { total_was, ..Said::default() };
    let mut status = StatusCode::OK;
    match answered {
        // Nothing is taken back where nothing changed; a field may post twice what was typed once.
        Answered::Stands(_) => {
            let stood = before.detail.view.answers.get(&item).map(|register| &register.standing);
            let stands = visit.detail.view.answers.get(&item).map(|register| &register.standing);
            said.fresh = stands.is_some() && (stands != stood || is_recent(&ask, &visit, stands));
            said.done = (stands.is_none() && stood.is_some()).then_some("inspection.cleared");
            said.strange = strange && said.fresh;
        }
        Answered::Unseen(theirs) => {
            said.differs = Some(Differs::new(&ask.p, &visit, &theirs, given.as_ref()));
            status = StatusCode::CONFLICT;
        }
        Answered::Contested => status = StatusCode::CONFLICT,
    }
    show(&ask, &visit, &item, said, status)
}

/// Whether the officer gave this answer within the time in which it can be taken back.
fn is_recent(ask: &Ask, visit: &Visit, standing: Option<&Side>) -> bool {
    let author = standing.and_then(|side| visit.detail.authors.get(&side.stamp.change));
    let at = author.filter(|author| author.own).and_then(|author| author.at);
    at.is_some_and(|at| ask.app().host().now() <= at.plus_seconds(UNDO_SECONDS))
}

async fn undo(
    ask: Ask,
    Path((id, item)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    visit.item(&item)?;
    let change: ChangeId = parse("change", fields.get("change"))?;
    let (inspection, key) = (visit.id, item.clone());
    let undone = ask.app().act(move |client| client.undo_answer(inspection, &key, change)).await;
    let undone = match undone {
        Ok(undone) => undone,
        Err(error) => return refused(&ask, &visit, &item, error),
    };
    let visit = Visit::load(&ask, &id).await?;
    let done = Some(if undone { "inspection.undone" } else { "inspection.undo.late" });
    show(&ask, &visit, &item, Said { done, ..Said::default() }, StatusCode::OK)
}

/// What an act is answered with: the swapped part, or the way back to the item.
fn show(ask: &Ask, visit: &Visit, item: &str, said: Said, status: StatusCode) -> Result<Response, ApiError> {
    if ask.face.is_open() {
        ask.face.touch();
    }
    let known = visit.item(item)?;
    if ask.partial {
        let part = Region::new(&ask.p, visit, known, said).swapped(visit);
        return Ok(page::answer(status, &part));
    }
    // What has to be said is said on the page of the item itself; nothing that was typed is lost.
    if status == StatusCode::OK {
        let query = if said.fresh { format!("?given={item}") } else { String::new() };
        let section = visit.section_of(item);
        return Ok(ask.go(&format!("{}/sections/{section}{query}#item-{item}", visit.path())));
    }
    super::section::with(ask, visit, visit.section_of(item), item, said, status)
}

fn refused(ask: &Ask, visit: &Visit, item: &str, error: ApiError) -> Result<Response, ApiError> {
    let sentence = match &error {
        ApiError::Client(ClientError::AnswerUnfit { source, .. }) => unfit_text(&ask.p, source),
        _ => error.body().message.get(ask.p.lang()).cloned(),
    };
    let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::CONFLICT);
    match sentence {
        Some(fault) => show(ask, visit, item, Said { fault: Some(fault), ..Said::default() }, status),
        None => Err(error),
    }
}

fn is_strange(known: Known<'_>, given: Option<&Answer>) -> bool {
    match (words::number_of(known.item), given) {
        (Some(number), Some(Answer::Number { value, .. })) => typed::is_strange(number, *value),
        _ => false,
    }
}

fn typo_text(p: &Page, typo: &Typo) -> String {
    match typo {
        Typo::NotANumber => p.t("inspection.typo.number"),
        Typo::TwoReadings(one, other) => p.t2("inspection.typo.two", "one", one, "other", other),
        Typo::TooPrecise(decimals) => p.t1("inspection.typo.precise", "n", decimals),
        Typo::NotADate => p.t("inspection.typo.date"),
        Typo::Unknown => p.t("inspection.typo.unknown"),
    }
}

/// What is wrong with an answer, where its form can lead to that.
fn unfit_text(p: &Page, why: &AnswerError) -> Option<String> {
    Some(match why {
        AnswerError::TooPrecise { decimals, .. } => p.t1("inspection.typo.precise", "n", decimals),
        AnswerError::TextTooLong | AnswerError::ReasonTooLong => p.t("inspection.typo.long"),
        AnswerError::SeveralChosen(_) => p.t("inspection.typo.several"),
        AnswerError::NothingChosen
        | AnswerError::Blank
        | AnswerError::WrongType
        | AnswerError::NotApplicableNotOffered
        | AnswerError::Unit { .. }
        | AnswerError::UnknownCase(_)
        | AnswerError::UnknownOption(_)
        | AnswerError::TooFewPhotos { .. }
        | AnswerError::Malformed => p.t("inspection.typo.unknown"),
    })
}

/// What would follow from an answer, beside its field.
#[derive(Template)]
#[template(path = "inspection/judged.html")]
struct Judged {
    p: Page,
    verdict: Option<Verdict>,
    reading: Option<String>,
    fault: Option<String>,
    strange: bool,
}

async fn judge(
    ask: Ask,
    Path((id, item)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let known = visit.item(&item)?;
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let mut judged = Judged { p: ask.p.clone(), verdict: None, reading: None, fault: None, strange: false };
    let given = match typed::answer(known.item, &fields, None) {
        Ok(Some(given)) => given,
        Ok(None) => return Ok(ask.show(&judged)),
        Err(typo) => {
            judged.fault = Some(typo_text(&ask.p, &typo));
            return Ok(ask.show(&judged));
        }
    };
    judged.strange = is_strange(known, Some(&given));
    let (inspection, key) = (visit.id, item.clone());
    let judgement = ask.app().read(move |client| client.judge(inspection, &key, &given)).await?;
    judged.verdict = Some(judgement.verdict);
    judged.reading = words::number_of(known.item)
        .zip(judgement.why.as_ref())
        .map(|(number, reading)| words::reading(&ask.p, number, reading));
    Ok(ask.show(&judged))
}
