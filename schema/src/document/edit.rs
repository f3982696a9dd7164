//! Writing into an inspection document. What may be written is the caller's business; how it is written is here.

use super::Containers;
use super::merge::COMPARED_CHARS_MAX;
use crate::limits::{CHANGE_OPS_MAX, TEXT_BYTES_MAX};
use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ReadDoc, Value};

/// Why an edit was refused. The document is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The checklist has no such item.
    #[error("the checklist has no item {0:?}")]
    UnknownItem(String),
    /// A text is longer than [`TEXT_BYTES_MAX`].
    #[error("a text of {bytes} bytes is longer than {TEXT_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The change has more operations than [`CHANGE_OPS_MAX`]: one for each character inserted or removed.
    #[error("the change has more than {CHANGE_OPS_MAX} operations")]
    TooMuch,
    /// Automerge refused the edit.
    #[error("the document refused the edit")]
    Refused(#[source] Box<AutomergeError>),
}

impl From<AutomergeError> for EditError {
    fn from(error: AutomergeError) -> Self {
        Self::Refused(Box::new(error))
    }
}

/// One change in the making.
pub struct Edit<'a, 'd> {
    tx: &'a mut Transaction<'d>,
    containers: &'a Containers,
}

macro_rules! register_writers {
    ($($(#[doc = $doc:literal])* $name:ident => $map:literal;)*) => {
        $($(#[doc = $doc])*
        pub fn $name(&mut self, key: &str, register: &str) -> Result<(), EditError> {
            self.put($map, key, register)
        })*
    };
}

impl<'a, 'd> Edit<'a, 'd> {
    pub(super) fn new(tx: &'a mut Transaction<'d>, containers: &'a Containers) -> Self {
        Self { tx, containers }
    }

    register_writers! {
        /// Replaces the answer to an item as a whole; the item must be in the pinned checklist.
        answer => "answers";
        /// Writes a finding (发现的问题) under its own id.
        finding => "findings";
        /// Writes a measurement at one sampling point under its own id.
        measurement => "measurements";
        /// Lists a capture under its own id.
        evidence => "evidence";
        /// Writes a document's fields under its own id.
        document => "documents";
        /// Proposes a correction of the directory under its own id.
        proposal => "proposals";
        /// Records how a conflict was decided, under the conflict's id.
        resolution => "resolutions";
    }

    /// Takes an answer away, as if it had not been given; one that a colleague gives meanwhile stays. An item without an
    /// answer stays without.
    pub fn clear_answer(&mut self, item: &str) -> Result<(), EditError> {
        if self.tx.get(&self.containers.notes, item)?.is_none() {
            return Err(EditError::UnknownItem(item.to_owned()));
        }
        let answers = self.map("answers");
        if self.tx.get_all(answers, item)?.is_empty() {
            return Ok(());
        }
        Ok(self.tx.delete(answers, item)?)
    }

    /// Replaces the note of an item; edits of others elsewhere in it stay.
    pub fn note(&mut self, item: &str, text: &str) -> Result<(), EditError> {
        check_length(text)?;
        match self.tx.get(&self.containers.notes, item)? {
            Some((Value::Object(_), id)) => self.replace(&id, text),
            _ => Err(EditError::UnknownItem(item.to_owned())),
        }
    }

    /// Replaces the narrative (检查情况); edits of others elsewhere in it stay.
    pub fn narrative(&mut self, text: &str) -> Result<(), EditError> {
        self.text("narrative", text)
    }

    /// Replaces the inspected party's statement (当事人陈述).
    pub fn statement(&mut self, text: &str) -> Result<(), EditError> {
        self.text("statement", text)
    }

    fn text(&mut self, name: &str, text: &str) -> Result<(), EditError> {
        check_length(text)?;
        let (_, id) = self
            .containers
            .texts
            .iter()
            .find(|(known, _)| *known == name)
            .expect("texts are named by this module");
        self.replace(id, text)
    }

    /// Writes what is different. The difference is found character by character where that is quick; texts that have little
    /// in common over a long stretch are replaced there as a whole, because finding more would take minutes.
    fn replace(&mut self, id: &ObjId, text: &str) -> Result<(), EditError> {
        let old: Vec<char> = self.tx.text(id)?.chars().collect();
        let new: Vec<char> = text.chars().collect();
        let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let tails = old[start..].iter().rev().zip(new[start..].iter().rev());
        let end = tails.take_while(|(a, b)| a == b).count();
        let (removed, inserted) = (old.len() - start - end, &new[start..new.len() - end]);
        if removed + inserted.len() <= COMPARED_CHARS_MAX {
            return Ok(self.tx.update_text(id, text)?);
        }
        // No gate would take the change, and everything later would build upon it.
        if self.tx.pending_ops() + removed + inserted.len() > CHANGE_OPS_MAX {
            return Err(EditError::TooMuch);
        }
        let inserted: String = inserted.iter().collect();
        let removed = isize::try_from(removed).expect("texts are far shorter than that");
        Ok(self.tx.splice_text(id, start, removed, &inserted)?)
    }

    fn put(&mut self, map: &str, key: &str, register: &str) -> Result<(), EditError> {
        check_length(register)?;
        let id = self.map(map);
        if map == "answers" && self.tx.get(&self.containers.notes, key)?.is_none() {
            return Err(EditError::UnknownItem(key.to_owned()));
        }
        // Writing what already stands alone would only add history; over rivals it is a decision.
        let standing = self.tx.get_all(id, key)?;
        match standing.as_slice() {
            [(value, _)] if value.as_str() == Some(register) => return Ok(()),
            // Automerge would take the rivals away and leave the one that stands as its writer's: who overwrites that one
            // meanwhile would undo the decision, and nobody would be told. Over nothing it is a write of its own.
            [_, .., (value, _)] if value.as_str() == Some(register) => self.tx.delete(id, key)?,
            _ => {}
        }
        Ok(self.tx.put(id, key, register)?)
    }

    fn map(&self, name: &str) -> &'a ObjId {
        let mut registers = self.containers.registers.iter();
        let (_, id) = registers.find(|(known, _)| *known == name).expect("maps are named by this module");
        id
    }
}

fn check_length(text: &str) -> Result<(), EditError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(EditError::TooLong { bytes: text.len() });
    }
    Ok(())
}
