//! What about a visit is decided at the desk: which question it is, whom it is about, and who decides. Nothing on this
//! terminal waits for it.

use super::visit::Visit;
use fieldproof_presentation::page::Page;
use fieldproof_schema::conflict::{Conflict, ConflictKind, ConflictSide};

/// One question.
pub(super) struct Question {
    /// What it is, in a sentence.
    pub(super) text: String,
    /// Whom it is about and when, a line for each side.
    pub(super) about: Vec<String>,
}

/// The questions that are open at the desk, as the server said last.
pub(super) fn of(p: &Page, visit: &Visit) -> Vec<Question> {
    let row = visit.detail.row.iter();
    let open = row.flat_map(|row| &row.conflicts).filter(|conflict| conflict.kind != ConflictKind::Answer);
    open.map(|conflict| Question { text: text(p, conflict), about: about(p, conflict) }).collect()
}

fn text(p: &Page, conflict: &Conflict) -> String {
    let kind = match &conflict.kind {
        ConflictKind::Assignment if conflict.path.starts_with("assignment/visits/") => "visits",
        ConflictKind::Other(_) => "other",
        known => known.as_str(),
    };
    p.t(format!("inspection.question.{kind}"))
}

fn about(p: &Page, conflict: &Conflict) -> Vec<String> {
    let line = |side: &ConflictSide| {
        let origin = side.origin.as_deref()?;
        let when = origin.written.as_ref().map(|written| p.interval(written)).unwrap_or_default();
        let parts = [origin.officer_name.clone(), origin.device_name.clone(), when];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join(" · "))
    };
    conflict.sides.iter().filter_map(line).collect()
}
