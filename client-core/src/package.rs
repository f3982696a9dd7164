//! What of a package counts here: pure over what is in it and the visit as it stands.
//!
//! A file proves nothing. A change counts when the journal of its writer's terminal vouches for it, the server vouches for
//! the terminal, the writer is on the team, and the gate lets it pass; the same rules as on the server, by the same
//! functions. Whatever is signed must hold: a package in which one signature does not is not taken at all.

use crate::documents;
use crate::error::ClientError;
use fieldproof_schema::certificate::{Certificate, SignedCertificate};
use fieldproof_schema::checklist::{Template, check_register};
use fieldproof_schema::cover::{Claim, Cover, Covers, Offered, Saved};
use fieldproof_schema::document::{
    self, Actor, ChangeHeader, Document, GateRules, RawChange, Refusal, is_document, weigh_change,
};
use fieldproof_schema::ids::{DeviceId, OfficerId};
use fieldproof_schema::journal::{Entry, Kind, SignedEntry, body};
use fieldproof_schema::limits::SYNC_OPS_MAX;
use fieldproof_schema::moment::Interval;
use fieldproof_schema::package::Package;
use fieldproof_schema::server::{self, SERVER};
use fieldproof_schema::suite::{Digest, PublicKey};
use std::collections::{BTreeMap, BTreeSet};

/// A change that counts.
pub(crate) struct Passed {
    pub(crate) raw: RawChange,
    pub(crate) header: ChangeHeader,
    /// None for the server itself.
    pub(crate) device: Option<DeviceId>,
    pub(crate) cover: Cover,
}

/// What of a package counts.
pub(crate) struct Judged {
    /// The visit with everything that passed.
    pub(crate) document: Document,
    /// What passed and was not here, each after its predecessors.
    pub(crate) passed: Vec<Passed>,
    /// Whose the terminals are.
    pub(crate) certificates: Vec<(DeviceId, SignedCertificate)>,
    /// What they signed.
    pub(crate) entries: Vec<(Entry, SignedEntry)>,
    /// Changes that build upon what is not here: they count once that is.
    pub(crate) waiting: u64,
    /// Changes that do not count.
    pub(crate) refused: u64,
}

/// What is needed to judge a package.
pub(crate) struct Against<'a> {
    pub(crate) server: &'a PublicKey,
    pub(crate) team: &'a [OfficerId],
    pub(crate) document: &'a Document,
    pub(crate) template: &'a Template,
}

/// Judges a package.
///
/// # Errors
/// [`ClientError::PackageAltered`] when something in it is not what was signed.
pub(crate) fn judge(package: &Package, against: &Against<'_>) -> Result<Judged, ClientError> {
    let mut judged = Judged {
        document: against.document.clone(),
        passed: Vec::new(),
        certificates: Vec::new(),
        entries: Vec::new(),
        waiting: 0,
        refused: 0,
    };
    let mut saved = Vec::new();
    let mut actors: BTreeMap<DeviceId, BTreeSet<Actor>> = BTreeMap::new();
    let (mut offered, mut ops) = (Vec::new(), 0);
    for carried in &package.carried {
        let whose = carried.certificate.verify(against.server).map_err(|_| ClientError::PackageAltered)?;
        let by_server = server::is_own(&whose, against.server);
        let counts = by_server || against.team.contains(&whose.officer);
        for signed in &carried.entries {
            let entry = signed
                .verify(whose.device, &whose.device_key)
                .ok()
                .filter(|entry| entry.inspection == Some(package.inspection))
                .ok_or(ClientError::PackageAltered)?;
            if counts && (by_server || entry.officer == Some(whose.officer)) {
                actors.entry(whose.device).or_default().extend(declared(&entry));
                saved.extend(covering(&whose, &entry, signed));
            }
            judged.entries.push((entry, signed.clone()));
        }
        let chunks = carried.chunks.iter().filter(|chunk| chunk.inspection == package.inspection);
        for raw in chunks.flat_map(|chunk| &chunk.changes) {
            match readable(raw, &mut ops).filter(|_| counts) {
                Some(header) => offered.push((whose.device, raw, header)),
                None => judged.refused += 1,
            }
        }
        judged.certificates.push((whose.device, carried.certificate.clone()));
    }
    let covers: Covers = saved.into_iter().collect();
    judged.pass(&covers, &actors, offered, against.template);
    Ok(judged)
}

/// The writers that an entry declares.
fn declared(entry: &Entry) -> Option<Actor> {
    match entry.kind {
        Kind::ActorDeclared => body::read::<body::ActorDeclared>(&entry.body).ok().map(|d| d.actor),
        Kind::Saved => body::read::<body::Saved>(&entry.body).ok()?.run.map(|run| run.actor),
        _ => None,
    }
}

fn covering(whose: &Certificate, entry: &Entry, signed: &SignedEntry) -> Option<Saved> {
    let content = entry.content.filter(|_| entry.kind == Kind::Saved)?;
    // The server vouches for the moment of the last contact; for no later one until it has the entry, but for its own.
    let latest = entry.server_at.filter(|_| whose.device == SERVER);
    let written = Interval { earliest: entry.server_at, latest };
    let (hash, officer) = (signed.hash(), entry.officer);
    let cover = Cover { hash, written, officer, bytes: signed.bytes.clone(), signature: signed.signature };
    Some(Saved { device: whose.device, content, apart: false, cover })
}

/// What a change says about itself; weighed before anything decodes it.
fn readable(raw: &RawChange, ops: &mut usize) -> Option<ChangeHeader> {
    if is_document(&raw.0) || *ops >= SYNC_OPS_MAX {
        return None;
    }
    *ops += weigh_change(&raw.0).ok()?.1;
    documents::header_of(raw)
}

impl Judged {
    fn pass(
        &mut self,
        covers: &Covers,
        actors: &BTreeMap<DeviceId, BTreeSet<Actor>>,
        offered: Vec<(DeviceId, &RawChange, ChangeHeader)>,
        template: &Template,
    ) {
        let named: Vec<Offered<'_>> =
            offered.iter().map(|(device, raw, header)| (*device, Digest::of(&raw.0), header)).collect();
        let claims = covers.claims(&named, &self.document);
        let mut left = Vec::new();
        for ((device, raw, header), claim) in offered.into_iter().zip(claims) {
            match claim {
                _ if self.document.contains(header.id) => {}
                Claim::Signed(cover) => left.push((device, raw, header, cover)),
                Claim::Begun => self.waiting += 1,
                Claim::Unsigned => self.refused += 1,
            }
        }
        let nobody = BTreeSet::new();
        loop {
            let before = left.len();
            left.retain(|(device, raw, header, cover)| {
                let rules = GateRules {
                    actors: actors.get(device).unwrap_or(&nobody),
                    answer: &|id, register| check_register(template, id, register),
                };
                match documents::guarded(|| document::accept(&self.document, raw, &rules)) {
                    Some(Ok(merged)) => {
                        self.document = merged;
                        let (raw, header, cover) = ((*raw).clone(), header.clone(), (**cover).clone());
                        let device = Some(*device).filter(|device| *device != SERVER);
                        self.passed.push(Passed { raw, header, device, cover });
                        false
                    }
                    Some(Err(Refusal::Waiting(_))) => true,
                    Some(Err(_)) | None => {
                        self.refused += 1;
                        false
                    }
                }
            });
            if left.is_empty() || left.len() == before {
                self.waiting += left.len() as u64;
                return;
            }
        }
    }
}
