//! Every decision about a conflict, as people read it.

use crate::console::wording;
use crate::store::conflict_decisions::Kept;
use fieldproof_presentation::page::Page;
use fieldproof_schema::conflict::{ChoiceKind, Resolution};

/// One decision.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) by: String,
    pub(super) capacity: String,
    pub(super) at: String,
    /// What was chosen, in words.
    pub(super) word: String,
    /// The value that it made stand; empty where it was not about a value.
    pub(super) said: String,
    pub(super) reason: String,
    /// Whether it takes another one back.
    pub(super) undoes: bool,
}

/// The decision.
pub(super) struct DecisionShown {
    /// None where merging ended it.
    pub(super) by: Option<String>,
    pub(super) capacity: String,
    pub(super) at: String,
    pub(super) said: String,
    pub(super) reason: String,
}

/// The decisions about a conflict at `path`, oldest first.
pub(super) fn lines(p: &Page, path: &str, history: &[Kept]) -> Vec<Line> {
    let line = |kept: &Kept| Line {
        id: kept.id.to_string(),
        by: kept.by.clone(),
        capacity: capacity(p, &kept.capacity),
        at: p.moment(&kept.at),
        word: word(p, &kept.choice),
        said: match kept.value.as_str() {
            "" => String::new(),
            value => wording::at_place(p, path, value),
        },
        reason: kept.reason.clone(),
        undoes: kept.undoes.is_some(),
    };
    history.iter().map(line).collect()
}

/// What a choice is called.
pub(super) fn word(p: &Page, choice: &str) -> String {
    match ChoiceKind::find(choice) {
        Some(known) => p.t(format!("console.conflict.choice.{}", known.as_str())),
        None => choice.to_owned(),
    }
}

/// In which capacity somebody decided.
pub(super) fn capacity(p: &Page, capacity: &str) -> String {
    match capacity {
        "team" => p.t("console.conflict.capacity.team"),
        _ => p.t("console.conflict.capacity.administrator"),
    }
}

/// The decision that stands; without one, merging ended it.
pub(super) fn decision(p: &Page, path: &str, at: &str, resolution: Option<&Resolution>) -> DecisionShown {
    match resolution {
        None => DecisionShown {
            by: None,
            capacity: String::new(),
            at: at.to_owned(),
            said: String::new(),
            reason: String::new(),
        },
        Some(resolution) => DecisionShown {
            by: Some(resolution.by.clone()),
            capacity: capacity(p, &resolution.capacity),
            at: at.to_owned(),
            said: match resolution.value.as_str() {
                "" if resolution.choice.is_empty() => p.t("console.conflict.left_beside"),
                "" if resolution.choice == ChoiceKind::Beside.as_str() => p.t("console.conflict.left_beside"),
                "" => word(p, &resolution.choice),
                value => wording::at_place(p, path, value),
            },
            reason: resolution.reason.clone(),
        },
    }
}
