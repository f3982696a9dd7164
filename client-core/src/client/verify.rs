//! Checking what is kept: the chain, the changes, the captures. Reports everything that it finds and repairs nothing.

use super::Client;
use crate::documents;
use crate::error::ClientError;
use crate::evidence::Kept;
use crate::store::{changes, evidence as captures, folded, journal, runs};
use fieldproof_schema::document::{ChangeHeader, ChangeId, RawChange, ancestors_among};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::journal::{Entry, JournalError, Kind, Tip, body};
use fieldproof_schema::suite::{Digest, Signer};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// What was checked, and what does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verification {
    /// Journal entries that were checked.
    pub entries: u64,
    /// Changes that were checked.
    pub changes: u64,
    /// Captures that were checked.
    pub evidence: u64,
    /// What does not hold; empty when all is well.
    pub faults: Vec<Fault>,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A journal entry.
    #[error("journal entry {seq}: {error}")]
    Entry {
        /// Its place.
        seq: u64,
        /// What is wrong with it.
        error: JournalError,
    },
    /// A journal entry whose columns say something else than its bytes.
    #[error("journal entry {seq} is filed under the wrong kind, inspection or content")]
    Misfiled {
        /// Its place.
        seq: u64,
    },
    /// The changes of an inspection: one of them is not what was written.
    #[error("a change of inspection {inspection} is not what was written")]
    Changes {
        /// Which inspection.
        inspection: InspectionId,
    },
    /// An own change that the entry which it is filed under does not cover. What was written a moment ago is not filed
    /// yet, and no fault.
    #[error("change {change} is covered by no journal entry")]
    Uncovered {
        /// Which change.
        change: ChangeId,
    },
    /// How far own changes of an inspection got is not noted for each of them exactly once.
    #[error("how far the changes of inspection {inspection} got is noted wrongly")]
    Miscounted {
        /// Which inspection.
        inspection: InspectionId,
    },
    /// The original of a capture is gone.
    #[error("the original of capture {record} is missing")]
    EvidenceMissing {
        /// Which capture.
        record: RecordId,
    },
    /// The original of a capture is not what was taken.
    #[error("the original of capture {record} is not what was taken")]
    EvidenceDiffers {
        /// Which capture.
        record: RecordId,
    },
}

impl Client {
    /// Checks this terminal's journal, every change and every original.
    pub fn verify(&self) -> Result<Verification, ClientError> {
        let mut found = Verification::default();
        let who = self.desk()?.who.clone();
        let reader = self.reader();
        let miscounted = runs::miscounted(&reader)?.into_iter();
        found.faults.extend(miscounted.map(|inspection| Fault::Miscounted { inspection }));
        if let Some(who) = who {
            let key = who.key.public_key();
            let mut tip = Tip::default();
            journal::walk(&reader, 0, |stored| {
                found.entries += 1;
                let checked = stored.entry.verify(who.device, &key);
                if let Some(restart) = checked.as_ref().ok().and_then(restart) {
                    tip = restart;
                }
                let columns = journal::filed(&reader, stored.seq)?;
                match checked.and_then(|entry| Ok((tip.follow(&entry, stored.entry.hash())?, entry))) {
                    Ok((next, entry)) => {
                        tip = next;
                        let says = (entry.kind.as_str().to_owned(), entry.inspection, entry.content);
                        if columns.as_ref() != Some(&says) || stored.hash != stored.entry.hash() {
                            found.faults.push(Fault::Misfiled { seq: stored.seq });
                        }
                    }
                    Err(error) => {
                        found.faults.push(Fault::Entry { seq: stored.seq, error });
                        tip = Tip { seq: stored.seq, hash: Some(stored.hash) };
                    }
                }
                Ok(())
            })?;
        }
        let mut inspections: BTreeSet<InspectionId> = changes::inspections(&reader)?.into_iter().collect();
        inspections.extend(folded::all(&reader)?);
        for inspection in inspections {
            for waiting in [false, true] {
                match changes::list(&reader, inspection, 0, waiting) {
                    Ok(whole) => found.changes += whole.len() as u64,
                    Err(ClientError::Damaged { .. }) => found.faults.push(Fault::Changes { inspection }),
                    Err(error) => return Err(error),
                }
            }
            match documents::covered(&reader, inspection) {
                Ok((folded, covered)) => {
                    found.changes += folded;
                    found.faults.extend(uncovered(&reader, inspection, &covered)?);
                }
                Err(ClientError::Damaged { .. }) => {
                    let fault = Fault::Changes { inspection };
                    if !found.faults.contains(&fault) {
                        found.faults.push(fault);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let captures = captures::all(&reader)?;
        // Hashing hours of video must not keep pages waiting.
        drop(reader);
        if captures.is_empty() {
            return Ok(found);
        }
        let originals = self.originals()?;
        for held in captures {
            found.evidence += 1;
            match originals.check(held.digest)? {
                Kept::Sound => {}
                Kept::Altered => found.faults.push(Fault::EvidenceDiffers { record: held.record }),
                Kept::Missing => found.faults.push(Fault::EvidenceMissing { record: held.record }),
            }
        }
        Ok(found)
    }
}

/// Own changes that are not what the entries vouch for which they are filed under: neither the one that an entry names nor
/// one of a run that it builds upon.
fn uncovered(
    conn: &Connection,
    inspection: InspectionId,
    covered: &[(RawChange, Digest)],
) -> Result<Vec<Fault>, ClientError> {
    let mut by_entry: BTreeMap<Digest, Vec<(ChangeHeader, Digest)>> = BTreeMap::new();
    let mut parents = BTreeMap::new();
    let mut faults = Vec::new();
    for (raw, entry) in covered {
        let Some(header) = documents::header_of(raw) else {
            faults.push(Fault::Changes { inspection });
            continue;
        };
        parents.insert(header.id, header.deps.clone());
        by_entry.entry(*entry).or_default().push((header, Digest::of(&raw.0)));
    }
    // What lies between two own changes is somebody else's: the document knows whom it builds upon.
    let document = documents::load(conn, inspection).ok().flatten();
    let parents = |id: ChangeId| match (parents.get(&id), &document) {
        (Some(deps), _) => deps.clone(),
        (None, Some(document)) => document.parents(id),
        (None, None) => Vec::new(),
    };
    for (entry, members) in by_entry {
        let entry = journal::by_hash(conn, entry)?.and_then(|signed| signed.read().ok());
        let end = entry.filter(|entry| entry.inspection == Some(inspection)).and_then(|entry| {
            let run = body::read::<body::Saved>(&entry.body).ok().and_then(|saved| saved.run);
            let named = members.iter().find(|(_, digest)| entry.content == Some(*digest))?;
            Some((named.0.id, run))
        });
        let signed = end.map(|(end, run)| {
            let wanted = members.iter().map(|(header, _)| header.id).collect();
            let named = |header: &ChangeHeader| match run {
                Some(run) => run.names(header.actor, header.seq),
                None => header.id == end,
            };
            let upon = ancestors_among(end, &wanted, &parents);
            members.iter().filter(|(h, _)| named(h) && upon.contains(&h.id)).map(|(h, _)| h.id).collect()
        });
        let signed: BTreeSet<ChangeId> = signed.unwrap_or_default();
        let left = members.iter().filter(|(header, _)| !signed.contains(&header.id));
        faults.extend(left.map(|(header, _)| Fault::Uncovered { change: header.id }));
    }
    Ok(faults)
}

/// Where the chain goes on after this store was lost or came back older: the entry that says so names the server's tip.
fn restart(entry: &Entry) -> Option<Tip> {
    if !matches!(entry.kind, Kind::SetAside | Kind::RolledBack) {
        return None;
    }
    let rebuilt: body::Rebuilt = body::read(&entry.body).ok()?;
    Some(Tip { seq: rebuilt.server_seq, hash: rebuilt.server_hash })
}
