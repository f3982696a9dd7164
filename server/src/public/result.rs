//! One result, at an address that stays.

use super::{Body, Reader, answer};
use crate::api::parse;
use crate::app::App;
use crate::error::ApiError;
use crate::store::disclosures;
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::DisclosureId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;

#[derive(Template)]
#[template(path = "public/result.html")]
struct ResultPage {
    p: Page,
    lang: &'static str,
    path: String,
    body: Body,
    published_at: Moment,
}

pub(super) async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let reader = Reader::of(&headers, uri.query());
    let id: DisclosureId = parse("id", &id)?;
    let org = app.org().await?;
    let found = app.db.read(move |tx| disclosures::find(tx, org, id)).await?.ok_or(ErrorCode::NotFound)?;
    Ok(answer(&ResultPage {
        lang: reader.lang(),
        p: reader.p,
        path: format!("/results/{id}"),
        body: Body::read(&found.body)?,
        published_at: found.published_at,
    }))
}
