//! Where a change wrote, for people who read the history.

use super::{ChangeId, Document};
use automerge::{Patch, PatchAction, Prop, ROOT, ReadDoc};
use std::collections::BTreeSet;

impl Document {
    /// The places in which a change made a difference to what it built upon: `answers/SW-01`, `notes/SW-01`, `narrative`.
    /// None for the first change, which only lays the frame, and for one that is not part of the document.
    pub fn places(&self, change: ChangeId) -> Vec<String> {
        let hash = automerge::ChangeHash(change.0);
        let Some(deps) = self.doc.get_change_by_hash(&hash).map(|change| change.deps().to_vec()) else {
            return Vec::new();
        };
        if deps.is_empty() {
            return Vec::new();
        }
        let found: BTreeSet<String> = self.doc.diff(&deps, &[hash]).iter().filter_map(place).collect();
        found.into_iter().collect()
    }
}

/// Where a patch is: below the container that lies in the root.
fn place(patch: &Patch) -> Option<String> {
    let mut names: Vec<String> = patch.path.iter().map(|(_, prop)| name(prop)).collect();
    match &patch.action {
        PatchAction::PutMap { key, .. } | PatchAction::DeleteMap { key } => names.push(key.clone()),
        PatchAction::Conflict { prop } | PatchAction::Increment { prop, .. } => names.push(name(prop)),
        PatchAction::PutSeq { .. }
        | PatchAction::Insert { .. }
        | PatchAction::SpliceText { .. }
        | PatchAction::DeleteSeq { .. }
        | PatchAction::Mark { .. } => {}
    }
    let is_frame = patch.obj == ROOT;
    (!is_frame && !names.is_empty()).then(|| names.join("/"))
}

fn name(prop: &Prop) -> String {
    match prop {
        Prop::Map(name) => name.clone(),
        Prop::Seq(index) => index.to_string(),
    }
}
