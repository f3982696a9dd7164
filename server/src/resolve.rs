//! How conflicts are decided, and how a decision is taken back.
//!
//! Before the seal a decision about an answer is a change by the server's own actor ([`content`]): it writes the value that
//! stands and says who decided and why, so that every device converges on it. What is proposed for the directory writes
//! its row ([`directory`]), a number of a document is corrected in it or beside its seal ([`number`]); everything else is decided beside the content ([`beside`]). What the sealed content says is never touched. Nothing that was decided is deleted: a decision is
//! taken back by another one, with a reason.

mod beside;
mod content;
mod directory;
mod effects;
pub(crate) mod history;
mod number;

pub(crate) use beside::follow_quarantine;

use crate::app::App;
use crate::codes::Issued;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::conflict_decisions::{self, Kept};
use crate::store::conflicts::{self, Known};
use crate::store::{decisions, feeds, inspections, seals};
use fieldproof_presentation::texts::{Language, text};
use fieldproof_schema::conflict::{ChoiceKind, Conflict, ConflictKind, Resolution};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::{Decision, DecisionKind, InspectionState};
use fieldproof_schema::seal::Statement;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What an administrator chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// One of the sides, by its change.
    Side(ChangeId),
    /// Another value, as a register.
    Value(String),
    /// One of the sides stands, the others are kept as observations of their own.
    Both(ChangeId),
    /// The document of one side is void.
    Void(ChangeId),
    /// The document of one side gets another number.
    Renumber(ChangeId),
    /// A choice that needs nothing else.
    Plain(ChoiceKind),
}

impl Choice {
    /// Which one.
    pub fn kind(&self) -> ChoiceKind {
        match self {
            Self::Side(_) => ChoiceKind::Side,
            Self::Value(_) => ChoiceKind::Value,
            Self::Both(_) => ChoiceKind::Both,
            Self::Void(_) => ChoiceKind::Void,
            Self::Renumber(_) => ChoiceKind::Renumber,
            Self::Plain(kind) => *kind,
        }
    }
}

/// What became of a conflict.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What stands now; of a decision that was taken back, that.
    pub resolution: Resolution,
    /// The decision's name.
    pub decision: DecisionId,
    /// The code for a new terminal, where that was chosen. It is not shown again.
    pub code: Option<Issued>,
}

/// What can be chosen for a conflict whose visit stands at `state`.
pub(crate) fn offered(conflict: &Conflict, state: Option<InspectionState>) -> Vec<ChoiceKind> {
    use ChoiceKind::*;
    let about_visits = conflict.path.starts_with("assignment/visits/");
    let is_missing = !conflict.path.ends_with("/removed");
    let fits = |choice: &ChoiceKind| match (&conflict.kind, choice) {
        (ConflictKind::Assignment, Link | Separate) => about_visits,
        (ConflictKind::Assignment, Reassign) => {
            !about_visits && state.is_some_and(|state| state < InspectionState::Accepted)
        }
        (ConflictKind::Assignment, _) => !about_visits,
        (ConflictKind::Evidence, Request) => is_missing,
        // A number that stands once can stay; of two only one can.
        (ConflictKind::Number, Accept) => conflict.sides.len() == 1,
        // Beside a seal no record is added.
        (ConflictKind::Answer, Both) => {
            conflict.path.starts_with("answers/") && !state.is_some_and(is_sealed)
        }
        // What was accepted is not taken apart by whoever decides conflicts.
        (ConflictKind::LateChange, Reopen | Supplement) => state == Some(InspectionState::Sealed),
        (ConflictKind::Template, Return) => state.is_some_and(|state| state < InspectionState::Accepted),
        _ => true,
    };
    ChoiceKind::of(&conflict.kind).iter().copied().filter(fits).collect()
}

/// Decides a conflict. The first decision wins; a later one is shown it.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope; [`ErrorCode::AlreadyDecided`]; [`ErrorCode::ChoiceUnknown`] for what the
/// conflict does not offer; [`ErrorCode::Sealed`] for an answer once it is sealed.
pub async fn decide(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    choice: Choice,
    reason: String,
) -> Result<Outcome, ApiError> {
    let asker = user.clone();
    let (known, over) = app.db.read(move |tx| find_with(tx, org, &asker, &id)).await?;
    match known.conflict.kind {
        ConflictKind::Answer if over => beside::decide(app, org, user, known, choice, reason).await,
        ConflictKind::Answer => content::decide(app, org, user, id, choice, reason).await,
        ConflictKind::Entity => directory::decide(app, org, user, id, choice, reason).await,
        ConflictKind::Number => number::decide(app, org, user, id, choice, reason).await,
        _ => beside::decide(app, org, user, known, choice, reason).await,
    }
}

/// Takes the last decision about a conflict back, with a reason: the conflict is open again. `decision` is the one that
/// whoever takes it back has seen.
///
/// # Errors
/// [`ErrorCode::NotFound`] outside the scope; [`ErrorCode::AlreadyDecided`] when another decision stands, or none;
/// [`ErrorCode::Sealed`] where it would change sealed content; [`ErrorCode::DecisionTookEffect`] where what it led to
/// cannot be unmade.
pub async fn undo(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    decision: DecisionId,
    reason: String,
) -> Result<Outcome, ApiError> {
    let asker = user.clone();
    let (known, over) = app.db.read(move |tx| find_with(tx, org, &asker, &id)).await?;
    match known.conflict.kind {
        ConflictKind::Answer if over => beside::undo(app, org, user, id, decision, reason).await,
        ConflictKind::Answer => content::undo(app, org, user, id, decision, reason).await,
        ConflictKind::Entity => directory::undo(app, org, user, id, decision, reason).await,
        ConflictKind::Number => number::undo(app, org, user, id, decision, reason).await,
        _ => beside::undo(app, org, user, id, decision, reason).await,
    }
}

/// A conflict that the asker may decide.
fn find(tx: &mut Tx<'_>, org: OrgId, user: &User, id: &Digest) -> Result<Known, ApiError> {
    user.may(Act::DecideConflicts)?;
    let known = conflicts::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
    user.may_on(Act::DecideConflicts, known.unit_code.as_deref().unwrap_or_default())?;
    Ok(known)
}

/// Whether content is sealed, and not with the officers again.
fn is_sealed(state: InspectionState) -> bool {
    matches!(state, InspectionState::Sealed | InspectionState::Accepted | InspectionState::Disclosed)
}

/// A conflict that the asker may decide, and whether it was signed over: then it is decided beside the sealed content.
fn find_with(tx: &mut Tx<'_>, org: OrgId, user: &User, id: &Digest) -> Result<(Known, bool), ApiError> {
    let known = find(tx, org, user, id)?;
    let over = is_signed_over(tx, org, &known.conflict)?;
    Ok((known, over))
}

/// Whether the seal that counts was signed although this conflict was open.
fn is_signed_over(tx: &mut Tx<'_>, org: OrgId, conflict: &Conflict) -> Result<bool, DbError> {
    let visit = inspections::find(tx, org, conflict.inspection)?;
    if conflict.kind != ConflictKind::Answer || !visit.is_some_and(|visit| is_sealed(visit.state)) {
        return Ok(false);
    }
    let complete = seals::list(tx, org, conflict.inspection)?;
    let last = complete.iter().rev().find(|seal| seal.completed_at.is_some());
    let statement = last.and_then(|seal| Statement::from_text(&seal.seal.statement).ok());
    let unsettled = statement.and_then(|statement| statement.unsettled);
    Ok(unsettled.is_some_and(|unsettled| unsettled.conflicts.contains(&conflict.id)))
}

/// Somebody decided first: how.
fn already_decided(known: &Known) -> ApiError {
    let resolution: Option<Value> = known.resolution.as_deref().and_then(|r| serde_json::from_str(r).ok());
    ApiError::new(ErrorCode::AlreadyDecided).with(resolution.unwrap_or_default())
}

/// The decision that stands, when it is the one that is to be taken back.
fn standing(tx: &mut Tx<'_>, org: OrgId, known: &Known, decision: DecisionId) -> Result<Kept, ApiError> {
    let last = history::of(tx, org, known)?.pop();
    match last {
        Some(kept) if kept.id == decision && kept.undoes.is_none() && known.closed_at.is_some() => Ok(kept),
        _ => Err(already_decided(known)),
    }
}

/// One decision on its way into the record.
#[derive(Clone)]
struct Ruling {
    org: OrgId,
    user: User,
    id: DecisionId,
    now: Moment,
    choice: ChoiceKind,
    undoes: Option<DecisionId>,
}

impl Ruling {
    fn new(app: &App, org: OrgId, user: &User, choice: ChoiceKind, undoes: Option<DecisionId>) -> Self {
        let now = app.now();
        Self { org, user: user.clone(), id: DecisionId::new(now, app.random()), now, choice, undoes }
    }

    fn resolution(&self, conflict: &Conflict, value: String, reason: String) -> Resolution {
        Resolution {
            path: conflict.path.clone(),
            value,
            reason,
            by: self.user.name.clone(),
            capacity: "administrator".into(),
            at: self.now,
            sides: conflict.sides.clone(),
            choice: self.choice.as_str().to_owned(),
            undone: None,
        }
    }

    /// Keeps the decision: in the conflict's history, for the terminals, in the audit trail; and tells the team.
    fn keep(&self, tx: &mut Tx<'_>, known: &Known, resolution: &Resolution) -> Result<(), ApiError> {
        let (org, conflict) = (self.org, &known.conflict);
        // What was decided before decisions were kept apart gets its place before this one.
        if conflict_decisions::of_conflict(tx, org, &conflict.id)?.is_empty() {
            for before in history::of(tx, org, known)? {
                conflict_decisions::insert(tx, org, &conflict.id, &before)?;
            }
        }
        let kept = Kept {
            id: self.id,
            at: self.now,
            user: Some(self.user.id),
            by: resolution.by.clone(),
            capacity: resolution.capacity.clone(),
            choice: resolution.choice.clone(),
            value: resolution.value.clone(),
            reason: resolution.reason.clone(),
            undoes: self.undoes,
        };
        conflict_decisions::insert(tx, org, &conflict.id, &kept)?;
        let inspection = conflict.inspection;
        let is_known = inspections::find(tx, org, inspection)?.is_some();
        if is_known {
            decisions::insert(tx, org, inspection, &self.told(resolution), self.user.id)?;
        }
        let record = Record {
            id: self.id,
            at: self.now,
            actor: format!("user:{}", self.user.id),
            act: if self.undoes.is_some() { "conflict.undone" } else { "conflict.decided" }.into(),
            subject: if is_known {
                format!("inspection:{inspection}")
            } else {
                format!("conflict:{}", conflict.id)
            },
            details: json!({
                "conflict": conflict.id,
                "kind": conflict.kind,
                "path": conflict.path,
                "choice": self.choice.as_str(),
                "undoes": self.undoes,
            }),
        };
        audit::insert(tx, org, &record)?;
        conflicts::recount(tx, org, inspection)?;
        let team = inspections::team(tx, org, inspection)?;
        feeds::publish_inspection(tx, org, &team, inspection);
        Ok(())
    }

    /// What the terminals are told.
    fn told(&self, resolution: &Resolution) -> Decision {
        let reason = resolution.reason.clone();
        Decision {
            id: self.id,
            kind: DecisionKind::Resolved,
            version: None,
            comment: match self.undoes {
                Some(_) => text(Language::Chinese, "review.conflict.undone", &[("reason", &reason)]),
                None => reason,
            },
            items: BTreeMap::new(),
            by: resolution.by.clone(),
            at: resolution.at,
        }
    }
}
