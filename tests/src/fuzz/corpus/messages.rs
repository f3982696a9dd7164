//! A sync round: what a device sends, what the server answers, and its receipt.

use super::{AT, DEVICE, OFFICER, OWN, VISIT, cbor, journal, key, texts, visit};
use fieldproof_schema::certificate::{Certificate, SignedCertificate};
use fieldproof_schema::document::{RawChange, inspect};
use fieldproof_schema::ids::ReceiptId;
use fieldproof_schema::journal::{SignedEntry, Tip};
use fieldproof_schema::moment::Interval;
use fieldproof_schema::package::{Original, Package, PackageError, Writing};
use fieldproof_schema::suite::{Digest, Signer};
use fieldproof_schema::wire::carried::{Carried, Holding};
use fieldproof_schema::wire::floor::{Floor, SignedFloor};
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::row::{Body, ChangeRow, DocumentRow, Origin, Row};
use fieldproof_schema::wire::sync::{
    Chunk, Cursor, Nonce, Outcome, Receipt, SignedReceipt, StillUnsent, SyncAnswer, SyncRequest, Verdict,
};
use std::io::Cursor as InMemory;

fn cursor(feed: &str) -> Cursor {
    Cursor { feed: feed.into(), seq: 7, since: Some(5) }
}

/// Of a first contact, of an ordinary round, and one as it goes over the wire.
pub(super) fn requests() -> Vec<Vec<u8>> {
    let first = SyncRequest {
        protocol: 1,
        cursors: Vec::new(),
        epoch: None,
        entries: Vec::new(),
        chunks: Vec::new(),
        still_unsent: None,
        wants: None,
        nonce: None,
        holds: None,
        carried: None,
        numbers_since: None,
        program: None,
        floor: None,
    };
    let ordinary = SyncRequest {
        cursors: vec![cursor("org"), cursor("officer:06060606-0606-0606-0606-060606060606")],
        epoch: Some(Digest::of(b"epoch")),
        entries: journal(),
        chunks: vec![Chunk { inspection: VISIT, changes: visit().changes[1..6].to_vec() }],
        still_unsent: Some(StillUnsent { changes: 3, evidence: 2, evidence_bytes: 5_000_000 }),
        ..first.clone()
    };
    let later = SyncRequest {
        protocol: 2,
        chunks: vec![Chunk { inspection: VISIT, changes: vec![RawChange(visit().document.save())] }],
        wants: Some(vec![VISIT]),
        nonce: Some(Nonce([7; 16])),
        holds: Some(vec![Holding { inspection: VISIT, heads: visit().document.heads() }]),
        carried: Some(vec![carried(vec![Chunk {
            inspection: VISIT,
            changes: visit().changes[1..3].to_vec(),
        }])]),
        ..ordinary.clone()
    };
    let knowing = SyncRequest {
        program: "1.4.0".parse().ok(),
        floor: Some(floor()),
        chunks: Vec::new(),
        ..later.clone()
    };
    let lost_sight = SyncRequest { numbers_since: Some(9), ..knowing.clone() };
    vec![
        cbor(&first),
        cbor(&ordinary),
        frame::pack(&ordinary),
        cbor(&later),
        cbor(&knowing),
        cbor(&lost_sight),
    ]
}

fn floor() -> SignedFloor {
    Floor { version: 3, protocol: 2, program: "1.4.0".parse().ok(), at: AT }.sign(&key())
}

/// Whose the device is.
pub(super) fn certificate() -> SignedCertificate {
    let certificate = Certificate {
        format: 1,
        device: DEVICE,
        device_name: "T-1".into(),
        officer: OFFICER,
        officer_name: "沈青禾".into(),
        device_key: key().public_key(),
        officer_keys: vec![key().public_key()],
        enrolled_at: AT,
    };
    certificate.sign(&key())
}

/// What a colleague's terminal signed, and wrote.
fn carried(chunks: Vec<Chunk>) -> Carried {
    Carried { certificate: certificate(), entries: journal(), chunks }
}

/// With originals, and without.
pub(super) fn packages() -> Vec<Vec<u8>> {
    let bytes = b"the bytes of a photo";
    let original = Original {
        digest: Digest::of(bytes),
        size_bytes: bytes.len() as u64,
        media_type: "image/jpeg".into(),
    };
    let (first, rest) = visit().changes.split_at(1);
    let package = Package {
        format: 1,
        inspection: VISIT,
        made_at: AT,
        maker: DEVICE,
        template: Some(texts::checklist()),
        server: first.to_vec(),
        carried: vec![carried(vec![Chunk { inspection: VISIT, changes: rest[..2].to_vec() }])],
        originals: vec![original.clone()],
    };
    let bare = Package { template: None, originals: Vec::new(), ..package.clone() };
    let written = |package: &Package, originals: &[Original]| {
        let mut writing = Writing::begin(InMemory::new(Vec::new()), package)?;
        for original in originals {
            writing.original(original, bytes.as_slice())?;
        }
        Ok::<_, PackageError>(writing.finish()?.into_inner())
    };
    [written(&package, &[original]), written(&bare, &[])].into_iter().filter_map(Result::ok).collect()
}

fn receipt() -> SignedReceipt {
    let items = journal().iter().map(SignedEntry::hash).collect();
    let receipt = Receipt {
        id: ReceiptId::from_bytes([8; 16]),
        device: DEVICE,
        epoch: Digest::of(b"epoch"),
        at: AT,
        items,
        tip: Tip { seq: 7, hash: Some(Digest::of(b"tip")) },
        backup_horizon: AT.plus_seconds(30 * 24 * 3600),
    };
    receipt.sign(&key())
}

/// With items, and one without.
pub(super) fn receipts() -> Vec<Vec<u8>> {
    let full = receipt();
    let Ok(receipt) = minicbor::decode::<Receipt>(&full.bytes) else { return Vec::new() };
    let empty = Receipt { items: Vec::new(), tip: Tip::default(), ..receipt };
    vec![cbor(&full), cbor(&empty.sign(&key()))]
}

fn change_row(change: &RawChange) -> Row {
    let subject = inspect(&change.0).map_or_else(|_| String::new(), |header| header.id.to_string());
    let row = ChangeRow {
        inspection: VISIT,
        change: change.clone(),
        device: Some(DEVICE),
        officer: Some(OFFICER),
        entry: Some(Digest::of(b"entry")),
        written: Interval { earliest: Some(AT), latest: Some(AT.plus_seconds(60)) },
    };
    Row { kind: "change".into(), subject, body: Body::Change(row) }
}

/// A visit whole, with where its changes come from.
fn document_row() -> Row {
    let document = &visit().document;
    let origin = Origin {
        actor: OWN,
        first: 1,
        last: 3,
        device: Some(DEVICE),
        officer: Some(OFFICER),
        entry: Some(Digest::of(b"entry")),
        written: Interval { earliest: Some(AT), latest: Some(AT.plus_seconds(60)) },
    };
    let row = DocumentRow {
        inspection: VISIT,
        changes: vec![RawChange(document.save())],
        origins: vec![origin],
        heads: document.heads(),
        carried: Some(vec![carried(Vec::new())]),
    };
    Row { kind: "document".into(), subject: VISIT.to_string(), body: Body::Document(row) }
}

/// Of nothing new, of an ordinary round, and one as it goes over the wire.
pub(super) fn answers() -> Vec<Vec<u8>> {
    let nothing = SyncAnswer {
        protocol: 1,
        server_at: AT,
        epoch: Digest::of(b"epoch"),
        receipt: None,
        verdicts: Vec::new(),
        tip: Tip::default(),
        rows: Vec::new(),
        cursors: Vec::new(),
        more: false,
        revoked_at: None,
        lacks: None,
        floor: None,
    };
    let reference = |kind: &str, body: String| Row {
        kind: kind.into(),
        subject: format!("{kind}-1"),
        body: Body::Reference(body),
    };
    let mut rows = vec![
        reference("officer", r#"{"name":"沈青禾"}"#.into()),
        reference("laws", texts::laws().chars().take(300).collect()),
        Row { kind: "task".into(), subject: "task-1".into(), body: Body::Gone },
    ];
    rows.extend(visit().changes[..6].iter().map(change_row));
    rows.push(document_row());
    let verdict = |outcome, code: Option<&str>| Verdict {
        item: Digest::of(b"item"),
        outcome,
        code: code.map(str::to_owned),
        inspection: Some(VISIT),
        change: None,
    };
    let ordinary = SyncAnswer {
        receipt: Some(receipt()),
        verdicts: vec![
            verdict(Outcome::Accepted, None),
            verdict(Outcome::Quarantined, Some("change_unreadable")),
            verdict(Outcome::Waiting, Some("change_waiting")),
        ],
        tip: Tip { seq: 7, hash: Some(Digest::of(b"tip")) },
        rows,
        cursors: vec![cursor("org")],
        more: true,
        lacks: Some(vec![VISIT]),
        ..nothing.clone()
    };
    let telling = SyncAnswer { floor: Some(floor()), ..nothing.clone() };
    vec![cbor(&nothing), cbor(&ordinary), frame::pack(&ordinary), cbor(&telling)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::document::Applied;

    #[test]
    fn the_changes_of_the_visit_are_applied_or_can_be() {
        let mut document = visit().document.clone();
        for change in &visit().changes {
            assert!(matches!(document.apply(change), Ok(Applied::New | Applied::Known)), "{change:?}");
        }
        assert!(document.view().is_ok());
    }
}
