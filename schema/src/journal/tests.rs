//! Journal entries: golden form, chain, signatures.

use super::*;
use crate::suite::MemoryKey;

pub(super) fn device() -> DeviceId {
    DeviceId::from_bytes([1; 16])
}

fn entry(tip: Tip) -> Entry {
    Entry {
        device: device(),
        seq: tip.seq + 1,
        prev: tip.hash,
        kind: Kind::Saved,
        officer: Some(OfficerId::from_bytes([2; 16])),
        inspection: Some(InspectionId::from_bytes([3; 16])),
        content: Some(Digest::of(b"change")),
        device_at: Moment::from_micros(1_795_442_645_000_000),
        monotonic_ms: 1234,
        server_at: None,
        session: 1,
        body: "{}".into(),
    }
}

pub(super) fn key() -> MemoryKey {
    MemoryKey::from_secret(&[7; 32])
}

/// Entries that follow each other upon an end; those of another salt are others.
pub(super) fn chain_upon(key: &MemoryKey, mut tip: Tip, length: usize, salt: u64) -> Vec<SignedEntry> {
    (0..length)
        .map(|_| {
            let signed = Entry { monotonic_ms: 1234 + salt, ..entry(tip) }.sign(key);
            tip = Tip { seq: tip.seq + 1, hash: Some(signed.hash()) };
            signed
        })
        .collect()
}

fn chain(key: &MemoryKey, length: usize) -> Vec<SignedEntry> {
    chain_upon(key, Tip::default(), length, 0)
}

#[test]
fn an_entry_keeps_its_released_form() {
    let signed = entry(Tip::default()).sign(&key());
    insta::assert_snapshot!(hex::encode(&signed.bytes), @"8c500101010101010101010101010101010101f66573617665645002020202020202020202020202020202500303030303030303030303030303030358210112ea12eace7d655f471ce55e34f89b1b77a3d9d05a445ca82877dd2235beaa511b000660f21111df401904d2f601627b7d");
    insta::assert_snapshot!(signed.hash(), @"std-eefbd6241ec318939b285be11e0e2dab4ccbef3bc243b187201094fe410e1e2b");
}

#[test]
fn a_chain_without_gaps_is_believed() {
    let key = key();
    let entries = chain(&key, 3);
    let (read, tip) = verify_chain(device(), &key.public_key(), Tip::default(), &entries).unwrap();
    assert_eq!((read.len(), tip.seq), (3, 3));
    let (_, continued) = verify_chain(device(), &key.public_key(), tip, &[]).unwrap();
    assert_eq!(continued, tip);
}

#[test]
fn a_gap_a_swap_a_forgery_and_a_foreign_entry_are_found() {
    let key = key();
    let good = chain(&key, 3);
    let check = |entries: &[SignedEntry]| verify_chain(device(), &key.public_key(), Tip::default(), entries);
    let gap = [good[0].clone(), good[2].clone()];
    assert_eq!(check(&gap).unwrap_err(), JournalError::Broken { seq: 3, after: 1 });
    let swapped = [good[1].clone(), good[0].clone()];
    assert_eq!(check(&swapped).unwrap_err(), JournalError::Broken { seq: 2, after: 0 });
    let mut forged = good.clone();
    let last = forged[1].bytes.len() - 1;
    forged[1].bytes[last] ^= 1;
    assert_eq!(check(&forged).unwrap_err(), JournalError::Signature);
    let other = MemoryKey::from_secret(&[8; 32]);
    assert_eq!(check(&chain(&other, 1)).unwrap_err(), JournalError::Signature);
    let foreign = verify_chain(DeviceId::from_bytes([9; 16]), &key.public_key(), Tip::default(), &good);
    assert_eq!(foreign.unwrap_err(), JournalError::OtherDevice(device()));
}

#[test]
fn a_kind_of_a_later_version_survives() {
    let mut later = entry(Tip::default());
    later.kind = Kind::from("teleported");
    let signed = later.sign(&key());
    assert_eq!(signed.read().unwrap().kind, Kind::Other("teleported".into()));
    for kind in Kind::ALL {
        assert_eq!(&Kind::from(kind.as_str()), kind);
    }
}

#[test]
fn trailing_bytes_are_not_an_entry() {
    let mut signed = entry(Tip::default()).sign(&key());
    signed.bytes.push(0);
    assert_eq!(signed.read(), Err(JournalError::Unreadable));
}
