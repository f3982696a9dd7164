//! Reading one item.

use super::{Unknown, kinds};
use crate::checklist::cursor::Cursor;
use crate::checklist::item::{EvidenceHint, Item, Reference, Severity};
use crate::checklist::violation::Problem;
use crate::law::Mark;
use crate::limits::{ITEM_LIST_MAX, RULE_DEPTH_MAX};
use crate::rule::Rule;
use serde_json::Value;

/// Reads an item; `None` when it has faults, which are noted.
pub(super) fn read(at: &Cursor<'_>, unknown: Unknown) -> Option<Item> {
    let at = &at.clone().in_item(at.value().get("id").and_then(Value::as_str));
    at.object()?;
    let id = at.need("id").and_then(|c| c.id());
    let section = at.need("group").and_then(|c| c.text());
    let section_en = at.need("groupEn").and_then(|c| c.text());
    let text = at.need("text").and_then(|c| c.text());
    let text_en = at.need("en").and_then(|c| c.text());
    let key = at.need("key").and_then(|c| c.boolean());
    let severity = at.need("severity").and_then(|c| {
        c.word(&[("critical", Severity::Critical), ("major", Severity::Major), ("minor", Severity::Minor)])
    });
    let provisions = at.need("basis").and_then(|c| all(&c, reference));
    let penalties = at.need("penalty").and_then(|c| all(&c, reference));
    let evidence = at.need("evidence").and_then(|c| all(&c, evidence));
    let photo_required = at.need("photoRequired").and_then(|c| c.boolean());
    let guidance = at.get("guidance").map_or(Some(""), |c| c.loose_text());
    let source = at.get("source").and_then(|c| c.loose_text());
    let condition = at.get("appliesWhen").map_or(Some(None), |c| rule(&c).map(Some));
    let kind = at.need("answer").and_then(|c| kinds::read(&c, unknown));
    let item = Item {
        id: id?.to_owned(),
        section: section_en.and(section)?.to_owned(),
        text: text?.to_owned(),
        text_en: text_en?.to_owned(),
        kind: kind?,
        key: key?,
        severity: severity?,
        provisions: provisions?,
        penalties: penalties?,
        evidence: evidence?,
        photo_required: photo_required?,
        condition: condition?,
        guidance: guidance?.to_owned(),
        source: source.map(str::to_owned),
    };
    if item.limit().is_some() && item.authorities().is_empty() {
        return at.need("answer").and_then(|c| c.need("limit")).and_then(|c| c.fault(Problem::NoAuthority));
    }
    Some(item)
}

/// Reads every entry of a list, and gives nothing when one of them is faulty.
fn all<'a, T>(at: &Cursor<'a>, read: impl Fn(&Cursor<'a>) -> Option<T>) -> Option<Vec<T>> {
    let entries: Vec<_> = at.list(ITEM_LIST_MAX)?.iter().map(read).collect();
    entries.into_iter().collect()
}

fn reference(at: &Cursor<'_>) -> Option<Reference> {
    at.object()?;
    let provision = at.need("provision").and_then(|c| c.id());
    let law = at.get("law").map_or(Some(None), |c| c.text().map(Some));
    let article = at.get("article").map_or(Some(None), |c| c.text().map(Some));
    let certainty = at.need("certainty").and_then(|c| certainty(&c));
    let superseded = at.get("superseded").map_or(Some(false), |c| c.boolean());
    Some(Reference {
        provision: provision?.to_owned(),
        law: law?.map(str::to_owned),
        article: article?.map(str::to_owned),
        mark: if superseded? { Mark::Superseded } else { certainty? },
    })
}

/// A word for how well something is known.
pub(super) fn certainty(at: &Cursor<'_>) -> Option<Mark> {
    let words = [Mark::Verified, Mark::SecondarySource, Mark::Unverified].map(|mark| (mark.word(), mark));
    at.word(&words)
}

fn evidence(at: &Cursor<'_>) -> Option<EvidenceHint> {
    at.object()?;
    let code = at.need("code").and_then(|c| c.id());
    let label = at.need("zh").and_then(|c| c.text());
    Some(EvidenceHint { code: code?.to_owned(), label: label?.to_owned() })
}

fn rule(at: &Cursor<'_>) -> Option<Rule> {
    let Ok(rule) = serde_json::from_value::<Rule>(at.value().clone()) else {
        return at.fault(Problem::NotARule);
    };
    if rule.depth() > RULE_DEPTH_MAX {
        return at.fault(Problem::TooDeep(RULE_DEPTH_MAX));
    }
    Some(rule)
}
