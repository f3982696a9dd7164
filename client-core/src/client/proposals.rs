//! Correction proposals (更正建议): what the officers found to be otherwise than the directory says.

use super::detail::{Author, authors};
use super::{Client, directory};
use crate::documents;
use crate::error::{ClientError, Obstacle};
use crate::sealing;
use crate::store::{list, rows};
use fieldproof_schema::conflict::{Conflict, ConflictSide};
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::document::{ChangeId, Document, View};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::limits::{PROPOSAL_EVIDENCE_MAX, REASON_CHARS_MAX};
use fieldproof_schema::proposal::{self, Proposal, Proposed};
use fieldproof_schema::reference::{EntityRow, InspectionRow, ProposalFate, ProposalState};
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Other visits to the entity that are looked through for proposals: more than are ever open at once.
const VISITS_MAX: u64 = 20;

/// What an officer proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Which fact.
    pub field: EntityField,
    /// What the directory is to say.
    pub value: String,
    /// Why.
    pub reason: String,
    /// Captures of the visit that show it.
    pub evidence: Vec<RecordId>,
}

/// What the directory says about the entity of a visit, and what is proposed.
#[derive(Debug, Clone)]
pub struct ProposalBook {
    /// The entity as the directory has it now; as the visit pinned it, where this terminal is not given its row.
    pub row: EntityRow,
    /// False when the directory's row is not here.
    pub listed: bool,
    /// What stands in the visit, each with what became of it.
    pub proposals: Vec<ProposalLine>,
    /// Conflicts among what this terminal holds, and with the directory.
    pub conflicts: Vec<Conflict>,
    /// False when nothing can be proposed here: it is signed, or not the officer's any more.
    pub editable: bool,
}

/// A proposal of the visit.
#[derive(Debug, Clone)]
pub struct ProposalLine {
    /// What it says.
    pub proposed: Proposed,
    /// Who wrote it, and how far it got.
    pub author: Option<Author>,
    /// What the server said about it last; none while it has not.
    pub fate: Option<ProposalFate>,
}

impl ProposalLine {
    /// Where it stands.
    pub fn state(&self) -> ProposalState {
        state(self.fate.as_ref())
    }

    /// Its sides in a conflict that is known here or on the server.
    pub fn is_side_of(&self, conflict: &Conflict) -> bool {
        conflict.sides.iter().any(|side: &ConflictSide| side.change == self.proposed.change)
    }
}

/// What this version does not know is shown as waiting.
fn state(fate: Option<&ProposalFate>) -> ProposalState {
    fate.and_then(|fate| ProposalState::find(&fate.state)).unwrap_or(ProposalState::Open)
}

impl Client {
    /// Proposes a correction of the directory: a new one, or other words in place of `record`.
    ///
    /// # Errors
    /// [`ClientError::FieldInvalid`] for a value that the directory does not take, `evidence` that is not listed in the
    /// visit; [`ClientError::ReasonMissing`]; [`ClientError::StateWrong`] when the directory says it already, or `record`
    /// was decided.
    pub fn propose(
        &self,
        inspection: InspectionId,
        record: Option<RecordId>,
        correction: &Correction,
    ) -> Result<RecordId, ClientError> {
        let (value, reason) = (correction.value.trim(), correction.reason.trim());
        if correction.field.check(value).is_err() {
            return Err(ClientError::FieldInvalid { field: "value" });
        }
        if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
            return Err(ClientError::ReasonMissing);
        }
        let new = self.new_record();
        self.edit(inspection, |act| {
            let view = act.document.view()?;
            let known = |record: &RecordId| view.evidence.contains_key(&record.to_string());
            if correction.evidence.len() > PROPOSAL_EVIDENCE_MAX || !correction.evidence.iter().all(known) {
                return Err(ClientError::FieldInvalid { field: "evidence" });
            }
            let (row, _) = present(act.tx, &view)?;
            let base = correction.field.of(&row);
            if base == Some(value) {
                return Err(ClientError::StateWrong { why: Obstacle::DirectorySaysSo });
            }
            let before = match record {
                Some(record) => Some(undecided(act.tx, &view, record)?),
                None => None,
            };
            let register = Proposal {
                entity: row.id,
                field: correction.field.as_str().to_owned(),
                base: base.map(str::to_owned),
                value: value.to_owned(),
                reason: reason.to_owned(),
                evidence: correction.evidence.clone(),
                withdrawn: false,
                rest: before.map(|before| before.rest).unwrap_or_default(),
            };
            let record = record.unwrap_or(new);
            Ok(Box::new(move |edit| {
                edit.proposal(&record.to_string(), &register.to_register())?;
                Ok(record)
            }))
        })
    }

    /// Takes a proposal back that nobody has decided; it stays in the record as taken back.
    pub fn take_back(&self, inspection: InspectionId, record: RecordId) -> Result<(), ClientError> {
        self.edit(inspection, |act| {
            let before = undecided(act.tx, &*act.document.view()?, record)?;
            let register = Proposal { withdrawn: true, ..before };
            Ok(Box::new(move |edit| Ok(edit.proposal(&record.to_string(), &register.to_register())?)))
        })
    }

    /// What is proposed in a visit, what became of it, and where it conflicts with the directory as it is now or with what
    /// this terminal holds of other visits to the same entity.
    pub fn proposals(&self, inspection: InspectionId) -> Result<ProposalBook, ClientError> {
        let (who, line, document) = {
            let mut desk = self.desk()?;
            let who = desk.who.clone().ok_or(ClientError::NotEnrolled)?;
            (who, desk.visible(inspection)?, desk.document(inspection)?)
        };
        let view = document.view()?;
        let others = {
            let reader = self.reader();
            list::of_entity(&reader, view.identity.entity.id, 0, VISITS_MAX)?
        };
        let mut others_here = Vec::new();
        for other in others.iter().map(|line| line.inspection).filter(|other| *other != inspection) {
            let document = self.desk()?.document_if_here(other)?;
            others_here.extend(document);
        }
        let reader = self.reader();
        let (row, listed) = present(&reader, &view)?;
        let proposals = lines(&reader, &document)?;
        let mut open = Vec::new();
        for other in &others_here {
            open.extend(lines(&reader, other)?);
        }
        let waits = |line: &&ProposalLine| line.state() == ProposalState::Open;
        let open: Vec<_> =
            proposals.iter().chain(&open).filter(waits).map(|line| line.proposed.clone()).collect();
        let about_ours = |conflict: &Conflict| proposals.iter().any(|line| line.is_side_of(conflict));
        let conflicts = proposal::entity_conflicts(&row, &open).into_iter().filter(about_ours).collect();
        let book = sealing::book(&reader, inspection, who.device, who.member.officer)?;
        Ok(ProposalBook { row, listed, conflicts, editable: line.scoped && book.editable(), proposals })
    }
}

/// The entity of a visit as the directory has it now; as the visit pinned it, where its row is not here.
fn present(conn: &Connection, view: &View) -> Result<(EntityRow, bool), ClientError> {
    let pinned = &view.identity.entity;
    let row: Option<EntityRow> = directory(conn, RowKind::Entity, pinned.id)?;
    let listed = row.is_some();
    let row = row.unwrap_or_else(|| EntityRow {
        id: pinned.id,
        code: String::new(),
        name: pinned.name.clone(),
        uscc: pinned.uscc.clone(),
        address: pinned.address.clone(),
        fields: pinned.fields.clone(),
    });
    Ok((row, listed))
}

/// The words of a proposal that can still be changed: nobody has decided about them.
fn undecided(conn: &Connection, view: &View, record: RecordId) -> Result<Proposal, ClientError> {
    let missing = || ClientError::NotFound { what: "proposal" };
    let register = view.proposals.get(&record.to_string()).ok_or_else(missing)?;
    let fates = fates(conn, view.identity.inspection)?;
    for side in register.sides() {
        if state(fates.get(&(record, side.stamp.change))) != ProposalState::Open {
            return Err(ClientError::StateWrong { why: Obstacle::ProposalDecided });
        }
    }
    Proposal::from_register(&register.standing.value).ok_or_else(missing)
}

type Fates = BTreeMap<(RecordId, ChangeId), ProposalFate>;

fn fates(conn: &Connection, inspection: InspectionId) -> Result<Fates, ClientError> {
    let row: Option<InspectionRow> = rows::about_inspection(conn, RowKind::Inspection, inspection)?;
    let fates = row.map(|row| row.proposals).unwrap_or_default();
    Ok(fates.into_iter().map(|fate| ((fate.record, fate.change), fate)).collect())
}

/// The proposals that stand in a visit.
fn lines(conn: &Connection, document: &Document) -> Result<Vec<ProposalLine>, ClientError> {
    let view = &*document.view()?;
    let inspection = view.identity.inspection;
    let standing = proposal::standing(view);
    if standing.is_empty() {
        return Ok(Vec::new());
    }
    let wrote: BTreeSet<ChangeId> = standing.iter().map(|proposed| proposed.change).collect();
    let mut authors = authors(conn, view, documents::origins_of(conn, inspection, document, &wrote)?)?;
    let mut fates = fates(conn, inspection)?;
    let line = |mut proposed: Proposed| {
        let author = authors.remove(&proposed.change);
        if let Some(author) = &author {
            proposed.origin.officer = author.officer;
            proposed.origin.officer_name = author.name.clone().unwrap_or_default();
            proposed.origin.device = author.device;
        }
        let fate = fates.remove(&(proposed.record, proposed.change));
        ProposalLine { proposed, author, fate }
    };
    Ok(standing.into_iter().map(line).collect())
}
