//! Whether the server can work: for load balancers and supervisors of processes.

use crate::app::App;
use crate::error::ApiError;
use crate::store::{judging, originals, tenants};
use axum::Router;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(health))
}

#[utoipa::path(get, path = "/healthz", tag = "health", responses(
    (status = 200, description = "The database answers and the organisation is there; `unjudged`: changes that wait to be judged, \
        since when, and inspections whose judging failed and is tried again; `gate`: how many worker processes judge at \
        most (0: this one does), how many are alive, how many died since the start; `previews`: the same of those that make \
        previews; `restored_at`: since when the server runs on a backup that was put back, or null; `originals`: how many are \
        missing, altered or unreadable, for how many terminals are asked again, and when the one was looked at that was looked at \
        longest ago"),
    (status = 503, description = "unavailable")))]
pub(crate) async fn health(State(app): State<App>) -> Result<Response, ApiError> {
    // Asked of the database each time: what the process remembers says nothing about it.
    let read = |tx: &mut crate::db::Tx<'_>| {
        let Some(tenant) = tenants::find(tx)? else { return Ok(None) };
        let (backlog, restored) = (judging::backlog(tx, tenant.org)?, tenants::restored(tx, tenant.org)?);
        let originals = originals::standing(tx, tenant.org)?;
        Ok::<_, crate::db::DbError>(Some((tenant, backlog, restored, originals)))
    };
    let found = app.db.read(read).await?;
    let (tenant, backlog, restored, originals) = found.ok_or_else(|| {
        ApiError::new(ErrorCode::Unavailable)
            .with(json!({"why": "no organisation: run `fieldproof admin init`"}))
    })?;
    let unjudged =
        json!({"changes": backlog.changes, "oldest_at": backlog.oldest_at, "failing": backlog.failing});
    let body = json!({
        "status": "ok", "organisation": tenant.code, "server_at": app.now(), "unjudged": unjudged,
        "gate": app.judging.gate().health(), "previews": app.previews.health(),
        "restored_at": restored.map(|epoch| epoch.began_at),
        "originals": originals,
    });
    let body = axum::Json(body);
    Ok(([(CACHE_CONTROL, "no-store")], body).into_response())
}
