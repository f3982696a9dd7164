//! Everything about one inspection, for its page.

use super::summary::InspectionSummary;
use super::{Client, directory};
use crate::checklists::Law;
use crate::documents;
use crate::error::ClientError;
use crate::sealing::{SealState, book, team};
use crate::store::changes::{self, Origin};
use crate::store::{evidence as captures, rows, unsent};
use fieldproof_schema::checklist::{Answer, Applicability, Judgement, Template, answers, applicability};
use fieldproof_schema::conflict::{Conflict, answer_conflicts};
use fieldproof_schema::document::{ChangeId, Document, TeamMember, View};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, RecordId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::reference::{EntityRow, EvidenceRegister, InspectionRow, OfficerRow, TaskRow};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that this terminal knows about an inspection.
#[derive(Debug, Clone)]
pub struct InspectionDetail {
    /// Its line in the list.
    pub summary: InspectionSummary,
    /// What the server knows about it.
    pub row: Option<InspectionRow>,
    /// The task that it fulfils.
    pub task: Option<TaskRow>,
    /// The entity as the directory has it now; the view's identity has it as it was.
    pub entity: Option<EntityRow>,
    /// What the document says.
    pub view: Arc<View>,
    /// The changes that no other change builds upon, sorted.
    pub heads: Vec<ChangeId>,
    /// The pinned checklist; none until it arrives.
    pub template: Option<Arc<Template>>,
    /// The items of the checklist in order; empty until it arrives.
    pub items: Vec<ItemState>,
    /// Open conflicts that the team can settle.
    pub conflicts: Vec<Conflict>,
    /// Who wrote what stands and what rivals it, and when.
    pub authors: BTreeMap<ChangeId, Author>,
    /// Every capture that is known here, by record.
    pub evidence: Vec<EvidenceItem>,
    /// Every seal, by version.
    pub seals: Vec<SealState>,
    /// Who is on the team now, sorted.
    pub team: Vec<OfficerId>,
    /// Everybody who is or was on the team, as far as it is known here.
    pub people: Vec<TeamMember>,
    /// False when an edit would be refused: it is signed, or not the officer's any more.
    pub editable: bool,
    /// The officer whose terminal it is.
    pub me: OfficerId,
    /// Changes that wait for their predecessors.
    pub waiting_changes: u64,
}

/// One item of the checklist.
#[derive(Debug, Clone)]
pub struct ItemState {
    /// The item's id.
    pub item: String,
    /// Whether it is to be answered.
    pub applicability: Applicability,
    /// The answer that stands.
    pub answer: Option<Answer>,
    /// What follows from it, by the law of the day on which it was given.
    pub judgement: Option<Judgement>,
    /// The note.
    pub note: Option<String>,
    /// The open conflict about it.
    pub conflict: Option<Digest>,
}

/// How far something got. Derived from receipts alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// On this terminal only.
    Here,
    /// The server has given a receipt for the journal entry, not yet for the bytes.
    Sent,
    /// The server has given a receipt for the bytes, or says itself that it holds them.
    Held,
}

/// Who wrote a change, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// Which officer; none for the server's own changes.
    pub officer: Option<OfficerId>,
    /// The officer's name, as far as it is known here.
    pub name: Option<String>,
    /// On which terminal.
    pub device: Option<DeviceId>,
    /// True when it was written by this terminal's store.
    pub own: bool,
    /// What this terminal's clock said; for own changes.
    pub at: Option<Moment>,
    /// When, as far as the server can vouch for it.
    pub written: Interval,
    /// How far it got.
    pub stage: Stage,
}

/// A capture as known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceItem {
    /// Its id.
    pub record: RecordId,
    /// The hash of its bytes.
    pub digest: Digest,
    /// What the document says about it; none when it is not listed there or in a form of a later version.
    pub register: Option<EvidenceRegister>,
    /// True when the document lists it.
    pub listed: bool,
    /// True when it was taken on this terminal.
    pub own: bool,
    /// True when the original is on this terminal.
    pub here: bool,
    /// How far it got.
    pub stage: Stage,
    /// Why it cannot be sent, as an error code.
    pub problem: Option<String>,
}

impl InspectionDetail {
    /// Somebody who is or was on the team.
    pub fn person(&self, officer: OfficerId) -> Option<&TeamMember> {
        self.people.iter().find(|member| member.officer == officer)
    }

    /// Those who are on the team now, as far as they are known here.
    pub fn members(&self) -> impl Iterator<Item = &TeamMember> {
        self.people.iter().filter(|member| self.team.contains(&member.officer))
    }
}

/// Who is or was on the team: those whom the first change and the task name, and those whom the server or a seal names.
fn people(
    conn: &Connection,
    view: &View,
    task: Option<&TaskRow>,
    others: impl Iterator<Item = OfficerId>,
) -> Result<Vec<TeamMember>, ClientError> {
    let mut people = view.identity.team.clone();
    let named = task.into_iter().flat_map(|task| &task.team);
    people.extend(named.filter(|new| view.identity.team.iter().all(|m| m.officer != new.officer)).cloned());
    for officer in others {
        if people.iter().any(|member| member.officer == officer) {
            continue;
        }
        let row: Option<OfficerRow> = directory(conn, RowKind::Officer, officer)?;
        let known = |OfficerRow { name, certificate, .. }| TeamMember { officer, name, certificate };
        people.extend(row.map(known));
    }
    Ok(people)
}

impl Client {
    /// Everything about one inspection.
    pub fn inspection(&self, inspection: InspectionId) -> Result<InspectionDetail, ClientError> {
        let (who, line, document) = {
            let mut desk = self.desk()?;
            let who = desk.who.clone().ok_or(ClientError::NotEnrolled)?;
            (who, desk.visible(inspection)?, desk.document(inspection)?)
        };
        let view = document.view()?;
        let law = self.law()?;
        let template = self.template(&view.identity.template)?;
        let reader = self.reader();
        let row: Option<InspectionRow> = rows::about_inspection(&reader, RowKind::Inspection, inspection)?;
        let authors = authors(&reader, &view, standing_origins(&reader, &document, &view)?)?;
        let conflicts = answer_conflicts(&view);
        let items = template
            .as_ref()
            .map(|template| items(template, &law, &view, &conflicts, &authors, self.host.now()));
        let seals = book(&reader, inspection, who.device, who.member.officer)?;
        let unsent = unsent::of_inspection(&reader, inspection)?;
        let task: Option<TaskRow> = rows::about_inspection(&reader, RowKind::Task, inspection)?;
        let team = team(row.as_ref(), &view.identity);
        let signers = seals.seals.iter().flat_map(|seal| seal.statement.team.iter().copied());
        let editable = line.scoped && seals.editable();
        Ok(InspectionDetail {
            summary: InspectionSummary::new(line, unsent),
            people: people(&reader, &view, task.as_ref(), team.iter().copied().chain(signers))?,
            team,
            task,
            entity: directory(&reader, RowKind::Entity, view.identity.entity.id)?,
            heads: document.heads(),
            items: items.unwrap_or_default(),
            evidence: self.evidence_items(&reader, inspection, &view, row.as_ref())?,
            editable,
            me: who.member.officer,
            waiting_changes: changes::waiting(&reader, inspection)?,
            row,
            view,
            template,
            conflicts,
            authors,
            seals: seals.seals,
        })
    }

    /// Who wrote what joined an inspection since its heads were `seen`, this terminal's own changes left aside; each
    /// person once. Changes of the server's own have no name.
    pub fn news(
        &self,
        inspection: InspectionId,
        seen: &[ChangeId],
    ) -> Result<Vec<Option<String>>, ClientError> {
        let document = {
            let mut desk = self.desk()?;
            desk.visible(inspection)?;
            desk.document(inspection)?
        };
        // Heads that are no part of the document say nothing about it.
        let seen: Vec<ChangeId> = seen.iter().copied().filter(|head| document.contains(*head)).collect();
        let new = document.changes_outside(&seen);
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let reader = self.reader();
        let authors =
            authors(&reader, &*document.view()?, documents::origins(&reader, inspection, &document)?)?;
        let mut names = Vec::new();
        for author in new.iter().filter_map(|change| authors.get(change)).filter(|author| !author.own) {
            if !names.contains(&author.name) {
                names.push(author.name.clone());
            }
        }
        Ok(names)
    }

    /// Every capture that is known: taken here, listed in the document, or declared to the server.
    pub(super) fn evidence_items(
        &self,
        conn: &Connection,
        inspection: InspectionId,
        view: &View,
        row: Option<&InspectionRow>,
    ) -> Result<Vec<EvidenceItem>, ClientError> {
        let mut found: BTreeMap<RecordId, EvidenceItem> = BTreeMap::new();
        let blank = |record, digest| EvidenceItem {
            record,
            digest,
            register: None,
            listed: false,
            own: false,
            here: self.originals().is_ok_and(|originals| originals.holds(digest)),
            stage: Stage::Sent,
            problem: None,
        };
        for held in captures::of_inspection(conn, inspection)? {
            let stage = match (held.received, held.entry_received) {
                (true, _) => Stage::Held,
                (false, true) => Stage::Sent,
                (false, false) => Stage::Here,
            };
            let item =
                EvidenceItem { own: true, stage, problem: held.code, ..blank(held.record, held.digest) };
            found.insert(held.record, item);
        }
        for state in row.iter().flat_map(|row| &row.evidence) {
            let item = found.entry(state.record).or_insert_with(|| blank(state.record, state.digest));
            if state.held {
                item.stage = Stage::Held;
            }
        }
        for (key, register) in &view.evidence {
            let parsed: Option<EvidenceRegister> = serde_json::from_str(&register.standing.value).ok();
            let (Ok(record), Some(parsed)) = (key.parse(), parsed) else { continue };
            let item = found.entry(record).or_insert_with(|| blank(record, parsed.digest));
            item.listed = true;
            item.register = Some(parsed);
        }
        Ok(found.into_values().collect())
    }
}

/// Where the changes come from that wrote what stands. An inspection has as many as items, whatever its history.
fn standing_origins(conn: &Connection, document: &Document, view: &View) -> Result<Vec<Origin>, ClientError> {
    let mut writers = view.writers();
    // A conflict that is open again after a decision has sides that stand no longer.
    writers.extend(answer_conflicts(view).iter().flat_map(|c| &c.sides).map(|side| side.change));
    documents::origins_of(conn, view.identity.inspection, document, &writers)
}

/// Who wrote the changes of an inspection.
pub(super) fn authors(
    conn: &Connection,
    view: &View,
    origins: Vec<Origin>,
) -> Result<BTreeMap<ChangeId, Author>, ClientError> {
    let mut names: BTreeMap<OfficerId, Option<String>> =
        view.identity.team.iter().map(|member| (member.officer, Some(member.name.clone()))).collect();
    let mut found = BTreeMap::new();
    for origin in origins {
        let name = match origin.officer {
            Some(officer) => match names.get(&officer) {
                Some(known) => known.clone(),
                None => {
                    let row: Option<OfficerRow> = directory(conn, RowKind::Officer, officer)?;
                    names.entry(officer).or_insert(row.map(|row| row.name)).clone()
                }
            },
            None => None,
        };
        found.insert(origin.change, author(&origin, name));
    }
    Ok(found)
}

fn author(origin: &Origin, name: Option<String>) -> Author {
    let stage = match (origin.own, origin.received, origin.entry_received) {
        (false, ..) | (_, true, _) => Stage::Held,
        (true, false, true) => Stage::Sent,
        (true, false, false) => Stage::Here,
    };
    Author {
        officer: origin.officer,
        name,
        device: origin.device,
        own: origin.own,
        at: origin.device_at,
        written: origin.written,
        stage,
    }
}

/// The items of a view as they are judged; who wrote them is read from the store.
pub(super) fn judged(
    conn: &Connection,
    template: &Template,
    law: &Law,
    (document, view): (&Document, &View),
    now: Moment,
) -> Result<Vec<ItemState>, ClientError> {
    let authors = authors(conn, view, standing_origins(conn, document, view)?)?;
    Ok(items(template, law, view, &answer_conflicts(view), &authors, now))
}

fn items(
    template: &Template,
    law: &Law,
    view: &View,
    conflicts: &[Conflict],
    authors: &BTreeMap<ChangeId, Author>,
    now: Moment,
) -> Vec<ItemState> {
    let mut answers = answers(view);
    let applicability = applicability(template, view).into_iter();
    applicability
        .map(|(item, applicability)| {
            let answer = answers.remove(item.as_str());
            let given = view.answers.get(&item).and_then(|r| authors.get(&r.standing.stamp.change));
            let at = given.and_then(|a| a.at.or(a.written.earliest).or(a.written.latest)).unwrap_or(now);
            let judgement = answer.as_ref().map(|answer| law.judge(template, &item, answer, at));
            let path = format!("answers/{item}");
            ItemState {
                applicability,
                answer,
                judgement,
                note: view.notes.get(&item).cloned(),
                conflict: conflicts.iter().find(|c| c.path == path).map(|c| c.id),
                item,
            }
        })
        .collect()
}
