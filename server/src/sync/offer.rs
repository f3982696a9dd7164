//! What is to be judged: the changes that were received, alone or as parts of a whole document, with what they say about
//! themselves and the entries that cover them.

use crate::store::inbox::State;
use crate::store::journal::Writer;
use crate::sync::cover::{Claim, Covers, Offered};
use crate::sync::gate::{self, Judged};
use fieldproof_schema::document::{self, Actor, ChangeHeader, Document, History, RawChange};
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What was received, by the digest of its bytes and its sender.
pub type Name = (Digest, DeviceId);

/// Something that was received, as far as the gate needs it.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Came {
    /// What it is called.
    #[n(0)]
    pub name: Name,
    /// As it came.
    #[n(1)]
    pub raw: RawChange,
}

/// A change that is offered.
#[derive(Clone)]
pub struct Candidate {
    /// What it came as: itself, or the document that it is part of.
    pub item: Name,
    /// Its own digest.
    pub digest: Digest,
    /// As it was written.
    pub raw: RawChange,
    /// Absent when the bytes are no readable change.
    pub header: Option<ChangeHeader>,
    /// By which entry it is covered.
    pub claim: Claim,
}

impl Candidate {
    /// Whether it came inside a document.
    pub fn is_part(&self) -> bool {
        self.digest != self.item.0
    }
}

/// What is to be judged.
#[derive(Default)]
pub struct Offer {
    /// The changes.
    pub candidates: Vec<Candidate>,
    /// The documents that changes came in; true while one holds changes of others that are not here.
    pub documents: BTreeMap<Name, bool>,
    /// What is no document, though it says so.
    pub refused: Vec<Judged>,
    /// The one document, when nothing else is offered and all of it is signed.
    pub alone: Option<History>,
}

/// Opens what was received. `beside` are changes that are held apart and may be the last ones of runs. Computes for
/// milliseconds.
pub fn open(
    items: &[Came],
    beside: &[Came],
    covers: &Covers,
    writers: &[Writer],
    document: &Document,
) -> Offer {
    let mut offer = Offer::default();
    for Came { name, raw } in items {
        if document::is_document(&raw.0) {
            offer.open(*name, &raw.0, writers, document);
        } else {
            let header = catch_unwind(|| document::inspect(&raw.0).ok()).unwrap_or(None);
            let (digest, raw, claim) = (name.0, raw.clone(), Claim::Unsigned);
            offer.candidates.push(Candidate { item: *name, digest, raw, header, claim });
        }
    }
    let beside: Vec<(Name, ChangeHeader)> = beside
        .iter()
        .filter_map(|Came { name, raw }| {
            Some((*name, catch_unwind(|| document::inspect(&raw.0).ok()).ok()??))
        })
        .collect();
    let readable = offer.candidates.iter().filter_map(|c| Some((c.item.1, c.digest, c.header.as_ref()?)));
    let witnesses = beside.iter().map(|((digest, device), header)| (*device, *digest, header));
    let offered: Vec<Offered<'_>> = readable.chain(witnesses).collect();
    let mut claims = covers.claims(&offered, document).into_iter();
    for candidate in offer.candidates.iter_mut().filter(|c| c.header.is_some()) {
        candidate.claim = claims.next().unwrap_or(Claim::Unsigned);
    }
    let all_signed = offer.candidates.iter().all(|c| matches!(c.claim, Claim::Signed(_)));
    offer.alone = offer.alone.filter(|_| items.len() == 1 && all_signed);
    offer
}

impl Offer {
    /// Opens a document: its sender's changes that are not here are offered.
    fn open(&mut self, name: Name, bytes: &[u8], writers: &[Writer], document: &Document) {
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let history = History::open(bytes.to_vec())?;
            let beyond = history.beyond(document);
            Ok((history, beyond))
        }));
        let (history, beyond) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(refusal)) => return self.refuse(name, gate::code(&refusal)),
            Err(_) => return self.refuse(name, ErrorCode::ChangeNotReloadable),
        };
        let whose = |actor: Actor| writers.iter().find(|writer| writer.actor == actor).map(|w| w.device);
        let mut foreign = false;
        for (raw, header) in beyond {
            // What a colleague wrote comes under the journal of the colleague's own terminal, from there or carried.
            if whose(header.actor).is_some_and(|device| device != name.1) {
                foreign = true;
                continue;
            }
            let (digest, claim) = (Digest::of(&raw.0), Claim::Unsigned);
            self.candidates.push(Candidate { item: name, digest, raw, header: Some(header), claim });
        }
        self.documents.insert(name, foreign);
        self.alone = Some(history).filter(|_| !foreign);
    }

    fn refuse(&mut self, name: Name, code: ErrorCode) {
        self.refused.push((name, State::Quarantined, Some(code)));
    }

    /// Keeps what is among `names` and forgets the others.
    pub fn retain(&mut self, names: &BTreeSet<Name>) {
        self.candidates.retain(|candidate| names.contains(&candidate.item));
        self.documents.retain(|name, _| names.contains(name));
        self.refused.retain(|(name, ..)| names.contains(name));
        self.alone = self.alone.take().filter(|_| !self.documents.is_empty());
    }
}
