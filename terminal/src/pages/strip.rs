//! The strip of truth at the foot of every page: how much is here only, was sent, is held; and what needs a person.
//!
//! Every whole page has a place for it, which is filled on the way out, so that it is right without scripts; with them it
//! is asked for again every few seconds. The same question finds out that the terminal was left alone: then the page goes
//! to be unlocked.

use super::{Ask, Face, Route};
use crate::error::ApiError;
use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_client_core::{Client, Overview};
use fieldproof_presentation::fields::{Fields, query};
use fieldproof_presentation::page::{Page, is_partial};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

pub(super) const ROUTES: &[Route] = &[Route { path: "/strip", answer: || get(show) }];

/// What stands in a page where the strip belongs. Text of people cannot say it: it is escaped.
const PLACE: &str = "<!--fp-strip-->";
/// Sends the browser elsewhere when a script asked.
const REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
const CURRENT: HeaderName = HeaderName::from_static("hx-current-url");

#[derive(Template)]
#[template(path = "strip.html")]
struct Strip {
    p: Page,
    o: Overview,
    /// The last contact: the time of today, or the day too.
    contact: Option<String>,
    running: bool,
    /// Originals are being sent.
    uploading: bool,
    /// The officer paused originals.
    paused: bool,
    /// Names what is shown, so that what has not changed is not sent again.
    seen: String,
}

async fn strip(face: &Face, p: Page) -> Result<Strip, ApiError> {
    let o = face.app().read(Client::overview).await?;
    let syncs = face.app().syncs();
    let (running, uploading) = (syncs.running.is_some(), syncs.uploading.is_some());
    let paused = face.app().uploads().choices().paused;
    let seen = Digest::of(format!("{o:?} {running} {uploading} {paused} {}", p.lang()).as_bytes());
    let seen = seen.value.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let contact = o.last_contact.map(|at| short(&p, at, face.app().host().now()));
    Ok(Strip { p, o, contact, running, uploading, paused, seen })
}

/// `14:05` today, `11-23 14:05` on other days of the year, else in full.
fn short(p: &Page, at: Moment, now: Moment) -> String {
    let (whole, today) = (p.moment(&at), p.moment(&now));
    let same = |length: usize| whole.get(..length) == today.get(..length);
    let from = if same("2026-11-23".len()) {
        "2026-11-23 ".len()
    } else if same("2026".len()) {
        "2026-".len()
    } else {
        0
    };
    whole.get(from..).unwrap_or(&whole).to_owned()
}

async fn show(ask: Ask, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Result<Response, ApiError> {
    if ask.app().is_locked() {
        return Ok(to_unlock(&ask.face, &headers));
    }
    let strip = strip(&ask.face, ask.p.clone()).await?;
    if strip.o.enrolled && !ask.face.is_open() {
        return Ok(to_unlock(&ask.face, &headers));
    }
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    if fields.get("seen") == strip.seen {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(ask.show(&strip))
}

/// Sends the page that a script asked for to be unlocked, and back to where it was.
pub(super) fn to_unlock(face: &Face, headers: &HeaderMap) -> Response {
    let current = headers.get(CURRENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let then = face.path_of(current);
    let path = face.url(&format!("/unlock{}", query(&[("then", then)])));
    match HeaderValue::try_from(path) {
        Ok(path) => (StatusCode::OK, [(REDIRECT, path)]).into_response(),
        Err(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Fills the strip's place in a whole page.
pub(super) async fn fill(State(face): State<Face>, request: Request, next: Next) -> Response {
    let (p, partial) = (face.page(request.headers()), is_partial(request.headers()));
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if partial || !kind.is_some_and(|kind| kind.starts_with(b"text/html")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // A page is in memory already; files are never HTML here.
    let Ok(page) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = match std::str::from_utf8(&page).ok().and_then(|page| page.split_once(PLACE)) {
        Some((before, after)) => {
            // A page without its strip is better than none: what failed is said when the store is asked next.
            let strip = strip(&face, p).await.ok().and_then(|strip| strip.render().ok()).unwrap_or_default();
            Body::from(format!("{before}{strip}{after}"))
        }
        None => Body::from(page),
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_presentation::page::Theme;
    use fieldproof_presentation::texts::Language;

    #[test]
    fn the_last_contact_is_told_as_shortly_as_it_is_clear() {
        let p = Page { language: Language::Chinese, theme: Theme::Auto, root: String::new() };
        let now = Moment::from_micros(1_795_442_645_000_000);
        for (days, told) in [(0, "22:04"), (1, "11-22 22:04"), (327, "2025-12-31 22:04")] {
            assert_eq!(short(&p, now.plus_seconds(-days * 86_400), now), told);
        }
    }
}
