//! The public site: results of inspections, for everyone. No session, no cookie, no script; caches may keep it.
//!
//! It shows what the API's public body holds and nothing else.

mod list;
mod result;

use crate::app::App;
use crate::error::{ApiError, Failed};
use askama::Template;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{self, Page, Theme};
use fieldproof_presentation::texts::Language;
use fieldproof_schema::wire::error::ErrorCode;
use serde::Deserialize;
use serde_json::Value;

/// Caches may answer for a minute: new results are seen soon, and a rush of readers meets the cache.
const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=60");
/// Everything public, nothing of the rest.
const ROBOTS: &str = "User-agent: *\nDisallow: /console\nDisallow: /api\n";

/// The public pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(list::show))
        .route("/results/{id}", get(result::show))
        .layer(middleware::from_fn(explain))
        .route(
            "/robots.txt",
            get(async || ([(CONTENT_TYPE, "text/plain"), (CACHE_CONTROL, "public, max-age=3600")], ROBOTS)),
        )
}

/// What the public reads of an inspection, as it was published.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Body {
    entity: Entity,
    plan_no: Option<String>,
    task_no: Option<String>,
    item: Option<String>,
    checklist: Checklist,
    inspected_on: String,
    authority: String,
    unit: Option<String>,
    conclusion: String,
    result: Summary,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Entity {
    name: String,
    uscc: Option<String>,
    address: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Checklist {
    id: String,
    revision: String,
    title: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Summary {
    passed: u64,
    failed: u64,
    not_applicable: u64,
    recorded: u64,
    undecided: u64,
    failed_items: Vec<FailedItem>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct FailedItem {
    text: String,
    key: bool,
}

impl Body {
    fn read(body: &Value) -> Result<Self, ApiError> {
        Ok(Self::deserialize(body)?)
    }

    /// Tone, icon and word of the conclusion.
    fn conclusion(&self) -> (&'static str, &'static str, &'static str) {
        match self.conclusion.as_str() {
            "problems_found" => ("fail", "circle-x", "public.conclusion.problems_found"),
            "no_problem_found" => ("pass", "circle-check", "public.conclusion.no_problem_found"),
            _ => ("warn", "help-circle", "public.conclusion.undecided"),
        }
    }
}

/// The language of a page: of its address, else as the browser asks. The address says it where somebody chose.
struct Reader {
    p: Page,
    chosen: Option<Language>,
}

impl Reader {
    fn of(headers: &HeaderMap, query: Option<&str>) -> Self {
        let fields = Fields::parse(query.unwrap_or_default().as_bytes());
        let chosen = Language::find(fields.get("lang"));
        let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let language = chosen.unwrap_or_else(|| Language::preferred(asked));
        Self { p: Page { language, theme: Theme::Auto, root: String::new() }, chosen }
    }

    /// The language as an address carries it on; empty where nobody chose.
    fn lang(&self) -> &'static str {
        self.chosen.map(Language::tag).unwrap_or_default()
    }
}

/// Answers with a page that caches may keep.
fn answer(page: &impl Template) -> Response {
    let mut response = page::answer(StatusCode::OK, page);
    if response.status() == StatusCode::OK {
        response.headers_mut().insert(CACHE_CONTROL, CACHEABLE);
    }
    vary(response)
}

fn vary(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Language"));
    response
}

#[derive(Template)]
#[template(path = "public/fault.html")]
struct FaultPage {
    p: Page,
    lang: &'static str,
    path: String,
    is_missing: bool,
    sentence: String,
}

/// Makes a page of an answer that failed.
async fn explain(request: Request, next: Next) -> Response {
    let reader = Reader::of(request.headers(), request.uri().query());
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let Some(Failed(error)) = response.extensions().get::<Failed>().cloned() else { return response };
    let status = response.status();
    let lang = reader.lang();
    let sentence = error.message.get(reader.p.lang()).cloned().unwrap_or_default();
    // An address that is no id leads nowhere either.
    let is_missing = error.code == ErrorCode::NotFound.as_str() || path.starts_with("/results/");
    let status = if is_missing && status.is_client_error() { StatusCode::NOT_FOUND } else { status };
    vary(page::answer(status, &FaultPage { p: reader.p, lang, path, is_missing, sentence }))
}

/// Answers where nothing is: people get a page, programs what they know.
pub async fn nowhere(request: Request) -> Response {
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let missing = ApiError::from(ErrorCode::NotFound);
    if request.uri().path().starts_with("/api/") || !accepts.contains("text/html") {
        return missing.into_response();
    }
    let reader = Reader::of(request.headers(), request.uri().query());
    let lang = reader.lang();
    let page = FaultPage { p: reader.p, lang, path: "/".into(), is_missing: true, sentence: String::new() };
    vary(page::answer(StatusCode::NOT_FOUND, &page))
}

#[cfg(test)]
mod tests;
