//! Unlocking: who picks the terminal up has to know the officer's passphrase before anything is shown.
//!
//! Nothing typed is lost to the lock: what a form posts while it is locked waits on the unlock page and goes on from there.

use super::fault::Said;
use super::{Ask, Face, Posted, Route, strip};
use crate::error::ApiError;
use crate::officers::Named;
use askama::Template;
use axum::body::Bytes;
use axum::extract::{FromRequest, OriginalUri, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{Page, answer};

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/unlock", answer: || get(show).post(unlock) },
    Route { path: "/lock", answer: || post(lock) },
    Route { path: "/officers", answer: || post(add) },
];

/// What stands before the names of fields that wait on the unlock page.
const WAITING: &str = "waiting.";
/// Addresses that answer while it is locked.
const OPEN: &[&str] = &["/unlock", "/lock", "/ping", "/enrol", "/strip", "/network", "/officers", "/recover"];
/// What stands before other such addresses.
const OPEN_BELOW: &[&str] = &["/assets/", "/enrol/", "/recover/"];

#[derive(Template)]
#[template(path = "unlock.html")]
struct UnlockPage {
    p: Page,
    officer: String,
    /// The store has not been unlocked since the program started.
    started: bool,
    /// Where to go on.
    then: String,
    /// What was posted and waits.
    waiting: Vec<(String, String)>,
    fault: Option<Said>,
    /// Who else uses this terminal, and whether somebody new can.
    others: Vec<Named>,
    is_shared: bool,
}

#[derive(Template)]
#[template(path = "unlocked.html")]
struct UnlockedPage {
    p: Page,
    then: String,
    waiting: Vec<(String, String)>,
}

async fn page(ask: &Ask, then: &str, waiting: Vec<(String, String)>, fault: Option<ApiError>) -> Response {
    let officer = ask.app().officer_name().await;
    let code = fault.as_ref().map_or(StatusCode::OK, |fault| {
        StatusCode::from_u16(fault.code().status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
    });
    let wait = fault.as_ref().and_then(|fault| fault.details()["retry_after_seconds"].as_u64());
    let fault = fault.map(|fault| Said::new(&ask.p, &fault.body()));
    let then = ask.face.path_within(then).to_owned();
    let (p, started) = (ask.p.clone(), ask.app().is_locked());
    let shown = UnlockPage {
        p,
        officer: officer.unwrap_or_default(),
        started,
        then,
        waiting,
        fault,
        others: ask.face.others().await,
        is_shared: ask.face.is_shared(),
    };
    let mut response = answer(code, &shown);
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn show(ask: Ask, OriginalUri(uri): OriginalUri) -> Response {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    page(&ask, query.find("then").unwrap_or("/"), Vec::new(), None).await
}

async fn unlock(ask: Ask, Posted(fields): Posted) -> Response {
    let passphrase = fields.get("passphrase").to_owned();
    let then = ask.face.path_within(fields.find("then").unwrap_or("/")).to_owned();
    let waiting: Vec<_> = fields
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(WAITING)?.to_owned(), value.to_owned())))
        .collect();
    match ask.app().unlock(passphrase).await {
        Ok(()) => {
            ask.face.touch();
            if waiting.is_empty() {
                return ask.go(&then);
            }
            ask.show(&UnlockedPage { p: ask.p.clone(), then, waiting })
        }
        Err(fault) => page(&ask, &then, waiting, Some(fault)).await,
    }
}

async fn lock(ask: Ask) -> Response {
    ask.face.lock();
    ask.go("/unlock")
}

/// Somebody who is new on this terminal: she enrols in a part of her own, and this one stays locked.
async fn add(ask: Ask) -> Result<Response, ApiError> {
    let root = ask.face.newcomer().await?;
    ask.face.lock();
    let location = HeaderValue::try_from(format!("{root}/enrol")).map_err(ApiError::malformed)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

/// Remembers the page that is shown; forgets one that is not there any more.
fn note_place(face: &Face, here: &str, response: &Response) {
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_page = kind.is_some_and(|kind| kind.starts_with(b"text/html"));
    let place = face.settings().place;
    if response.status() == StatusCode::OK && is_page {
        // The place on the page, where she was on it before; what the address asks besides does not move her.
        let stays = place.split_once('#').is_some_and(|(page, _)| Some(page) == here.split('?').next());
        if !stays {
            face.remember(here);
        }
    } else if response.status() == StatusCode::NOT_FOUND && place.split('#').next() == Some(here) {
        face.remember("/tasks");
    }
}

/// Shows nothing while it is locked, and lets what was written go on after the passphrase.
pub(super) async fn keep_locked(
    State(face): State<Face>,
    ask: Ask,
    request: Request,
    next: Next,
) -> Response {
    let path = ask.here.split('?').next().unwrap_or_default();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if OPEN.contains(&path) || OPEN_BELOW.iter().any(|above| path.starts_with(above)) {
        return next.run(request).await;
    }
    let is_open = face.is_open();
    if is_open || !reads && face.was_opened() {
        // What a script asks for by itself is no sign of life; and what is taken late opens nothing.
        if is_open && !(reads && ask.partial) {
            face.touch();
        }
        let response = next.run(request).await;
        if reads && !ask.partial {
            note_place(&face, &ask.here, &response);
        }
        return response;
    }
    // Where somebody may be writing, a part stays as it is; what was written is taken when it is sent.
    if ask.partial && reads && path.starts_with("/inspections/") {
        return StatusCode::NO_CONTENT.into_response();
    }
    if !ask.app().is_enrolled().await.unwrap_or(false) {
        return ask.go("/enrol");
    }
    if reads && ask.partial {
        return strip::to_unlock(&face, request.headers());
    }
    if reads {
        let then = fieldproof_presentation::fields::query(&[("then", &ask.here)]);
        return ask.go(&format!("/unlock{then}"));
    }
    let fields = Bytes::from_request(request, &()).await.map(|body| Fields::parse(&body)).unwrap_or_default();
    let waiting = fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    page(&ask, &ask.here, waiting, None).await
}

#[cfg(test)]
mod tests;
