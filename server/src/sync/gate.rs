//! Step two, the gate: which received changes become part of the document. Pure; computes for milliseconds.

use crate::store::changes::Change;
use crate::store::inbox::{Item, State};
use crate::store::journal::{Cover, Writer};
use fieldproof_schema::checklist::{Template, check_register};
use fieldproof_schema::document::{self, Actor, Document, GateRules, RawChange, Refusal};
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

/// Lets candidates through one by one, until none makes progress. A candidate that is refused stops no other.
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
    let mut left = candidates;
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
    /// Judges one candidate; true when it must wait for others.
    fn take(
        &mut self,
        candidate: &Candidate,
        actors: &BTreeMap<DeviceId, BTreeSet<Actor>>,
        template: &Template,
    ) -> bool {
        let Candidate { item, cover } = candidate;
        let name = (item.digest, item.device);
        let Some(cover) = cover else {
            self.judged.push((name, State::Quarantined, Some(ErrorCode::ChangeUncovered)));
            return false;
        };
        let nobody = BTreeSet::new();
        let rules = GateRules {
            actors: actors.get(&item.device).unwrap_or(&nobody),
            answer: &|id, register| check_register(template, id, register),
        };
        let raw = RawChange(item.bytes.clone());
        // The decoder may panic on hostile bytes. The document itself was only read, so it is still whole.
        match catch_unwind(AssertUnwindSafe(|| document::accept(&self.document, &raw, &rules))) {
            Ok(Ok(merged)) => {
                if let Ok(header) = document::inspect(&raw.0)
                    && !self.document.contains(header.id)
                {
                    self.accepted.push(Change {
                        id: header.id,
                        actor: header.actor,
                        device: Some(item.device),
                        officer: cover.officer,
                        entry: Some(cover.hash),
                        bytes: raw.0,
                        written: cover.written,
                    });
                }
                self.document = merged;
                self.judged.push((name, State::Accepted, None));
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
