//! Snapshots that are not what was written: found when they are read, made anew from the changes, and said.
//!
//! Nobody waits for it: whoever finds one opens the document from its changes and notes it here; the background replaces it.

use super::{read, snapshot};
use crate::app::{App, blocking};
use crate::error::ApiError;
use crate::store::audit::{self, Record};
use crate::store::{inspections, snapshots};
use fieldproof_schema::document::Document;
use fieldproof_schema::ids::{DecisionId, InspectionId, OrgId};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Inspections whose snapshot was found damaged since the start and not replaced yet.
#[derive(Debug, Default)]
pub struct Damaged(Mutex<BTreeSet<InspectionId>>);

impl Damaged {
    /// Notes one. A reader cannot write, and a second reader says the same.
    pub(super) fn note(&self, id: InspectionId) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            tracing::error!(inspection.id = %id, "the snapshot is damaged; the document is read from its changes");
        }
    }

    fn take(&self) -> BTreeSet<InspectionId> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Replaces the snapshots that were found damaged; each leaves a record in the audit trail.
///
/// # Errors
/// When the database fails, or changes are damaged too. What is not replaced is noted again when it is read again.
pub async fn mend(app: &App, org: OrgId) -> Result<(), ApiError> {
    for id in app.damaged.take() {
        let reader = app.clone();
        let stored = app.db.read(move |tx| read(tx, &reader, org, id)).await?;
        let version = stored.info.version;
        let whole = blocking(move || snapshot(&stored.open()?, &stored.template, None)).await??;
        let (now, record) = (app.now(), DecisionId::new(app.now(), app.random()));
        app.db
            .write(move |tx| {
                // Somebody who wrote meanwhile has replaced it already: it was damaged all the same.
                let is_present = inspections::find(tx, org, id)?.is_some_and(|i| i.version == version);
                if is_present {
                    snapshots::put(tx, org, id, version, &whole)?;
                }
                let record = Record {
                    id: record,
                    at: now,
                    actor: "system".to_owned(),
                    act: "snapshot.rebuilt".to_owned(),
                    subject: format!("inspection:{id}"),
                    details: json!({"version": version}),
                };
                audit::insert(tx, org, &record)?;
                Ok::<_, ApiError>(())
            })
            .await?;
        app.damaged.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        tracing::warn!(inspection.id = %id, "the snapshot was made anew from the changes");
    }
    Ok(())
}

/// The snapshot, if its bytes are whole.
pub(super) fn whole(app: &App, id: InspectionId, snapshot: Option<Vec<u8>>) -> Option<Vec<u8>> {
    snapshot.filter(|bytes| {
        let whole = Document::is_whole(bytes);
        if !whole {
            app.damaged.note(id);
        }
        whole
    })
}
