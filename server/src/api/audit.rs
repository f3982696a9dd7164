//! The audit trail.

use super::{Args, Listed, PageBefore, before};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::audit::{self, Filter, Record};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use fieldproof_schema::ids::DecisionId;
use fieldproof_schema::moment::Moment;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/audit", get(list))
}

/// One act.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditListed {
    #[schema(value_type = String)]
    id: DecisionId,
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
    /// `user:…`, `device:…` or `system`.
    actor: String,
    act: String,
    subject: String,
    details: Value,
}

impl From<Record> for AuditListed {
    fn from(record: Record) -> Self {
        let Record { id, at, actor, act, subject, details } = record;
        Self { id, at, actor, act, subject, details }
    }
}

#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(PageBefore), responses(
    (status = 200, description = "Acts of people and of the system, newest first", body = Listed<AuditListed>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
    Args(args): Args<PageBefore>,
) -> Result<axum::Json<Listed<AuditListed>>, ApiError> {
    actor.user.may(Act::ReadAudit)?;
    let before = before(args.before.as_deref())?;
    let org = actor.org;
    let page = app.db.read(move |tx| audit::list(tx, org, &Filter::default(), &before)).await?;
    Ok(Listed::of(page, |listed| AuditListed::from(listed.record)))
}
