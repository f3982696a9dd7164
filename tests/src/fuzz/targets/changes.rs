//! Changes of Automerge: what is looked at without trust, and what the gate lets in.

use super::guarded;
use crate::fuzz::corpus::{AT, visit};
use fieldproof_schema::checklist::check_register;
use fieldproof_schema::conflict::answer_conflicts;
use fieldproof_schema::document::{Actor, Document, GateRules, History, RawChange, accept, inspect};
use fieldproof_schema::limits::{CHANGE_BYTES_MAX, CHANGE_OPS_MAX, DOCUMENT_BYTES_MAX};
use std::collections::BTreeSet;

/// A chunk of bytes that may be a change.
pub(super) fn chunk(bytes: &[u8]) {
    let Some(Ok(header)) = guarded(|| inspect(bytes)) else { return };
    assert!(bytes.len() <= CHANGE_BYTES_MAX, "longer changes are refused");
    assert!(header.ops <= CHANGE_OPS_MAX, "changes of more operations are refused");
    assert!(header.deps.len() <= bytes.len() / 32, "a predecessor takes 32 bytes");
    assert_eq!(inspect(bytes).as_ref(), Ok(&header), "looking twice shows the same");
}

/// A change that its own device declared, offered to a document.
pub(super) fn ingest_gate(bytes: &[u8]) {
    // Before the offer: that the document is untouched afterwards is half of the promise.
    let before = &visit().document;
    let (heads, view) = (before.heads(), before.view().expect("the visit is readable"));
    let Some(Ok(header)) = guarded(|| inspect(bytes)) else { return };
    let rules = GateRules {
        actors: &BTreeSet::from([header.actor]),
        answer: &|item, register| check_register(&visit().template, item, register),
    };
    let accepted = guarded(|| accept(before, &RawChange(bytes.to_vec()), &rules));
    assert_eq!(before.heads(), heads, "the document is what it was");
    usable(before);
    let Some(Ok(after)) = accepted else { return };
    assert!(after.contains(header.id), "what was accepted is there");
    if before.contains(header.id) {
        assert_eq!(after.view().expect("an accepted document is readable"), view);
        return;
    }
    let then = after.view_at(&heads).expect("the document is readable as it was");
    assert_eq!(then, *view, "what it said before stays what it said");
    same_everywhere(&after);
    usable(&after);
}

/// A whole document that a device sends, offered to the visit as it began.
pub(super) fn document(bytes: &[u8]) {
    let first = visit().changes.first().expect("a visit has a first change");
    let base = Document::from_changes([first.0.as_slice()]).expect("the first change makes a document");
    let Some(Ok(history)) = guarded(|| History::open(bytes.to_vec())) else { return };
    assert!(bytes.len() <= DOCUMENT_BYTES_MAX, "longer documents are refused");
    let Some(beyond) = guarded(|| history.beyond(&base)) else { return };
    let actors: BTreeSet<Actor> = beyond.iter().map(|(_, header)| header.actor).collect();
    let rules = GateRules {
        actors: &actors,
        answer: &|item, register| check_register(&visit().template, item, register),
    };
    let Some(Some(after)) = guarded(|| history.accept(&base, &rules)) else { return };
    same_everywhere(&after);
    usable(&after);
    // What passes at once passes one by one, and amounts to the same.
    let slowly = beyond.iter().try_fold(base, |before, (raw, _)| accept(&before, raw, &rules));
    let slowly = slowly.expect("every change of an accepted document passes by itself");
    assert_eq!(slowly.heads(), after.heads(), "one by one it has the same heads");
    let (slowly, after) = (slowly.view().expect("readable"), after.view().expect("readable"));
    assert_eq!(slowly, after, "one by one it says the same");
}

/// A document is the same from its snapshot, from its changes, and at its own heads.
fn same_everywhere(document: &Document) {
    let view = document.view().expect("an accepted document is readable");
    let saved = document.save();
    let loaded = Document::load(&saved).expect("an accepted document can be loaded");
    assert_eq!(loaded.heads(), document.heads(), "loading keeps the heads");
    assert_eq!(loaded.view().expect("a loaded document is readable"), view, "loading keeps what it says");
    let changes = document.changes();
    let built = Document::from_changes(changes.iter().map(|(_, raw)| raw.0.as_slice()));
    let built = built.expect("an accepted document can be built from its changes");
    assert_eq!(built.heads(), document.heads(), "building keeps the heads");
    assert_eq!(built.view().expect("a built document is readable"), view, "building keeps what it says");
    let at_heads = document.view_at(&document.heads()).expect("a document is readable at its heads");
    assert_eq!(at_heads, *view, "the view at the heads is the view");
    for (id, raw) in &changes {
        assert_eq!(
            inspect(&raw.0).map(|header| header.id).as_ref(),
            Ok(id),
            "its changes stay what they are"
        );
    }
    view.digest();
    answer_conflicts(&view);
}

/// A document takes another edit, and is readable with it.
fn usable(document: &Document) {
    let mut copy = document.clone();
    let item = visit().template.items[2].id.clone();
    let edited = copy.edit(Actor([0xcc; 16]), AT, |e| e.note(&item, "继续检查"));
    edited.expect("a document can always be edited");
    let loaded = Document::load(&copy.save()).expect("an edited document can be loaded");
    assert_eq!(loaded.heads(), copy.heads(), "an edited document loads with its heads");
    let (loaded, copy) = (loaded.view().expect("readable"), copy.view().expect("readable"));
    assert_eq!(loaded, copy, "an edited document loads as what it says");
}
