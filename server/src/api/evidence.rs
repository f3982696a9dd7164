//! Evidence: resumable upload by devices, download within the asker's scope. Steps in `schema::wire::evidence`.
//!
//! Whether the server knows a hash is answered only to a device that journalled the capture itself, and to those who may
//! read an inspection in which it was captured.

use super::{Json, body_error, parse};
use crate::app::{App, blocking};
use crate::auth::{Asker, DeviceActor};
use crate::db::DbError;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::{captures, feeds, inspections, receipts};
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fieldproof_schema::ids::{OrgId, ReceiptId};
use fieldproof_schema::journal::{Tip, body};
use fieldproof_schema::limits::{BACKUP_HORIZON_SECONDS, EVIDENCE_BYTES_MAX, EVIDENCE_PART_BYTES_MAX};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::evidence::{LENGTH_HEADER, OFFSET_HEADER, Offer, RECEIPT_MEDIA_TYPE};
use fieldproof_schema::wire::sync::Receipt;
use serde_json::json;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    let blob = post(offer).head(ask).patch(append).get(download);
    Router::new()
        .route("/api/v1/evidence/{digest}", blob.layer(DefaultBodyLimit::max(EVIDENCE_PART_BYTES_MAX)))
        .route("/api/v1/evidence/{digest}/receipt", get(receipt))
}

fn progress(status: StatusCode, offset: u64, length: u64) -> Response {
    let headers = [
        (OFFSET_HEADER, offset.to_string()),
        (LENGTH_HEADER, length.to_string()),
        ("cache-control", "no-store".to_owned()),
    ];
    (status, headers).into_response()
}

fn too_large(longest: u64) -> ApiError {
    ApiError::new(ErrorCode::EvidenceTooLarge).with(json!({"longest": longest}))
}

fn continues_at(offset: u64) -> ApiError {
    ApiError::new(ErrorCode::EvidenceOffset).with(json!({"offset": offset}))
}

/// The blob that a device itself captured, with how much of it is here.
async fn own(app: &App, device: &DeviceActor, digest: Digest) -> Result<(captures::Blob, u64), ApiError> {
    let (org, id) = (device.org, device.id);
    let find = move |tx: &mut crate::db::Tx<'_>| {
        let captured = captures::of_digest(tx, org, &digest)?.iter().any(|(_, by)| *by == id);
        Ok::<_, DbError>(if captured { captures::blob(tx, org, &digest)? } else { None })
    };
    let blob = app.db.read(find).await?.ok_or(ErrorCode::NotFound)?;
    let offset = match blob.held_at {
        Some(_) => blob.size_bytes,
        None => app.blobs.offset(org, &digest).await?,
    };
    Ok((blob, offset))
}

#[utoipa::path(post, path = "/api/v1/evidence/{digest}", tag = "evidence", request_body = serde_json::Value, responses(
    (status = 201, description = "Created; upload-offset says how much is here"), (status = 200, description = "Known"),
    (status = 403, description = "evidence_undeclared"), (status = 413, description = "evidence_too_large")))]
pub(crate) async fn offer(
    State(app): State<App>,
    device: DeviceActor,
    Path(digest): Path<String>,
    Json(offer): Json<Offer>,
) -> Result<Response, ApiError> {
    let digest: Digest = parse("digest", &digest)?;
    if offer.size_bytes > EVIDENCE_BYTES_MAX {
        return Err(too_large(EVIDENCE_BYTES_MAX));
    }
    let (by, now) = (device.clone(), app.now());
    let fresh = app
        .db
        .write(move |tx| {
            let declared = captures::declared(tx, by.org, offer.inspection, offer.record, by.id, &digest)?;
            let captured = declared.and_then(|text| body::read::<body::Captured>(&text).ok());
            let captured = captured.ok_or(ErrorCode::EvidenceUndeclared)?;
            if captured.size_bytes != offer.size_bytes || offer.size_bytes == 0 {
                return Err(ApiError::field("size_bytes", "differs from the journal's, or is 0"));
            }
            Ok(captures::insert_blob(tx, by.org, &digest, offer.size_bytes, &offer.media_type, now)?)
        })
        .await?;
    let (blob, offset) = own(&app, &device, digest).await?;
    Ok(progress(if fresh { StatusCode::CREATED } else { StatusCode::OK }, offset, blob.size_bytes))
}

#[utoipa::path(head, path = "/api/v1/evidence/{digest}", tag = "evidence", responses(
    (status = 200, description = "upload-offset and upload-length"), (status = 404, description = "not_found")))]
pub(crate) async fn ask(
    State(app): State<App>,
    device: DeviceActor,
    Path(digest): Path<String>,
) -> Result<Response, ApiError> {
    let (blob, offset) = own(&app, &device, parse("digest", &digest)?).await?;
    Ok(progress(StatusCode::OK, offset, blob.size_bytes))
}

#[utoipa::path(patch, path = "/api/v1/evidence/{digest}", tag = "evidence",
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"), responses(
    (status = 204, description = "Taken; upload-offset moved on"), (status = 409, description = "evidence_offset"),
    (status = 413, description = "evidence_too_large"), (status = 422, description = "evidence_hash_mismatch")))]
pub(crate) async fn append(
    State(app): State<App>,
    device: DeviceActor,
    Path(digest): Path<String>,
    headers: HeaderMap,
    part: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let digest: Digest = parse("digest", &digest)?;
    let (blob, here) = own(&app, &device, digest).await?;
    let part = part.map_err(body_error)?;
    let offset: u64 = headers
        .get(OFFSET_HEADER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse().ok())
        .ok_or_else(|| ApiError::field(OFFSET_HEADER, "must be a decimal number"))?;
    if blob.held_at.is_some() {
        return Ok(progress(StatusCode::NO_CONTENT, blob.size_bytes, blob.size_bytes));
    }
    if offset != here {
        return Err(continues_at(here));
    }
    if offset.saturating_add(part.len() as u64) > blob.size_bytes {
        return Err(too_large(blob.size_bytes));
    }
    let reached = app.blobs.append(device.org, &digest, offset, &part).await?;
    if reached == blob.size_bytes {
        hold(&app, device.org, digest, blob.size_bytes).await?;
    }
    Ok(progress(StatusCode::NO_CONTENT, reached, blob.size_bytes))
}

/// Completes an upload and tells the teams that it is here.
async fn hold(app: &App, org: OrgId, digest: Digest, size_bytes: u64) -> Result<(), ApiError> {
    app.blobs.complete(org, &digest, size_bytes).await?;
    let now = app.now();
    let note = move |tx: &mut crate::db::Tx<'_>| {
        captures::hold(tx, org, &digest, now)?;
        for (inspection, _) in captures::of_digest(tx, org, &digest)? {
            let team = inspections::team(tx, org, inspection)?;
            feeds::publish_inspection(tx, org, &team, inspection);
        }
        Ok::<_, DbError>(())
    };
    Ok(app.db.write(note).await?)
}

#[utoipa::path(get, path = "/api/v1/evidence/{digest}/receipt", tag = "evidence", responses(
    (status = 200, description = "A signed receipt in CBOR"), (status = 404, description = "not_found"),
    (status = 409, description = "evidence_offset: not complete yet")))]
pub(crate) async fn receipt(
    State(app): State<App>,
    device: DeviceActor,
    Path(digest): Path<String>,
) -> Result<Response, ApiError> {
    let digest: Digest = parse("digest", &digest)?;
    let (blob, here) = own(&app, &device, digest).await?;
    if blob.held_at.is_none() {
        // All parts may be here while the server was stopped before it had read them back.
        if here != blob.size_bytes {
            return Err(continues_at(here));
        }
        hold(&app, device.org, digest, blob.size_bytes).await?;
    }
    let (now, epoch) = (app.now(), app.tenant().await?.epoch);
    let receipt = Receipt {
        id: ReceiptId::new(now, app.random()),
        device: device.id,
        epoch,
        at: now,
        items: vec![digest],
        tip: Tip::default(),
        backup_horizon: now.plus_seconds(BACKUP_HORIZON_SECONDS),
    };
    let worker = app.clone();
    let signed = blocking(move || {
        let signed = receipt.sign(worker.key.as_ref());
        let bytes = minicbor::to_vec(&signed).map_err(ApiError::internal)?;
        Ok::<_, ApiError>((receipt.id, signed, bytes))
    });
    let (id, signed, bytes) = signed.await??;
    app.db.write(move |tx| receipts::insert(tx, device.org, id, device.id, now, &signed)).await?;
    let headers = [(header::CONTENT_TYPE, RECEIPT_MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, bytes).into_response())
}

#[utoipa::path(get, path = "/api/v1/evidence/{digest}", tag = "evidence", responses(
    (status = 200, description = "The original bytes, as an attachment"), (status = 404, description = "not_found")))]
pub(crate) async fn download(
    State(app): State<App>,
    asker: Asker,
    Path(digest): Path<String>,
) -> Result<Response, ApiError> {
    let digest: Digest = parse("digest", &digest)?;
    let org = asker.org();
    let find = move |tx: &mut crate::db::Tx<'_>| {
        let mut visible = false;
        for (inspection, _) in captures::of_digest(tx, org, &digest)? {
            visible |= match &asker {
                Asker::Device(by) => inspections::is_on_team(tx, org, inspection, by.officer)?,
                Asker::User(by) => inspections::find(tx, org, inspection)?
                    .is_some_and(|i| by.user.may_on(Act::ReadInspections, &i.unit_code).is_ok()),
            };
        }
        Ok::<_, DbError>(if visible { captures::blob(tx, org, &digest)? } else { None })
    };
    let blob = app.db.read(find).await?.filter(|b| b.held_at.is_some()).ok_or(ErrorCode::NotFound)?;
    let (length, bytes) = app.blobs.get(org, &digest).await?;
    // What a sender called its file may hold anything; a header may not.
    let media_type: String = blob.media_type.chars().filter(char::is_ascii_graphic).take(100).collect();
    let headers = [
        ("content-type", "application/octet-stream".to_owned()),
        ("content-length", length.to_string()),
        ("content-disposition", format!("attachment; filename=\"{digest}\"")),
        ("x-content-type-options", "nosniff".to_owned()),
        ("cache-control", "private, no-store".to_owned()),
        ("x-evidence-media-type", media_type),
    ];
    Ok((headers, bytes).into_response())
}
