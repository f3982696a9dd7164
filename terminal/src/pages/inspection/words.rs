//! Answers, limits, authors and stages as people read them.

use super::visit::Visit;
use fieldproof_client_core::{Author, Stage};
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{
    Answer, Bounds, Comparison, Item, ItemKind, NumberKind, Outcome, Reading,
};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::law::{Cited, LawRegister, Mark};

/// Who wrote something, and when.
#[derive(Clone)]
pub(super) struct By {
    pub(super) name: String,
    pub(super) when: String,
    pub(super) device: String,
    pub(super) own: bool,
    pub(super) stage: Option<Stage>,
}

/// Who wrote a change.
pub(super) fn by(p: &Page, visit: &Visit, change: ChangeId) -> By {
    match visit.detail.authors.get(&change) {
        Some(author) => author_of(p, author),
        None => By {
            name: p.t("kit.unknown"),
            when: String::new(),
            device: String::new(),
            own: false,
            stage: None,
        },
    }
}

/// The author of something.
pub(super) fn author_of(p: &Page, author: &Author) -> By {
    let name = match (&author.name, author.officer) {
        (Some(name), _) => name.clone(),
        (None, Some(_)) => p.t("kit.unknown"),
        (None, None) => p.t("inspection.by.server"),
    };
    let when = match author.at {
        Some(at) if author.own => p.moment(&at),
        _ => p.interval(&author.written),
    };
    let device = match author.device {
        _ if author.own => p.t("inspection.by.here"),
        Some(device) => {
            let device = device.to_string();
            let end = device.len().saturating_sub(4);
            p.t1("inspection.by.device", "end", device.get(end..).unwrap_or_default())
        }
        None => String::new(),
    };
    By { name, when, device, own: author.own, stage: Some(author.stage) }
}

/// The word of an outcome.
pub(super) fn outcome(p: &Page, outcome: Outcome) -> String {
    p.t(match outcome {
        Outcome::Pass => "kit.verdict.pass",
        Outcome::Fail => "kit.verdict.fail",
    })
}

/// What an answer says.
pub(super) fn answer(p: &Page, answer: &Answer) -> String {
    let stated = |value: String, result: &Option<Outcome>| match result {
        Some(result) => p.t2("inspection.answer.stated", "value", value, "result", outcome(p, *result)),
        None => value,
    };
    match answer {
        Answer::Conformity { result } => outcome(p, *result),
        Answer::NotApplicable { reason } if reason.is_empty() => p.t("kit.verdict.not_applicable"),
        Answer::NotApplicable { reason } => p.t1("inspection.answer.not_applicable", "reason", reason),
        Answer::Number { value, unit, case, result } => {
            let value = format!("{value}\u{202F}{unit}").trim_end().to_owned();
            let value = match case {
                Some(case) => p.t2("inspection.answer.case", "value", value, "case", case),
                None => value,
            };
            stated(value, result)
        }
        Answer::Choice { options, result } => {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            stated(options.join(&p.t("inspection.list")), result)
        }
        Answer::Text { text } => text.clone(),
        Answer::Date { date } => p.day(&date.to_string()),
        Answer::Photo { records } => p.t1("inspection.answer.photos", "n", records.len()),
        Answer::Other(_) => p.t("inspection.answer.other"),
    }
}

/// What an answer says besides its verdict; nothing where the verdict is all of it.
pub(super) fn beside_verdict(p: &Page, given: &Answer) -> Option<String> {
    match given {
        Answer::Conformity { .. } => None,
        Answer::NotApplicable { reason } if reason.is_empty() => None,
        Answer::NotApplicable { .. }
        | Answer::Number { .. }
        | Answer::Choice { .. }
        | Answer::Text { .. }
        | Answer::Date { .. }
        | Answer::Photo { .. }
        | Answer::Other(_) => Some(answer(p, given)),
    }
}

/// What a register of the document says; as it is where this version cannot read it.
pub(in crate::pages) fn register(p: &Page, path: &str, register: &str) -> String {
    if !path.starts_with("answers/") {
        return register.to_owned();
    }
    match Answer::from_register(register) {
        Answer::Other(text) => text,
        known => answer(p, &known),
    }
}

/// A lower and an upper bound with their unit.
pub(super) fn bounds(p: &Page, bounds: &Bounds, unit: &str) -> String {
    let unit = if unit.is_empty() { String::new() } else { format!("\u{202F}{unit}") };
    let (low, high) = if bounds.inclusive { ("≥", "≤") } else { (">", "<") };
    match (bounds.min, bounds.max) {
        (Some(min), Some(max)) if bounds.inclusive => format!("{min}–{max}{unit}"),
        (Some(min), Some(max)) => format!("{low}\u{202F}{min}{unit}, {high}\u{202F}{max}{unit}"),
        (Some(min), None) => format!("{low}\u{202F}{min}{unit}"),
        (None, Some(max)) => format!("{high}\u{202F}{max}{unit}"),
        (None, None) => p.t("kit.none"),
    }
}

/// What a limit says about a value.
pub(super) fn reading(p: &Page, number: &NumberKind, reading: &Reading) -> String {
    let all: Vec<String> = reading.bounds.iter().map(|b| bounds(p, b, &number.unit)).collect();
    let key = match reading.comparison {
        Comparison::Within => "inspection.reading.within",
        Comparison::Below => "inspection.reading.below",
        Comparison::Above => "inspection.reading.above",
        Comparison::DependsOnCase => "inspection.reading.depends",
    };
    p.t1(key, "limit", all.join(&p.t("inspection.list")))
}

/// How well a limit is known: the worst of its number and of everything that it rests on.
pub(super) fn limit_mark(item: &Item, laws: Option<&LawRegister>) -> Option<Mark> {
    let limit = item.limit()?;
    let authorities = item.authorities().into_iter();
    let marks = authorities.map(|key| laws.and_then(|laws| laws.mark(key)).unwrap_or(Mark::Unverified));
    Some(marks.fold(limit.source.mark, Mark::max))
}

/// What a reference to the register of laws is called.
pub(super) fn citation(p: &Page, laws: Option<&LawRegister>, reference: &str) -> Option<String> {
    Some(match laws?.resolve(reference)? {
        Cited::Provision(provision, law) => {
            let article = provision.article.as_deref().unwrap_or_default();
            p.t2("inspection.law.article", "law", p.either(&law.title, &law.title_en), "article", article)
        }
        Cited::Standard(standard) => {
            p.t2("inspection.law.standard", "number", &standard.no, "title", &standard.title)
        }
    })
}

/// Tone, icon and key of the word for how far something got.
pub(super) fn stage(stage: Stage) -> (&'static str, &'static str, &'static str) {
    match stage {
        Stage::Here => ("none", "device-mobile", "inspection.stage.here"),
        Stage::Sent => ("info", "arrow-up", "inspection.stage.sent"),
        Stage::Held => ("pass", "shield-check", "inspection.stage.held"),
    }
}

/// The number item of an item.
pub(super) fn number_of(item: &Item) -> Option<&NumberKind> {
    match &item.kind {
        ItemKind::Number(number) => Some(number),
        ItemKind::Conformity { .. }
        | ItemKind::Choice { .. }
        | ItemKind::Text
        | ItemKind::Date
        | ItemKind::Photo { .. }
        | ItemKind::Other(_) => None,
    }
}
