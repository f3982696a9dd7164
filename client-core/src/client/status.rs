//! What the terminal knows about itself.

use super::Client;
use crate::error::ClientError;
use crate::keys;
use crate::store::meta;
use crate::store::unsent::{self, Unsent};
use crate::sync::UpdateNeeded;
use fieldproof_schema::ids::{DeviceId, OfficerId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::PublicKey;
use serde::Serialize;

/// The state of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whose it is; none before the enrolment.
    pub enrolled: Option<EnrolledAs>,
    /// True when a damaged store was set aside and the server was not reached since.
    pub recovering: bool,
    /// When the server revoked this terminal.
    pub revoked_at: Option<Moment>,
    /// What it is too old for, as the server says: it is given nothing more until its program is a newer one.
    pub update_needed: Option<UpdateNeeded>,
    /// This terminal's clock at the last contact with the server.
    pub last_contact: Option<Moment>,
    /// The server's clock at that contact.
    pub last_server_time: Option<Moment>,
    /// How often the store was opened.
    pub session: u64,
    /// What the server does not hold yet.
    pub unsent: Unsent,
    /// Own items that the server holds apart for people to decide.
    pub quarantined: u64,
    /// Own items that the server refused; they stay here.
    pub refused: u64,
    /// Own items that the server holds until what they build upon arrives.
    pub waiting: u64,
}

/// Whose a terminal is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnrolledAs {
    /// The terminal.
    pub device: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// The officer.
    pub officer: OfficerId,
    /// The officer's name as it is printed.
    pub officer_name: String,
    /// The pinned key of the server.
    pub server_key: PublicKey,
    /// The officer's key; readable without the passphrase.
    pub officer_key: PublicKey,
    /// When, by the server's clock.
    pub enrolled_at: Moment,
}

impl Client {
    /// Checks the officer's passphrase.
    ///
    /// # Errors
    /// [`ClientError::PassphraseWrong`]; [`ClientError::TooManyTries`] after several; nothing is destroyed.
    pub fn unlock(&self, passphrase: &str) -> Result<(), ClientError> {
        keys::unlock_officer(&self.dir, &*self.host, passphrase).map(drop)
    }

    /// The state of the terminal, counted from receipts.
    pub fn status(&self) -> Result<Status, ClientError> {
        let who = self.desk()?.who.clone();
        let enrolled = match who {
            Some(who) => Some(EnrolledAs {
                device: who.device,
                device_name: who.member.device_name,
                officer: who.member.officer,
                officer_name: who.member.officer_name,
                server_key: who.member.server_key,
                officer_key: keys::officer_public_key(&self.dir)?
                    .ok_or(ClientError::Damaged { what: "officer.key" })?,
                enrolled_at: who.member.enrolled_at,
            }),
            None => None,
        };
        let update_needed = self.update_needed()?;
        let reader = self.reader();
        let (last_server_time, last_contact) = meta::last_contact(&reader)?;
        let (quarantined, refused, waiting) = unsent::verdicts(&reader)?;
        Ok(Status {
            enrolled,
            recovering: meta::recovering(&reader)?.is_some(),
            revoked_at: meta::revoked_at(&reader)?,
            update_needed,
            last_contact,
            last_server_time,
            session: meta::session(&reader)?,
            unsent: unsent::total(&reader)?,
            quarantined,
            refused,
            waiting,
        })
    }
}
