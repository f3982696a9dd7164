//! The list of results, newest first, searched by the entity's name.

use super::{Body, Reader, answer};
use crate::api::{Args, before, check};
use crate::app::App;
use crate::error::ApiError;
use crate::store::disclosures;
use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::http::HeaderMap;
use axum::response::Response;
use fieldproof_presentation::fields::query;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::DisclosureId;

#[derive(Template)]
#[template(path = "public/list.html")]
struct ListPage {
    p: Page,
    lang: &'static str,
    path: String,
    authority: String,
    description: String,
    q: String,
    is_start: bool,
    rows: Vec<Line>,
    next: Option<String>,
}

struct Line {
    id: DisclosureId,
    body: Body,
}

/// Which results; anything else in the address is nobody's business here.
#[derive(serde::Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    before: String,
}

pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    OriginalUri(uri): OriginalUri,
    Args(wanted): Args<Wanted>,
) -> Result<Response, ApiError> {
    let reader = Reader::of(&headers, uri.query());
    let q = check::optional_text("q", &wanted.q, 100)?;
    let before = before(Some(wanted.before.as_str()).filter(|text| !text.is_empty()))?;
    let tenant = app.tenant().await?.clone();
    let search = Some(q.clone()).filter(|q| !q.is_empty());
    let page = app.db.read(move |tx| disclosures::list(tx, tenant.org, search.as_deref(), &before)).await?;
    let lang = reader.lang();
    let rows = page.rows.iter().map(|row| Ok(Line { id: row.id, body: Body::read(&row.body)? }));
    Ok(answer(&ListPage {
        rows: rows.collect::<Result<_, ApiError>>()?,
        next: page.next.map(|next| format!("/{}", query(&[("q", &q), ("before", &next), ("lang", lang)]))),
        path: format!("/{}", query(&[("q", &q)])),
        description: reader.p.t1("public.description", "authority", &tenant.name),
        authority: tenant.name,
        is_start: wanted.before.is_empty(),
        lang,
        p: reader.p,
        q,
    }))
}
