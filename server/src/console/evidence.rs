//! One capture, large; and the bytes of originals for those who may see them.
//!
//! Bytes come from the field and may be anything. Only pictures, films and sounds are shown by the browser, in a page that
//! can run nothing; everything else is saved.

use super::captures::{self, Capture, Media};
use super::{Chrome, Route, Seat, case};
use crate::api::evidence::visible;
use crate::app::App;
use crate::auth::Asker;
use crate::dossier;
use crate::error::ApiError;
use crate::previews;
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

pub(super) const ROUTES: &[Route] = &[
    Route { path: "/console/inspections/{id}/evidence/{record}", answer: || get(show) },
    Route { path: "/console/evidence/{digest}", answer: || get(bytes) },
    Route { path: "/console/evidence/{digest}/preview", answer: || get(preview) },
];

#[derive(Template)]
#[template(path = "console/evidence.html")]
struct EvidencePage {
    p: Page,
    c: Chrome,
    id: InspectionId,
    entity: String,
    shown: Capture,
    at: usize,
    of: usize,
    before: Option<String>,
    after: Option<String>,
    whole: bool,
}

async fn show(
    State(app): State<App>,
    seat: Seat,
    Path((id, record)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let (id, record): (InspectionId, RecordId) = (case::find(&id)?, case::find(&record)?);
    let dossier = dossier::read(&app, &seat.actor, id).await?;
    let all = captures::of(&seat.p, &dossier);
    let at = all.iter().position(|capture| capture.record == record).ok_or(ErrorCode::NotFound)?;
    let page = |at: Option<usize>| at.and_then(|at| all.get(at)).map(|capture| capture.page.clone());
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    Ok(seat.show(&EvidencePage {
        c: Chrome::new(&seat, "cases"),
        id,
        entity: dossier.official().identity.entity.name.clone(),
        at: at + 1,
        of: all.len(),
        before: page(at.checked_sub(1)),
        after: page(at.checked_add(1)),
        shown: all[at].clone(),
        whole: query.get("size") == "whole",
        p: seat.p.clone(),
    }))
}

async fn bytes(
    State(app): State<App>,
    seat: Seat,
    Path(digest): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let digest: Digest = case::find(&digest)?;
    let (org, asker) = (seat.actor.org, Asker::User(Box::new(seat.actor)));
    let media_type = visible(&app, asker, digest).await?;
    let asked = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let blob = app.blobs.get_part(org, &digest, asked.and_then(part)).await?;
    let mut response = Response::new(blob.body);
    let headers = response.headers_mut();
    let shown = Media::of(&media_type) != Media::File;
    let said = if shown { media_type.as_str() } else { "application/octet-stream" };
    let place = if shown { "inline".to_owned() } else { format!("attachment; filename=\"{digest}\"") };
    let mut put = |name, text: &str| HeaderValue::try_from(text).map(|value| headers.insert(name, value));
    let put_all = [
        put(CONTENT_TYPE, said),
        put(CONTENT_DISPOSITION, &place),
        put(CONTENT_LENGTH, &(blob.range.end - blob.range.start).to_string()),
        put(ACCEPT_RANGES, "bytes"),
        put(X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Opened by itself it runs nothing, and belongs to nobody.
        put(CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        put(CACHE_CONTROL, "private, no-store"),
    ];
    put_all.into_iter().collect::<Result<Vec<_>, _>>().map_err(ApiError::internal)?;
    if blob.range != (0..blob.length) {
        let range =
            format!("bytes {}-{}/{}", blob.range.start, blob.range.end.saturating_sub(1), blob.length);
        response
            .headers_mut()
            .insert(CONTENT_RANGE, HeaderValue::try_from(range).map_err(ApiError::internal)?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// A small picture of a photo, derived from it: for pages, and no evidence of anything.
async fn preview(
    State(app): State<App>,
    seat: Seat,
    Path(digest): Path<String>,
) -> Result<Response, ApiError> {
    let digest: Digest = case::find(&digest)?;
    let (org, asker) = (seat.actor.org, Asker::User(Box::new(seat.actor)));
    if Media::of(&visible(&app, asker, digest).await?) != Media::Image {
        return Err(previews::none("the original is not called a photo"));
    }
    let jpeg = previews::of(&app, org, digest).await?;
    let headers = [
        (CONTENT_TYPE, "image/jpeg"),
        (CONTENT_DISPOSITION, "inline"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, jpeg).into_response())
}

/// The part that a browser asks for when somebody moves in a film: from, and up to where, if it says so. Several parts at
/// once, and parts from the end, are answered with the whole.
fn part(range: &str) -> Option<(u64, Option<u64>)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let to = if to.is_empty() { None } else { Some(to.parse().ok()?) };
    Some((from.parse().ok()?, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_from_the_beginning_is_understood() {
        assert_eq!(part("bytes=0-"), Some((0, None)));
        assert_eq!(part("bytes=5-9"), Some((5, Some(9))));
        for other in ["bytes=-5", "bytes=1-2,4-5", "items=1-2", "bytes=", "bytes=a-b"] {
            assert_eq!(part(other), None, "{other}");
        }
    }
}
