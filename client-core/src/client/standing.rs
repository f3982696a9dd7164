//! How far everything got: what is here only, what was sent, what the server holds, and what needs a person.
//!
//! From receipts and the server's verdicts alone; nothing here remembers that something "was sent".

use super::Client;
use super::detail::Stage;
use crate::error::ClientError;
use crate::store::meta;
use crate::store::standing::{self, Standing};
use crate::store::unsent::{self, Unsent};
use crate::sync::UpdateNeeded;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// The truth in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// True when the terminal is somebody's.
    pub enrolled: bool,
    /// Own records by how far they got.
    pub records: Standing,
    /// What has no receipt, accompanying journal entries included.
    pub unsent: Unsent,
    /// This terminal's clock at the last contact with the server.
    pub last_contact: Option<Moment>,
    /// True when a damaged store was set aside and the server was not reached since.
    pub recovering: bool,
    /// When the server revoked this terminal: it is given nothing more, and what it sends is held apart.
    pub revoked_at: Option<Moment>,
    /// What it is too old for, as the server says: it is given nothing more until its program is a newer one.
    pub update_needed: Option<UpdateNeeded>,
    /// Own items that the server refused; they stay here.
    pub refused: u64,
    /// Own items that the server holds apart for people to decide.
    pub quarantined: u64,
    /// Own items that the server holds until what they build upon arrives.
    pub waiting: u64,
}

/// How far the records of one inspection got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectionStanding {
    /// Which visit.
    pub inspection: InspectionId,
    /// The entity's name.
    pub entity_name: String,
    /// Own records by how far they got.
    pub records: Standing,
}

/// A capture whose bytes the server does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCapture {
    /// Which.
    pub record: RecordId,
    /// Of which visit.
    pub inspection: InspectionId,
    /// The entity's name.
    pub entity_name: String,
    /// For instance `photo`.
    pub kind: String,
    /// The checklist item that it shows, if any.
    pub item: Option<String>,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// How far it got.
    pub stage: Stage,
    /// Why it cannot be sent, as an error code.
    pub problem: Option<String>,
}

/// What became of an item that was not simply accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApartAs {
    /// The server does not have it; it is on this terminal only.
    Refused,
    /// The server holds it apart for people to decide.
    Quarantined,
    /// The server holds it until what it builds upon arrives.
    Waiting,
}

impl ApartAs {
    fn of(outcome: &str) -> Self {
        match outcome {
            "refused" => Self::Refused,
            "quarantined" => Self::Quarantined,
            _ => Self::Waiting,
        }
    }
}

/// An own item that the server did not simply accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApartItem {
    /// Its name: a journal entry's, or the digest of a change.
    pub item: Digest,
    /// Of which visit, where it belongs to one.
    pub inspection: Option<InspectionId>,
    /// The entity's name.
    pub entity_name: String,
    /// The kind of a journal entry; none for a change.
    pub kind: Option<String>,
    /// What became of it.
    pub outcome: ApartAs,
    /// Why, as an error code; may be empty.
    pub code: String,
}

impl Client {
    /// How far everything got.
    pub fn overview(&self) -> Result<Overview, ClientError> {
        let enrolled = self.desk()?.who.is_some();
        let update_needed = self.update_needed()?;
        let reader = self.reader();
        let (_, last_contact) = meta::last_contact(&reader)?;
        let (quarantined, refused, waiting) = unsent::verdicts(&reader)?;
        Ok(Overview {
            enrolled,
            records: standing::total(&reader)?,
            unsent: unsent::total(&reader)?,
            last_contact,
            recovering: meta::recovering(&reader)?.is_some(),
            revoked_at: meta::revoked_at(&reader)?,
            update_needed,
            refused,
            quarantined,
            waiting,
        })
    }

    /// How far the own records of an inspection got.
    pub fn standing(&self, inspection: InspectionId) -> Result<Standing, ClientError> {
        standing::of(&self.reader(), inspection)
    }

    /// Inspections with own records; those first of which the server does not hold everything.
    pub fn standings(&self, from: u64, limit: u64) -> Result<Vec<InspectionStanding>, ClientError> {
        let found = standing::by_inspection(&self.reader(), from, limit)?.into_iter();
        Ok(found
            .map(|(inspection, entity_name, records)| InspectionStanding { inspection, entity_name, records })
            .collect())
    }

    /// Captures whose bytes the server does not hold, in the order in which they are sent.
    pub fn waiting_captures(&self, from: u64, limit: u64) -> Result<Vec<WaitingCapture>, ClientError> {
        let found = standing::waiting_captures(&self.reader(), from, limit)?.into_iter();
        Ok(found
            .map(|waiting| WaitingCapture {
                record: waiting.record,
                inspection: waiting.inspection,
                entity_name: waiting.entity_name,
                kind: waiting.kind,
                item: waiting.item,
                size_bytes: waiting.size_bytes,
                stage: if waiting.sent { Stage::Sent } else { Stage::Here },
                problem: waiting.code,
            })
            .collect())
    }

    /// Own items that the server refused, holds apart, or holds until others arrive.
    pub fn apart(&self, limit: u64) -> Result<Vec<ApartItem>, ClientError> {
        let found = standing::apart(&self.reader(), limit)?.into_iter();
        Ok(found
            .map(|apart| ApartItem {
                item: apart.item,
                inspection: apart.inspection,
                entity_name: apart.entity_name,
                kind: apart.kind,
                outcome: ApartAs::of(&apart.outcome),
                code: apart.code,
            })
            .collect())
    }
}
