//! Messages, journal entries, receipts.

use crate::fuzz::corpus::{DEVICE, key};
use fieldproof_schema::journal::{Entry, JournalError, Kind, SignedEntry, Tip, body};
use fieldproof_schema::limits::{JOURNAL_ENTRY_BYTES_MAX, SYNC_BODY_PLAIN_BYTES_MAX, SYNC_ITEMS_MAX};
use fieldproof_schema::suite::{Purpose, Signer};
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::row::{Body, Row, RowKind};
use fieldproof_schema::wire::sync::{Receipt, SignedReceipt, SyncAnswer, SyncRequest};
use minicbor::{Decode, Encode};
use std::fmt::Debug;

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Unpacks a message; plain CBOR is packed first, so that edits of it are edits of the message.
fn message<T>(bytes: &[u8]) -> Option<T>
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let unpacked = if bytes.starts_with(&ZSTD) {
        frame::unpack::<T>(bytes)
    } else {
        let framed = zstd::encode_all(bytes, 1).expect("compressing memory to memory cannot fail");
        frame::unpack::<T>(&framed)
    };
    let message = unpacked.ok()?;
    same_again(&message);
    let packed = frame::pack(&message);
    assert_eq!(frame::unpack::<T>(&packed).as_ref(), Ok(&message), "what was unpacked can be packed");
    Some(message)
}

/// What was decoded encodes, and decodes to the same.
fn same_again<T>(value: &T)
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let bytes = minicbor::to_vec(value).expect("writing to memory cannot fail");
    let again = minicbor::decode::<T>(&bytes);
    assert!(again.is_ok_and(|again| again == *value), "decoding an encoded {value:?} gives the same");
}

/// Neither more values than items, nor more bytes than there were.
fn bounded(values: usize, bytes: usize) {
    assert!(values <= SYNC_ITEMS_MAX, "{values} values from at most {SYNC_ITEMS_MAX} items");
    assert!(bytes <= SYNC_BODY_PLAIN_BYTES_MAX, "{bytes} bytes from a smaller body");
}

/// What a device sends.
pub(super) fn sync_request(bytes: &[u8]) {
    let Some(request) = message::<SyncRequest>(bytes) else { return };
    let changes = request.chunks.iter().flat_map(|chunk| &chunk.changes);
    bounded(
        request.cursors.len() + request.entries.len() + request.chunks.len() + changes.clone().count(),
        request.entries.iter().map(|entry| entry.bytes.len()).sum::<usize>()
            + changes.map(|change| change.0.len()).sum::<usize>(),
    );
    for signed in &request.entries {
        entry(signed);
    }
}

/// What the server answers.
pub(super) fn sync_response(bytes: &[u8]) {
    let Some(answer) = message::<SyncAnswer>(bytes) else { return };
    let sizes = answer.rows.iter().map(|Row { kind, subject, body }| {
        let body = match body {
            Body::Reference(text) => text.len(),
            Body::Change(row) => row.change.0.len(),
            Body::Document(row) => row.changes.iter().map(|change| change.0.len()).sum(),
            Body::Gone => 0,
        };
        kind.len() + subject.len() + body
    });
    bounded(answer.rows.len() + answer.verdicts.len() + answer.cursors.len(), sizes.sum());
    for row in &answer.rows {
        RowKind::find(&row.kind);
    }
    // Moments and hashes are written to logs and stores.
    assert!(!format!("{answer:?}").is_empty());
    if let Some(receipt) = &answer.receipt {
        believed(receipt);
    }
}

/// One journal entry.
pub(super) fn journal(bytes: &[u8]) {
    let Ok(signed) = minicbor::decode::<SignedEntry>(bytes) else { return };
    same_again(&signed);
    entry(&signed);
}

fn entry(signed: &SignedEntry) {
    let key = key();
    let read = signed.read();
    match (&read, signed.verify(DEVICE, &key.public_key())) {
        (Ok(read), Ok(verified)) => assert_eq!(*read, verified),
        (Ok(read), Err(JournalError::OtherDevice(device))) => assert_eq!(read.device, device),
        (Ok(_), Err(error)) => assert_eq!(error, JournalError::Signature),
        (Err(error), verified) => assert_eq!(verified.as_ref(), Err(error)),
    }
    let Ok(read) = read else { return };
    assert!(signed.bytes.len() <= JOURNAL_ENTRY_BYTES_MAX, "longer entries are not read");
    same_again(&read);
    // Signed by its own device, nothing but its content is in the way.
    let own =
        SignedEntry { bytes: signed.bytes.clone(), signature: key.sign(Purpose::Journal, &signed.bytes) };
    assert_eq!(own.verify(read.device, &key.public_key()).as_ref(), Ok(&read));
    follows(&read, signed);
    bodies(&read);
}

/// An entry attaches to the end before it only.
fn follows(read: &Entry, signed: &SignedEntry) {
    for seq in [0, read.seq.wrapping_sub(1), read.seq, u64::MAX] {
        let tip = Tip { seq, hash: read.prev };
        let next = tip.follow(read, signed.hash());
        assert_eq!(next.is_ok(), seq.checked_add(1) == Some(read.seq), "an entry follows the one before it");
    }
}

/// Bodies are read by kind; what is read is written, and read again.
fn bodies(read: &Entry) {
    fn again<T>(text: &str)
    where
        T: serde::de::DeserializeOwned + serde::Serialize + PartialEq + Debug,
    {
        if let Ok(body) = body::read::<T>(text) {
            assert_eq!(body::read::<T>(&body::write(&body)).as_ref(), Ok(&body));
        }
    }
    match read.kind {
        Kind::Opened => again::<body::Opened>(&read.body),
        Kind::ActorDeclared => again::<body::ActorDeclared>(&read.body),
        Kind::Saved => again::<body::Saved>(&read.body),
        Kind::Captured => again::<body::Captured>(&read.body),
        Kind::Sealed => again::<body::Sealed>(&read.body),
        Kind::ClockJumped => again::<body::ClockJumped>(&read.body),
        Kind::RolledBack | Kind::SetAside => again::<body::Rebuilt>(&read.body),
        Kind::Exported | Kind::Imported => again::<body::Packed>(&read.body),
        Kind::Numbered => again::<body::Numbered>(&read.body),
        Kind::Adopted | Kind::Other(_) => {}
    }
    // As logs and pages write it.
    assert!(!format!("{read:?} {}", read.device_at.date_in_china()).is_empty());
}

/// A receipt as it travels.
pub(super) fn receipt(bytes: &[u8]) {
    let Ok(signed) = minicbor::decode::<SignedReceipt>(bytes) else { return };
    same_again(&signed);
    believed(&signed);
}

fn believed(signed: &SignedReceipt) {
    let key = key();
    let decoded = minicbor::decode::<Receipt>(&signed.bytes).ok();
    if let Ok(receipt) = signed.verify(&key.public_key()) {
        assert_eq!(decoded.as_ref(), Some(&receipt), "only what was signed is believed");
    }
    // Signed by the server itself, nothing but its content is in the way.
    let own =
        SignedReceipt { bytes: signed.bytes.clone(), signature: key.sign(Purpose::Receipt, &signed.bytes) };
    assert_eq!(own.verify(&key.public_key()).ok(), decoded);
    if let Some(receipt) = decoded {
        assert!(receipt.items.len() <= signed.bytes.len(), "an item takes a byte at least");
        same_again(&receipt);
        assert!(!format!("{receipt:?}").is_empty());
    }
}
