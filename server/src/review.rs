//! What supervisors decide about sealed inspections: returned, accepted, disclosed.
//!
//! The first decision wins; whoever comes later is shown it. A decision names the version of the seal that it is about
//! and changes no content. What becomes public is in [`publication`].

pub mod publication;

use crate::app::App;
use crate::db::Tx;
use crate::error::ApiError;
use crate::numbers;
use crate::policy::{Act, User};
use crate::store::audit::Record;
use crate::store::disclosures::Disclosure;
use crate::store::inspections::{self, Inspection};
use crate::store::review::set_state;
use crate::store::{audit, captures, conflicts, decisions, disclosures, feeds, seals};
use fieldproof_presentation::texts::{Language, text};
use fieldproof_schema::ids::{DecisionId, DisclosureId, InspectionId, OrgId, RecordId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::{Decision, DecisionKind, InspectionState};
use fieldproof_schema::seal::Statement;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What a supervisor says: about the whole, and about single items of the checklist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// About the whole.
    pub comment: String,
    /// By item.
    pub items: BTreeMap<String, String>,
}

/// Returns a sealed inspection to its officers, who answer with a supplement.
///
/// # Errors
/// [`ErrorCode::AlreadyDecided`], [`ErrorCode::StateWrong`] while it is not sealed, [`ErrorCode::AnswerUnknownItem`] for a
/// remark about an item that the pinned checklist has not.
pub async fn give_back(
    app: &App,
    org: OrgId,
    user: &User,
    id: InspectionId,
    remarks: Remarks,
) -> Result<Decision, ApiError> {
    let deciding = Deciding::new(app, org, user, id, DecisionKind::Returned);
    let steps = (InspectionState::Sealed, InspectionState::Returned);
    let reader = app.clone();
    app.db
        .write(move |tx| {
            let found = deciding.inspection(tx, Act::Review, steps.0)?;
            let template = reader.templates.get(tx, org, &found.template_id, &found.template_revision)?;
            if let Some(item) = remarks.items.keys().find(|id| template.item(id).is_none()) {
                return Err(ApiError::new(ErrorCode::AnswerUnknownItem).with(json!({"item": item})));
            }
            deciding.decide(tx, steps, remarks.clone())
        })
        .await
}

/// Sends an inspection back to its officers because a conflict was decided so: the decision and the state are the same as
/// with [`give_back`], only the asker is somebody who decides conflicts. One that is not sealed yet goes back, too.
///
/// # Errors
/// [`ErrorCode::StateWrong`] when it was accepted.
pub(crate) fn send_back(
    tx: &mut Tx<'_>,
    org: OrgId,
    user: &User,
    id: InspectionId,
    remarks: Remarks,
    [decision, record]: [DecisionId; 2],
    now: Moment,
) -> Result<Decision, ApiError> {
    let found = inspections::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
    let deciding = Deciding {
        org,
        user: user.clone(),
        inspection: id,
        kind: DecisionKind::Returned,
        id: decision,
        record,
        now,
    };
    match found.state {
        InspectionState::Accepted | InspectionState::Disclosed => Err(not_yet(found.state)),
        from => deciding.decide(tx, (from, InspectionState::Returned), remarks),
    }
}

/// Accepts a sealed inspection.
///
/// # Errors
/// [`ErrorCode::AlreadyDecided`], [`ErrorCode::StateWrong`] while it is not sealed, [`ErrorCode::ConflictsOpen`], and
/// [`ErrorCode::EvidenceIncomplete`] unless `gap` says why it is accepted all the same.
pub async fn accept(
    app: &App,
    org: OrgId,
    user: &User,
    id: InspectionId,
    comment: String,
    gap: Option<String>,
) -> Result<Decision, ApiError> {
    let deciding = Deciding::new(app, org, user, id, DecisionKind::Accepted);
    let steps = (InspectionState::Sealed, InspectionState::Accepted);
    app.db
        .write(move |tx| {
            deciding.inspection(tx, Act::Review, steps.0)?;
            let mut known = conflicts::of_inspection(tx, org, id)?;
            known.extend(numbers::disputes(tx, org, id)?);
            let open = known.iter().filter(|k| k.closed_at.is_none() && k.blocks);
            let open: Vec<_> = open.map(|k| k.conflict.id).collect();
            if !open.is_empty() {
                return Err(ApiError::new(ErrorCode::ConflictsOpen).with(json!({"conflicts": open})));
            }
            let missing = missing_evidence(tx, org, id)?;
            let comment = match (&gap, missing.is_empty()) {
                (_, true) => comment.clone(),
                (Some(gap), false) => {
                    let said = text(Language::Chinese, "review.evidence_gap", &[("reason", gap)]);
                    [comment.as_str(), &said].join("\n").trim().to_owned()
                }
                (None, false) => {
                    let details = json!({"missing": missing});
                    return Err(ApiError::new(ErrorCode::EvidenceIncomplete).with(details));
                }
            };
            deciding.decide(tx, steps, Remarks { comment, ..Remarks::default() })
        })
        .await
}

/// Publishes the result of an accepted inspection.
///
/// # Errors
/// [`ErrorCode::AlreadyDecided`] when it is public; [`ErrorCode::StateWrong`] while it is not accepted.
pub async fn disclose(app: &App, org: OrgId, user: &User, id: InspectionId) -> Result<Disclosure, ApiError> {
    let deciding = Deciding::new(app, org, user, id, DecisionKind::Disclosed);
    let steps = (InspectionState::Accepted, InspectionState::Disclosed);
    let first = deciding.clone();
    app.db.read(move |tx| first.inspection(tx, Act::Disclose, steps.0)).await?;
    let (entity_name, body) = publication::body(app, org, id).await?;
    let disclosure = Disclosure {
        id: DisclosureId::new(deciding.now, app.random()),
        entity_name,
        published_at: deciding.now,
        body,
    };
    let kept = disclosure.clone();
    app.db
        .write(move |tx| {
            deciding.inspection(tx, Act::Disclose, steps.0)?;
            if !disclosures::insert(tx, org, id, &kept)? {
                return Err(deciding.came_late(tx)?);
            }
            deciding.decide(tx, steps, Remarks::default())
        })
        .await?;
    Ok(disclosure)
}

/// One decision about one inspection.
#[derive(Clone)]
struct Deciding {
    org: OrgId,
    user: User,
    inspection: InspectionId,
    kind: DecisionKind,
    id: DecisionId,
    record: DecisionId,
    now: Moment,
}

impl Deciding {
    fn new(app: &App, org: OrgId, user: &User, inspection: InspectionId, kind: DecisionKind) -> Self {
        let now = app.now();
        let [id, record] = [app.random(), app.random()].map(|random| DecisionId::new(now, random));
        Self { org, user: user.clone(), inspection, kind, id, record, now }
    }

    /// The inspection, when the user may act on it and it waits for this decision.
    fn inspection(&self, tx: &mut Tx<'_>, act: Act, from: InspectionState) -> Result<Inspection, ApiError> {
        let found = inspections::find(tx, self.org, self.inspection)?.ok_or(ErrorCode::NotFound)?;
        self.user.may_on(act, &found.unit_code)?;
        if found.state == from {
            return Ok(found);
        }
        if found.state > from { Err(self.came_late(tx)?) } else { Err(not_yet(found.state)) }
    }

    /// Somebody decided before.
    fn came_late(&self, tx: &mut Tx<'_>) -> Result<ApiError, ApiError> {
        let last = decisions::list(tx, self.org, self.inspection)?.pop();
        Ok(ApiError::new(ErrorCode::AlreadyDecided).with(json!({"decision": last})))
    }

    fn decide(
        &self,
        tx: &mut Tx<'_>,
        (from, to): (InspectionState, InspectionState),
        Remarks { comment, items }: Remarks,
    ) -> Result<Decision, ApiError> {
        let (org, id) = (self.org, self.inspection);
        let sealed = seals::list(tx, org, id)?.into_iter().rev().find(|seal| seal.completed_at.is_some());
        let version = sealed.map(|seal| seal.version);
        let decision = Decision {
            id: self.id,
            kind: self.kind,
            version,
            comment,
            items,
            by: self.user.name.clone(),
            at: self.now,
        };
        if !set_state(tx, org, id, from, to, self.now)? {
            return Err(self.came_late(tx)?);
        }
        decisions::insert(tx, org, id, &decision, self.user.id)?;
        let record = Record {
            id: self.record,
            at: self.now,
            actor: format!("user:{}", self.user.id),
            act: format!("inspection.{}", self.kind.as_str()),
            subject: format!("inspection:{id}"),
            details: json!({"decision": self.id, "version": version}),
        };
        audit::insert(tx, org, &record)?;
        let team = inspections::team(tx, org, id)?;
        feeds::publish_inspection(tx, org, &team, id);
        Ok(decision)
    }
}

fn not_yet(state: InspectionState) -> ApiError {
    ApiError::new(ErrorCode::StateWrong).with(json!({"state": state}))
}

/// Captures that a journal or the last seal names and whose bytes are not held.
fn missing_evidence(tx: &mut Tx<'_>, org: OrgId, id: InspectionId) -> Result<Vec<RecordId>, ApiError> {
    let states = captures::states(tx, org, id)?;
    let held: BTreeSet<_> = states.iter().filter(|s| s.held).map(|s| (s.record, s.digest)).collect();
    let mut missing: BTreeSet<RecordId> = states.iter().filter(|s| !s.held).map(|s| s.record).collect();
    let sealed = seals::list(tx, org, id)?.into_iter().rev().find(|seal| seal.completed_at.is_some());
    if let Some(sealed) = sealed {
        let statement = Statement::from_text(&sealed.seal.statement).map_err(ApiError::internal)?;
        let named = statement.captures.iter().filter(|c| !held.contains(&(c.record, c.digest)));
        missing.extend(named.map(|capture| capture.record));
    }
    Ok(missing.into_iter().collect())
}

#[cfg(test)]
mod tests;
