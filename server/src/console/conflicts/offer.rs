//! What can be chosen on a conflict's page, and what was chosen there.

use super::answer_form;
use crate::api::check;
use crate::resolve::Choice;
use fieldproof_presentation::fields::Fields;
use fieldproof_presentation::page::{self, Page};
use fieldproof_presentation::texts::{Language, text};
use fieldproof_schema::checklist::Item;
use fieldproof_schema::conflict::{ChoiceKind, Conflict, ConflictKind};
use fieldproof_schema::limits::REASON_CHARS_MAX;

/// Standard phrases of reasons, under `console.phrase.reason.<n>`.
const PHRASES: &[&str] = &["photo", "measured", "remeasured", "team", "document", "clerical"];

/// A choice that needs nothing else.
pub(super) struct Offer {
    pub(super) value: &'static str,
    pub(super) label: String,
    /// What it leads to.
    pub(super) means: String,
    pub(super) chosen: bool,
}

/// The choices of a conflict that are made by themselves, not at a side.
pub(super) fn plain(p: &Page, conflict: &Conflict, offered: &[ChoiceKind], typed: &Fields) -> Vec<Offer> {
    let alone = |choice: &&ChoiceKind| {
        use ChoiceKind::*;
        !matches!(choice, Side | Value | Both | Void | Renumber)
    };
    let offer = |choice: &ChoiceKind| {
        let name = choice.as_str();
        Offer {
            value: name,
            label: p.t(format!("console.conflict.choice.{name}")),
            means: p.t(means(&conflict.kind, *choice)),
            chosen: typed.get("choice") == name,
        }
    };
    offered.iter().filter(alone).map(offer).collect()
}

/// What a choice leads to: by kind where the same word means different things.
fn means(kind: &ConflictKind, choice: ChoiceKind) -> String {
    let name = choice.as_str();
    match choice {
        ChoiceKind::Accept | ChoiceKind::Quarantine => {
            format!("console.conflict.means.{}.{name}", kind.as_str())
        }
        _ => format!("console.conflict.means.{name}"),
    }
}

/// The standard phrases as a list to choose from.
pub(super) fn phrases(p: &Page, typed: &Fields) -> Vec<page::Choice> {
    let none = page::Choice::new("", p.t("console.phrase.none"), typed.get("phrase").is_empty());
    let phrase = |name: &&str| {
        let words = p.t(format!("console.phrase.reason.{name}"));
        page::Choice::new(*name, words, typed.get("phrase") == *name)
    };
    std::iter::once(none).chain(PHRASES.iter().map(phrase)).collect()
}

/// What was chosen. An error is a key of the catalogues.
pub(super) fn chosen(
    conflict: &Conflict,
    item: Option<&Item>,
    fields: &Fields,
) -> Result<Choice, &'static str> {
    const NONE: &str = "console.conflict.problem.choice";
    match (fields.get("choice").split_once(':'), fields.get("choice")) {
        (Some(("side", change)), _) => change.parse().map(Choice::Side).map_err(|_| NONE),
        (Some(("both", change)), _) => change.parse().map(Choice::Both).map_err(|_| NONE),
        (Some(("void", change)), _) => change.parse().map(Choice::Void).map_err(|_| NONE),
        (Some(("renumber", change)), _) => change.parse().map(Choice::Renumber).map_err(|_| NONE),
        (None, "value") if conflict.kind == ConflictKind::Entity => {
            Ok(Choice::Value(fields.get("value").to_owned()))
        }
        (None, "value") => Ok(Choice::Value(answer_form::read(item.ok_or(NONE)?, fields)?.to_register())),
        (None, name) => ChoiceKind::find(name).map(Choice::Plain).ok_or(NONE),
        (Some(_), _) => Err(NONE),
    }
}

/// Why. An error is a key of the catalogues.
pub(super) fn reason(fields: &Fields) -> Result<String, &'static str> {
    let phrase = PHRASES.iter().find(|phrase| **phrase == fields.get("phrase"));
    // Records are kept in Chinese.
    let phrase = phrase.map(|name| text(Language::Chinese, &format!("console.phrase.reason.{name}"), &[]));
    let own = fields.filled("reason").map(str::to_owned);
    let reason = phrase.into_iter().chain(own).collect::<Vec<_>>().join("\n");
    if reason.is_empty() {
        return Err("console.conflict.problem.reason");
    }
    check::text("reason", &reason, REASON_CHARS_MAX).map_err(|_| "console.conflict.problem.long")
}
