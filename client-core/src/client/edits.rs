//! Writing into an inspection: answers, notes, texts, findings, measurements.
//!
//! Each call is one act: checked, journalled, kept, listed, committed; or nothing of it.

use super::{Client, Desk};
use crate::checklists;
use crate::documents;
use crate::error::ClientError;
use crate::journal_writer::{Clocks, Line, Pen};
use crate::projection;
use crate::runs;
use crate::sealing;
use crate::store::changes::{self, NewChange};
use fieldproof_schema::checklist::{Answer, Judgement};
use fieldproof_schema::document::{Actor, Document, Edit, EditError, View, merge};
use fieldproof_schema::host::random;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::journal::Kind;
use fieldproof_schema::moment::Interval;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::Digest;
use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value;
use std::sync::Arc;

/// What an act sees before it writes.
pub(super) struct Act<'a> {
    pub(super) tx: &'a Connection,
    pub(super) pen: &'a Pen<'a>,
    pub(super) document: &'a Document,
}

/// What an act does to the document.
pub(super) type Write<'w, T> = Box<dyn FnOnce(&mut Edit<'_, '_>) -> Result<T, ClientError> + 'w>;

impl Client {
    /// Answers an item. The answer is checked against the item first; what follows from it is returned.
    pub fn answer(
        &self,
        inspection: InspectionId,
        item: &str,
        answer: &Answer,
    ) -> Result<Judgement, ClientError> {
        let law = self.law()?;
        self.edit(inspection, |act| {
            let template = self.template_of(act.tx, act.document)?;
            checklists::check_answer(&template, item, answer)?;
            let judgement = law.judge(&template, item, answer, act.pen.clocks.now);
            Ok(Box::new(move |edit| {
                edit.answer(item, &answer.to_register())?;
                Ok(judgement)
            }))
        })
    }

    /// Writes the note of an item; returns what stands then.
    ///
    /// `base` is the text that the officer's page showed: what a colleague wrote since then is joined with `text`, so
    /// that neither is lost. Without it `text` takes the place of whatever stands.
    pub fn note(
        &self,
        inspection: InspectionId,
        item: &str,
        base: Option<&str>,
        text: &str,
    ) -> Result<String, ClientError> {
        let current = |view: &View| view.notes.get(item).cloned().unwrap_or_default();
        self.text(inspection, (base, text), current, |edit, text| edit.note(item, text))
    }

    /// Writes the narrative (检查情况); see [`Self::note`].
    pub fn narrative(
        &self,
        inspection: InspectionId,
        base: Option<&str>,
        text: &str,
    ) -> Result<String, ClientError> {
        let current = |view: &View| view.narrative.clone();
        self.text(inspection, (base, text), current, |edit, text| edit.narrative(text))
    }

    /// Writes the inspected party's statement (当事人陈述); see [`Self::note`].
    pub fn statement(
        &self,
        inspection: InspectionId,
        base: Option<&str>,
        text: &str,
    ) -> Result<String, ClientError> {
        let current = |view: &View| view.statement.clone();
        self.text(inspection, (base, text), current, |edit, text| edit.statement(text))
    }

    fn text<'w>(
        &self,
        inspection: InspectionId,
        (base, text): (Option<&str>, &str),
        current: impl FnOnce(&View) -> String,
        write: impl FnOnce(&mut Edit<'_, '_>, &str) -> Result<(), EditError> + 'w,
    ) -> Result<String, ClientError> {
        self.edit(inspection, |act| {
            let text = match base {
                Some(base) => merge(base, text, &current(&*act.document.view()?)),
                None => text.to_owned(),
            };
            Ok(Box::new(move |edit| {
                write(edit, &text)?;
                Ok(text)
            }))
        })
    }

    /// Writes a finding (发现的问题): a new one, or in place of `record`.
    pub fn finding(
        &self,
        inspection: InspectionId,
        record: Option<RecordId>,
        register: &Value,
    ) -> Result<RecordId, ClientError> {
        let (record, text) = (record.unwrap_or_else(|| self.new_record()), register_text(register)?);
        self.edit(inspection, |_| {
            Ok(Box::new(move |edit| {
                edit.finding(&record.to_string(), &text)?;
                Ok(record)
            }))
        })
    }

    /// Writes a measurement at one sampling point: a new one, or in place of `record`.
    pub fn measurement(
        &self,
        inspection: InspectionId,
        record: Option<RecordId>,
        register: &Value,
    ) -> Result<RecordId, ClientError> {
        let (record, text) = (record.unwrap_or_else(|| self.new_record()), register_text(register)?);
        self.edit(inspection, |_| {
            Ok(Box::new(move |edit| {
                edit.measurement(&record.to_string(), &text)?;
                Ok(record)
            }))
        })
    }

    pub(super) fn new_record(&self) -> RecordId {
        RecordId::new(self.host.now(), random(&*self.host))
    }

    /// Does one act: `plan` checks and journals, what it returns writes; one transaction.
    pub(super) fn edit<'w, T>(
        &self,
        inspection: InspectionId,
        plan: impl FnOnce(&Act<'_>) -> Result<Write<'w, T>, ClientError>,
    ) -> Result<T, ClientError> {
        let mut desk = self.desk()?;
        let who = desk.ready()?;
        desk.visible(inspection)?;
        let mut document = Document::clone(&*desk.document(inspection)?);
        let clocks = Clocks::read(&*self.host);
        let pen = who.pen(clocks);

        let Desk { conn, documents, actors, clocks: last_clocks, .. } = &mut *desk;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        sealing::ensure_editable(&tx, inspection, who.device, who.member.officer)?;
        pen.note_clock(&tx, *last_clocks)?;
        let signed = runs::sign_before_writing(&tx, &pen, inspection)?;
        documents::snapshot_signed(&tx, documents, &signed)?;
        let write = plan(&Act { tx: &tx, pen: &pen, document: &document })?;
        let fresh = || match planted::is(Bug::ActorReused) {
            true => Actor(*who.device.as_bytes()),
            false => Actor(random(&*self.host)),
        };
        let actor = actors.get(&inspection).copied().unwrap_or_else(fresh);
        let (value, change) = document.edit(actor, clocks.now, write)?;
        let changed = change.is_some();
        if let Some((change, raw)) = change {
            changes::insert(
                &tx,
                &NewChange {
                    inspection,
                    change,
                    raw: &raw,
                    own: true,
                    place: document.place_of(change).ok_or(ClientError::Damaged { what: "a document" })?,
                    // Signed with what follows it; see [`runs`].
                    entry: None,
                    device: Some(who.device),
                    officer: Some(who.member.officer),
                    device_at: Some(clocks.now),
                    written: Interval::default(),
                    waiting: false,
                },
            )?;
            documents::snapshot_if_due(&tx, inspection, &document)?;
            projection::refresh(&tx, &self.shelf, inspection, Some(&document))?;
        }
        tx.commit()?;
        desk.clocks = Some(clocks);
        if changed {
            desk.actors.insert(inspection, actor);
            desk.documents.put(inspection, Arc::new(document));
        }
        Ok(value)
    }
}

/// An entry about an inspection by the terminal's officer.
pub(super) fn line<'a, B>(
    pen: &Pen<'_>,
    kind: Kind,
    inspection: InspectionId,
    content: Option<Digest>,
    body: &'a B,
) -> Line<'a, B> {
    Line { kind, inspection: Some(inspection), content, officer: Some(pen.officer), body }
}

fn register_text(register: &Value) -> Result<String, ClientError> {
    if !register.is_object() {
        return Err(ClientError::FieldInvalid { field: "register" });
    }
    Ok(register.to_string())
}
