//! Packages (检查包): one is handed in, one is handed out.

use super::{Args, parse};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::packages::{self, Taken};
use crate::policy::Act;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use fieldproof_schema::ids::InspectionId;
use serde::Deserialize;
use std::io;
use tokio::io::AsyncReadExt;

/// Bytes read from the file at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/packages", post(hand_in))
        .route("/api/v1/inspections/{id}/package", post(hand_out))
}

#[utoipa::path(post, path = "/api/v1/packages", tag = "packages",
    request_body(content = Vec<u8>, content_type = "application/zip", description = "The file that a terminal exported"), responses(
    (status = 200, description = "What became of it; the same file again changes nothing", body = Taken),
    (status = 403, description = "not_allowed"),
    (status = 404, description = "package_visit_unknown: not known here, or not in the asker's scope"),
    (status = 413, description = "package_too_large"),
    (status = 422, description = "package_invalid, package_newer, package_altered, package_foreign: nothing was taken"),
    (status = 503, description = "busy: Retry-After says in how many seconds to return"),
    (status = 507, description = "storage_full: hand it in again, what was stored is known")))]
pub(crate) async fn hand_in(
    State(app): State<App>,
    actor: UserActor,
    request: Request,
) -> Result<axum::Json<Taken>, ApiError> {
    // Before a byte of it is read.
    actor.user.may(Act::HandInPackages)?;
    let (parts, body) = request.into_parts();
    let handed = packages::keep_body(&app, &parts.headers, body).await?;
    Ok(axum::Json(packages::take(&app, &actor, handed).await?))
}

/// What of a visit is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageWanted {
    /// Whether the originals that are held belong in it.
    #[serde(default)]
    originals: bool,
}

#[utoipa::path(post, path = "/api/v1/inspections/{id}/package", tag = "packages",
    params(("id" = String, Path), PackageWanted), responses(
    (status = 200, description = "A package for a terminal of the team", content_type = "application/zip"),
    (status = 404, description = "not_found"), (status = 413, description = "package_too_large"),
    (status = 503, description = "busy: Retry-After says in how many seconds to return")))]
pub(crate) async fn hand_out(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Args(wanted): Args<PackageWanted>,
) -> Result<Response, ApiError> {
    file(&app, &actor, parse("id", &id)?, wanted.originals).await
}

/// A visit as a file to keep.
pub(crate) async fn file(
    app: &App,
    actor: &UserActor,
    id: InspectionId,
    originals: bool,
) -> Result<Response, ApiError> {
    let given = packages::give(app, actor, id, originals).await?;
    let headers = [
        (CONTENT_TYPE, "application/zip".to_owned()),
        (CONTENT_LENGTH, given.size_bytes.to_string()),
        // As a terminal calls it.
        (CONTENT_DISPOSITION, format!("attachment; filename=\"fieldproof-{id}.zip\"")),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    let (file, place) = given.into_parts();
    let state = (tokio::fs::File::from_std(file), place);
    let pieces = futures::stream::try_unfold(state, async |(mut file, place)| {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, io::Error>((read > 0).then(|| (Bytes::from(piece), (file, place))))
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}
