//! Decisions that are changes of the document: about answers, findings and measurements, before the seal.

use super::{Choice, Outcome, Ruling, already_decided, find, offered, standing};
use crate::app::{App, blocking};
use crate::db::Tx;
use crate::error::ApiError;
use crate::policy::User;
use crate::store::changes::Change;
use crate::store::conflicts::{self, Known};
use crate::sync::settle::{self, Settled, TRIES_MAX, Unsettled};
use fieldproof_schema::checklist::check_register;
use fieldproof_schema::conflict::{ChoiceKind, Conflict, ConflictSide, Resolution, observation, register_at};
use fieldproof_schema::document::{self, Actor, ChangeId, Document, Edit, EditError};
use fieldproof_schema::ids::{DecisionId, OrgId, RecordId};
use fieldproof_schema::journal::{Entry, SignedEntry};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::server;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;

/// Decides with a change.
pub(super) async fn decide(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    choice: Choice,
    reason: String,
) -> Result<Outcome, ApiError> {
    let plan = Plan { app, org, user, id, choice: choice.kind(), undoes: None };
    plan.carry_out(move |unsettled, known, ruling, seeds| {
        if known.closed_at.is_some() && !planted::is(Bug::DecidedTwice) {
            return Err(already_decided(known));
        }
        let conflict = &known.conflict;
        if !offered(conflict, None).contains(&choice.kind()) {
            return Err(ErrorCode::ChoiceUnknown.into());
        }
        let side = |change: &ChangeId| {
            let side = conflict.sides.iter().find(|side| side.change == *change);
            side.map(|side| side.value.clone()).ok_or(ErrorCode::ChoiceUnknown)
        };
        let value = match &choice {
            Choice::Side(change) | Choice::Both(change) => side(change)?,
            Choice::Value(value) => value.clone(),
            Choice::Void(_) | Choice::Renumber(_) | Choice::Plain(_) => {
                return Err(ErrorCode::ChoiceUnknown.into());
            }
        };
        let resolution = ruling.resolution(conflict, value.clone(), reason.clone());
        let (map, key) = place(conflict)?;
        if map == "answers" {
            check_register(&unsettled.stored.template, key, &value).map_err(|unknown| {
                ApiError::new(if unknown { ErrorCode::AnswerUnknownItem } else { ErrorCode::AnswerUnfit })
            })?;
        }
        let beside = match choice {
            Choice::Both(_) => observations(unsettled, conflict, key, &value, ruling.now, seeds),
            _ => Vec::new(),
        };
        let written = write(unsettled, &seeds.pen, ruling.now, |edit| {
            match map {
                "answers" => edit.answer(key, &value)?,
                "findings" => edit.finding(key, &value)?,
                _ => edit.measurement(key, &value)?,
            }
            for (key, register) in &beside {
                edit.measurement(key, register)?;
            }
            edit.resolution(&conflict.id.to_string(), &resolution.to_register())
        })?;
        Ok((resolution, written))
    })
    .await
}

/// Takes a decision back with a change: the value stays as it is, and the conflict is open on every device again.
pub(super) async fn undo(
    app: &App,
    org: OrgId,
    user: &User,
    id: Digest,
    decision: DecisionId,
    reason: String,
) -> Result<Outcome, ApiError> {
    let plan = Plan { app, org, user, id, choice: ChoiceKind::Undo, undoes: Some(decision) };
    plan.carry_out(move |unsettled, known, ruling, seeds| {
        let conflict = &known.conflict;
        let view = unsettled.stored.open()?.view().map_err(ApiError::internal)?;
        let stands = &register_at(&view, &conflict.path).ok_or(ErrorCode::StateWrong)?.standing;
        let resolution = Resolution {
            undone: Some(stands.stamp.change),
            ..ruling.resolution(conflict, stands.value.clone(), reason.clone())
        };
        let written = write(unsettled, &seeds.pen, ruling.now, |edit| {
            edit.resolution(&conflict.id.to_string(), &resolution.to_register())
        })?;
        Ok((resolution, written))
    })
    .await
}

/// What is drawn by lot before the document is opened.
#[derive(Clone)]
struct Seeds {
    /// By whom it is written.
    pen: Pen,
    /// For the names of new records.
    records: [u8; 8],
}

/// The document with the decision in it.
pub(super) struct Written {
    document: Document,
    change: Change,
    signed: (Entry, SignedEntry),
}

impl Written {
    /// What is to be written down.
    pub(super) fn settled(self, unsettled: &Unsettled, now: Moment) -> Result<Settled, ApiError> {
        let settled = unsettled.settled(&self.document, vec![self.change], Vec::new(), now)?;
        Ok(settled.signed(self.signed))
    }
}

/// By whom a decision is written.
#[derive(Clone)]
pub(super) struct Pen {
    /// The writer of the change.
    actor: Actor,
    app: App,
}

impl Pen {
    /// A writer that wrote nothing before.
    pub(super) fn new(app: &App) -> Self {
        Self { actor: Actor(app.random()), app: app.clone() }
    }
}

/// Who decides what.
struct Plan<'a> {
    app: &'a App,
    org: OrgId,
    user: &'a User,
    id: Digest,
    choice: ChoiceKind,
    undoes: Option<DecisionId>,
}

impl Plan<'_> {
    /// Makes the change away from the writer, and writes it if nobody wrote in between.
    async fn carry_out<F>(&self, change: F) -> Result<Outcome, ApiError>
    where
        F: Fn(&Unsettled, &Known, &Ruling, &Seeds) -> Result<(Resolution, Written), ApiError>
            + Clone
            + Send
            + 'static,
    {
        let (app, org, id) = (self.app, self.org, self.id);
        for _ in 0..TRIES_MAX {
            let (reader, asker, undoes) = (app.clone(), self.user.clone(), self.undoes);
            let (known, unsettled) = app
                .db
                .read(move |tx| {
                    let known = find(tx, org, &asker, &id)?;
                    if let Some(decision) = undoes {
                        standing(tx, org, &known, decision)?;
                    }
                    let unsettled = settle::read(tx, &reader, org, known.conflict.inspection)?;
                    Ok::<_, ApiError>((known, unsettled))
                })
                .await?;
            let ruling = Ruling::new(app, org, self.user, self.choice, self.undoes);
            let seeds = Seeds { pen: Pen::new(app), records: app.random() };
            let (change, by) = (change.clone(), ruling.clone());
            let made = blocking(move || prepare(unsettled, known, &by, &seeds, &change)).await??;
            let resolution = made.resolution.clone();
            let decision = ruling.id;
            match app.db.write(move |tx| made.keep(tx, org, &ruling)).await {
                Ok(true) => return Ok(Outcome { resolution, decision, code: None }),
                // Somebody else wrote in between: look again.
                Ok(false) => {}
                Err(error) if error.code == ErrorCode::StateWrong => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorCode::Unavailable.into())
    }
}

/// A decision that is ready to be written.
struct Made {
    known: Known,
    unsettled: Unsettled,
    settled: Settled,
    resolution: Resolution,
}

fn prepare<F>(
    mut unsettled: Unsettled,
    known: Known,
    ruling: &Ruling,
    seeds: &Seeds,
    change: &F,
) -> Result<Made, ApiError>
where
    F: Fn(&Unsettled, &Known, &Ruling, &Seeds) -> Result<(Resolution, Written), ApiError>,
{
    let (resolution, written) = change(&unsettled, &known, ruling, seeds)?;
    if let Some(same) = unsettled.around.conflicts.iter_mut().find(|k| k.conflict.id == known.conflict.id) {
        let closes = ruling.undoes.is_none();
        same.closed_at = closes.then_some(ruling.now);
        same.resolution = closes.then(|| resolution.to_register());
    }
    let settled = written.settled(&unsettled, ruling.now)?;
    Ok(Made { known, unsettled, settled, resolution })
}

impl Made {
    fn keep(&self, tx: &mut Tx<'_>, org: OrgId, ruling: &Ruling) -> Result<bool, ApiError> {
        let (conflict, now) = (&self.known.conflict, ruling.now);
        let stepped = match ruling.undoes {
            None => conflicts::close(tx, org, conflict, now, Some(&self.resolution.to_register()))?,
            Some(_) => conflicts::reopen(tx, org, conflict)?,
        };
        if !stepped && !planted::is(Bug::DecidedTwice) {
            return Ok(false);
        }
        if !self.unsettled.write(tx, org, &self.settled, &settle::Answered::new(), now)? {
            return Err(ApiError::new(ErrorCode::StateWrong));
        }
        ruling.keep(tx, &self.known, &self.resolution)?;
        Ok(true)
    }
}

fn place(conflict: &Conflict) -> Result<(&str, &str), ErrorCode> {
    conflict.path.split_once('/').ok_or(ErrorCode::ChoiceUnknown)
}

/// Writes one change by an actor of the server's own, and signs it: so it comes back to a server that lost it.
pub(super) fn write(
    unsettled: &Unsettled,
    Pen { actor, app }: &Pen,
    now: Moment,
    edit: impl FnOnce(&mut Edit<'_, '_>) -> Result<(), EditError>,
) -> Result<Written, ApiError> {
    if matches!(
        unsettled.stored.info.state,
        InspectionState::Sealed | InspectionState::Accepted | InspectionState::Disclosed
    ) {
        return Err(ErrorCode::Sealed.into());
    }
    let mut document = unsettled.stored.open()?;
    let (_, written) = document.edit(*actor, now, edit).map_err(ApiError::internal)?;
    let (id, raw) = written.ok_or(ErrorCode::ChoiceUnknown)?;
    let seq = document::inspect(&raw.0).map_err(ApiError::internal)?.seq;
    let entry = server::entry(unsettled.stored.info.id, Digest::of(&raw.0), (*actor, seq), now);
    let signed = entry.sign(app.key.as_ref());
    let change = Change {
        id,
        actor: *actor,
        seq: Some(seq),
        device: None,
        officer: None,
        entry: Some(signed.hash()),
        bytes: raw.0,
        written: Interval { earliest: Some(now), latest: Some(now) },
    };
    Ok(Written { document, change, signed: (entry, signed) })
}

/// The sides that do not stand, each as a record of its own under a new name.
fn observations(
    unsettled: &Unsettled,
    conflict: &Conflict,
    item: &str,
    stands: &str,
    now: Moment,
    seeds: &Seeds,
) -> Vec<(String, String)> {
    let asks = unsettled.stored.template.item(item).map(|item| item.text.as_str()).unwrap_or_default();
    let others = conflict.sides.iter().filter(|side| side.value != stands).enumerate();
    let observed = |(n, side): (usize, &ConflictSide)| {
        let writer = unsettled.around.writers.iter().find(|writer| writer.actor == side.actor);
        let [high, low] = u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes();
        let [a, b, c, d, e, f, g, h] = seeds.records;
        let record = RecordId::new(now, [a, b, c, d, e, f, g, h, high, low]);
        let officer = writer.map(|writer| writer.officer_name.as_str());
        (record.to_string(), observation(conflict, side, asks, officer))
    };
    others.map(observed).collect()
}
