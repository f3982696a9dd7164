//! One round of sync: what a device offers, what the server answers.
//!
//! Two answers to two questions. A [`Receipt`] says that these bytes, by hash, are durable here. A [`Verdict`] says what
//! became of an item. Neither the order nor the number of requests matters: any request may be repeated.

use super::carried::{Carried, Holding};
use super::floor::{ProgramVersion, SignedFloor};
use super::row::Row;
use crate::document::{ChangeId, RawChange};
use crate::ids::{DeviceId, InspectionId, ReceiptId};
use crate::journal::{SignedEntry, Tip};
use crate::moment::Moment;
use crate::suite::{Digest, PublicKey, Purpose, Signature, Signer, SuiteError};
use minicbor::{Decode, Encode};

/// How far a device has read one feed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cursor {
    /// The feed's name.
    #[n(0)]
    pub feed: String,
    /// The last sequence number that was taken in; 0 for none.
    #[n(1)]
    pub seq: u64,
    /// The sequence number at which the device had last read everything there was: what came since is given once, whatever
    /// the number of rounds. Devices give back what the server last said; from protocol 2 on.
    #[n(2)]
    pub since: Option<u64>,
}

/// Changes of one inspection, each after its predecessors.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Chunk {
    /// Which inspection.
    #[n(0)]
    pub inspection: InspectionId,
    /// Uncompressed changes, as they were written; from protocol 2 on also a whole document, which stands for the changes in
    /// it.
    #[n(1)]
    pub changes: Vec<RawChange>,
}

/// What a device has not sent, as it counts itself from missing receipts.
///
/// Told with every request: what will still be unsent when everything in the request has been received. Captures travel
/// beside sync, so those that are being sent count until a later request. For people only: nothing is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct StillUnsent {
    /// Own changes of inspections.
    #[n(0)]
    pub changes: u64,
    /// Captures.
    #[n(1)]
    pub evidence: u64,
    /// The bytes of these captures.
    #[n(2)]
    pub evidence_bytes: u64,
}

/// What a device sends.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SyncRequest {
    /// The version of the protocol that the device speaks.
    #[n(0)]
    pub protocol: u16,
    /// How far it has read each feed; unknown feeds are ignored, missing ones start at 0.
    #[n(1)]
    pub cursors: Vec<Cursor>,
    /// The epoch in which these cursors were given; the server starts over when it is another one now.
    #[n(2)]
    pub epoch: Option<Digest>,
    /// Journal entries, in order.
    #[n(3)]
    pub entries: Vec<SignedEntry>,
    /// Changes; each is covered by an entry sent now or before.
    #[n(4)]
    pub chunks: Vec<Chunk>,
    /// What the device still keeps to itself; absent from devices that do not say.
    #[n(5)]
    pub still_unsent: Option<StillUnsent>,
    /// Inspections of which the device lacks changes: it is given them whole. From protocol 2 on.
    #[n(6)]
    pub wants: Option<Vec<InspectionId>>,
    /// Drawn afresh for this request: the answer is signed together with it. From protocol 2 on.
    #[n(7)]
    pub nonce: Option<Nonce>,
    /// The version of the device's program; absent from devices that do not say.
    #[n(8)]
    pub program: Option<ProgramVersion>,
    /// The highest floor that the device knows: a server that came back from a backup learns it again.
    #[n(9)]
    pub floor: Option<SignedFloor>,
    /// What the device has of inspections that others wrote to, after the server began a new epoch; in pages.
    #[n(10)]
    pub holds: Option<Vec<Holding>>,
    /// What others wrote.
    #[n(11)]
    pub carried: Option<Vec<Carried>>,
    /// Where the device's journal ended when it lost sight of which numbers it had given: what was leased to it until then is
    /// left alone, and it needs other blocks.
    #[n(12)]
    pub numbers_since: Option<u64>,
}

/// What an answer's signature is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Nonce(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl Nonce {
    /// What the server signs: the nonce of the request and the body of the answer as it goes over the wire.
    pub fn message(self, body: &[u8]) -> Vec<u8> {
        [self.0.as_slice(), body].concat()
    }
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// It is part of the record.
    #[n(0)]
    Accepted,
    /// It is held and waits for what it builds upon.
    #[n(1)]
    Waiting,
    /// It is held apart, for people to decide; see the code.
    #[n(2)]
    Quarantined,
    /// It was not kept; see the code.
    #[n(3)]
    Refused,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Waiting, Self::Quarantined, Self::Refused];

    /// The name in rows and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Waiting => "waiting",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
        }
    }

    /// Finds an outcome by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// What became of one item of a request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Verdict {
    /// The hash of the item's bytes: a journal entry's name, or the digest of a raw change.
    #[n(0)]
    pub item: Digest,
    /// What became of it.
    #[n(1)]
    pub outcome: Outcome,
    /// Why, as a code of [`super::error`]; absent when accepted.
    #[n(2)]
    pub code: Option<String>,
    /// The inspection that it belongs to, where it belongs to one.
    #[n(3)]
    pub inspection: Option<InspectionId>,
    /// The change's name, for changes that could be read.
    #[n(4)]
    pub change: Option<ChangeId>,
}

/// What the server promises to hold: durable when this was signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// Its own name.
    #[n(0)]
    pub id: ReceiptId,
    /// For which device.
    #[n(1)]
    pub device: DeviceId,
    /// The server's epoch; a restored server begins a new one.
    #[n(2)]
    pub epoch: Digest,
    /// When, by the server's clock.
    #[n(3)]
    pub at: Moment,
    /// The hashes of everything held by this receipt: entries, raw changes, evidence.
    #[n(4)]
    pub items: Vec<Digest>,
    /// The end of the device's journal as held by the server.
    #[n(5)]
    pub tip: Tip,
    /// Until then the server may still be restored to a state before this receipt; keep originals.
    #[n(6)]
    pub backup_horizon: Moment,
}

/// A receipt as it travels and is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedReceipt {
    /// The CBOR form of the [`Receipt`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// By the server's key.
    #[n(1)]
    pub signature: Signature,
}

/// Why a receipt is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt.
    #[error("the bytes are not a receipt")]
    Unreadable,
    /// Not signed by the pinned server key.
    #[error("the receipt is not signed by the server that this device was enrolled with")]
    Signature(#[source] SuiteError),
}

impl Receipt {
    /// Signs the receipt with the server's key.
    pub fn sign(&self, signer: &dyn Signer) -> SignedReceipt {
        let bytes = minicbor::to_vec(self).expect("writing to memory cannot fail");
        let signature = signer.sign(Purpose::Receipt, &bytes);
        SignedReceipt { bytes, signature }
    }
}

impl SignedReceipt {
    /// Reads the receipt and checks who signed it.
    pub fn verify(&self, server: &PublicKey) -> Result<Receipt, ReceiptError> {
        server.verify(Purpose::Receipt, &self.bytes, &self.signature).map_err(ReceiptError::Signature)?;
        minicbor::decode(&self.bytes).map_err(|_| ReceiptError::Unreadable)
    }
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SyncAnswer {
    /// The version of the protocol that the server chose.
    #[n(0)]
    pub protocol: u16,
    /// The server's clock.
    #[n(1)]
    pub server_at: Moment,
    /// The server's epoch.
    #[n(2)]
    pub epoch: Digest,
    /// For everything of the request that is durable now; absent when nothing was sent.
    #[n(3)]
    pub receipt: Option<SignedReceipt>,
    /// One per item sent.
    #[n(4)]
    pub verdicts: Vec<Verdict>,
    /// The end of the device's journal as held by the server.
    #[n(5)]
    pub tip: Tip,
    /// What is new in the device's scope.
    #[n(6)]
    pub rows: Vec<Row>,
    /// How far these rows reach.
    #[n(7)]
    pub cursors: Vec<Cursor>,
    /// True when more rows wait.
    #[n(8)]
    pub more: bool,
    /// When the device was revoked: everything that it sends is held apart, and it is given nothing else.
    #[n(9)]
    pub revoked_at: Option<Moment>,
    /// How new a device must be to be given rows, where that is not what the request said already.
    #[n(10)]
    pub floor: Option<SignedFloor>,
    /// Of which inspections in `holds` the server lacks something; absent when `holds` was.
    #[n(11)]
    pub lacks: Option<Vec<InspectionId>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::MemoryKey;

    fn digest(n: u8) -> Digest {
        Digest::of(&[n])
    }

    #[test]
    fn messages_keep_their_released_form() {
        let key = MemoryKey::from_secret(&[7; 32]);
        let request = SyncRequest {
            protocol: 1,
            cursors: vec![Cursor { feed: "org".into(), seq: 7, since: None }],
            epoch: Some(digest(0)),
            entries: vec![SignedEntry { bytes: vec![1, 2], signature: key.sign(Purpose::Journal, b"x") }],
            chunks: vec![Chunk {
                inspection: InspectionId::from_bytes([3; 16]),
                changes: vec![RawChange(vec![9, 9])],
            }],
            still_unsent: None,
            wants: None,
            nonce: None,
            program: None,
            floor: None,
            holds: None,
            carried: None,
            numbers_since: None,
        };
        let bytes = minicbor::to_vec(&request).unwrap();
        insta::assert_snapshot!(hex::encode(&bytes), @"85018182636f7267075821016e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d81824201025841010ac98b4ac06b7f1aaf7aa386fa268b5e958064778906bfc6c9b7169c07a4f508d69bb01ca88526af9fcb6067d0cf46d4fef3cb9b2cd469d7402706a8046165018182500303030303030303030303030303030381420909");
        assert_eq!(minicbor::decode::<SyncRequest>(&bytes).unwrap(), request);

        let receipt = Receipt {
            id: ReceiptId::from_bytes([1; 16]),
            device: DeviceId::from_bytes([2; 16]),
            epoch: digest(0),
            at: Moment::from_micros(1),
            items: vec![digest(1)],
            tip: Tip { seq: 1, hash: Some(digest(2)) },
            backup_horizon: Moment::from_micros(2),
        };
        let answer = SyncAnswer {
            protocol: 1,
            server_at: Moment::from_micros(1),
            epoch: digest(0),
            receipt: Some(receipt.sign(&key)),
            verdicts: vec![Verdict {
                item: digest(1),
                outcome: Outcome::Quarantined,
                code: Some("change_unreadable".into()),
                inspection: None,
                change: Some(ChangeId([4; 32])),
            }],
            tip: Tip::default(),
            rows: vec![],
            cursors: vec![],
            more: true,
            revoked_at: None,
            floor: None,
            lacks: None,
        };
        let bytes = minicbor::to_vec(&answer).unwrap();
        insta::assert_snapshot!(hex::encode(&bytes), @"8901015821016e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d82589187500101010101010101010101010101010150020202020202020202020202020202025821016e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d01815821014bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a8201582101dbc1b4c900ffe48d575b5da5c638040125f65db0fe3e24494b76ea986457d986025841016f8c65b459cb1ac2cb59e3377b401327ebb54c4709eb70e17e4a668e06614c62fb839019defc507cf373021c256fd1207dad044772f2f8a6e08fbdac2cea010281855821014bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a02716368616e67655f756e7265616461626c65f65820040404040404040404040404040404040404040404040404040404040404040481008080f5");
        assert_eq!(minicbor::decode::<SyncAnswer>(&bytes).unwrap(), answer);
    }

    #[test]
    fn a_request_that_says_what_is_unsent_keeps_its_released_form() {
        let request = SyncRequest {
            protocol: 1,
            cursors: vec![],
            epoch: None,
            entries: vec![],
            chunks: vec![],
            still_unsent: Some(StillUnsent { changes: 3, evidence: 2, evidence_bytes: 5_000_000 }),
            wants: None,
            nonce: None,
            program: None,
            floor: None,
            holds: None,
            carried: None,
            numbers_since: None,
        };
        let bytes = minicbor::to_vec(&request).unwrap();
        insta::assert_snapshot!(hex::encode(&bytes), @"860180f680808303021a004c4b40");
        assert_eq!(minicbor::decode::<SyncRequest>(&bytes).unwrap(), request);
    }

    #[test]
    fn a_receipt_is_believed_from_the_pinned_server_only() {
        let key = MemoryKey::from_secret(&[7; 32]);
        let receipt = Receipt {
            id: ReceiptId::from_bytes([1; 16]),
            device: DeviceId::from_bytes([2; 16]),
            epoch: digest(0),
            at: Moment::from_micros(1),
            items: vec![],
            tip: Tip::default(),
            backup_horizon: Moment::from_micros(2),
        };
        let signed = receipt.sign(&key);
        assert_eq!(signed.verify(&key.public_key()), Ok(receipt));
        let other = MemoryKey::from_secret(&[8; 32]).public_key();
        assert_eq!(signed.verify(&other), Err(ReceiptError::Signature(SuiteError::Mismatch)));
    }
}
