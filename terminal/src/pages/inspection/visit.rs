//! An inspection as its pages need it: loaded once for a request, with its checklist in sections.

use super::super::Ask;
use crate::api::parse;
use crate::error::ApiError;
use fieldproof_client_core::{ClientError, InspectionDetail, ItemState, Obstacle};
use fieldproof_presentation::page::Page;
use fieldproof_schema::checklist::{Applicability, Item, Section, Template, Verdict};
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::law::LawRegister;
use fieldproof_schema::reference::{Decision, DecisionKind, InspectionState};
use std::sync::Arc;

/// One inspection.
pub(super) struct Visit {
    pub(super) id: InspectionId,
    pub(super) detail: InspectionDetail,
    pub(super) template: Arc<Template>,
    pub(super) laws: Option<Arc<LawRegister>>,
}

/// An item of the checklist and what is known about it.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Its place in the checklist, from 1: what names its parts on a page.
    pub(super) n: usize,
    pub(super) item: &'a Item,
    pub(super) state: &'a ItemState,
}

/// A section in a list of sections.
pub(super) struct SectionLine {
    pub(super) n: usize,
    pub(super) title: String,
    pub(super) done: usize,
    pub(super) total: usize,
    pub(super) failed: usize,
    pub(super) differing: usize,
    pub(super) photos_missing: usize,
    pub(super) remarks: usize,
    pub(super) current: bool,
}

impl Visit {
    /// Loads an inspection by its id in the address.
    pub(super) async fn load(ask: &Ask, id: &str) -> Result<Self, ApiError> {
        let id: InspectionId = parse("inspection", id)?;
        let load = move |client: &fieldproof_client_core::Client| {
            let detail = client.inspection(id)?;
            let template = detail.template.clone();
            let template = template.ok_or(ClientError::StateWrong { why: Obstacle::NotArrived })?;
            Ok(Self { id, detail, template, laws: client.laws()? })
        };
        ask.app().read(load).await
    }

    /// Where its pages begin.
    pub(super) fn path(&self) -> String {
        format!("/inspections/{}", self.id)
    }

    /// The address of one of its items, for acts.
    pub(super) fn item_path(&self, item: &str) -> String {
        format!("/inspections/{}/items/{item}", self.id)
    }

    /// The place of an item on its section's page.
    pub(super) fn item_place(&self, item: &str) -> String {
        format!("{}/sections/{}#item-{item}", self.path(), self.section_of(item))
    }

    /// Every item, in order.
    pub(super) fn items(&self) -> impl Iterator<Item = Known<'_>> {
        let pairs = self.template.items.iter().zip(&self.detail.items).enumerate();
        pairs.map(|(at, (item, state))| Known { n: at + 1, item, state })
    }

    /// One item.
    pub(super) fn item(&self, id: &str) -> Result<Known<'_>, ApiError> {
        let found = self.items().find(|known| known.item.id == id);
        found.ok_or_else(|| ClientError::AnswerUnknownItem { item: id.to_owned() }.into())
    }

    /// The section with this number, from 1.
    pub(super) fn section(&self, n: usize) -> Result<&Section, ApiError> {
        let found = n.checked_sub(1).and_then(|at| self.template.sections.get(at));
        found.ok_or_else(|| ClientError::NotFound { what: "section" }.into())
    }

    /// The number of an item's section.
    pub(super) fn section_of(&self, item: &str) -> usize {
        let title = self.template.item(item).map(|item| item.section.as_str());
        self.template.sections.iter().position(|section| Some(section.title.as_str()) == title).unwrap_or(0)
            + 1
    }

    /// Every section with what was done in it.
    pub(super) fn sections(&self, p: &Page, current: usize) -> Vec<SectionLine> {
        let remarks = self.remarks();
        let line = |(at, section): (usize, &Section)| {
            let mut line = SectionLine {
                n: at + 1,
                title: p.either(&section.title, &section.title_en).to_owned(),
                done: 0,
                total: 0,
                failed: 0,
                differing: 0,
                photos_missing: 0,
                remarks: 0,
                current: at + 1 == current,
            };
            for known in self.items().filter(|known| known.item.section == section.title) {
                line.count(self, known, remarks);
            }
            line
        };
        self.template.sections.iter().enumerate().map(line).collect()
    }

    /// Whether an item has at least one picture, recording or scan.
    pub(super) fn is_shown(&self, item: &str) -> bool {
        let registers = self.detail.evidence.iter().filter_map(|capture| capture.register.as_ref());
        registers.into_iter().any(|register| register.item.as_deref() == Some(item))
    }

    /// The last return, while it waits for the officers.
    pub(super) fn returned(&self) -> Option<&Decision> {
        if self.detail.summary.state != InspectionState::Returned {
            return None;
        }
        let decisions = &self.detail.row.as_ref()?.decisions;
        decisions.iter().rev().find(|decision| decision.kind == DecisionKind::Returned)
    }

    /// What the last return says about an item.
    pub(super) fn remark(&self, item: &str) -> Option<&str> {
        self.returned()?.items.get(item).map(String::as_str)
    }

    fn remarks(&self) -> Option<&Decision> {
        self.returned()
    }

    /// How many items apply or may apply, and how many of them have an answer.
    pub(super) fn progress(&self) -> (usize, usize) {
        let asked = self.items().filter(|known| known.is_asked());
        asked.fold((0, 0), |(done, total), known| {
            (done + usize::from(known.state.answer.is_some()), total + 1)
        })
    }

    /// The next item without an answer after `after`, from the beginning again where there is none behind it.
    pub(super) fn next_open(&self, after: Option<&str>) -> Option<Known<'_>> {
        let at = after.and_then(|after| self.items().find(|known| known.item.id == after));
        let at = at.map_or(0, |known| known.n);
        let open = |known: &Known<'_>| known.is_asked() && known.state.answer.is_none();
        self.items().filter(open).find(|known| known.n > at).or_else(|| self.items().find(open))
    }
}

impl Known<'_> {
    /// Whether it is to be answered, or may be.
    pub(super) fn is_asked(&self) -> bool {
        self.state.applicability != Applicability::DoesNotApply
    }

    /// What follows from its answer; none while it has none.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.state.judgement.as_ref().map(|judgement| judgement.verdict)
    }
}

impl SectionLine {
    fn count(&mut self, visit: &Visit, known: Known<'_>, returned: Option<&Decision>) {
        let failed = known.verdict() == Some(Verdict::Fail);
        self.failed += usize::from(failed);
        self.differing += usize::from(known.state.conflict.is_some());
        self.remarks += usize::from(returned.is_some_and(|r| r.items.contains_key(&known.item.id)));
        if known.is_asked() {
            self.total += 1;
            self.done += usize::from(known.state.answer.is_some());
            let missing = known.item.photo_required && !visit.is_shown(&known.item.id);
            self.photos_missing += usize::from(missing && known.state.answer.is_some());
        }
    }
}
