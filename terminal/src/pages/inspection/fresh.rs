//! What arrived while a page was open: a notice with a link. It never swaps what the officer looks at.

use super::super::{Ask, Route};
use crate::api::{Path, parse};
use crate::error::ApiError;
use askama::Template;
use axum::extract::OriginalUri;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::InspectionId;

pub(in crate::pages) const ROUTES: &[Route] =
    &[Route { path: "/inspections/{id}/fresh", answer: || get(show) }];

#[derive(Template)]
#[template(path = "inspection/fresh.html")]
struct News {
    p: Page,
    names: String,
}

async fn show(ask: Ask, Path(id): Path<String>, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    let inspection: InspectionId = parse("inspection", &id)?;
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let heads = query.get("heads").split(',').filter(|head| !head.is_empty());
    let heads: Vec<ChangeId> = heads.map(|head| parse("heads", head)).collect::<Result<_, _>>()?;
    let names = ask.app().read(move |client| client.news(inspection, &heads)).await?;
    if names.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let p = ask.p.clone();
    let names: Vec<String> =
        names.into_iter().map(|name| name.unwrap_or_else(|| p.t("inspection.by.server"))).collect();
    let names = names.join(&p.t("inspection.list"));
    Ok(ask.show(&News { p, names }))
}
