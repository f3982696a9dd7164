//! What happened to an inspection, in order; and making the views anew.

use super::detail::{Author, authors};
use super::{Client, Desk};
use crate::documents;
use crate::error::ClientError;
use crate::projection;
use crate::sealing::{SealBook, SealState, book};
use crate::store::{journal, rows};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{InspectionId, OfficerId};
use fieldproof_schema::journal::Kind;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::{Decision, InspectionRow};
use fieldproof_schema::wire::row::RowKind;

/// The history of an inspection as known here.
#[derive(Debug, Clone)]
pub struct History {
    /// Every change that is part of the document, each after its predecessors.
    pub changes: Vec<(ChangeId, Author)>,
    /// What supervisors and administrators decided, oldest first.
    pub decisions: Vec<Decision>,
    /// Every seal, by version.
    pub seals: Vec<SealState>,
    /// This terminal's journal about it.
    pub entries: Vec<EntryLine>,
}

/// An entry of this terminal's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryLine {
    /// Its place.
    pub seq: u64,
    /// What it records.
    pub kind: Kind,
    /// Who did it, when a person did.
    pub officer: Option<OfficerId>,
    /// What this terminal's clock said.
    pub device_at: Moment,
    /// True when the server has given a receipt for it.
    pub received: bool,
}

/// A change of an inspection, and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLine {
    /// Which.
    pub change: ChangeId,
    /// Who wrote it, and when.
    pub author: Author,
    /// Where it wrote, for instance `answers/SW-01`; none for the first change.
    pub places: Vec<String>,
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangePage {
    /// The last first; each before those that it builds upon.
    pub rows: Vec<ChangeLine>,
    /// True when there are earlier ones.
    pub more: bool,
}

impl Client {
    /// A page of the changes of an inspection, the last first.
    pub fn changes(
        &self,
        inspection: InspectionId,
        from: u64,
        limit: u64,
    ) -> Result<ChangePage, ClientError> {
        let document = {
            let mut desk = self.desk()?;
            desk.visible(inspection)?;
            desk.document(inspection)?
        };
        let reader = self.reader();
        let ordered = document.places_of_all();
        let [from, limit] = [from, limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        let page: Vec<ChangeId> =
            ordered.iter().rev().skip(from).take(limit).map(|(change, _)| *change).collect();
        let wanted = page.iter().copied().collect();
        let origins = documents::origins_of(&reader, inspection, &document, &wanted)?;
        let mut authors = authors(&reader, &*document.view()?, origins)?;
        let rows = page.into_iter().filter_map(|change| {
            let author = authors.remove(&change)?;
            Some(ChangeLine { change, author, places: document.places(change) })
        });
        Ok(ChangePage { rows: rows.collect(), more: ordered.len() > from.saturating_add(limit) })
    }

    /// What happened to an inspection.
    pub fn history(&self, inspection: InspectionId) -> Result<History, ClientError> {
        let (who, document) = {
            let mut desk = self.desk()?;
            let who = desk.who.clone().ok_or(ClientError::NotEnrolled)?;
            desk.visible(inspection)?;
            (who, desk.document(inspection)?)
        };
        let reader = self.reader();
        let mut authors =
            authors(&reader, &*document.view()?, documents::origins(&reader, inspection, &document)?)?;
        let ordered = document.changes().into_iter();
        let changes = ordered.filter_map(|(id, _)| Some((id, authors.remove(&id)?))).collect();
        let row: Option<InspectionRow> = rows::about_inspection(&reader, RowKind::Inspection, inspection)?;
        let SealBook { seals, .. } = book(&reader, inspection, who.device, who.member.officer)?;
        let mut entries = Vec::new();
        for stored in journal::of_inspection(&reader, inspection, None)? {
            let entry = stored.entry.read().map_err(|_| ClientError::Damaged { what: "a journal entry" })?;
            entries.push(EntryLine {
                seq: stored.seq,
                kind: entry.kind,
                officer: entry.officer,
                device_at: entry.device_at,
                received: stored.received,
            });
        }
        Ok(History { changes, decisions: row.map(|row| row.decisions).unwrap_or_default(), seals, entries })
    }

    /// Makes documents, snapshots and the list anew from the changes and rows; the record itself is not touched.
    pub fn rebuild(&self) -> Result<(), ClientError> {
        let mut desk = self.desk()?;
        let Desk { conn, documents, .. } = &mut *desk;
        let tx = conn.transaction()?;
        projection::rebuild(&tx, &self.shelf)?;
        tx.commit()?;
        documents.clear();
        Ok(())
    }
}
