//! Everything that was taken, by item, with the true stage of each record; and the originals themselves.

use super::super::{Ask, Posted, Route};
use super::place;
use super::section::Frame;
use super::shots::{self, Shots};
use super::visit::Visit;
use crate::api::{Path, parse};
use crate::error::ApiError;
use crate::original;
use askama::Template;
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_client_core::Stage;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_schema::ids::{InspectionId, RecordId};

pub(in crate::pages) const ROUTES: &[Route] = &[
    Route { path: "/inspections/{id}/evidence/{record}/file", answer: || get(file) },
    Route { path: "/inspections/{id}/evidence/{record}/caption", answer: || post(caption) },
];

#[derive(Template)]
#[template(path = "inspection/gallery.html")]
struct GalleryPage {
    p: Page,
    frame: Frame,
    /// Captures of the inspection as a whole, and where more are taken.
    whole: Shots,
    groups: Vec<Group>,
    /// How many are at each stage.
    stages: Vec<(Html, usize)>,
}

/// The captures of one item.
struct Group {
    title: String,
    place: String,
    part: Shots,
}

pub(super) async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    place::visit(&ask, &format!("{}/evidence", visit.path()));
    Ok(with(&ask, &visit, None, StatusCode::OK))
}

/// The gallery, with why the last file was not taken.
pub(super) fn with(ask: &Ask, visit: &Visit, fault: Option<String>, status: StatusCode) -> Response {
    let p = ask.p.clone();
    let shown = visit.items().filter(|known| visit.is_shown(&known.item.id));
    let groups = shown.map(|known| Group {
        title: p.either(&known.item.text, &known.item.text_en).to_owned(),
        place: visit.item_place(&known.item.id),
        part: Shots::new(&p, visit, Some(&known.item.id)).still(),
    });
    let count = |stage: Stage| {
        let (tone, icon, key) = super::words::stage(stage);
        let count = visit.detail.evidence.iter().filter(|capture| capture.stage == stage).count();
        (p.badge(tone, icon, &p.t(key)), count)
    };
    let mut whole = Shots::new(&p, visit, None);
    (whole.fault, whole.records) = (fault, true);
    let page = GalleryPage {
        frame: Frame::new(&p, visit, 0),
        whole,
        groups: groups.collect(),
        stages: [Stage::Here, Stage::Sent, Stage::Held].map(count).into(),
        p: p.clone(),
    };
    answer(status, &page)
}

async fn caption(
    ask: Ask,
    Path((id, record)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let (inspection, record): (InspectionId, RecordId) =
        (parse("inspection", &id)?, parse("record", &record)?);
    let text = fields.get("caption").trim().to_owned();
    ask.app().act(move |client| client.caption(inspection, record, &text)).await?;
    if ask.partial {
        return Ok(ask.show(&Captioned { p: ask.p.clone() }));
    }
    Ok(ask.go(&format!("/inspections/{inspection}/evidence#shot-{record}")))
}

#[derive(Template)]
#[template(source = r#"{{ p.icon("check")|safe }}{{ p.t("inspection.saved") }}"#, ext = "html")]
struct Captioned {
    p: Page,
}

/// The original, in ranges where asked. A browser shows pictures, videos and recordings; everything else it saves.
async fn file(
    ask: Ask,
    Path((id, record)): Path<(String, String)>,
    asked: HeaderMap,
) -> Result<Response, ApiError> {
    let (id, record): (InspectionId, RecordId) = (parse("inspection", &id)?, parse("record", &record)?);
    let found = ask.app().read(move |client| client.evidence_file(id, record)).await?;
    let declared = found.media_type.clone();
    let mut response = original::serve(found, &asked).await?;
    let headers = response.headers_mut();
    let inline = shots::is_inline(&declared);
    let media_type = if inline { declared.as_str() } else { "application/octet-stream" };
    if let Ok(media_type) = HeaderValue::from_str(media_type) {
        headers.insert(CONTENT_TYPE, media_type);
    }
    let disposition = if inline { "inline".to_owned() } else { format!("attachment; filename=\"{record}\"") };
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    );
    Ok(response)
}
