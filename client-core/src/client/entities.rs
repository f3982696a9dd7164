//! Entities (检查对象): searching the directory, and what this terminal knows about one.

use super::detail::judged;
use super::summary::InspectionSummary;
use super::{Client, directory};
use crate::error::ClientError;
use crate::sealing::book;
use crate::store::unsent;
use crate::store::{entities, list};
use fieldproof_schema::checklist::Verdict;
use fieldproof_schema::document::EntitySnapshot;
use fieldproof_schema::ids::{EntityId, InspectionId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::EntityRow;
use fieldproof_schema::wire::row::RowKind;

/// An entity in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityLine {
    /// The directory's id.
    pub id: EntityId,
    /// The code that the source file gave it.
    pub code: String,
    /// 单位名称.
    pub name: String,
    /// 统一社会信用代码; empty where it has none.
    pub uscc: String,
    /// 地址.
    pub address: String,
    /// Visits to it that this terminal knows.
    pub visits: u64,
    /// Those of them that are still to be done.
    pub open: u64,
}

/// A page of entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityPage {
    /// By name.
    pub rows: Vec<EntityLine>,
    /// How many there are in all.
    pub total: u64,
}

/// What this terminal knows about an entity.
#[derive(Debug, Clone)]
pub struct EntityProfile {
    /// What the directory says now; none when it is not in this terminal's scope.
    pub row: Option<EntityRow>,
    /// What the latest visit pinned of it.
    pub snapshot: Option<EntitySnapshot>,
    /// The visits to it, the latest first.
    pub visits: Vec<Visit>,
    /// True when there are earlier ones.
    pub more: bool,
}

/// A visit, and what it found.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Its line in the list.
    pub summary: InspectionSummary,
    /// When it was sealed, by the clock of the terminal that did.
    pub sealed_at: Option<Moment>,
    /// The items that are 不合格 as it stands, each with its question in Chinese and English.
    pub failed: Vec<FailedItem>,
}

/// An item that is 不合格.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedItem {
    /// The item's id.
    pub item: String,
    /// What is asked.
    pub text: String,
    /// What is asked, in English.
    pub text_en: String,
}

/// What a visit found, whom it visited, and when it was sealed.
#[derive(Default)]
struct Found {
    failed: Vec<FailedItem>,
    entity: Option<EntitySnapshot>,
    sealed_at: Option<Moment>,
}

impl Client {
    /// Entities whose name, code, credit code or address has `words` in it, by name.
    pub fn entities(&self, words: &str, from: u64, limit: u64) -> Result<EntityPage, ClientError> {
        let (found, total) = entities::search(&self.reader(), words, from, limit)?;
        let line = |found: entities::Found| EntityLine {
            id: found.entity,
            code: found.code,
            name: found.name,
            uscc: found.uscc,
            address: found.address,
            visits: found.visits,
            open: found.open,
        };
        Ok(EntityPage { rows: found.into_iter().map(line).collect(), total })
    }

    /// What is known about an entity, with `limit` of the visits to it.
    pub fn entity(&self, entity: EntityId, from: u64, limit: u64) -> Result<EntityProfile, ClientError> {
        let (row, mut lines, mut unsent) = {
            let reader = self.reader();
            let row: Option<EntityRow> = directory(&reader, RowKind::Entity, entity)?;
            let lines = list::of_entity(&reader, entity, from, limit.saturating_add(1))?;
            (row, lines, unsent::by_inspection(&reader)?)
        };
        if row.is_none() && lines.is_empty() && from == 0 {
            return Err(ClientError::NotFound { what: "entity" });
        }
        let more = lines.len() as u64 > limit;
        lines.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let (mut visits, mut snapshot) = (Vec::with_capacity(lines.len()), None);
        for line in lines {
            let inspection = line.inspection;
            let waiting = unsent.remove(&inspection).unwrap_or_default();
            let found = self.found(inspection)?;
            snapshot = snapshot.or(found.entity);
            let summary = InspectionSummary::new(line, waiting);
            visits.push(Visit { summary, sealed_at: found.sealed_at, failed: found.failed });
        }
        Ok(EntityProfile { row, snapshot, visits, more })
    }

    /// What a visit found; nothing while its document is not here.
    fn found(&self, inspection: InspectionId) -> Result<Found, ClientError> {
        let (who, document) = {
            let mut desk = self.desk()?;
            (desk.who.clone(), desk.document_if_here(inspection)?)
        };
        let (Some(who), Some(document)) = (who, document) else { return Ok(Found::default()) };
        let view = document.view()?;
        let law = self.law()?;
        let template = self.template(&view.identity.template)?;
        let reader = self.reader();
        let book = book(&reader, inspection, who.device, who.member.officer)?;
        let sealed_at = book.last_complete().map(|seal| seal.statement.at);
        let mut failed = Vec::new();
        if let Some(template) = template {
            for state in judged(&reader, &template, &law, (&document, &view), self.host.now())? {
                let fails = state.judgement.is_some_and(|judgement| judgement.verdict == Verdict::Fail);
                if let Some(item) = template.item(&state.item).filter(|_| fails) {
                    let (text, text_en) = (item.text.clone(), item.text_en.clone());
                    failed.push(FailedItem { item: state.item, text, text_en });
                }
            }
        }
        Ok(Found { failed, entity: Some(view.identity.entity.clone()), sealed_at })
    }
}
