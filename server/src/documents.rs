//! Inspection documents on the server: how they begin, and how they are read.
//!
//! Documents are opened away from the threads that serve and never inside a write transaction: Automerge computes, and
//! the writer must not wait for it. How they grow is in [`crate::sync`].

mod mend;

pub use mend::{Damaged, mend};

use crate::app::{App, blocking};
use crate::db::Tx;
use crate::error::ApiError;
use crate::store::{changes, feeds, inspections, seals, snapshots, templates};
use fieldproof_schema::checklist::{Template, progress};
use fieldproof_schema::document::{self, Document, Genesis, Identity, RawChange, View};
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::reference::Progress;
use fieldproof_schema::seal::Statement;
use fieldproof_schema::wire::error::ErrorCode;
use std::sync::Arc;

/// An inspection that is about to begin: its first change, made before the transaction that stores it.
#[derive(Clone)]
pub struct NewInspection {
    identity: Identity,
    first: changes::Change,
    snapshot: snapshots::Snapshot,
}

/// Makes the first change of an inspection.
pub fn prepare(identity: Identity, template: &Template, now: Moment) -> Result<NewInspection, ApiError> {
    let items: Vec<_> = template.item_ids().collect();
    let RawChange(bytes) = document::genesis(&Genesis { identity: &identity, items: &items })?;
    let header = document::inspect(&bytes).map_err(ApiError::internal)?;
    let document = Document::from_changes([bytes.as_slice()]).map_err(ApiError::internal)?;
    let written = Interval { earliest: Some(now), latest: Some(now) };
    let first = changes::Change {
        id: header.id,
        actor: header.actor,
        seq: Some(header.seq),
        device: None,
        officer: None,
        entry: None,
        bytes,
        written,
    };
    Ok(NewInspection { identity, first, snapshot: snapshot(&document, template, None)? })
}

/// What is kept of a document for whoever opens or asks for it.
pub fn snapshot(
    document: &Document,
    template: &Template,
    written_at: Option<Moment>,
) -> Result<snapshots::Snapshot, ApiError> {
    let (answered, applicable) = progress(template, &*document.view().map_err(ApiError::internal)?);
    let progress = Progress { answered, applicable, written_at };
    Ok(snapshots::Snapshot { bytes: document.save(), heads: document.heads(), progress })
}

/// Stores a prepared inspection and tells its team.
pub fn create(
    tx: &mut Tx<'_>,
    org: OrgId,
    new: &NewInspection,
    unit_code: &str,
    now: Moment,
) -> Result<(), ApiError> {
    let NewInspection { identity, first, snapshot } = new;
    inspections::insert_case(tx, org, identity.case, identity.entity.id, unit_code, now)?;
    inspections::insert(tx, org, identity, unit_code, now)?;
    changes::insert(tx, org, identity.inspection, 0, std::slice::from_ref(first), now)?;
    snapshots::put(tx, org, identity.inspection, 1, snapshot)?;
    let team: Vec<_> = identity.team.iter().map(|member| member.officer).collect();
    feeds::publish_document(tx, org, &team, identity.inspection, 0);
    feeds::publish_inspection(tx, org, &team, identity.inspection);
    Ok(())
}

/// An inspection as stored: what is needed to open its document.
#[derive(Clone)]
pub struct Stored {
    /// The view of it that lists read.
    pub info: inspections::Inspection,
    /// Its pinned checklist.
    pub template: Arc<Template>,
    snapshot: Option<Vec<u8>>,
    changes: Vec<Vec<u8>>,
}

/// Reads an inspection; [`ErrorCode::NotFound`] when there is none. A snapshot that is damaged counts as none: the changes
/// are the record.
pub fn read(tx: &mut Tx<'_>, app: &App, org: OrgId, id: InspectionId) -> Result<Stored, ApiError> {
    let info = inspections::find(tx, org, id)?.ok_or(ErrorCode::NotFound)?;
    let mut revision = info.template_revision.clone();
    if planted::is(Bug::TemplateUnpinned) {
        let mut all = templates::list(tx, org)?.into_iter().filter(|listed| listed.id == info.template_id);
        revision = all.next().map_or(revision, |newest| newest.revision);
    }
    let template = app.templates.get(tx, org, &info.template_id, &revision)?;
    let snapshot = mend::whole(app, id, snapshots::get(tx, org, id, info.version)?);
    let changes = match snapshot {
        Some(_) => Vec::new(),
        None => changes::written_after(tx, org, id, 0)?,
    };
    Ok(Stored { info, template, snapshot, changes })
}

impl Stored {
    /// What the document is opened from: a snapshot, or the changes.
    pub fn saved(&self) -> (Option<RawChange>, Vec<RawChange>) {
        (self.snapshot.clone().map(RawChange), self.changes.iter().cloned().map(RawChange).collect())
    }

    /// Opens the document. Computes for milliseconds: call it through [`blocking`].
    pub fn open(&self) -> Result<Document, ApiError> {
        let opened = match &self.snapshot {
            Some(bytes) => Document::load(bytes),
            None => Document::from_changes(self.changes.iter().map(Vec::as_slice)),
        };
        opened.map_err(ApiError::internal)
    }
}

/// What an inspection says now.
pub async fn view(app: &App, org: OrgId, id: InspectionId) -> Result<Arc<View>, ApiError> {
    let reader = app.clone();
    let stored = app.db.read(move |tx| read(tx, &reader, org, id)).await?;
    blocking(move || stored.open()?.view().map_err(ApiError::internal)).await?
}

/// What the team sealed last, and its statement; [`ErrorCode::StateWrong`] while nothing is sealed.
pub async fn view_at_seal(app: &App, org: OrgId, id: InspectionId) -> Result<(Statement, View), ApiError> {
    let reader = app.clone();
    let (stored, known) = app
        .db
        .read(move |tx| Ok::<_, ApiError>((read(tx, &reader, org, id)?, seals::list(tx, org, id)?)))
        .await?;
    let last = known.iter().rev().find(|s| s.completed_at.is_some()).ok_or(ErrorCode::StateWrong)?;
    let statement = Statement::from_text(&last.seal.statement).map_err(ApiError::internal)?;
    blocking(move || {
        let document = stored.open()?;
        let heads =
            if planted::is(Bug::LateShowsInSeal) { document.heads() } else { statement.heads.clone() };
        let view = document.view_at(&heads).map_err(ApiError::internal)?;
        Ok((statement, view))
    })
    .await?
}
