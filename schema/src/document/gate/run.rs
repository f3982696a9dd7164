//! Several changes at once: what honest terminals write passes the gate for the price of one document.
//!
//! The gate proper judges one change with a copy, a save and a load of the whole document. Sixty changes of one visit cost
//! sixty of these. Here each change is looked at by itself (form, writer, every single operation), all are applied to one
//! copy, and that one is saved, loaded and compared. What is not plainly an edit of an answer, a record or a text is not
//! judged here: the caller takes such changes one by one.

use super::{GateRules, frame_is_whole, is_whole_again, look, record_is_whole};
use crate::document::{Applied, Containers, Document, RawChange};
use crate::limits::KEY_BYTES_MAX;
use automerge::legacy::{Key, ObjectId, Op, OpType};
use automerge::{ExpandedChange, ObjId, ReadDoc, ScalarValue, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A change and what is known about its sender.
pub type Sent<'a> = (&'a RawChange, GateRules<'a>);

/// Passes changes through the gate together, each after its predecessors; returns the document with all of them, reloaded
/// from its saved form, or nothing when one of them has to be judged by itself.
///
/// Whatever passes here passes one by one, too, and amounts to the same.
pub fn accept_run(document: &Document, run: &[Sent<'_>]) -> Option<Document> {
    let places = Places::of(document);
    let mut copy = document.clone();
    for (change, rules) in run {
        let (header, expanded) = look(&change.0).ok()?;
        if document.contains(header.id) {
            continue;
        }
        if !rules.actors.contains(&header.actor) || !places.allow(&expanded, rules) {
            return None;
        }
        match copy.apply(change) {
            Ok(Applied::New | Applied::Known) if copy.contains(header.id) => {}
            Ok(_) | Err(_) => return None,
        }
    }
    let reloaded = Document::load(&copy.save()).ok()?;
    let new: Vec<&RawChange> = run.iter().map(|(change, _)| *change).collect();
    record_is_whole(&reloaded, &new).ok()?;
    frame_is_whole(document, &reloaded).ok()?;
    is_whole_again(&copy, &reloaded).ok()?;
    Some(reloaded)
}

/// Where a plain edit may write.
pub(in crate::document) struct Places {
    /// Maps of registers, by the operation that made them; whether it is the one of the answers.
    registers: BTreeMap<Made, bool>,
    /// Texts: narrative, statement, notes.
    texts: BTreeSet<Made>,
}

/// The operation that made an object: its counter and its writer.
type Made = (u64, Vec<u8>);

fn made(object: &ObjId) -> Option<Made> {
    match object {
        ObjId::Root => None,
        ObjId::Id(counter, actor, _) => Some((*counter, actor.to_bytes().to_vec())),
    }
}

impl Places {
    pub(in crate::document) fn of(document: &Document) -> Self {
        let Containers { registers, notes, texts } = &document.containers;
        let maps = registers.iter().filter_map(|(name, object)| Some((made(object)?, *name == "answers")));
        let own = document.doc.keys(notes).filter_map(|item| match document.doc.get(notes, item.as_str()) {
            Ok(Some((Value::Object(_), object))) => made(&object),
            _ => None,
        });
        let texts = texts.iter().filter_map(|(_, object)| made(object));
        Self { registers: maps.collect(), texts: texts.chain(own).collect() }
    }

    /// Whether every operation of a change is a plain edit, with answers that fit, and none writes a register again.
    pub(in crate::document) fn allow(&self, change: &ExpandedChange, rules: &GateRules<'_>) -> bool {
        let mut written = BTreeSet::new();
        change.operations.iter().all(|op| {
            let once = match &op.key {
                Key::Map(key) => written.insert(key.as_str()),
                Key::Seq(_) => true,
            };
            once && self.allows(op, rules)
        })
    }

    fn allows(&self, op: &Op, rules: &GateRules<'_>) -> bool {
        let ObjectId::Id(object) = &op.obj else { return false };
        let object = (object.counter(), object.actor().to_bytes().to_vec());
        let text = match &op.action {
            OpType::Put(ScalarValue::Str(text)) if !text.contains('\0') => Some(text.as_str()),
            OpType::Delete => None,
            _ => return false,
        };
        match (&op.key, self.registers.get(&object)) {
            (Key::Map(key), Some(is_answer)) if !op.insert => {
                let fits = |text: &str| !is_answer || (rules.answer)(key, text).is_ok();
                key.len() <= KEY_BYTES_MAX && !key.contains('\0') && text.is_none_or(fits)
            }
            (Key::Seq(_), None) => self.texts.contains(&object),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
