//! Evidence: resumable upload by devices, download within the asker's scope. Steps in `schema::wire::evidence`.
//!
//! Whether the server knows a hash is answered only to a device that journalled the capture itself, to those on the team of
//! an inspection in which it was captured, and to those who may read that.

use super::{Json, body_error, parse};
use crate::admission;
use crate::app::App;
use crate::auth::{Asker, DeviceActor, Sender};
use crate::db::DbError;
use crate::error::ApiError;
use crate::evidence;
use crate::findings;
use crate::policy::Act;
use crate::scope::DeviceScope;
use crate::store::usage::{self, Day, Usage};
use crate::store::{captures, inspections, receipts, tenants};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fieldproof_schema::ids::{DeviceId, ReceiptId};
use fieldproof_schema::journal::Tip;
use fieldproof_schema::limits::{BACKUP_HORIZON_SECONDS, EVIDENCE_BYTES_MAX, EVIDENCE_PART_BYTES_MAX};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::evidence::{LENGTH_HEADER, OFFSET_HEADER, Offer, RECEIPT_MEDIA_TYPE};
use fieldproof_schema::wire::row::RowKind;
use fieldproof_schema::wire::sync::Receipt;
use serde_json::json;
use tokio::sync::OwnedMutexGuard;

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

/// A capture that a device may bring, with how much of its bytes is here from there.
struct Upload {
    /// Who journalled it.
    by: DeviceId,
    length: u64,
    offset: u64,
    held: bool,
    is_apart: bool,
}

/// What a device may bring. Whatever others sent under the same hash does not show.
async fn brought(app: &App, device: &DeviceActor, digest: Digest) -> Result<Option<Upload>, ApiError> {
    let asker = device.clone();
    let find = move |tx: &mut crate::db::Tx<'_>| DeviceScope::of(tx, &asker)?.may_upload(tx, &digest);
    let Some(declared) = app.db.read(find).await? else { return Ok(None) };
    let length = declared.facts.size_bytes;
    let held = declared.held_at.is_some();
    let offset = if held { length } else { app.blobs.offset(&owner(device), &digest).await? };
    Ok(Some(Upload { by: declared.device, length, offset, held, is_apart: declared.is_apart }))
}

/// Refuses to begin an upload for which the device's share has no room; one that was begun goes on.
async fn ensure_room(app: &App, device: &DeviceActor, upload: &Upload) -> Result<(), ApiError> {
    if upload.held || upload.offset > 0 {
        return Ok(());
    }
    let staged = app.blobs.staged_of(&owner(device)).await?;
    let (asker, now, others) = (device.clone(), app.now(), staged.clone());
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let (_, today) = usage::taken(tx, asker.org, asker.id, usage::day(now))?;
        let apart_bytes = usage::apart_bytes(tx, asker.org, asker.id)?;
        let scope = DeviceScope::of(tx, &asker)?;
        let mut done = Vec::new();
        for (digest, _) in &others {
            let declared = scope.may_upload(tx, digest)?;
            done.push(declared.is_none_or(|declared| declared.held_at.is_some()));
        }
        Ok::<_, DbError>((Usage { today, apart_bytes, ..Usage::default() }, done))
    };
    let (usage, done) = app.db.read(read).await?;
    let mut coming = 0_u64;
    for ((digest, bytes), done) in staged.iter().zip(done) {
        if done {
            // It was completed through another node: what is here is of no use to anybody.
            app.blobs.discard(&owner(device), digest).await?;
        } else {
            coming = coming.saturating_add(*bytes);
        }
    }
    if app.quota.bounds().has_room_for_original(&usage, upload.is_apart, coming, upload.length) {
        return Ok(());
    }
    Err(ErrorCode::QuotaExceeded.into())
}

/// Under whose name parts are staged: nobody can write into another device's upload.
fn owner(device: &DeviceActor) -> String {
    format!("{}-{}", device.org, device.id)
}

#[utoipa::path(post, path = "/api/v1/evidence/{digest}", tag = "evidence", request_body = serde_json::Value, responses(
    (status = 201, description = "Nothing is here yet"), (status = 200, description = "upload-offset says how much is here"),
    (status = 403, description = "evidence_undeclared"), (status = 413, description = "evidence_too_large"),
    (status = 429, description = "quota_exceeded: the device has brought as much as it may")))]
pub(crate) async fn offer(
    State(app): State<App>,
    Sender(device): Sender,
    Path(digest): Path<String>,
    Json(offer): Json<Offer>,
) -> Result<Response, ApiError> {
    let digest: Digest = parse("digest", &digest)?;
    if offer.size_bytes > EVIDENCE_BYTES_MAX {
        return Err(too_large(EVIDENCE_BYTES_MAX));
    }
    let upload = brought(&app, &device, digest).await?.ok_or(ErrorCode::EvidenceUndeclared)?;
    if upload.length != offer.size_bytes || upload.length == 0 {
        return Err(ApiError::field("size_bytes", "differs from the journal's, or is 0"));
    }
    ensure_room(&app, &device, &upload).await?;
    let status = if upload.offset == 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok(progress(status, upload.offset, upload.length))
}

#[utoipa::path(head, path = "/api/v1/evidence/{digest}", tag = "evidence", responses(
    (status = 200, description = "upload-offset and upload-length"), (status = 404, description = "not_found")))]
pub(crate) async fn ask(
    State(app): State<App>,
    Sender(device): Sender,
    Path(digest): Path<String>,
) -> Result<Response, ApiError> {
    let upload = brought(&app, &device, parse("digest", &digest)?).await?.ok_or(ErrorCode::NotFound)?;
    Ok(progress(StatusCode::OK, upload.offset, upload.length))
}

#[utoipa::path(patch, path = "/api/v1/evidence/{digest}", tag = "evidence",
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"), responses(
    (status = 204, description = "Taken; upload-offset moved on"), (status = 409, description = "evidence_offset"),
    (status = 413, description = "evidence_too_large"), (status = 422, description = "evidence_hash_mismatch"),
    (status = 503, description = "busy: Retry-After says in how many seconds to return")))]
pub(crate) async fn append(
    State(app): State<App>,
    Path(digest): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let (device, _permit, part) = admission::enter(&app, &app.admission.evidence, request).await?;
    let digest: Digest = parse("digest", &digest)?;
    let part = part.map_err(body_error)?;
    let offset: u64 = headers
        .get(OFFSET_HEADER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse().ok())
        .ok_or_else(|| ApiError::field(OFFSET_HEADER, "must be a decimal number"))?;
    // A part that is sent again while the first try is still at work waits here.
    let turn = app.blobs.turn(&owner(&device), &digest).await;
    let upload = brought(&app, &device, digest).await?.ok_or(ErrorCode::NotFound)?;
    if upload.held {
        return Ok(progress(StatusCode::NO_CONTENT, upload.length, upload.length));
    }
    if offset != upload.offset {
        return Err(continues_at(upload.offset));
    }
    if offset.saturating_add(part.len() as u64) > upload.length {
        return Err(too_large(upload.length));
    }
    ensure_room(&app, &device, &upload).await?;
    let length = upload.length;
    let (taking, sender) = (app.clone(), device.clone());
    // To its end, and with its turn, also when the sender hangs up: a write that outlives its turn would meet the next.
    let taken = tokio::spawn(async move {
        let reached = taking.blobs.append(&owner(&sender), &digest, offset, part).await?;
        if reached == upload.length {
            hold_in_turn(&taking, &sender, digest, upload, turn).await?;
        }
        Ok::<_, ApiError>(reached)
    });
    let reached = taken.await??;
    Ok(progress(StatusCode::NO_CONTENT, reached, length))
}

/// Completes an upload, even when whoever sent it stops to wait: a store may take longer for a large one, and would otherwise be
/// asked to begin again each time.
async fn hold_in_turn(
    app: &App,
    device: &DeviceActor,
    digest: Digest,
    upload: Upload,
    turn: OwnedMutexGuard<()>,
) -> Result<(), ApiError> {
    let (app, device) = (app.clone(), device.clone());
    let holding = tokio::spawn(async move {
        let _turn = turn;
        hold(&app, &device, digest, &upload).await
    });
    holding.await?
}

/// Completes an upload and tells the teams that it is here.
async fn hold(app: &App, device: &DeviceActor, digest: Digest, upload: &Upload) -> Result<(), ApiError> {
    let (org, id, now) = (device.org, device.id, app.now());
    let Upload { by, length, .. } = *upload;
    if let Err(error) = app.blobs.complete(org, &owner(device), &digest, length, app.now()).await {
        // What somebody else brought wrongly says nothing about the capture.
        if error.code == ErrorCode::EvidenceHashMismatch && by == id {
            let device = device.clone();
            app.db.write(move |tx| findings::evidence::differs(tx, &device, &digest, now)).await?;
        }
        return Err(error);
    }
    let note = move |tx: &mut crate::db::Tx<'_>| {
        usage::add(tx, org, id, usage::day(now), &Day { evidence_bytes: length, ..Day::default() })?;
        evidence::note_held(tx, org, &digest, by, now)
    };
    app.db.write(note).await?;
    app.blobs.discard(&owner(device), &digest).await
}

#[utoipa::path(get, path = "/api/v1/evidence/{digest}/receipt", tag = "evidence", responses(
    (status = 200, description = "A signed receipt in CBOR"), (status = 404, description = "not_found"),
    (status = 409, description = "evidence_offset: not complete yet")))]
pub(crate) async fn receipt(
    State(app): State<App>,
    Sender(device): Sender,
    Path(digest): Path<String>,
) -> Result<Response, ApiError> {
    let digest: Digest = parse("digest", &digest)?;
    let turn = app.blobs.turn(&owner(&device), &digest).await;
    let upload = brought(&app, &device, digest).await?.ok_or(ErrorCode::NotFound)?;
    if upload.held {
        // Where the server was stopped between the two, what was staged is still there.
        app.blobs.discard(&owner(&device), &digest).await?;
        drop(turn);
    } else {
        // All parts may be here while the server was stopped before it had read them back.
        if upload.offset != upload.length {
            return Err(continues_at(upload.offset));
        }
        hold_in_turn(&app, &device, digest, upload, turn).await?;
    }
    let (now, random, worker) = (app.now(), app.random(), app.clone());
    let give = move |tx: &mut crate::db::Tx<'_>| {
        let receipt = Receipt {
            id: ReceiptId::new(now, random),
            device: device.id,
            // Not from memory: a receipt of an epoch that has ended would never be asked for again.
            epoch: tenants::epoch(tx, device.org)?,
            at: now,
            items: vec![digest],
            tip: Tip::default(),
            backup_horizon: now.plus_seconds(BACKUP_HORIZON_SECONDS),
        };
        let signed = receipt.sign(worker.key.as_ref());
        receipts::insert(tx, device.org, receipt.id, device.id, now, &signed)?;
        Ok::<_, DbError>(signed)
    };
    let signed = app.db.write(give).await?;
    let bytes = minicbor::to_vec(&signed).map_err(ApiError::internal)?;
    let headers = [(header::CONTENT_TYPE, RECEIPT_MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, bytes).into_response())
}

/// What the sender called bytes that are held, when the asker may see an inspection in which they were captured.
///
/// # Errors
/// [`ErrorCode::NotFound`] otherwise: nobody learns what others hold.
pub(crate) async fn visible(app: &App, asker: Asker, digest: Digest) -> Result<String, ApiError> {
    let org = asker.org();
    let find = move |tx: &mut crate::db::Tx<'_>| {
        let mut scope = match &asker {
            Asker::Device(by) => Some(DeviceScope::of(tx, by)?),
            Asker::User(_) => None,
        };
        for (inspection, facts) in captures::held(tx, org, &digest)? {
            let visible = match (&asker, &mut scope) {
                (Asker::Device(_), Some(scope)) => {
                    scope.may_read(tx, RowKind::Inspection, &inspection.to_string())?
                }
                (Asker::Device(_), None) => false,
                (Asker::User(by), _) => inspections::find(tx, org, inspection)?
                    .is_some_and(|i| by.user.may_on(Act::ReadInspections, &i.unit_code).is_ok()),
            };
            if visible {
                return Ok(Some(facts.media_type));
            }
        }
        Ok::<_, DbError>(None)
    };
    app.db.read(find).await?.ok_or_else(|| ErrorCode::NotFound.into())
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
    let media_type = visible(&app, asker, digest).await?;
    let blob = app.blobs.get_part(org, &digest, None).await?;
    let (length, bytes) = (blob.length, blob.body);
    // What a sender called its file may hold anything; a header may not.
    let media_type: String = media_type.chars().filter(char::is_ascii_graphic).take(100).collect();
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
