//! The JSON of what has no JSON of its own: values of the checklist and of the façade.

mod checklist;
mod law;

pub(super) use checklist::judgement;
pub(super) use law::citation;

use checklist::item;
use fieldproof_client_core::{
    Author, FormChoice, History, InspectionDetail, PaperBook, PaperLine, ProposalBook, ProposalLine,
    SealPreview, SyncReport, Verification,
};
use fieldproof_schema::conflict::Conflict;
use fieldproof_schema::document::ChangeId;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Everything about one inspection.
pub(super) fn detail(detail: &InspectionDetail) -> Value {
    let conflicts: Vec<_> = detail.conflicts.iter().map(|c| conflict(c, &detail.authors)).collect();
    let authors: BTreeMap<_, _> =
        detail.authors.iter().map(|(change, author)| (change.to_string(), author)).collect();
    json!({
        "summary": detail.summary,
        "task": detail.task,
        "entity": detail.entity,
        "view": detail.view,
        "heads": detail.heads,
        "template_here": detail.template.is_some(),
        "items": detail.items.iter().map(item).collect::<Vec<_>>(),
        "conflicts": conflicts,
        "authors": authors,
        "evidence": detail.evidence,
        "decisions": detail.row.as_ref().map(|row| &row.decisions),
        "server_conflicts": detail.row.as_ref().map(|row| &row.conflicts),
        "disclosure": detail.row.as_ref().and_then(|row| row.disclosure),
        "seals": detail.seals,
        "editable": detail.editable,
        "waiting_changes": detail.waiting_changes,
    })
}

fn conflict(conflict: &Conflict, authors: &BTreeMap<ChangeId, Author>) -> Value {
    let sides = conflict
        .sides
        .iter()
        .map(|side| json!({"value": side.value, "change": side.change, "author": authors.get(&side.change)}));
    json!({
        "id": conflict.id,
        "kind": conflict.kind,
        "path": conflict.path,
        "sides": sides.collect::<Vec<_>>(),
    })
}

/// What the directory says, what is proposed, and what became of it.
pub(super) fn proposals(book: &ProposalBook) -> Value {
    let line = |line: &ProposalLine| {
        json!({
            "record": line.proposed.record,
            "change": line.proposed.change,
            "proposal": line.proposed.proposal,
            "author": line.author,
            "state": line.state().as_str(),
            "fate": line.fate,
        })
    };
    json!({
        "entity": book.row,
        "listed": book.listed,
        "proposals": book.proposals.iter().map(line).collect::<Vec<_>>(),
        "conflicts": book.conflicts,
        "editable": book.editable,
    })
}

/// The registered paper forms, where their numbers stand, and what can be registered.
pub(super) fn papers(book: &PaperBook) -> Value {
    let line = |line: &PaperLine| {
        json!({
            "record": line.registered.record,
            "change": line.registered.change,
            "paper": line.registered.paper,
            "number": line.number(),
            "state": line.state().as_str(),
            "disputed": line.disputed,
            "author": line.author,
            "fate": line.fate,
        })
    };
    let form = |choice: &FormChoice| json!({"code": choice.form.code, "name": choice.form.name, "name_en": choice.form.name_en, "free": choice.free});
    json!({
        "papers": book.papers.iter().map(line).collect::<Vec<_>>(),
        "conflicts": book.conflicts,
        "forms": book.forms.iter().map(form).collect::<Vec<_>>(),
        "prefix": book.prefix,
        "editable": book.editable,
    })
}

/// What would be signed, and what the officer should know before.
pub(super) fn seal_preview(preview: &SealPreview) -> Value {
    json!({
        "statement": preview.statement,
        "text": preview.text,
        "unsent": preview.unsent,
        "conflicts": preview.conflicts,
    })
}

/// What happened to an inspection.
pub(super) fn history(history: &History) -> Value {
    let changes = history.changes.iter().map(|(change, author)| json!({"change": change, "author": author}));
    let entries = history.entries.iter().map(|entry| {
        json!({
            "seq": entry.seq,
            "kind": entry.kind.as_str(),
            "officer": entry.officer,
            "device_at": entry.device_at,
            "received": entry.received,
        })
    });
    json!({
        "changes": changes.collect::<Vec<_>>(),
        "decisions": history.decisions,
        "seals": history.seals,
        "entries": entries.collect::<Vec<_>>(),
    })
}

/// What was checked, and what does not hold.
pub(super) fn verification(found: &Verification) -> Value {
    json!({
        "entries": found.entries,
        "changes": found.changes,
        "evidence": found.evidence,
        "faults": found.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// How a sync went.
pub(super) fn sync_report(report: &SyncReport) -> Value {
    let refused = report.refused.iter().map(|refused| {
        json!({
            "item": refused.item,
            "inspection": refused.inspection,
            "code": refused.code,
            "held": refused.held,
        })
    });
    json!({
        "rounds": report.rounds,
        "entries_sent": report.entries_sent,
        "changes_sent": report.changes_sent,
        "bytes_sent": report.bytes_sent,
        "rows_received": report.rows_received,
        "evidence_completed": report.evidence_completed,
        "refused": refused.collect::<Vec<_>>(),
        "still_unsent": report.still_unsent,
        "recovered": report.recovered,
        "rolled_back": report.rolled_back,
        "server_restored": report.server_restored,
    })
}
