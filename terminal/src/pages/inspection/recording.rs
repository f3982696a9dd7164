//! Recording in the page (录音、录像): what microphone and camera give comes in parts, each on the disk before it is answered.

use super::super::{Ask, Posted, Route};
use super::brought::Said;
use super::upload;
use super::visit::Visit;
use crate::api::{Path, Query, parse};
use crate::error::ApiError;
use axum::Json;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fieldproof_client_core::CaptureFacts;
use fieldproof_schema::capture::CaptureKind;
use fieldproof_schema::ids::RecordId;
use serde::Deserialize;
use serde_json::json;

pub(in crate::pages) const ROUTES: &[Route] = &[
    Route { path: "/inspections/{id}/recordings", answer: || post(begin) },
    Route {
        path: "/inspections/{id}/recordings/{record}",
        answer: || post(append).layer(DefaultBodyLimit::max(PART_BYTES_MAX)),
    },
    Route { path: "/inspections/{id}/recordings/{record}/end", answer: || post(end) },
];

/// Bytes of one part: two seconds of film are half a megabyte.
const PART_BYTES_MAX: usize = 16 * 1024 * 1024;

async fn begin(ask: Ask, Path(id): Path<String>, Posted(fields): Posted) -> Result<Response, ApiError> {
    let (visit, said) = (Visit::load(&ask, &id).await?, Said::read(&fields)?);
    let media_type = fields.get("media_type").to_owned();
    let kind = said.kind.unwrap_or_else(|| CaptureKind::of_file(&media_type));
    let inspection = visit.id;
    let act = move |client: &fieldproof_client_core::Client| {
        let facts = CaptureFacts {
            item: said.item.as_deref(),
            caption: &said.caption,
            place: Some(&said.place),
            ..CaptureFacts::of(kind, &media_type)
        };
        client.begin_recording(inspection, &facts)
    };
    let (record, begun) = ask.app().act(act).await?;
    let answer = json!({"recording": record, "bytes": begun.size_bytes, "bytes_left": begun.room_bytes});
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

#[derive(Deserialize)]
struct From {
    at: u64,
}

async fn append(
    ask: Ask,
    Path((_, record)): Path<(String, String)>,
    Query(from): Query<From>,
    part: Bytes,
) -> Result<Response, ApiError> {
    let record: RecordId = parse("record", &record)?;
    let recorded = ask.app().read(move |client| client.record(record, from.at, &part)).await?;
    let answer = json!({"bytes": recorded.size_bytes, "bytes_left": recorded.room_bytes});
    Ok(Json(answer).into_response())
}

async fn end(
    ask: Ask,
    Path((id, record)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    let record: RecordId = parse("record", &record)?;
    let truncated = fields.filled("broken").is_some();
    let ended = ask.app().act(move |client| client.end_recording(record, truncated)).await;
    let visit = Visit::load(&ask, &id).await?;
    upload::answer(&ask, &visit, fields.filled("item"), ended)
}
