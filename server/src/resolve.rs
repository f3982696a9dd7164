//! How an administrator's decision about a conflict reaches the document.
//!
//! Before the seal a decision is a change by the server's own actor: it writes the value that stands and says who
//! decided and why, so that every device converges on it. What the sealed content says is never touched: a decision
//! about late changes is a record beside it.

use crate::app::{App, blocking};
use crate::error::ApiError;
use crate::policy::User;
use crate::store::audit::Record;
use crate::store::changes::Change;
use crate::store::{audit, conflicts, decisions, feeds};
use crate::sync::settle::{self, TRIES_MAX, Unsettled};
use fieldproof_schema::checklist::check_register;
use fieldproof_schema::conflict::{Conflict, ConflictKind, Resolution};
use fieldproof_schema::document::{self, Actor, Document, Edit, EditError};
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::reference::{Decision, DecisionKind, InspectionState};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::collections::BTreeMap;

/// What an administrator chose.
#[derive(Debug, Clone)]
pub enum Choice {
    /// One of the sides, by its change.
    Side(document::ChangeId),
    /// Another value, as a register.
    Value(String),
    /// Late changes stay beside the seal, as they are.
    LeaveBeside,
}

struct Decided {
    resolution: Resolution,
    document: Document,
    accepted: Vec<Change>,
}

/// Decides a conflict. The first decision wins; a later one is shown it.
pub async fn decide(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    choice: Choice,
    reason: String,
) -> Result<Resolution, ApiError> {
    for _ in 0..TRIES_MAX {
        let (reader, asker) = (app.clone(), user.clone());
        let (known, unsettled) = app
            .db
            .read(move |tx| {
                let known = conflicts::find(tx, org, &id)?.ok_or(ErrorCode::NotFound)?;
                let unsettled = settle::read(tx, &reader, org, known.conflict.inspection)?;
                asker.may_on(crate::policy::Act::DecideConflicts, &unsettled.stored.info.unit_code)?;
                Ok::<_, ApiError>((known, unsettled))
            })
            .await?;
        if known.closed_at.is_some() {
            let resolution = known.resolution.and_then(|r| serde_json::from_str(&r).ok());
            return Err(ApiError::new(ErrorCode::AlreadyDecided).with(resolution.unwrap_or_default()));
        }
        let (now, actor) = (app.now(), Actor(app.random()));
        let record = DecisionId::new(now, app.random());
        let (by, chosen, why) = (user.clone(), choice.clone(), reason.clone());
        let (unsettled, settled, resolution, conflict) = blocking(move || {
            let mut unsettled = unsettled;
            let same = |k: &&mut conflicts::Known| k.conflict.id == id;
            if let Some(known) = unsettled.around.conflicts.iter_mut().find(same) {
                known.closed_at = Some(now);
            }
            let decided = apply(&unsettled, &known.conflict, &chosen, &by, why, actor, now)?;
            let settled = unsettled.settled(&decided.document, decided.accepted, Vec::new(), now)?;
            Ok::<_, ApiError>((unsettled, settled, decided.resolution, known.conflict))
        })
        .await??;
        let (by, written) = (user.clone(), resolution.clone());
        let done = app
            .db
            .write(move |tx| {
                if !conflicts::close(tx, org, &conflict, now, Some(&written.to_register()))? {
                    return Ok(false);
                }
                if !unsettled.write(tx, org, &settled, &settle::Answered::new(), now)? {
                    return Err(ApiError::new(ErrorCode::StateWrong));
                }
                decisions::insert(tx, org, conflict.inspection, &decision(record, &written), by.id)?;
                audit::insert(
                    tx,
                    org,
                    &Record {
                        id: record,
                        at: now,
                        actor: format!("user:{}", by.id),
                        act: "conflict.decided".into(),
                        subject: format!("inspection:{}", conflict.inspection),
                        details: json!({"conflict": conflict.id, "path": conflict.path}),
                    },
                )?;
                feeds::publish_inspection(tx, org, &unsettled.team, conflict.inspection);
                Ok::<_, ApiError>(true)
            })
            .await;
        match done {
            Ok(true) => return Ok(resolution),
            // Somebody else wrote in between: look again.
            Ok(false) => {}
            Err(error) if error.code == ErrorCode::StateWrong => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorCode::Unavailable.into())
}

fn decision(id: DecisionId, resolution: &Resolution) -> Decision {
    Decision {
        id,
        kind: DecisionKind::Resolved,
        version: None,
        comment: resolution.reason.clone(),
        items: BTreeMap::new(),
        by: resolution.by.clone(),
        at: resolution.at,
    }
}

fn apply(
    unsettled: &Unsettled,
    conflict: &Conflict,
    choice: &Choice,
    user: &User,
    reason: String,
    actor: Actor,
    now: Moment,
) -> Result<Decided, ApiError> {
    let value = match (&conflict.kind, choice) {
        (ConflictKind::LateChange, Choice::LeaveBeside) => String::new(),
        (ConflictKind::Answer, Choice::Side(change)) => {
            let side = conflict.sides.iter().find(|s| s.change == *change);
            side.ok_or(ErrorCode::ChoiceUnknown)?.value.clone()
        }
        (ConflictKind::Answer, Choice::Value(value)) => value.clone(),
        _ => return Err(ErrorCode::ChoiceUnknown.into()),
    };
    let resolution = Resolution {
        path: conflict.path.clone(),
        value: value.clone(),
        reason,
        by: user.name.clone(),
        capacity: "administrator".into(),
        at: now,
        sides: conflict.sides.clone(),
    };
    let mut document = unsettled.stored.open()?;
    if conflict.kind != ConflictKind::Answer {
        return Ok(Decided { resolution, document, accepted: Vec::new() });
    }
    if matches!(
        unsettled.stored.info.state,
        InspectionState::Sealed | InspectionState::Accepted | InspectionState::Disclosed
    ) {
        return Err(ErrorCode::Sealed.into());
    }
    let (map, key) = conflict.path.split_once('/').ok_or(ErrorCode::ChoiceUnknown)?;
    if map == "answers" {
        check_register(&unsettled.stored.template, key, &value).map_err(|unknown| {
            ApiError::new(if unknown { ErrorCode::AnswerUnknownItem } else { ErrorCode::AnswerUnfit })
        })?;
    }
    let write = |edit: &mut Edit<'_, '_>| {
        match map {
            "answers" => edit.answer(key, &value)?,
            "findings" => edit.finding(key, &value)?,
            _ => edit.measurement(key, &value)?,
        }
        edit.resolution(&conflict.id.to_string(), &resolution.to_register())
    };
    let (_, written) = document
        .edit(actor, now, |edit| write(edit))
        .map_err(|error: EditError| ApiError::internal(error))?;
    let (id, raw) = written.ok_or(ErrorCode::ChoiceUnknown)?;
    let accepted = Change {
        id,
        actor,
        seq: document.place_of(id).map(|(_, seq)| seq),
        device: None,
        officer: None,
        entry: None,
        bytes: raw.0,
        written: Interval { earliest: Some(now), latest: Some(now) },
    };
    Ok(Decided { resolution, document, accepted: vec![accepted] })
}
