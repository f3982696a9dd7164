//! Step two, the gate: which received changes become part of the document. Pure; computes for milliseconds.

use crate::store::changes::Change;
use crate::store::inbox::State;
use crate::store::journal::Writer;
use crate::sync::cover::Claim;
use crate::sync::offer::{Candidate, Name, Offer};
use fieldproof_schema::checklist::{Template, check_register};
use fieldproof_schema::document::{
    self, Actor, ChangeHeader, ChangeId, Document, GateRules, History, RawChange, Refusal, Sent,
};
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::server::SERVER;
use fieldproof_schema::wire::error::ErrorCode;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What became of something that was received.
pub type Judged = (Name, State, Option<ErrorCode>);

/// A change that came inside a document and is held apart by itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Apart {
    /// Its digest and its sender.
    #[n(0)]
    pub name: Name,
    /// As it was written.
    #[n(1)]
    pub raw: RawChange,
    /// Why.
    #[n(2)]
    pub code: ErrorCode,
}

/// What the gate decided.
pub struct Passed {
    /// The document with everything that passed.
    pub document: Document,
    /// What passed, in order.
    pub accepted: Vec<Change>,
    /// What became of everything that was offered. A document counts as accepted once each of its changes was.
    pub judged: Vec<Judged>,
    /// Changes out of documents that are held apart: the others of the document are not.
    pub apart: Vec<Apart>,
    /// Documents with changes that wait.
    incomplete: BTreeSet<Name>,
}

/// Lets candidates through: together those that are plain edits and build upon what is here, the others one by one until
/// none makes progress. A candidate that is refused stops no other.
pub fn pass(document: Document, offer: Offer, writers: &[Writer], template: &Template) -> Passed {
    let mut actors: BTreeMap<DeviceId, BTreeSet<Actor>> = BTreeMap::new();
    for writer in writers {
        actors.entry(writer.device).or_default().insert(writer.actor);
    }
    let Offer { candidates, documents, refused, alone } = offer;
    let incomplete = documents.iter().filter(|(_, foreign)| **foreign).map(|(name, _)| *name).collect();
    let mut passed =
        Passed { document, accepted: Vec::new(), judged: refused, apart: Vec::new(), incomplete };
    let mut left = match alone {
        Some(history) => passed.take_whole(&history, candidates, &actors, template),
        None => candidates,
    };
    left = passed.take_together(left, &actors, template);
    loop {
        let before = left.len();
        left.retain(|candidate| passed.take(candidate, &actors, template));
        if left.is_empty() || left.len() == before {
            break;
        }
    }
    for candidate in left {
        passed.fate(&candidate, State::Waiting, Some(ErrorCode::ChangeWaiting));
    }
    for name in documents.into_keys() {
        let waits = passed.incomplete.contains(&name);
        passed.judged.push(if waits {
            (name, State::Waiting, Some(ErrorCode::ChangeWaiting))
        } else {
            (name, State::Accepted, None)
        });
    }
    passed
}

impl Passed {
    /// Takes a document that is the only thing offered; returns what has to be judged otherwise: all of it, or nothing.
    fn take_whole(
        &mut self,
        history: &History,
        candidates: Vec<Candidate>,
        actors: &BTreeMap<DeviceId, BTreeSet<Actor>>,
        template: &Template,
    ) -> Vec<Candidate> {
        let nobody = BTreeSet::new();
        let sender = candidates.first().map(|candidate| candidate.item.1);
        let rules = GateRules {
            actors: sender.and_then(|device| actors.get(&device)).unwrap_or(&nobody),
            answer: &|id, register| check_register(template, id, register),
        };
        let merged =
            catch_unwind(AssertUnwindSafe(|| history.accept(&self.document, &rules))).unwrap_or(None);
        let Some(merged) = merged else { return candidates };
        for candidate in &candidates {
            if let Some(header) = &candidate.header {
                self.note(candidate, header);
            }
        }
        self.document = merged;
        Vec::new()
    }

    /// Says what became of a candidate. One that came inside a document shares the document's fate, but for being held
    /// apart.
    fn fate(&mut self, candidate: &Candidate, state: State, code: Option<ErrorCode>) {
        if !candidate.is_part() {
            self.judged.push((candidate.item, state, code));
        } else if let (State::Quarantined, Some(code)) = (state, code) {
            let name = (candidate.digest, candidate.item.1);
            self.apart.push(Apart { name, raw: candidate.raw.clone(), code });
        } else if state == State::Waiting {
            self.incomplete.insert(candidate.item);
        }
    }

    /// Takes what passes together; returns what has to be judged one by one: everything, where a single one does.
    fn take_together(
        &mut self,
        candidates: Vec<Candidate>,
        actors: &BTreeMap<DeviceId, BTreeSet<Actor>>,
        template: &Template,
    ) -> Vec<Candidate> {
        let (ready, left) = self.in_order(candidates);
        let answer = |id: &str, register: &str| check_register(template, id, register);
        let nobody = BTreeSet::new();
        let rules = |(candidate, _): &(Candidate, ChangeHeader)| GateRules {
            actors: actors.get(&candidate.item.1).unwrap_or(&nobody),
            answer: &answer,
        };
        let run: Vec<Sent<'_>> = ready.iter().map(|r| (&r.0.raw, rules(r))).collect();
        let merged = if run.is_empty() {
            None
        } else {
            catch_unwind(AssertUnwindSafe(|| document::accept_run(&self.document, &run))).unwrap_or(None)
        };
        let Some(merged) = merged else {
            return ready.into_iter().map(|(candidate, _)| candidate).chain(left).collect();
        };
        for (candidate, header) in ready {
            self.note(&candidate, &header);
        }
        self.document = merged;
        left
    }

    /// The candidates that are covered and build upon what is here or comes before them, and the others.
    fn in_order(&self, candidates: Vec<Candidate>) -> (Vec<(Candidate, ChangeHeader)>, Vec<Candidate>) {
        let (mut ready, mut left): (Vec<(Candidate, ChangeHeader)>, _) = (Vec::new(), Vec::new());
        let mut here = BTreeSet::new();
        let mut waiting: Vec<(Candidate, ChangeHeader)> = Vec::new();
        for candidate in candidates {
            match (&candidate.header, &candidate.claim) {
                (Some(header), Claim::Signed(_)) => waiting.push((candidate.clone(), header.clone())),
                _ => left.push(candidate),
            }
        }
        // Changes come in the order in which they were written, so one turn is enough but for what crossed on the way.
        loop {
            let before = waiting.len();
            let mut later = Vec::new();
            for (candidate, header) in waiting {
                let is_here = |dep: &ChangeId| here.contains(dep) || self.document.contains(*dep);
                if header.deps.iter().all(is_here) {
                    here.insert(header.id);
                    ready.push((candidate, header));
                } else {
                    later.push((candidate, header));
                }
            }
            waiting = later;
            if waiting.is_empty() || waiting.len() == before {
                left.extend(waiting.into_iter().map(|(candidate, _)| candidate));
                return (ready, left);
            }
        }
    }

    /// Notes that a candidate is part of the record.
    fn note(&mut self, candidate: &Candidate, header: &ChangeHeader) {
        let Candidate { item, claim, raw, .. } = candidate;
        let known = self.document.contains(header.id) || self.accepted.iter().any(|c| c.id == header.id);
        if let (Claim::Signed(cover), false) = (claim, known) {
            self.accepted.push(Change {
                id: header.id,
                actor: header.actor,
                seq: Some(header.seq),
                device: Some(item.1).filter(|device| *device != SERVER),
                officer: cover.officer,
                entry: Some(cover.hash),
                bytes: raw.0.clone(),
                written: cover.written,
            });
        }
        self.fate(candidate, State::Accepted, None);
    }

    /// Judges one candidate; true when it must wait for others.
    fn take(
        &mut self,
        candidate: &Candidate,
        actors: &BTreeMap<DeviceId, BTreeSet<Actor>>,
        template: &Template,
    ) -> bool {
        let Candidate { item, header, claim, raw, .. } = candidate;
        match claim {
            Claim::Signed(_) => {}
            Claim::Begun => return true,
            // What cannot be read is said to be that, whoever signed it.
            Claim::Unsigned if header.is_some() => {
                self.fate(candidate, State::Quarantined, Some(ErrorCode::ChangeUncovered));
                return false;
            }
            Claim::Unsigned => {}
        }
        let nobody = BTreeSet::new();
        let rules = GateRules {
            actors: actors.get(&item.1).unwrap_or(&nobody),
            answer: &|id, register| check_register(template, id, register),
        };
        // The decoder may panic on hostile bytes. The document itself was only read, so it is still whole.
        match catch_unwind(AssertUnwindSafe(|| document::accept(&self.document, raw, &rules))) {
            Ok(Ok(merged)) => {
                if let Some(header) = header {
                    self.note(candidate, header);
                }
                self.document = merged;
                false
            }
            Ok(Err(Refusal::Waiting(_))) => true,
            Ok(Err(refusal)) => {
                self.fate(candidate, State::Quarantined, Some(code(&refusal)));
                false
            }
            Err(_) => {
                self.fate(candidate, State::Quarantined, Some(ErrorCode::ChangeNotApplicable));
                false
            }
        }
    }
}

/// The code of a refusal.
pub fn code(refusal: &Refusal) -> ErrorCode {
    match refusal {
        Refusal::NotAChange => ErrorCode::ChangeUnreadable,
        Refusal::ChunkKind(_) => ErrorCode::ChangeCompressed,
        Refusal::TooLarge => ErrorCode::ChangeTooLarge,
        Refusal::NotCanonical => ErrorCode::ChangeNotCanonical,
        Refusal::ForeignActor => ErrorCode::ChangeForeignActor,
        Refusal::NotApplicable => ErrorCode::ChangeNotApplicable,
        Refusal::Frame => ErrorCode::ChangeFrame,
        Refusal::NotStorable => ErrorCode::ChangeNotReloadable,
        Refusal::NotReloadable => ErrorCode::ChangeNotReloadable,
        Refusal::UnknownItem(_) => ErrorCode::AnswerUnknownItem,
        Refusal::UnfitAnswer(_) => ErrorCode::AnswerUnfit,
        Refusal::Waiting(_) => ErrorCode::ChangeWaiting,
    }
}
