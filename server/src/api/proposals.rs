//! Correction proposals: what waits, what became of it, and deciding.

use super::{Args, Json, Listed, before, parse, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::db::Tx;
use crate::error::ApiError;
use crate::policy::Act;
use crate::proposals::{self, Ruling, Shown};
use crate::store::page::Page;
use crate::store::proposals as store;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use fieldproof_schema::ids::{DecisionId, EntityId, InspectionId, RecordId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Undecided proposals in one answer.
const WAITING_MAX: i64 = 500;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/proposals", get(list))
        .route("/api/v1/proposals/{id}", get(show))
        .route("/api/v1/proposals/{id}/decision", post(decide))
}

/// Which ones, and where their list goes on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposalsWanted {
    /// `open` (what waits for a decision, oldest first) or `ended`; without it `open`.
    state: Option<String>,
    /// The `next` of the page before, of those that ended.
    before: Option<String>,
}

/// A correction proposal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProposalShown {
    #[schema(value_type = String)]
    id: Digest,
    #[schema(value_type = String)]
    inspection: InspectionId,
    #[schema(value_type = String)]
    record: RecordId,
    #[schema(value_type = String)]
    entity: EntityId,
    entity_name: String,
    unit: String,
    /// `name`, `uscc`, `address`, `legalRepresentative` or `phone`.
    field: String,
    /// What the directory said when it was proposed.
    base: Option<String>,
    value: String,
    /// What the directory says now.
    present: Option<String>,
    reason: String,
    #[schema(value_type = Vec<String>)]
    evidence: Vec<RecordId>,
    officer: String,
    device: String,
    #[schema(value_type = Option<Object>)]
    written: Option<Interval>,
    #[schema(value_type = String, format = DateTime)]
    found_at: Moment,
    /// `open`, `accepted`, `edited`, `rejected`, `met` (the directory came to say it) or `withdrawn`.
    state: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Moment>,
    /// The open conflict in which it stands, and which is decided first; shown with one proposal.
    #[schema(value_type = Option<String>)]
    conflict: Option<Digest>,
    decision: Option<ProposalDecision>,
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProposalDecision {
    #[schema(value_type = String)]
    id: DecisionId,
    /// What was written into the directory.
    value: Option<String>,
    reason: String,
    by: String,
}

impl From<Shown> for ProposalShown {
    fn from(Shown { listed, conflict }: Shown) -> Self {
        let field = listed.known.proposed.field();
        let present = field.and_then(|field| field.of(&listed.row)).map(str::to_owned);
        let store::Known { proposed, found_at, state, closed_at, decided, .. } = listed.known;
        Self {
            id: proposed.id(),
            inspection: proposed.inspection,
            record: proposed.record,
            entity: listed.row.id,
            entity_name: listed.row.name,
            unit: listed.unit_code,
            field: proposed.proposal.field,
            base: proposed.proposal.base,
            value: proposed.proposal.value,
            present,
            reason: proposed.proposal.reason,
            evidence: proposed.proposal.evidence,
            officer: proposed.origin.officer_name,
            device: proposed.origin.device_name,
            written: proposed.origin.written,
            found_at,
            state: state.as_str(),
            closed_at,
            conflict,
            decision: decided.map(|decided| ProposalDecision {
                id: decided.id,
                value: decided.value,
                reason: decided.reason,
                by: decided.by_name,
            }),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/proposals", tag = "proposals", params(ProposalsWanted), responses(
    (status = 200, description = "Correction proposals about entities of the asker's scope", body = Listed<ProposalShown>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
    Args(wanted): Args<ProposalsWanted>,
) -> Result<axum::Json<Listed<ProposalShown>>, ApiError> {
    actor.user.may(Act::ReadInspections)?;
    let before = before(wanted.before.as_deref())?;
    let ended = match wanted.state.as_deref() {
        None | Some("open") => false,
        Some("ended") => true,
        Some(other) => return Err(ApiError::field("state", format!("{other:?} is neither open nor ended"))),
    };
    let (org, asker) = (actor.org, actor.user.id);
    let read = move |tx: &mut Tx<'_>| {
        if ended {
            return store::ended(tx, org, asker, &before);
        }
        Ok(Page { rows: store::waiting(tx, org, asker, WAITING_MAX)?, next: None })
    };
    let page = app.db.read(read).await?;
    Ok(Listed::of(page, |listed| Shown { listed, conflict: None }.into()))
}

#[utoipa::path(get, path = "/api/v1/proposals/{id}", tag = "proposals", params(("id" = String, Path)), responses(
    (status = 200, description = "One proposal", body = ProposalShown), (status = 404, description = "not_found")))]
pub(crate) async fn show(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<axum::Json<ProposalShown>, ApiError> {
    let id: Digest = parse("id", &id)?;
    let shown = app.db.read(move |tx| proposals::find(tx, actor.org, &actor.user, &id)).await?;
    Ok(axum::Json(shown.into()))
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposalRuling {
    /// `accept`, `edit` (with `value`) or `reject`.
    decision: String,
    /// What the directory is to say, where it is edited.
    value: Option<String>,
    /// Why.
    #[serde(default)]
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/proposals/{id}/decision", tag = "proposals", params(("id" = String, Path)),
    request_body = ProposalRuling, responses(
    (status = 200, description = "The proposal as it stands now; the same for the same decision again", body = ProposalShown),
    (status = 404, description = "not_found"), (status = 409, description = "already_decided, state_wrong, conflicts_open"),
    (status = 422, description = "choice_unknown, reason_missing, field_invalid")))]
pub(crate) async fn decide(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<ProposalRuling>,
) -> Result<axum::Json<ProposalShown>, ApiError> {
    actor.user.may(Act::DecideProposals)?;
    let id: Digest = parse("id", &id)?;
    let why = reason(&body.reason)?;
    let ruling = match (body.decision.as_str(), body.value) {
        ("accept", None) => Ruling::Accept,
        ("edit", Some(value)) => Ruling::Edit(value),
        ("reject", None) => Ruling::Reject,
        _ => return Err(ErrorCode::ChoiceUnknown.into()),
    };
    let shown = proposals::decide(&app, actor.org, &actor.user, id, ruling, why).await?;
    Ok(axum::Json(shown.into()))
}
