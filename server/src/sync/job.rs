//! The gate's work as one message and one answer, so that it can be done in this process or in another.
//!
//! Everything that parses what was received and has not passed the gate is in [`Job::run`]: whoever has the answer opens
//! nothing but what the gate itself saved.

use crate::documents::Stored;
use crate::error::ApiError;
use crate::store::changes::Change;
use crate::store::inbox::State;
use crate::store::journal::Writer;
use crate::sync::cover::Covers;
use crate::sync::gate::{self, Apart, Judged, Passed};
use crate::sync::offer::{self, Came, Name, Offer};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::document::{Document, DocumentError, RawChange};
use fieldproof_schema::wire::error::ErrorCode;
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;

/// Which of the pending changes are judged.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Only {
    /// All of them.
    #[n(0)]
    All,
    /// These, beside the others: all are opened. With none of them nothing is.
    #[n(1)]
    These(#[n(0)] BTreeSet<Name>),
    /// This one, as if nothing else had come: nothing else is opened. When it ends whoever opens it, it was this one.
    #[n(2)]
    Alone(#[n(0)] Name),
}

impl Only {
    fn opens(&self, name: &Name) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => !names.is_empty(),
            Self::Alone(only) => only == name,
        }
    }

    fn narrow(&self, offer: &mut Offer) {
        if let Self::These(names) = self {
            offer.retain(names);
        }
    }
}

/// What is to be judged, and all that is needed for it but the checklist.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Job {
    /// The document as it was saved last.
    #[n(0)]
    pub snapshot: Option<RawChange>,
    /// Its changes, where no snapshot can be used.
    #[n(1)]
    pub changes: Vec<RawChange>,
    /// What was received and waits for its judgement.
    #[n(2)]
    pub pending: Vec<Came>,
    /// What is held apart and may hold the last changes of runs.
    #[n(3)]
    pub beside: Vec<Came>,
    /// What the journals vouch for.
    #[n(4)]
    pub covers: Covers,
    /// Who declared which writer.
    #[n(5)]
    pub writers: Vec<Writer>,
    /// Which of the pending are judged.
    #[n(6)]
    pub only: Only,
}

/// What the gate found.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Done {
    /// The document with everything that passed, saved; absent while it is what it was.
    #[n(0)]
    pub saved: Option<RawChange>,
    /// What passed, in order.
    #[n(1)]
    pub accepted: Vec<Change>,
    /// What became of everything that was offered.
    #[n(2)]
    pub judged: Vec<Fate>,
    /// Changes out of documents that are held apart.
    #[n(3)]
    pub apart: Vec<Apart>,
}

/// A [`Judged`] as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Fate {
    /// What was received.
    #[n(0)]
    pub name: Name,
    /// What became of it.
    #[n(1)]
    pub state: State,
    /// Why.
    #[n(2)]
    pub code: Option<ErrorCode>,
}

/// What is left to do when a job was done.
pub struct Outcome {
    after: After,
    /// What passed, in order.
    pub accepted: Vec<Change>,
    /// What became of everything that was offered.
    pub judged: Vec<Judged>,
    /// Changes out of documents that are held apart.
    pub apart: Vec<Apart>,
}

enum After {
    /// As it was.
    Same,
    /// Judged here.
    Open(Box<Document>),
    /// Judged elsewhere.
    Saved(Vec<u8>),
}

impl Outcome {
    /// Of nothing to judge.
    pub fn nothing() -> Self {
        Self { after: After::Same, accepted: Vec::new(), judged: Vec::new(), apart: Vec::new() }
    }

    /// Opens the document with what passed. Computes for milliseconds.
    pub fn document(&mut self, before: &Stored) -> Result<Document, ApiError> {
        match std::mem::replace(&mut self.after, After::Same) {
            After::Same => before.open(),
            After::Open(document) => Ok(*document),
            After::Saved(bytes) => Document::load(&bytes).map_err(ApiError::internal),
        }
    }
}

impl From<Passed> for Outcome {
    fn from(passed: Passed) -> Self {
        let Passed { document, accepted, judged, apart, .. } = passed;
        Self { after: After::Open(Box::new(document)), accepted, judged, apart }
    }
}

impl From<Done> for Outcome {
    fn from(done: Done) -> Self {
        let Done { saved, accepted, judged, apart } = done;
        let judged = judged.into_iter().map(|fate| (fate.name, fate.state, fate.code)).collect();
        let after = saved.map_or(After::Same, |saved| After::Saved(saved.0));
        Self { after, accepted, judged, apart }
    }
}

impl From<Passed> for Done {
    fn from(passed: Passed) -> Self {
        let Passed { document, accepted, judged, apart, .. } = passed;
        let fate = |(name, state, code)| Fate { name, state, code };
        let saved = (!accepted.is_empty()).then(|| RawChange(document.save()));
        Self { saved, accepted, judged: judged.into_iter().map(fate).collect(), apart }
    }
}

impl Job {
    /// What is opened of that which nobody has judged.
    pub fn opened(&self) -> impl Iterator<Item = &Came> {
        self.pending.iter().filter(|came| self.only.opens(&came.name))
    }

    /// Leaves out what is not opened.
    fn narrow(&mut self) {
        self.pending.retain(|came| self.only.opens(&came.name));
        if matches!(self.only, Only::Alone(_)) {
            self.beside.clear();
        }
    }

    /// How many bytes are opened, without those of the journals.
    pub fn bytes(&self) -> usize {
        let came = self.pending.iter().chain(&self.beside).map(|came| &came.raw);
        let all = self.snapshot.iter().chain(&self.changes).chain(came);
        all.map(|raw| raw.0.len()).sum()
    }

    /// Does it. May panic, and take as long and as much memory as hostile bytes can make it.
    ///
    /// # Errors
    /// When the document as it was cannot be opened.
    pub fn run(mut self, template: &Template) -> Result<Passed, DocumentError> {
        let document = match &self.snapshot {
            Some(bytes) => Document::load(&bytes.0),
            None => Document::from_changes(self.changes.iter().map(|change| change.0.as_slice())),
        }?;
        self.narrow();
        let mut offer = offer::open(&self.pending, &self.beside, &self.covers, &self.writers, &document);
        self.only.narrow(&mut offer);
        Ok(gate::pass(document, offer, &self.writers, template))
    }
}
