//! Which items apply: conditions over the entity and over the answers to other items.
//!
//! A condition reads an entity's field by its name, and another item's answer as `item.` and the item's id. What an
//! answer looks like to a condition: see [`Answer::as_rule_value`].

use super::answer::Answer;
use super::cursor::Cursor;
use super::violation::Problem;
use super::{Item, Template};
use crate::rule::Fields;
use serde_json::Value;
use std::collections::BTreeMap;

/// Starts the names of fields that mean another item's answer, for instance `item.PP-SWIM-006`.
pub const ITEM_FIELD_PREFIX: &str = "item.";

/// Whether an item is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applicability {
    /// It is.
    Applies,
    /// It is not.
    DoesNotApply,
    /// The condition reads something that nobody has said; the officer decides, so it is shown.
    Undecided,
}

impl From<Option<bool>> for Applicability {
    fn from(decided: Option<bool>) -> Self {
        match decided {
            Some(true) => Self::Applies,
            Some(false) => Self::DoesNotApply,
            None => Self::Undecided,
        }
    }
}

impl Template {
    /// Whether each item applies, in the order of the checklist. Answers to items that do not apply count as null.
    pub fn applicability(
        &self,
        answers: &dyn Fn(&str) -> Option<Answer>,
        entity: &dyn Fields,
    ) -> Vec<(&Item, Applicability)> {
        let mut decided = vec![Applicability::Applies; self.items.len()];
        for &position in &self.order {
            let Some(rule) = &self.items[position].condition else { continue };
            let field = |name: &str| match name.strip_prefix(ITEM_FIELD_PREFIX) {
                Some(id) => match decided[*self.index.get(id)?] {
                    Applicability::DoesNotApply => Some(Value::Null),
                    Applicability::Applies | Applicability::Undecided => answers(id)?.as_rule_value(),
                },
                None => entity.field(name),
            };
            decided[position] = rule.decide(&field).into();
        }
        self.items.iter().zip(decided).collect()
    }

    /// The items that wait for an answer: they apply, or nobody can say yet, and have none.
    pub fn open_items(&self, answers: &dyn Fn(&str) -> Option<Answer>, entity: &dyn Fields) -> Vec<&Item> {
        let applicability = self.applicability(answers, entity).into_iter();
        let waiting = applicability.filter(|(_, applies)| *applies != Applicability::DoesNotApply);
        waiting.map(|(item, _)| item).filter(|item| answers(&item.id).is_none()).collect()
    }
}

/// An order in which every item comes after those that its condition reads; notes unknown items and cycles.
pub(super) fn order(
    places: &[Cursor<'_>],
    items: &[Option<Item>],
    index: &BTreeMap<&str, usize>,
) -> Option<Vec<usize>> {
    let mut whole = true;
    let mut reads: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (position, item) in items.iter().enumerate() {
        let Some((item, rule)) = item.as_ref().and_then(|item| Some((item, item.condition.as_ref()?))) else {
            continue;
        };
        for id in rule.fields().into_iter().filter_map(|field| field.strip_prefix(ITEM_FIELD_PREFIX)) {
            if let Some(&other) = index.get(id) {
                reads[position].push(other);
            } else {
                whole = false;
                let place = places[position].clone().in_item(Some(&item.id));
                place.get("appliesWhen").and_then(|c| c.fault::<()>(Problem::UnknownItem(id.to_owned())));
            }
        }
    }
    let (order, stuck) = sort(&reads);
    if let Some(&first) = stuck.first() {
        let ids = stuck.iter().filter_map(|&position| Some(items[position].as_ref()?.id.clone()));
        return places[first].get("appliesWhen").and_then(|c| c.fault(Problem::Cycle(ids.collect())));
    }
    whole.then_some(order)
}

/// Takes out, again and again, what reads nothing that is left. What stays waits for itself.
fn sort(reads: &[Vec<usize>]) -> (Vec<usize>, Vec<usize>) {
    let mut order = Vec::with_capacity(reads.len());
    let mut taken = vec![false; reads.len()];
    let mut left: Vec<usize> = (0..reads.len()).collect();
    loop {
        let (ready, waiting): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|&position| reads[position].iter().all(|&other| taken[other]));
        for &position in &ready {
            taken[position] = true;
        }
        let stuck = ready.is_empty();
        order.extend(ready);
        left = waiting;
        if stuck || left.is_empty() {
            return (order, left);
        }
    }
}
