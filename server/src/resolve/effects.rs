//! What a decision beside the content leads to, and which of it can be unmade.

use crate::app::{App, blocking};
use crate::db::{DbError, Tx};
use crate::documents;
use crate::error::ApiError;
use crate::numbers;
use crate::policy::{Act, User};
use crate::quarantine;
use crate::reassign::{self, Change, Step as Team};
use crate::review::{self, Remarks};
use crate::store::audit::{self, Record};
use crate::store::inbox::Ruling;
use crate::store::{awaited, case_links, changes, devices, inspections, seals, templates};
use fieldproof_presentation::texts::{Language, text};
use fieldproof_schema::checklist::Item;
use fieldproof_schema::conflict::{ChoiceKind, Conflict, ConflictKind, Origin};
use fieldproof_schema::document::View;
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Statement;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What remains to be done once a decision is durable.
#[derive(Debug, Clone)]
pub(super) enum After {
    /// Nothing.
    Nothing,
    /// Changes of a visit that are let in are judged again.
    Judge(InspectionId, BTreeSet<(Digest, DeviceId)>),
    /// The officer gets a code for a new terminal.
    Invite(OfficerId),
}

/// One decision in its transaction.
pub(super) struct Step<'a> {
    pub(super) app: &'a App,
    pub(super) org: OrgId,
    pub(super) user: &'a User,
    pub(super) conflict: &'a Conflict,
    pub(super) decision: DecisionId,
    /// Names of the records that the decision leads to.
    pub(super) names: [DecisionId; 2],
    pub(super) reason: &'a str,
    pub(super) now: Moment,
}

/// What the officers are told item by item, where a choice sends a visit back to them.
///
/// *Reopen* asks for the whole record again and names no item. *Supplement* names the items that were written after the
/// seal, and nothing else: what is signed next holds what came late in any case, since it stands in the document, so the
/// difference is what the officers are asked to look at.
pub(super) async fn remarks(
    app: &App,
    org: OrgId,
    conflict: &Conflict,
    choice: ChoiceKind,
    reason: &str,
) -> Result<Remarks, ApiError> {
    let items = match choice {
        ChoiceKind::Supplement => late_items(app, org, conflict.inspection).await?,
        ChoiceKind::Return => revised_items(app, org, conflict.inspection).await?,
        _ => BTreeMap::new(),
    };
    let key = match choice {
        ChoiceKind::Reopen => "review.conflict.reopened",
        ChoiceKind::Supplement => "review.conflict.supplement",
        ChoiceKind::Return => "review.conflict.template_return",
        _ => return Ok(Remarks { comment: reason.to_owned(), items }),
    };
    Ok(Remarks { comment: text(Language::Chinese, key, &[("reason", reason)]), items })
}

/// Items whose answer or note is another one now than the last seal says, each with what the officers are to do.
async fn late_items(
    app: &App,
    org: OrgId,
    inspection: InspectionId,
) -> Result<BTreeMap<String, String>, ApiError> {
    let reader = app.clone();
    let (stored, known) = app
        .db
        .read(move |tx| {
            Ok::<_, ApiError>((
                documents::read(tx, &reader, org, inspection)?,
                seals::list(tx, org, inspection)?,
            ))
        })
        .await?;
    let last = known.iter().rev().find(|seal| seal.completed_at.is_some());
    let Some(sealed) = last.and_then(|seal| Statement::from_text(&seal.seal.statement).ok()) else {
        return Ok(BTreeMap::new());
    };
    blocking(move || {
        let document = stored.open()?;
        let now = document.view().map_err(ApiError::internal)?;
        let before = document.view_at(&sealed.heads).map_err(ApiError::internal)?;
        let remark = text(Language::Chinese, "review.conflict.late_item", &[]);
        Ok(stored
            .template
            .item_ids()
            .filter(|item| says(&now, item) != says(&before, item))
            .map(|item| (item.to_owned(), remark.clone()))
            .collect())
    })
    .await?
}

/// Items that the newest revision in use asks differently or not at all; where there is none, those that were answered.
async fn revised_items(
    app: &App,
    org: OrgId,
    inspection: InspectionId,
) -> Result<BTreeMap<String, String>, ApiError> {
    let reader = app.clone();
    let (stored, newest) = app
        .db
        .read(move |tx| {
            let stored = documents::read(tx, &reader, org, inspection)?;
            let id = &stored.template.id;
            let in_use =
                templates::list(tx, org)?.into_iter().find(|t| t.id == *id && t.withdrawn_at.is_none());
            let newest = match in_use {
                Some(listed) => Some(reader.templates.get(tx, org, &listed.id, &listed.revision)?),
                None => None,
            };
            Ok::<_, ApiError>((stored, newest))
        })
        .await?;
    blocking(move || {
        let view = stored.open()?.view().map_err(ApiError::internal)?;
        let is_affected = |item: &&Item| match &newest {
            Some(newest) => newest.item(&item.id) != Some(item),
            None => view.answers.contains_key(&item.id),
        };
        let remark = text(Language::Chinese, "review.conflict.template_item", &[]);
        let affected = stored.template.items.iter().filter(is_affected);
        Ok(affected.map(|item| (item.id.clone(), remark.clone())).collect())
    })
    .await?
}

/// What a view says about an item.
fn says<'a>(view: &'a View, item: &str) -> (Option<&'a String>, Option<&'a String>) {
    (view.answers.get(item).map(|register| &register.standing.value), view.notes.get(item))
}

impl Step<'_> {
    /// Does what the choice leads to.
    pub(super) fn take(
        &self,
        tx: &mut Tx<'_>,
        choice: ChoiceKind,
        remarks: &Remarks,
    ) -> Result<After, ApiError> {
        match choice {
            ChoiceKind::Reopen | ChoiceKind::Supplement | ChoiceKind::Return => {
                let (id, user) = (self.conflict.inspection, self.user);
                review::send_back(tx, self.org, user, id, remarks.clone(), self.names, self.now)?;
            }
            ChoiceKind::Accept | ChoiceKind::Quarantine => return self.ruled(tx, choice),
            ChoiceKind::Reenrol => {
                let (device, officer) = terminal(self.conflict)?;
                self.revoke(tx, device)?;
                return Ok(After::Invite(officer));
            }
            ChoiceKind::Reassign => {
                let officer = terminal(self.conflict)?.1;
                let change = Change { officer, step: Team::Joins, reason: self.reason.to_owned() };
                let (id, about) = (self.conflict.inspection, (self.app, self.org, self.user));
                let names = reassign::within(tx, about, id, &change, self.names, self.now)?;
                return Ok(names.map_or(After::Nothing, |names| After::Judge(id, names)));
            }
            ChoiceKind::Link => self.link(tx)?,
            ChoiceKind::Request => {
                let record = self.origins().find_map(|origin| origin.record);
                let record = record.ok_or(ErrorCode::ChoiceUnknown)?;
                awaited::ask_again(tx, self.org, self.conflict.inspection, record, self.now)?;
            }
            // The decision is all.
            ChoiceKind::Beside | ChoiceKind::Separate => {}
            ChoiceKind::Side
            | ChoiceKind::Value
            | ChoiceKind::Both
            | ChoiceKind::Reject
            | ChoiceKind::Void
            | ChoiceKind::Renumber
            | ChoiceKind::Undo => {
                return Err(ErrorCode::ChoiceUnknown.into());
            }
        }
        Ok(After::Nothing)
    }

    /// What it leads to that something counts, or that it does not.
    fn ruled(&self, tx: &mut Tx<'_>, choice: ChoiceKind) -> Result<After, ApiError> {
        let accepts = choice == ChoiceKind::Accept;
        match self.conflict.kind {
            ConflictKind::Assignment => {
                let name = (self.conflict.inspection, terminal(self.conflict)?.0);
                let ruling = if accepts { Ruling::Accept } else { Ruling::Keep };
                let names = quarantine::decide_about_sender(
                    tx,
                    self.app,
                    self.org,
                    self.user,
                    name,
                    ruling,
                    self.reason,
                )?;
                Ok(if names.is_empty() { After::Nothing } else { After::Judge(name.0, names) })
            }
            // The branch that came second lies beside the chain in any case and vouches for nothing.
            ConflictKind::Identity if !accepts => {
                self.revoke(tx, terminal(self.conflict)?.0)?;
                Ok(After::Nothing)
            }
            _ => Ok(After::Nothing),
        }
    }

    fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.conflict.sides.iter().filter_map(|side| side.origin.as_deref())
    }

    /// Revokes a terminal; one that is revoked stays so.
    fn revoke(&self, tx: &mut Tx<'_>, device: DeviceId) -> Result<(), ApiError> {
        self.user.may(Act::ManageDevices)?;
        if devices::revoke(tx, self.org, device, self.now)? {
            numbers::revoked(tx, self.org, device, self.now)?;
            let record = Record {
                id: self.names[0],
                at: self.now,
                actor: format!("user:{}", self.user.id),
                act: "device.revoked".to_owned(),
                subject: format!("device:{device}"),
                details: json!({"reason": self.reason, "conflict": self.conflict.id}),
            };
            audit::insert(tx, self.org, &record)?;
        }
        Ok(())
    }

    /// Links the cases of the two visits: what their first changes name cannot be written again.
    fn link(&self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        let mut cases = Vec::new();
        for visit in self.origins().filter_map(|origin| origin.inspection) {
            cases.extend(inspections::find(tx, self.org, visit)?.map(|visit| visit.case));
        }
        let [one, other] = cases.as_slice() else { return Err(ErrorCode::ChoiceUnknown.into()) };
        Ok(case_links::insert(tx, self.org, *one, *other, self.decision, self.now)?)
    }
}

/// The terminal that a conflict is about, and its officer.
fn terminal(conflict: &Conflict) -> Result<(DeviceId, OfficerId), ApiError> {
    let mut origins = conflict.sides.iter().filter_map(|side| side.origin.as_deref());
    let found = origins.find_map(|origin| Some((origin.device?, origin.officer?)));
    found.ok_or_else(|| ErrorCode::ChoiceUnknown.into())
}

/// Takes the officer off the team whom a decision had put there; one who left meanwhile stays away.
pub(super) fn take_off(
    tx: &mut Tx<'_>,
    about: (&App, OrgId, &User),
    conflict: &Conflict,
    reason: &str,
    names: [DecisionId; 2],
    now: Moment,
) -> Result<(), ApiError> {
    let officer = terminal(conflict)?.1;
    if inspections::is_on_team(tx, about.1, conflict.inspection, officer)? {
        let change = Change { officer, step: Team::Leaves, reason: reason.to_owned() };
        reassign::within(tx, about, conflict.inspection, &change, names, now)?;
    }
    Ok(())
}

/// Whether a decision can be taken back: what was let in, sent back or revoked has had its effect, and what came late is
/// asked again only while it still stands beside a seal.
pub(super) fn can_be_unmade(
    tx: &mut Tx<'_>,
    org: OrgId,
    conflict: &Conflict,
    choice: ChoiceKind,
) -> Result<bool, DbError> {
    Ok(match choice {
        ChoiceKind::Beside => {
            let visit = inspections::find(tx, org, conflict.inspection)?;
            visit.is_some_and(|visit| visit.state == InspectionState::Sealed)
        }
        // What was signed over is asked again only until it was reviewed.
        ChoiceKind::Side | ChoiceKind::Value if conflict.kind == ConflictKind::Answer => {
            let visit = inspections::find(tx, org, conflict.inspection)?;
            visit.is_some_and(|visit| visit.state == InspectionState::Sealed)
        }
        // What was let in is part of the record.
        ChoiceKind::Accept => conflict.kind != ConflictKind::Assignment,
        // Who joined leaves again, unless something of that terminal is part of the record by now.
        ChoiceKind::Reassign => {
            let Ok((device, _)) = terminal(conflict) else { return Ok(false) };
            let origins = changes::origins(tx, org, conflict.inspection, 0)?;
            origins.iter().all(|origin| origin.device != Some(device))
        }
        ChoiceKind::Quarantine => conflict.kind != ConflictKind::Identity,
        ChoiceKind::Reopen
        | ChoiceKind::Supplement
        | ChoiceKind::Return
        | ChoiceKind::Reenrol
        | ChoiceKind::Undo => false,
        _ => true,
    })
}
