//! Decisions that write no change: what they lead to happens in their own transaction ([`super::effects`]). What the officers
//! signed over is decided here, too: the sealed content stays as it is, with the decision beside it.

use super::effects::{self, After, Step};
use super::{Choice, Outcome, Ruling, already_decided, find, offered, standing};
use crate::app::App;
use crate::db::Tx;
use crate::error::ApiError;
use crate::policy::User;
use crate::quarantine::TOGETHER_MAX;
use crate::store::conflicts::{self, Known};
use crate::store::{case_links, inbox, inspections, quarantine};
use crate::sync::judge;
use fieldproof_schema::checklist::check_register;
use fieldproof_schema::conflict::{ChoiceKind, ConflictKind};
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OrgId};
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;

/// Decides, and sees to what the decision leads to.
pub(super) async fn decide(
    app: &App,
    org: OrgId,
    user: &User,
    known: Known,
    choice: Choice,
    reason: String,
) -> Result<Outcome, ApiError> {
    let is_value = known.conflict.kind == ConflictKind::Answer;
    if is_value == matches!(choice, Choice::Plain(_)) {
        return Err(ErrorCode::ChoiceUnknown.into());
    }
    let (picked, choice) = (choice.clone(), choice.kind());
    let id = known.conflict.id;
    let remarks = effects::remarks(app, org, &known.conflict, choice, &reason).await?;
    let ruling = Ruling::new(app, org, user, choice, None);
    let names = [(); 2].map(|()| DecisionId::new(ruling.now, app.random()));
    let (worker, decision) = (app.clone(), ruling.id);
    let (resolution, after) = app
        .db
        .write(move |tx| {
            let known = find(tx, org, &ruling.user, &id)?;
            if known.closed_at.is_some() {
                return Err(already_decided(&known));
            }
            let state = inspections::find(tx, org, known.conflict.inspection)?.map(|visit| visit.state);
            if !offered(&known.conflict, state).contains(&choice) {
                return Err(not_offered(&known, choice, state));
            }
            let value = value_of(tx, &worker, org, &known, &picked)?;
            let resolution = ruling.resolution(&known.conflict, value, reason.clone());
            if !conflicts::close(tx, org, &known.conflict, ruling.now, Some(&resolution.to_register()))? {
                return Err(already_decided(&known));
            }
            let step = Step {
                app: &worker,
                org,
                user: &ruling.user,
                conflict: &known.conflict,
                decision: ruling.id,
                names,
                reason: &reason,
                now: ruling.now,
            };
            // What was signed over has its decision beside the seal: that is all.
            let after = if is_value { After::Nothing } else { step.take(tx, choice, &remarks)? };
            ruling.keep(tx, &known, &resolution)?;
            Ok::<_, ApiError>((resolution, after))
        })
        .await?;
    let code = match after {
        After::Nothing => None,
        After::Judge(inspection, names) => {
            judge::again(app, org, inspection, names).await;
            None
        }
        After::Invite(officer) => Some(crate::devices::invite(app, org, user, officer).await?.1),
    };
    Ok(Outcome { resolution, decision, code })
}

/// The value that a decision beside the seal is for; empty where it is not about a value.
fn value_of(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    known: &Known,
    choice: &Choice,
) -> Result<String, ApiError> {
    let conflict = &known.conflict;
    match choice {
        Choice::Side(change) => {
            let side = conflict.sides.iter().find(|side| side.change == *change);
            Ok(side.map(|side| side.value.clone()).ok_or(ErrorCode::ChoiceUnknown)?)
        }
        Choice::Value(value) => {
            if let Some(item) = conflict.path.strip_prefix("answers/") {
                let visit = inspections::find(tx, org, conflict.inspection)?.ok_or(ErrorCode::NotFound)?;
                let template = app.templates.get(tx, org, &visit.template_id, &visit.template_revision)?;
                check_register(&template, item, value).map_err(|unknown| {
                    ApiError::new(if unknown { ErrorCode::AnswerUnknownItem } else { ErrorCode::AnswerUnfit })
                })?;
            }
            Ok(value.clone())
        }
        Choice::Both(_) | Choice::Void(_) | Choice::Renumber(_) => Err(ErrorCode::ChoiceUnknown.into()),
        Choice::Plain(_) => Ok(String::new()),
    }
}

/// What is offered for the kind, but not where the visit stands now, is another error than what is offered never.
fn not_offered(known: &Known, choice: ChoiceKind, state: Option<InspectionState>) -> ApiError {
    let is_of_kind = ChoiceKind::of(&known.conflict.kind).contains(&choice);
    let depends = matches!(
        choice,
        ChoiceKind::Reopen | ChoiceKind::Supplement | ChoiceKind::Return | ChoiceKind::Reassign
    );
    if is_of_kind && depends {
        return ApiError::new(ErrorCode::StateWrong).with(json!({"state": state}));
    }
    ErrorCode::ChoiceUnknown.into()
}

/// Takes a decision back.
pub(super) async fn undo(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    decision: DecisionId,
    reason: String,
) -> Result<Outcome, ApiError> {
    let ruling = Ruling::new(app, org, user, ChoiceKind::Undo, Some(decision));
    let (worker, named) = (app.clone(), ruling.id);
    let names = [(); 2].map(|()| DecisionId::new(ruling.now, app.random()));
    let resolution = app
        .db
        .write(move |tx| {
            let known = find(tx, org, &ruling.user, &id)?;
            let kept = standing(tx, org, &known, decision)?;
            let choice = ChoiceKind::find(&kept.choice).ok_or(ErrorCode::ChoiceUnknown)?;
            if !effects::can_be_unmade(tx, org, &known.conflict, choice)? {
                let details = json!({"choice": kept.choice});
                return Err(ApiError::new(ErrorCode::DecisionTookEffect).with(details));
            }
            if !conflicts::reopen(tx, org, &known.conflict)? {
                return Err(already_decided(&known));
            }
            match choice {
                ChoiceKind::Link => case_links::end(tx, org, decision, ruling.now)?,
                ChoiceKind::Reassign => {
                    let about = (&worker, org, &ruling.user);
                    effects::take_off(tx, about, &known.conflict, &reason, names, ruling.now)?;
                }
                _ => {}
            }
            let resolution = ruling.resolution(&known.conflict, String::new(), reason.clone());
            ruling.keep(tx, &known, &resolution)?;
            Ok::<_, ApiError>(resolution)
        })
        .await?;
    Ok(Outcome { resolution, decision: named, code: None })
}

/// Decides about a terminal outside the team as its changes were decided about one by one: once none of them waits, nobody
/// has to be asked about the terminal.
pub(crate) fn follow_quarantine(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    user: &User,
    (inspection, device): (InspectionId, DeviceId),
    ruling: inbox::Ruling,
    reason: &str,
) -> Result<(), ApiError> {
    let path = format!("assignment/{device}");
    for known in conflicts::open_at(tx, org, inspection, &ConflictKind::Assignment, &path)? {
        let code = ErrorCode::ChangeOutOfScope.as_str();
        let apart = quarantine::of_sender(tx, org, user.id, (inspection, device), code, TOGETHER_MAX)?;
        if apart.iter().any(quarantine::Listed::is_open) {
            continue;
        }
        let choice = match ruling {
            inbox::Ruling::Accept => ChoiceKind::Accept,
            inbox::Ruling::Keep => ChoiceKind::Quarantine,
        };
        let ruling = Ruling::new(app, org, user, choice, None);
        let resolution = ruling.resolution(&known.conflict, String::new(), reason.to_owned());
        if conflicts::close(tx, org, &known.conflict, ruling.now, Some(&resolution.to_register()))? {
            ruling.keep(tx, &known, &resolution)?;
        }
    }
    Ok(())
}
