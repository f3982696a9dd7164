//! Which journal entry vouches for a change: one that names it, or one that names the run of changes that it belongs to.
//!
//! Whoever signs the last change of a run signs all of them: each names by their hashes what it builds upon. So a run
//! counts only when its last change is here, is the one whose hash was signed, and builds upon the change in question.
//! Server and terminals ask the same: the one of what was sent to it, the others of what a colleague's package holds.

use crate::document::{Actor, ChangeHeader, ChangeId, Document, ancestors_among};
use crate::ids::{DeviceId, OfficerId};
use crate::journal::{SignedEntry, body};
use crate::moment::Interval;
use crate::suite::{Digest, Signature};
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};

/// The entry of a device that vouches for some content.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Cover {
    /// Its name.
    #[n(0)]
    pub hash: Digest,
    /// When, as far as the server can vouch for it.
    #[n(1)]
    pub written: Interval,
    /// Who.
    #[n(2)]
    pub officer: Option<OfficerId>,
    /// The entry's bytes.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// The device's signature over them.
    #[n(4)]
    pub signature: Signature,
}

/// An entry that covers changes.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Whose.
    pub device: DeviceId,
    /// The hash of the change that it names, of a run's last one.
    pub content: Digest,
    /// True while that change is held apart.
    pub apart: bool,
    /// The entry.
    pub cover: Cover,
}

/// What the journals say was written into an inspection.
#[derive(Debug, Clone, Default, Encode, Decode)]
pub struct Covers {
    #[n(0)]
    singles: BTreeMap<(DeviceId, Digest), Cover>,
    #[n(1)]
    runs: Vec<(DeviceId, body::Run, Digest, Cover)>,
    /// Devices of which the last change of a run is held apart: what is let in before it is covered by it all the same.
    #[n(2)]
    ends_apart: BTreeSet<DeviceId>,
}

/// Whether the journal of its sender vouches for a change.
#[derive(Debug, Clone)]
pub enum Claim {
    /// It does, by this entry.
    Signed(Box<Cover>),
    /// It will, when the last change of the run is here.
    Begun,
    /// It does not.
    Unsigned,
}

/// A change that is offered: whose, its digest, what it says about itself.
pub type Offered<'a> = (DeviceId, Digest, &'a ChangeHeader);

impl FromIterator<Saved> for Covers {
    /// Of several entries for one change the first counts. Their signatures were checked when they came.
    fn from_iter<I: IntoIterator<Item = Saved>>(entries: I) -> Self {
        let mut covers = Self::default();
        for Saved { device, content, apart, cover } in entries {
            let signed = SignedEntry { bytes: cover.bytes.clone(), signature: cover.signature };
            let saved = signed.read().ok().and_then(|entry| body::read::<body::Saved>(&entry.body).ok());
            match saved.and_then(|saved| saved.run) {
                Some(run) => {
                    covers.runs.push((device, run, content, cover));
                    covers.ends_apart.extend(apart.then_some(device));
                }
                None => {
                    covers.singles.entry((device, content)).or_insert(cover);
                }
            }
        }
        covers
    }
}

impl Covers {
    /// The devices whose changes that are held apart may be the last ones of runs.
    pub fn ends_apart(&self) -> impl Iterator<Item = DeviceId> {
        self.ends_apart.iter().copied()
    }

    /// The writers whose runs a device names.
    pub fn actors_of(&self, device: DeviceId) -> BTreeSet<Actor> {
        self.runs.iter().filter(|(by, ..)| *by == device).map(|(_, run, ..)| run.actor).collect()
    }

    /// What the journals say about every one of `offered`; `document` is what they build upon.
    pub fn claims(&self, offered: &[Offered<'_>], document: &Document) -> Vec<Claim> {
        let mut claims: Vec<Claim> = offered
            .iter()
            .map(|(device, digest, _)| match self.singles.get(&(*device, *digest)) {
                Some(cover) => Claim::Signed(Box::new(cover.clone())),
                None => Claim::Unsigned,
            })
            .collect();
        let parents: BTreeMap<ChangeId, &[ChangeId]> =
            offered.iter().map(|(_, _, header)| (header.id, header.deps.as_slice())).collect();
        let parents = |id: ChangeId| match parents.get(&id) {
            Some(deps) => deps.to_vec(),
            None => document.parents(id),
        };
        let mut places: BTreeMap<(DeviceId, Actor, u64), Vec<usize>> = BTreeMap::new();
        for (index, (device, _, header)) in offered.iter().enumerate() {
            places.entry((*device, header.actor, header.seq)).or_default().push(index);
        }
        for (device, run, last, cover) in &self.runs {
            let members: Vec<usize> = places
                .range((*device, run.actor, run.first)..=(*device, run.actor, run.last))
                .flat_map(|(_, indexes)| indexes.iter().copied())
                .filter(|index| !matches!(claims[*index], Claim::Signed(_)))
                .collect();
            let at_the_end =
                places.get(&(*device, run.actor, run.last)).map(Vec::as_slice).unwrap_or_default();
            let Some(end) = at_the_end.iter().find(|index| offered[**index].1 == *last) else {
                for index in members {
                    // Another change in the last one's place is not what was signed; none at all may still come.
                    if at_the_end.is_empty() {
                        claims[index] = Claim::Begun;
                    }
                }
                continue;
            };
            let wanted: BTreeSet<ChangeId> = members.iter().map(|index| offered[*index].2.id).collect();
            let signed = ancestors_among(offered[*end].2.id, &wanted, &parents);
            for index in members {
                if signed.contains(&offered[index].2.id) {
                    claims[index] = Claim::Signed(Box::new(cover.clone()));
                }
            }
        }
        claims
    }

    /// The entry that names a change, alone or in a run, whether or not the run is here as a whole.
    pub fn naming(&self, device: DeviceId, digest: Digest, header: Option<&ChangeHeader>) -> Option<&Cover> {
        let in_run = || {
            let header = header?;
            let named = |(by, run, ..): &&(DeviceId, body::Run, Digest, Cover)| {
                *by == device && run.names(header.actor, header.seq)
            };
            self.runs.iter().find(named).map(|(_, _, _, cover)| cover)
        };
        self.singles.get(&(device, digest)).or_else(in_run)
    }
}
