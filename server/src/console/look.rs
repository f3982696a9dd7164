//! How pages look to whoever asks: language and appearance, from cookies that hold nothing else, else from the browser.

use super::{Posted, Route};
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fieldproof_presentation::page::{self, Page, Theme};
use fieldproof_presentation::texts::Language;
use std::convert::Infallible;

const LANGUAGE: &str = "fp-language";
const THEME: &str = "fp-theme";
/// Seconds that a choice is remembered.
const REMEMBERED: u32 = 365 * 24 * 3600;

pub(super) const ROUTES: &[Route] = &[Route { path: "/console/look", answer: || post(choose) }];

/// One request for a page.
pub(crate) struct Visitor {
    /// What every page has.
    pub(crate) p: Page,
    /// The address with its query.
    pub(crate) here: String,
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// What every page has, for a request with these headers.
pub(crate) fn page(headers: &HeaderMap) -> Page {
    let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let language = cookie(headers, LANGUAGE).and_then(Language::find);
    Page {
        language: language.unwrap_or_else(|| Language::preferred(asked)),
        theme: cookie(headers, THEME).and_then(Theme::find).unwrap_or_default(),
        root: String::new(),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let here = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        Ok(Self { p: page(&parts.headers), here })
    }
}

impl Visitor {
    /// Answers with a page or a part of one.
    pub(crate) fn show(&self, page: &impl askama::Template) -> Response {
        page::answer(StatusCode::OK, page)
    }
}

/// Sends the browser to another page of ours; anything else becomes the inbox.
pub(crate) fn go(path: &str) -> Response {
    let location = HeaderValue::try_from(path_within(path)).unwrap_or(HeaderValue::from_static("/console"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// A path of ours out of what a form or an address says.
pub(crate) fn path_within(path: &str) -> &str {
    // Browsers read a backslash as a slash and drop tabs and line breaks: `/\t/elsewhere` would lead elsewhere.
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && path.starts_with('/') && !path.starts_with("//") { path } else { "/console" }
}

async fn choose(Posted(fields): Posted) -> Response {
    let mut response = go(fields.get("then"));
    let language = Language::find(fields.get("language")).map(Language::tag).unwrap_or_default();
    let theme = Theme::find(fields.get("theme")).unwrap_or_default().as_str();
    for (name, value) in [(LANGUAGE, language), (THEME, theme)] {
        let age = if value.is_empty() { 0 } else { REMEMBERED };
        let cookie = format!("{name}={value}; Path=/; Max-Age={age}; SameSite=Lax; HttpOnly");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers =
            HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("xfp-theme=dark; fp-theme=light; a"))]);
        assert_eq!(cookie(&headers, THEME), Some("light"));
        assert_eq!(cookie(&headers, LANGUAGE), None);
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "",
            "/a\r\nb",
            "/\t/evil.example",
            "/\u{1}",
            "/云",
        ] {
            assert_eq!(path_within(foreign), "/console", "{foreign}");
        }
        assert_eq!(path_within("/console/cases?state=sealed"), "/console/cases?state=sealed");
    }
}
