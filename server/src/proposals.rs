//! Correction proposals (更正建议): they arrive with their visits, and supervisors of the entity's unit decide about them.
//!
//! Accepting writes the directory's row in the same transaction. What conflicts is decided as a conflict
//! ([`crate::resolve`]); deciding about it here is refused until then.

use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::findings;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::changes::{self, Change};
use crate::store::inspections::Inspection;
use crate::store::journal::Writer;
use crate::store::proposals::{self, Correction, Decided, Known, Listed};
use crate::store::{conflicts, entities, feeds, inspections};
use fieldproof_schema::conflict::{ConflictKind, NO_VISIT};
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::ids::{DecisionId, EntityId, InspectionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::proposal::{Proposed, place};
use fieldproof_schema::reference::{ProposalFate, ProposalState};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::RowKind;
use serde_json::json;
use std::collections::BTreeSet;

/// What a supervisor decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// The directory says what is proposed.
    Accept,
    /// The directory says something else.
    Edit(String),
    /// The directory stays as it is.
    Reject,
}

/// A proposal with everything that its page shows.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// The proposal and its entity.
    pub(crate) listed: Listed,
    /// The open conflict in which it stands.
    pub(crate) conflict: Option<Digest>,
}

/// Takes over what stands in the document of a visit: after everything that came was judged, in the same transaction.
/// `standing` are the proposals of the document, `came` its newest changes.
pub(crate) fn arrive(
    tx: &mut Tx<'_>,
    org: OrgId,
    visit: &Inspection,
    standing: &[Proposed],
    came: &[Change],
    writers: &[Writer],
    now: Moment,
) -> Result<(), DbError> {
    let known = proposals::of_inspection(tx, org, visit.id)?;
    let names: BTreeSet<Digest> = standing.iter().map(Proposed::id).collect();
    let before: BTreeSet<Digest> = known.iter().map(|known| known.proposed.id()).collect();
    let left: Vec<_> =
        known.iter().filter(|known| known.stands && !names.contains(&known.proposed.id())).collect();
    let new: Vec<_> = standing.iter().filter(|proposed| !before.contains(&proposed.id())).collect();
    if left.is_empty() && new.is_empty() {
        return Ok(());
    }
    for known in left {
        proposals::leave(tx, org, &known.proposed, now)?;
    }
    for proposed in new {
        let mut proposed = proposed.clone();
        let origin = &mut proposed.origin;
        if let Some(writer) = writers.iter().find(|writer| writer.actor == proposed.actor) {
            origin.officer = Some(writer.officer);
            origin.officer_name = writer.officer_name.clone();
            origin.device = Some(writer.device);
            origin.device_name = writer.device_name.clone();
        }
        origin.written = match came.iter().find(|change| change.id == proposed.change) {
            Some(change) => Some(change.written),
            None => changes::find(tx, org, visit.id, proposed.change)?.map(|change| change.written),
        };
        proposals::insert(tx, org, &proposed, now)?;
    }
    findings::entity::look(tx, org, visit.entity, now)
}

/// What the terminals of a visit are told about its proposals.
pub(crate) fn fates(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
) -> Result<Vec<ProposalFate>, DbError> {
    let mut fates = Vec::new();
    for known in proposals::of_inspection(tx, org, inspection)? {
        if !known.stands {
            continue;
        }
        let conflict = conflict_of(tx, org, &known)?;
        let (value, reason, by) = match known.decided {
            Some(decided) => (decided.value, decided.reason, decided.by_name),
            None => (None, String::new(), String::new()),
        };
        fates.push(ProposalFate {
            record: known.proposed.record,
            change: known.proposed.change,
            state: known.state.as_str().to_owned(),
            conflict,
            value,
            reason,
            by,
            at: known.closed_at,
        });
    }
    Ok(fates)
}

/// The open conflict in which a proposal stands.
fn conflict_of(tx: &mut Tx<'_>, org: OrgId, known: &Known) -> Result<Option<Digest>, DbError> {
    let proposed = &known.proposed;
    let Some(field) = proposed.field().filter(|_| known.state == ProposalState::Open) else {
        return Ok(None);
    };
    let path = place(proposed.proposal.entity, field);
    let open = conflicts::open_at(tx, org, NO_VISIT, &ConflictKind::Entity, &path)?;
    let is_side = |side: &fieldproof_schema::conflict::ConflictSide| side.change == proposed.change;
    Ok(open.into_iter().find(|open| open.conflict.sides.iter().any(is_side)).map(|open| open.conflict.id))
}

/// One proposal of the asker's scope.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope.
pub(crate) fn find(tx: &mut Tx<'_>, org: OrgId, user: &User, id: &Digest) -> Result<Shown, ApiError> {
    let listed = proposals::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
    user.may_on(Act::ReadInspections, &listed.unit_code)?;
    let conflict = conflict_of(tx, org, &listed.known)?;
    Ok(Shown { listed, conflict })
}

/// Decides about a proposal, and about those that propose the same. The first decision counts; the same one again by the
/// same person is answered as the first time.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope; [`ErrorCode::AlreadyDecided`]; [`ErrorCode::StateWrong`] when it stands no
/// longer; [`ErrorCode::ConflictsOpen`] while it is a side of an open conflict; [`ErrorCode::FieldInvalid`] for a value
/// that the directory does not take.
pub(crate) async fn decide(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    ruling: Ruling,
    reason: String,
) -> Result<Shown, ApiError> {
    user.may(Act::DecideProposals)?;
    let now = app.now();
    let names = [(); 2].map(|()| DecisionId::new(now, app.random()));
    let user = user.clone();
    app.db
        .write(move |tx| {
            let shown = find(tx, org, &user, &id)?;
            let known = &shown.listed.known;
            if let Some(decided) = &known.decided {
                return if is_same(known, decided, &user, &ruling, &reason) {
                    Ok(shown)
                } else {
                    Err(ApiError::new(ErrorCode::AlreadyDecided).with(told(known, decided)))
                };
            }
            if known.state != ProposalState::Open {
                let details = json!({"state": known.state.as_str()});
                return Err(ApiError::new(ErrorCode::StateWrong).with(details));
            }
            if let Some(conflict) = shown.conflict {
                return Err(ApiError::new(ErrorCode::ConflictsOpen).with(json!({"conflict": conflict})));
            }
            let proposed = &known.proposed;
            let field = proposed.field().ok_or(ErrorCode::ChoiceUnknown)?;
            let entity = proposed.proposal.entity;
            let value = match &ruling {
                Ruling::Accept => Some(checked(field, &proposed.proposal.value)?),
                Ruling::Edit(value) => Some(checked(field, value)?),
                Ruling::Reject => None,
            };
            let step =
                Step { org, user: &user, decision: names[0], record: names[1], reason: &reason, now };
            step.settle(tx, (entity, field), value.as_deref(), value.is_some() && ruling != Ruling::Accept)?;
            let record = Record {
                id: names[0],
                at: now,
                actor: format!("user:{}", user.id),
                act: "proposal.decided".to_owned(),
                subject: format!("inspection:{}", proposed.inspection),
                details: json!({"proposal": id, "entity": entity, "field": field.as_str(), "decision": ruling.as_str()}),
            };
            audit::insert(tx, org, &record)?;
            find(tx, org, &user, &id)
        })
        .await
}

impl Ruling {
    /// The name in JSON and in forms.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Edit(_) => "edit",
            Self::Reject => "reject",
        }
    }
}

/// A value that the directory takes.
pub(crate) fn checked(field: EntityField, value: &str) -> Result<String, ApiError> {
    let value = value.trim();
    field.check(value).map_err(|problem| ApiError::field("value", problem))?;
    Ok(value.to_owned())
}

/// Whether a decision says the same as one that was taken: a request that was repeated.
fn is_same(known: &Known, decided: &Decided, user: &User, ruling: &Ruling, reason: &str) -> bool {
    let as_before = match ruling {
        Ruling::Accept => known.state == ProposalState::Accepted,
        Ruling::Edit(value) => decided.value.as_deref() == Some(value.trim()),
        Ruling::Reject => known.state == ProposalState::Rejected,
    };
    as_before && decided.by == user.id && decided.reason == reason
}

fn told(known: &Known, decided: &Decided) -> serde_json::Value {
    json!({
        "state": known.state.as_str(),
        "value": decided.value,
        "reason": decided.reason,
        "by": decided.by_name,
        "at": known.closed_at,
    })
}

/// One decision about a fact, in its transaction.
pub(crate) struct Step<'a> {
    pub(crate) org: OrgId,
    pub(crate) user: &'a User,
    /// The decision.
    pub(crate) decision: DecisionId,
    /// The name of the audit record about the directory.
    pub(crate) record: DecisionId,
    pub(crate) reason: &'a str,
    pub(crate) now: Moment,
}

impl Step<'_> {
    /// Decides everything that is undecided about a fact: the directory says `value` from now on, or stays as it is. A value
    /// of the supervisor's own (`own`) has edited what was proposed; otherwise what proposes it is accepted and what
    /// proposes anything else is rejected.
    pub(crate) fn settle(
        &self,
        tx: &mut Tx<'_>,
        (entity, field): (EntityId, EntityField),
        value: Option<&str>,
        own: bool,
    ) -> Result<(), ApiError> {
        let undecided = proposals::open_about(tx, self.org, entity)?;
        let mut visits = BTreeSet::new();
        for known in undecided.iter().filter(|known| known.proposed.field() == Some(field)) {
            let proposed = &known.proposed;
            let state = match value {
                Some(value) if proposed.proposal.value == value => ProposalState::Accepted,
                Some(_) if own => ProposalState::Edited,
                Some(_) | None => ProposalState::Rejected,
            };
            let decided = Decided {
                id: self.decision,
                by: self.user.id,
                by_name: self.user.name.clone(),
                value: value.map(str::to_owned),
                reason: self.reason.to_owned(),
            };
            proposals::close(tx, self.org, proposed, state, Some(&decided), self.now)?;
            visits.insert(proposed.inspection);
        }
        if let Some(value) = value {
            self.correct(tx, (entity, field), Some(value), &visits)?;
        }
        self.tell(tx, entity, &visits)
    }

    /// Takes back what a decision decided. What it wrote into the directory is undone where it still stands there.
    ///
    /// # Errors
    /// [`ErrorCode::DirectoryChanged`] when the directory says something else by now.
    pub(crate) fn take_back(
        &self,
        tx: &mut Tx<'_>,
        entity: EntityId,
        undone: DecisionId,
    ) -> Result<(), ApiError> {
        let decided = proposals::of_decision(tx, self.org, undone)?;
        let visits = decided.iter().map(|known| known.proposed.inspection).collect();
        if let Some(correction) = proposals::correction(tx, self.org, undone)? {
            let row = entities::find(tx, self.org, correction.entity)?.ok_or(ErrorCode::NotFound)?.row;
            let present = correction.field.of(&row);
            if present != correction.value.as_deref() {
                let details = json!({"field": correction.field.as_str(), "present": present});
                return Err(ApiError::new(ErrorCode::DirectoryChanged).with(details));
            }
            let about = (correction.entity, correction.field);
            self.correct(tx, about, correction.former.as_deref(), &visits)?;
        }
        proposals::reopen(tx, self.org, undone)?;
        self.tell(tx, entity, &visits)
    }

    /// Writes a fact into the directory, keeps what it was, and tells those who carry the row.
    fn correct(
        &self,
        tx: &mut Tx<'_>,
        (entity, field): (EntityId, EntityField),
        value: Option<&str>,
        visits: &BTreeSet<InspectionId>,
    ) -> Result<(), ApiError> {
        let mut known = entities::find(tx, self.org, entity)?.ok_or(ErrorCode::NotFound)?;
        let former = field.of(&known.row).map(str::to_owned);
        if former.as_deref() == value {
            return Ok(());
        }
        field.put(&mut known.row, value);
        entities::put(tx, self.org, &known)?;
        let correction =
            Correction { decision: self.decision, entity, field, former, value: value.map(str::to_owned) };
        proposals::note_correction(tx, self.org, &correction, self.now)?;
        let record = Record {
            id: self.record,
            at: self.now,
            actor: format!("user:{}", self.user.id),
            act: "directory.corrected".to_owned(),
            subject: format!("entity:{entity}"),
            details: json!({"field": field.as_str(), "decision": self.decision}),
        };
        audit::insert(tx, self.org, &record)?;
        let mut told = BTreeSet::from([feeds::of_unit(&known.unit_code)]);
        for visit in visits {
            let team = inspections::team(tx, self.org, *visit)?;
            told.extend(team.into_iter().map(feeds::of_officer));
        }
        for feed in told {
            tx.publish(self.org, &feed, RowKind::Entity.as_str(), &entity.to_string());
        }
        Ok(())
    }

    fn tell(
        &self,
        tx: &mut Tx<'_>,
        entity: EntityId,
        visits: &BTreeSet<InspectionId>,
    ) -> Result<(), ApiError> {
        for visit in visits {
            let team = inspections::team(tx, self.org, *visit)?;
            feeds::publish_inspection(tx, self.org, &team, *visit);
        }
        Ok(findings::entity::look(tx, self.org, entity, self.now)?)
    }
}
