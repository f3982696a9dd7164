//! One item of the checklist as its section's page shows it.

use super::control::Control;
use super::note::Writing;
use super::phrases::Phrases;
use super::region::{Region, Said};
use super::shots::Shots;
use super::visit::{Known, Visit};
use super::words;
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{Applicability, ItemKind, Reference, Severity, Verdict};
use fieldproof_schema::law::Mark;

/// A provision or standard that an item rests on.
pub(super) struct Cite {
    pub(super) reference: String,
    pub(super) label: String,
    pub(super) mark: Mark,
}

/// One item.
pub(super) struct Card {
    pub(super) n: usize,
    pub(super) id: String,
    pub(super) text: String,
    pub(super) key: bool,
    pub(super) severity: Severity,
    pub(super) guidance: String,
    pub(super) hints: Vec<String>,
    pub(super) cites: Vec<Cite>,
    pub(super) penalties: Vec<Cite>,
    pub(super) undecided: bool,
    /// What the supervisor said about it.
    pub(super) remark: Option<String>,
    pub(super) control: Control,
    pub(super) region: Region,
    pub(super) note: Writing,
    pub(super) shots: Shots,
    /// Whether the panel with note and law is open.
    pub(super) open: bool,
    pub(super) reason: String,
    pub(super) allows_na: bool,
    pub(super) action: String,
    pub(super) judge: String,
    pub(super) editable: bool,
}

impl Card {
    /// One item with everything that belongs to it.
    pub(super) fn new(p: &Page, visit: &Visit, known: Known<'_>, mut said: Said) -> Self {
        let mut shots = Shots::new(p, visit, Some(&known.item.id));
        shots.fault = said.shot_fault.take();
        let item = known.item;
        let cites = |references: &[Reference]| -> Vec<Cite> {
            references.iter().map(|reference| cite(p, visit, reference)).collect()
        };
        let mut rests_on = cites(&item.provisions);
        if let Some(standard) = item.limit().and_then(|limit| limit.source.standard.clone()) {
            let laws = visit.laws.as_deref();
            let label = words::citation(p, laws, &standard).unwrap_or_else(|| standard.clone());
            let mark = laws.and_then(|laws| laws.mark(&standard)).unwrap_or(Mark::Unverified);
            rests_on.push(Cite { reference: standard, label, mark });
        }
        let note = known.state.note.clone().unwrap_or_default();
        let failed = known.verdict() == Some(Verdict::Fail);
        let reason = match &known.state.answer {
            Some(fieldproof_schema::checklist::Answer::NotApplicable { reason }) => reason.clone(),
            _ => String::new(),
        };
        let open = (failed || !note.is_empty()) && visit.detail.editable;
        Self {
            n: known.n,
            id: item.id.clone(),
            text: p.either(&item.text, &item.text_en).to_owned(),
            key: item.key,
            severity: item.severity,
            guidance: item.guidance.clone(),
            hints: item.evidence.iter().map(|hint| hint.label.clone()).collect(),
            cites: rests_on,
            penalties: cites(&item.penalties),
            undecided: known.state.applicability == Applicability::Undecided,
            remark: visit.remark(&item.id).map(str::to_owned),
            control: Control::new(p, visit, known),
            region: Region::new(p, visit, known, said),
            note: Writing {
                name: format!("note-{}", known.n),
                action: format!("{}/note", visit.item_path(&item.id)),
                label: p.t("inspection.note"),
                titled: false,
                text: note,
                phrases: Phrases::Note.all(p),
                editable: visit.detail.editable,
                rows: 3,
            },
            shots,
            open,
            reason,
            allows_na: item.kind.allows_not_applicable(),
            action: format!("{}/answer", visit.item_path(&item.id)),
            judge: format!("{}/judge", visit.item_path(&item.id)),
            editable: visit.detail.editable && known.state.conflict.is_none(),
        }
    }

    /// Whether it has a form to answer with.
    pub(super) fn is_typed(&self) -> bool {
        super::region::is_typed(&self.control)
    }
}

fn cite(p: &Page, visit: &Visit, reference: &Reference) -> Cite {
    let laws = visit.laws.as_deref();
    let known = words::citation(p, laws, &reference.provision);
    let repeated = || {
        let (law, article) = (reference.law.clone(), reference.article.clone());
        p.t2(
            "inspection.law.article",
            "law",
            law.unwrap_or_else(|| reference.provision.clone()),
            "article",
            article.unwrap_or_default(),
        )
    };
    Cite {
        reference: reference.provision.clone(),
        label: known.unwrap_or_else(repeated),
        // Neither the checklist nor the register may make the other look better known than it is.
        mark: laws
            .and_then(|laws| laws.mark(&reference.provision))
            .map_or(reference.mark, |m| m.max(reference.mark)),
    }
}

/// Whether an item takes photos as its answer.
pub(super) fn takes_photos(kind: &ItemKind) -> Option<u32> {
    match kind {
        ItemKind::Photo { min } => Some(*min),
        ItemKind::Conformity { .. }
        | ItemKind::Number(_)
        | ItemKind::Choice { .. }
        | ItemKind::Text
        | ItemKind::Date
        | ItemKind::Other(_) => None,
    }
}
