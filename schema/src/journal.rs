//! The journal: what a device signed, in the order in which it happened.
//!
//! One append-only hash chain per device. Every change, every capture and every seal is covered by an entry, so that the
//! journal is the whole-process record (全过程记录). This module makes and checks entries; it stores nothing. What an
//! entry's body says is in [`body`].

pub mod body;
mod kind;

pub use kind::Kind;

use crate::ids::{DeviceId, InspectionId, OfficerId};
use crate::limits::JOURNAL_ENTRY_BYTES_MAX;
use crate::moment::Moment;
use crate::suite::{Digest, PublicKey, Purpose, Signature, Signer};
use minicbor::{Decode, Encode};

/// What one entry says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// Whose journal it is.
    #[n(0)]
    pub device: DeviceId,
    /// Its place, from 1, without gaps.
    #[n(1)]
    pub seq: u64,
    /// The hash of the entry before; absent in the first.
    #[n(2)]
    pub prev: Option<Digest>,
    /// What happened.
    #[n(3)]
    pub kind: Kind,
    /// Who did it, when a person did.
    #[n(4)]
    pub officer: Option<OfficerId>,
    /// The visit that it belongs to.
    #[n(5)]
    pub inspection: Option<InspectionId>,
    /// The hash of the bytes that it vouches for: a raw change, a capture, a seal's statement.
    #[n(6)]
    pub content: Option<Digest>,
    /// What the device's clock said.
    #[n(7)]
    pub device_at: Moment,
    /// Milliseconds since the device started.
    #[n(8)]
    pub monotonic_ms: u64,
    /// The server's time at the last contact, if there was one.
    #[n(9)]
    pub server_at: Option<Moment>,
    /// How often the store had been opened, this time included.
    #[n(10)]
    pub session: u64,
    /// A JSON text whose form depends on the kind; see [`body`].
    #[n(11)]
    pub body: String,
}

/// An entry as it is stored and sent: the exact bytes and the device's signature over them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedEntry {
    /// The CBOR form of the [`Entry`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// By the device's key.
    #[n(1)]
    pub signature: Signature,
}

/// Why an entry is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Not an entry.
    #[error("the bytes are not a journal entry")]
    Unreadable,
    /// Longer than [`JOURNAL_ENTRY_BYTES_MAX`].
    #[error("the entry is longer than {JOURNAL_ENTRY_BYTES_MAX} bytes")]
    TooLarge,
    /// Not signed by the device's key.
    #[error("the signature does not match the device's key")]
    Signature,
    /// It belongs to another device.
    #[error("the entry belongs to device {0}")]
    OtherDevice(DeviceId),
    /// It does not follow the entry before it.
    #[error("entry {seq} does not follow entry {after}")]
    Broken {
        /// The entry's place.
        seq: u64,
        /// The place of the last good entry.
        after: u64,
    },
}

/// The end of a chain: where the next entry attaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Tip {
    /// The place of the last entry; 0 for an empty journal.
    #[n(0)]
    pub seq: u64,
    /// Its hash.
    #[n(1)]
    pub hash: Option<Digest>,
}

impl Tip {
    /// Takes the next entry, or says why it does not attach here.
    pub fn follow(self, entry: &Entry, hash: Digest) -> Result<Tip, JournalError> {
        if self.seq.checked_add(1) == Some(entry.seq) && entry.prev == self.hash {
            Ok(Tip { seq: entry.seq, hash: Some(hash) })
        } else {
            Err(JournalError::Broken { seq: entry.seq, after: self.seq })
        }
    }
}

impl Entry {
    /// Signs the entry with the device's key.
    pub fn sign(&self, signer: &dyn Signer) -> SignedEntry {
        let bytes = minicbor::to_vec(self).expect("writing to memory cannot fail");
        let signature = signer.sign(Purpose::Journal, &bytes);
        SignedEntry { bytes, signature }
    }
}

impl SignedEntry {
    /// The entry's name: the hash of its bytes and signature.
    pub fn hash(&self) -> Digest {
        let mut hash = Digest::stream();
        hash.update(&self.bytes);
        hash.update(&self.signature.to_bytes());
        hash.finish()
    }

    /// Reads the entry without checking its signature.
    pub fn read(&self) -> Result<Entry, JournalError> {
        if self.bytes.len() > JOURNAL_ENTRY_BYTES_MAX {
            return Err(JournalError::TooLarge);
        }
        let mut decoder = minicbor::Decoder::new(&self.bytes);
        let entry = decoder.decode().map_err(|_| JournalError::Unreadable)?;
        if decoder.position() != self.bytes.len() {
            return Err(JournalError::Unreadable);
        }
        Ok(entry)
    }

    /// Reads the entry and checks who signed it.
    pub fn verify(&self, device: DeviceId, key: &PublicKey) -> Result<Entry, JournalError> {
        let entry = self.read()?;
        if entry.device != device {
            return Err(JournalError::OtherDevice(entry.device));
        }
        key.verify(Purpose::Journal, &self.bytes, &self.signature).map_err(|_| JournalError::Signature)?;
        Ok(entry)
    }
}

/// Checks a run of entries that attaches at `tip`; returns the entries and the new end.
pub fn verify_chain(
    device: DeviceId,
    key: &PublicKey,
    tip: Tip,
    entries: &[SignedEntry],
) -> Result<(Vec<Entry>, Tip), JournalError> {
    let mut tip = tip;
    let mut read = Vec::with_capacity(entries.len());
    for signed in entries {
        let entry = signed.verify(device, key)?;
        tip = tip.follow(&entry, signed.hash())?;
        read.push(entry);
    }
    Ok((read, tip))
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
