//! Step two, the gate: which received changes become part of the document. Pure; computes for milliseconds.

use crate::store::changes::Change;
use crate::store::inbox::{Item, State};
use crate::store::journal::{Cover, Writer};
use fieldproof_schema::checklist::{Template, check_register};
use fieldproof_schema::document::{
    self, Actor, ChangeHeader, ChangeId, Document, GateRules, RawChange, Refusal, Sent,
};
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A received change and the journal entry that vouches for it.
#[derive(Clone)]
pub struct Candidate {
    /// The change.
    pub item: Item,
    /// The entry; absent when none is on the sender's chain.
    pub cover: Option<Cover>,
}

/// What became of a candidate.
pub type Judged = ((Digest, DeviceId), State, Option<ErrorCode>);

/// What the gate decided.
pub struct Passed {
    /// The document with everything that passed.
    pub document: Document,
    /// What passed, in order.
    pub accepted: Vec<Change>,
    /// What became of every candidate.
    pub judged: Vec<Judged>,
}

/// Lets candidates through: together those that are plain edits and build upon what is here, the others one by one until
/// none makes progress. A candidate that is refused stops no other.
pub fn pass(
    document: Document,
    candidates: Vec<Candidate>,
    writers: &[Writer],
    template: &Template,
) -> Passed {
    let mut actors: BTreeMap<DeviceId, BTreeSet<Actor>> = BTreeMap::new();
    for writer in writers {
        actors.entry(writer.device).or_default().insert(writer.actor);
    }
    let mut passed = Passed { document, accepted: Vec::new(), judged: Vec::new() };
    let mut left = passed.take_together(candidates, &actors, template);
    loop {
        let before = left.len();
        left.retain(|candidate| passed.take(candidate, &actors, template));
        if left.is_empty() || left.len() == before {
            let waiting = |c: Candidate| {
                ((c.item.digest, c.item.device), State::Waiting, Some(ErrorCode::ChangeWaiting))
            };
            passed.judged.extend(left.into_iter().map(waiting));
            return passed;
        }
    }
}

impl Passed {
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
        let raws: Vec<RawChange> = ready.iter().map(|(c, _)| RawChange(c.item.bytes.clone())).collect();
        let rules = |(candidate, _): &(Candidate, ChangeHeader)| GateRules {
            actors: actors.get(&candidate.item.device).unwrap_or(&nobody),
            answer: &answer,
        };
        let run: Vec<Sent<'_>> = raws.iter().zip(ready.iter().map(rules)).collect();
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
            let header = catch_unwind(|| document::inspect(&candidate.item.bytes).ok()).unwrap_or(None);
            match header.filter(|_| candidate.cover.is_some()) {
                Some(header) => waiting.push((candidate, header)),
                None => left.push(candidate),
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
        let Candidate { item, cover } = candidate;
        let known = self.document.contains(header.id) || self.accepted.iter().any(|c| c.id == header.id);
        if let Some(cover) = cover.as_ref().filter(|_| !known) {
            self.accepted.push(Change {
                id: header.id,
                actor: header.actor,
                device: Some(item.device),
                officer: cover.officer,
                entry: Some(cover.hash),
                bytes: item.bytes.clone(),
                written: cover.written,
            });
        }
        self.judged.push(((item.digest, item.device), State::Accepted, None));
    }

    /// Judges one candidate; true when it must wait for others.
    fn take(
        &mut self,
        candidate: &Candidate,
        actors: &BTreeMap<DeviceId, BTreeSet<Actor>>,
        template: &Template,
    ) -> bool {
        let Candidate { item, cover } = candidate;
        let name = (item.digest, item.device);
        if cover.is_none() {
            self.judged.push((name, State::Quarantined, Some(ErrorCode::ChangeUncovered)));
            return false;
        }
        let nobody = BTreeSet::new();
        let rules = GateRules {
            actors: actors.get(&item.device).unwrap_or(&nobody),
            answer: &|id, register| check_register(template, id, register),
        };
        let raw = RawChange(item.bytes.clone());
        // The decoder may panic on hostile bytes. The document itself was only read, so it is still whole.
        match catch_unwind(AssertUnwindSafe(|| document::accept(&self.document, &raw, &rules))) {
            Ok(Ok(merged)) => {
                if let Ok(header) = document::inspect(&raw.0) {
                    self.note(candidate, &header);
                }
                self.document = merged;
                false
            }
            Ok(Err(Refusal::Waiting(_))) => true,
            Ok(Err(refusal)) => {
                self.judged.push((name, State::Quarantined, Some(code(&refusal))));
                false
            }
            Err(_) => {
                self.judged.push((name, State::Quarantined, Some(ErrorCode::ChangeNotApplicable)));
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
