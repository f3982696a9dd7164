//! What the list says about an inspection, from its document and the rows about it. Reads; the list's table is written
//! by `store/list.rs`.

use crate::checklists::Shelf;
use crate::documents;
use crate::error::ClientError;
use crate::store::list::Line;
use crate::store::{changes, entities, folded, list, meta, numbers, rows};
use fieldproof_schema::checklist::progress;
use fieldproof_schema::conflict::{ConflictKind, answer_conflicts};
use fieldproof_schema::document::Document;
use fieldproof_schema::ids::{EntityId, InspectionId};
use fieldproof_schema::numbering::{self, Registered};
use fieldproof_schema::reference::{InspectionRow, InspectionState, TaskRow};
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;

/// Makes the line of an inspection anew.
pub(crate) fn refresh(
    tx: &Connection,
    shelf: &Shelf,
    inspection: InspectionId,
    document: Option<&Document>,
) -> Result<(), ClientError> {
    if let Some(document) = document {
        let view = document.view()?;
        // Registers are never taken out: who has none had none.
        if !view.documents.is_empty() {
            let uses: Vec<_> = numbering::standing(&view).iter().flat_map(Registered::uses).collect();
            numbers::put(tx, inspection, &uses)?;
        }
    }
    list::put(tx, &project(tx, shelf, inspection, document)?)
}

fn project(
    conn: &Connection,
    shelf: &Shelf,
    inspection: InspectionId,
    document: Option<&Document>,
) -> Result<Line, ClientError> {
    let task: Option<TaskRow> = rows::about_inspection(conn, RowKind::Task, inspection)?;
    let row: Option<InspectionRow> = rows::about_inspection(conn, RowKind::Inspection, inspection)?;
    let folded = folded::get(conn, inspection)?.filter(|fold| fold.opened);
    let last_edit_at =
        changes::last_edit_at(conn, inspection)?.max(folded.and_then(|fold| fold.last_edit_at()));
    let view = document.map(Document::view).transpose()?;
    let template = match &view {
        Some(view) => shelf.template(conn, &view.identity.template)?,
        None => None,
    };
    // Before a visit is opened here, the server's word about it.
    let told = row.as_ref().filter(|_| view.is_none());
    let progress = match (template, &view, told.and_then(|row| row.progress)) {
        (Some(template), Some(view), _) => Some(progress(&template, view)),
        (_, None, Some(told)) => Some((told.answered, told.applicable)),
        _ => None,
    };
    let last_edit_at = last_edit_at.or_else(|| told.and_then(|row| row.progress?.written_at));
    let conflicts = match &view {
        Some(view) => answer_conflicts(view).len(),
        None => told.map_or(0, |row| row.conflicts.iter().filter(|c| c.kind == ConflictKind::Answer).count()),
    };
    let entity_name = match (&view, &task) {
        (Some(view), _) => view.identity.entity.name.clone(),
        (None, Some(task)) => task.entity_name.clone(),
        (None, None) => String::new(),
    };
    let entity = match (&view, &task) {
        (Some(view), _) => Some(view.identity.entity.id),
        (None, task) => task.as_ref().map(|task| task.entity),
    };
    Ok(Line {
        inspection,
        scoped: task.is_some() || row.is_some(),
        entity,
        entity_name,
        task_no: task.as_ref().map(|t| t.task_no.clone()).unwrap_or_default(),
        plan_name: task.as_ref().map(|t| t.plan_name.clone()).unwrap_or_default(),
        due: task.and_then(|t| t.due),
        state: state(row.as_ref(), last_edit_at.is_some()),
        answered: progress.map(|(answered, _)| answered),
        applicable: progress.map(|(_, applicable)| applicable),
        conflicts: u32::try_from(conflicts).unwrap_or(u32::MAX),
        quarantined: row.map_or(0, |row| row.quarantined),
        last_edit_at,
    })
}

/// The server's word, but for the first step, which happens here.
pub(crate) fn state(row: Option<&InspectionRow>, edited: bool) -> InspectionState {
    match row.map_or(InspectionState::Dispatched, |row| row.state) {
        InspectionState::Dispatched if edited => InspectionState::InProgress,
        known => known,
    }
}

/// The version of the views that this program keeps.
const VIEWS: i64 = 3;

/// Completes the views of a store that an earlier version wrote.
pub(crate) fn bring_up(tx: &Connection) -> Result<(), ClientError> {
    if meta::views(tx)? >= VIEWS {
        return Ok(());
    }
    entities::rebuild(tx)?;
    for (ordinal, raw) in changes::without_place(tx)? {
        // What cannot be read keeps no place; the document does not have it either.
        if let Some(header) = documents::header_of(&raw) {
            changes::set_place(tx, ordinal, (header.actor, header.seq))?;
        }
    }
    for inspection in list::without_entity(tx)? {
        let task: Option<TaskRow> = rows::about_inspection(tx, RowKind::Task, inspection)?;
        let entity = match task {
            Some(task) => Some(task.entity),
            None => whose(tx, inspection),
        };
        if let Some(entity) = entity {
            list::set_entity(tx, inspection, entity)?;
        }
    }
    meta::put_views(tx, VIEWS)
}

/// Whose visit it is, by its document; a damaged one is found where it is read.
fn whose(conn: &Connection, inspection: InspectionId) -> Option<EntityId> {
    let document = documents::load(conn, inspection).ok().flatten()?;
    document.identity().ok().map(|identity| identity.entity.id)
}

/// Makes documents, snapshots and the list anew from changes and rows.
pub(crate) fn rebuild(tx: &Connection, shelf: &Shelf) -> Result<(), ClientError> {
    changes::wait_all(tx)?;
    list::clear(tx)?;
    entities::rebuild(tx)?;
    let mut known = changes::inspections(tx)?;
    for inspection in folded::all(tx)? {
        folded::open(tx, inspection)?;
        known.push(inspection);
    }
    known.extend(rows::inspections(tx)?);
    known.sort_unstable();
    known.dedup();
    for inspection in known {
        let (document, _) = documents::absorb(tx, inspection, None)?;
        refresh(tx, shelf, inspection, document.as_ref())?;
    }
    Ok(())
}
