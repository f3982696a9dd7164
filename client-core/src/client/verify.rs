//! Checking what is kept: the chain, the changes, the captures. Reports everything that it finds and repairs nothing.

use super::Client;
use crate::error::ClientError;
use crate::evidence;
use crate::store::{changes, evidence as captures, journal};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::journal::{Entry, JournalError, Kind, Tip, body};
use fieldproof_schema::suite::Signer;

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
    /// An own change that no entry covers.
    #[error("change {change} is covered by no journal entry")]
    Uncovered {
        /// Which change.
        change: ChangeId,
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
        let who = self.desk().who.clone();
        let reader = self.reader();
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
        for inspection in changes::inspections(&reader)? {
            for waiting in [false, true] {
                match changes::list(&reader, inspection, 0, waiting) {
                    Ok(whole) => found.changes += whole.len() as u64,
                    Err(ClientError::Damaged { .. }) => found.faults.push(Fault::Changes { inspection }),
                    Err(error) => return Err(error),
                }
            }
            let uncovered = changes::uncovered(&reader, inspection)?;
            found.faults.extend(uncovered.into_iter().map(|change| Fault::Uncovered { change }));
        }
        let captures = captures::all(&reader)?;
        // Hashing hours of video must not keep pages waiting.
        drop(reader);
        for held in captures {
            found.evidence += 1;
            match evidence::rehash(&self.dir, held.digest)? {
                None => found.faults.push(Fault::EvidenceMissing { record: held.record }),
                Some(digest) if digest != held.digest => {
                    found.faults.push(Fault::EvidenceDiffers { record: held.record });
                }
                Some(_) => {}
            }
        }
        Ok(found)
    }
}

/// Where the chain goes on after this store was lost or came back older: the entry that says so names the server's tip.
fn restart(entry: &Entry) -> Option<Tip> {
    if !matches!(entry.kind, Kind::SetAside | Kind::RolledBack) {
        return None;
    }
    let rebuilt: body::Rebuilt = body::read(&entry.body).ok()?;
    Some(Tip { seq: rebuilt.server_seq, hash: rebuilt.server_hash })
}
