//! How far an inspection has come by its checklist.

use super::{Answer, Applicability, Template};
use crate::document::View;
use std::collections::BTreeMap;

/// The answers that stand and can be read.
pub fn answers(view: &View) -> BTreeMap<&str, Answer> {
    view.answers.iter().map(|(item, r)| (item.as_str(), Answer::from_register(&r.standing.value))).collect()
}

/// Whether each item applies, in the order of the checklist.
pub fn applicability(template: &Template, view: &View) -> Vec<(String, Applicability)> {
    let answers = answers(view);
    let entity = |name: &str| view.identity.entity.fields.get(name).cloned();
    let decided = template.applicability(&|item| answers.get(item).cloned(), &entity);
    decided.into_iter().map(|(item, applies)| (item.id.clone(), applies)).collect()
}

/// How many items have an answer, of how many that apply or may apply.
pub fn progress(template: &Template, view: &View) -> (u32, u32) {
    let (mut answered, mut applicable) = (0, 0);
    for (item, applies) in applicability(template, view) {
        if applies != Applicability::DoesNotApply {
            applicable += 1;
            answered += u32::from(view.answers.contains_key(&item));
        }
    }
    (answered, applicable)
}
