//! What is signed, in full: every item with its result, worst first; the texts; every capture, used or not.

use super::super::inspection::papers;
use fieldproof_client_core::{EvidenceItem, ItemState, Stage};
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{Answer, Applicability, Item, Outcome, Template, Verdict};
use fieldproof_schema::document::{Register, View};
use fieldproof_schema::numbering::Paper;
use std::collections::BTreeMap;

/// The content of an inspection as it is read before it is signed.
pub(super) struct Content {
    /// Items that are 不合格, in the order of the checklist.
    pub(super) failed: Vec<Line>,
    /// Every section with its items.
    pub(super) sections: Vec<Section>,
    /// Items that are to be answered and are not.
    pub(super) open: Vec<Line>,
    pub(super) narrative: String,
    pub(super) statement: String,
    /// Findings, measurements and paper forms: title, and the words of each register.
    pub(super) registers: Vec<(String, Vec<String>)>,
    pub(super) captures: Vec<Capture>,
}

/// A section of the checklist.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
}

/// One item.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) item: String,
    pub(super) text: String,
    pub(super) key: bool,
    pub(super) verdict: Option<Verdict>,
    /// What was answered besides the verdict.
    pub(super) said: String,
    pub(super) note: String,
    /// Two officers answered differently and nobody has settled it.
    pub(super) contested: bool,
}

/// One capture.
pub(super) struct Capture {
    pub(super) record: String,
    pub(super) kind: String,
    pub(super) caption: String,
    pub(super) item: Option<String>,
    pub(super) taken: String,
    pub(super) size: String,
    /// The beginning of the hash that is signed.
    pub(super) hash: String,
    /// False when it was taken and the document does not list it.
    pub(super) used: bool,
    /// True when it can be looked at on this terminal.
    pub(super) here: bool,
    pub(super) stage: Stage,
}

/// Puts together what is signed.
pub(super) fn content(
    p: &Page,
    view: &View,
    template: Option<&Template>,
    items: &[ItemState],
    evidence: &[EvidenceItem],
) -> Content {
    let lines: Vec<(&Item, Line)> = items
        .iter()
        .filter(|state| state.applicability != Applicability::DoesNotApply || state.answer.is_some())
        .filter_map(|state| template?.item(&state.item).map(|item| (item, line(p, item, state))))
        .collect();
    let section = |section: &fieldproof_schema::checklist::Section| Section {
        title: p.either(&section.title, &section.title_en).to_owned(),
        lines: lines
            .iter()
            .filter(|(item, line)| item.section == section.title && line.verdict.is_some())
            .map(|(_, line)| line.clone())
            .collect(),
    };
    let sections = template.into_iter().flat_map(|template| &template.sections).map(section);
    let of =
        |wanted: fn(&Line) -> bool| lines.iter().filter(|(_, l)| wanted(l)).map(|(_, l)| l.clone()).collect();
    let registers =
        [("terminal.seal.findings", &view.findings), ("terminal.seal.measurements", &view.measurements)];
    Content {
        failed: of(|line| line.verdict == Some(Verdict::Fail)),
        open: of(|line| line.verdict.is_none()),
        sections: sections.filter(|section| !section.lines.is_empty()).collect(),
        narrative: view.narrative.clone(),
        statement: view.statement.clone(),
        registers: registers
            .into_iter()
            .filter(|(_, registers)| !registers.is_empty())
            .map(|(key, registers)| (p.t(key), words_of(p, registers)))
            .chain((!view.documents.is_empty()).then(|| (p.t("inspection.papers"), paper_forms(p, view))))
            .collect(),
        captures: evidence.iter().map(|item| capture(p, item)).collect(),
    }
}

fn line(p: &Page, item: &Item, state: &ItemState) -> Line {
    Line {
        item: state.item.clone(),
        text: p.either(&item.text, &item.text_en).to_owned(),
        key: item.key,
        verdict: state.judgement.as_ref().map(|judgement| judgement.verdict),
        said: state.answer.as_ref().map(|answer| said(p, answer)).unwrap_or_default(),
        note: state.note.clone().unwrap_or_default(),
        contested: state.conflict.is_some(),
    }
}

/// What an answer says besides its verdict.
fn said(p: &Page, answer: &Answer) -> String {
    let stated = |words: String, result: &Option<Outcome>| match result {
        Some(Outcome::Pass) => p.t1("terminal.answer.stated_pass", "value", words),
        Some(Outcome::Fail) => p.t1("terminal.answer.stated_fail", "value", words),
        None => words,
    };
    match answer {
        Answer::Conformity { .. } => String::new(),
        Answer::NotApplicable { reason } => reason.clone(),
        Answer::Number { value, unit, case, result } => {
            let value = format!("{value}\u{202F}{unit}").trim_end().to_owned();
            let value = match case {
                Some(case) => p.t2("terminal.answer.case", "value", value, "case", case),
                None => value,
            };
            stated(value, result)
        }
        Answer::Choice { options, result } => {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            stated(options.join(&p.t("terminal.field.comma")), result)
        }
        Answer::Text { text } => text.clone(),
        Answer::Date { date } => p.day(&date.to_string()),
        Answer::Photo { records } => p.t1("terminal.answer.photos", "n", records.len()),
        Answer::Other(register) => register.clone(),
    }
}

/// Registers as label and value where they are plain, else as they are stored.
fn words_of(p: &Page, registers: &BTreeMap<String, Register>) -> Vec<String> {
    let words = |register: &Register| {
        let fields: Option<BTreeMap<String, serde_json::Value>> =
            serde_json::from_str(&register.standing.value).ok();
        let Some(fields) = fields else { return register.standing.value.clone() };
        let part = |(name, value): (&String, &serde_json::Value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            p.t2("terminal.field.part", "label", name, "words", value)
        };
        fields.iter().map(part).collect::<Vec<_>>().join(&p.t("terminal.field.semicolon"))
    };
    registers.values().map(words).collect()
}

/// Registered paper forms by what they are called, with their numbers.
fn paper_forms(p: &Page, view: &View) -> Vec<String> {
    let words = |register: &Register| {
        let Some(paper) = Paper::from_register(&register.standing.value) else {
            return register.standing.value.clone();
        };
        let number = paper.number.as_ref().map(|issued| issued.text.clone());
        let void = paper.void.as_ref().map(|_| p.t("inspection.paper.state.void"));
        let parts = [Some(papers::name(p, &paper.form)), number, void];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    };
    view.documents.values().map(words).collect()
}

fn capture(p: &Page, item: &EvidenceItem) -> Capture {
    let register = item.register.as_ref();
    let kind = register.map(|register| register.kind.as_str()).unwrap_or_default();
    Capture {
        record: item.record.to_string(),
        kind: p.capture_kind(kind),
        caption: register.map(|register| register.caption.clone()).unwrap_or_default(),
        item: register.and_then(|register| register.item.clone()),
        taken: register.map(|register| p.moment(&register.captured_at)).unwrap_or_default(),
        size: register.map(|register| p.size(&register.size_bytes)).unwrap_or_default(),
        hash: item.digest.to_string().chars().take(20).collect(),
        used: item.listed,
        here: item.here,
        stage: item.stage,
    }
}
