//! Decisions about what is proposed for a fact of the directory: they write the directory's row, and no document.

use super::{Choice, Outcome, Ruling, already_decided, find, offered, standing};
use crate::app::App;
use crate::error::ApiError;
use crate::policy::User;
use crate::proposals::{self, Step};
use crate::store::conflicts::{self, Known};
use fieldproof_schema::conflict::ChoiceKind;
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::ids::{DecisionId, EntityId, OrgId};
use fieldproof_schema::proposal::placed;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

/// Decides: one of the sides, another value, or nothing of it. All that is proposed for the fact is decided with it.
pub(super) async fn decide(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    choice: Choice,
    reason: String,
) -> Result<Outcome, ApiError> {
    let ruling = Ruling::new(app, org, user, choice.kind(), None);
    let (record, decision) = (DecisionId::new(ruling.now, app.random()), ruling.id);
    let resolution = app
        .db
        .write(move |tx| {
            let known = find(tx, org, &ruling.user, &id)?;
            if known.closed_at.is_some() {
                return Err(already_decided(&known));
            }
            if !offered(&known.conflict, None).contains(&choice.kind()) {
                return Err(ErrorCode::ChoiceUnknown.into());
            }
            let about = about(&known)?;
            let (said, value) = value(&known, about.1, &choice)?;
            let resolution = ruling.resolution(&known.conflict, said, reason.clone());
            if !conflicts::close(tx, org, &known.conflict, ruling.now, Some(&resolution.to_register()))? {
                return Err(already_decided(&known));
            }
            let own = ruling.choice == ChoiceKind::Value;
            step(&ruling, record, &reason).settle(tx, about, value.as_deref(), own)?;
            ruling.keep(tx, &known, &resolution)?;
            Ok::<_, ApiError>(resolution)
        })
        .await?;
    Ok(Outcome { resolution, decision, code: None })
}

/// Takes a decision back: what is proposed waits again, and the directory says what it said before, where nobody has
/// changed it since.
pub(super) async fn undo(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    decision: DecisionId,
    reason: String,
) -> Result<Outcome, ApiError> {
    let ruling = Ruling::new(app, org, user, ChoiceKind::Undo, Some(decision));
    let (record, named) = (DecisionId::new(ruling.now, app.random()), ruling.id);
    let resolution = app
        .db
        .write(move |tx| {
            let known = find(tx, org, &ruling.user, &id)?;
            standing(tx, org, &known, decision)?;
            if !conflicts::reopen(tx, org, &known.conflict)? {
                return Err(already_decided(&known));
            }
            step(&ruling, record, &reason).take_back(tx, about(&known)?.0, decision)?;
            let resolution = ruling.resolution(&known.conflict, String::new(), reason.clone());
            ruling.keep(tx, &known, &resolution)?;
            Ok::<_, ApiError>(resolution)
        })
        .await?;
    Ok(Outcome { resolution, decision: named, code: None })
}

fn step<'a>(ruling: &'a Ruling, record: DecisionId, reason: &'a str) -> Step<'a> {
    let Ruling { org, user, id, now, .. } = ruling;
    Step { org: *org, user, decision: *id, record, reason, now: *now }
}

fn about(known: &Known) -> Result<(EntityId, EntityField), ApiError> {
    placed(&known.conflict.path).ok_or_else(|| ErrorCode::ChoiceUnknown.into())
}

/// What was decided for, and what is written into the directory; nothing where it stays as it is.
fn value(known: &Known, field: EntityField, choice: &Choice) -> Result<(String, Option<String>), ApiError> {
    match choice {
        Choice::Side(change) => {
            let side = known.conflict.sides.iter().find(|side| side.change == *change);
            let side = side.ok_or(ErrorCode::ChoiceUnknown)?;
            // The directory's own words are a side that nobody proposed.
            let is_proposed = side.origin.as_ref().is_some_and(|origin| origin.record.is_some());
            let written = is_proposed.then(|| proposals::checked(field, &side.value)).transpose()?;
            Ok((side.value.clone(), written))
        }
        Choice::Value(value) => {
            let value = proposals::checked(field, value)?;
            Ok((value.clone(), Some(value)))
        }
        Choice::Plain(ChoiceKind::Reject) => Ok((String::new(), None)),
        Choice::Both(_) | Choice::Void(_) | Choice::Renumber(_) | Choice::Plain(_) => {
            Err(ErrorCode::ChoiceUnknown.into())
        }
    }
}
