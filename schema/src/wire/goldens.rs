//! The bytes of released messages: what a device or a server of that time sent is read as it was meant.
//!
//! A golden is never changed. A later version adds its own.

use super::device::{EnrolRequest, Enrolled, Session, SessionRequest};
use super::row::{Body, ChangeRow, DocumentRow, Origin, Row};
use super::sync::{Chunk, Cursor, Nonce, Outcome, StillUnsent, SyncAnswer, SyncRequest, Verdict};
use crate::document::{Actor, ChangeId, RawChange};
use crate::ids::{DeviceId, InspectionId, OfficerId, RecordId};
use crate::journal::{SignedEntry, Tip};
use crate::moment::{Interval, Moment};
use crate::suite::{Digest, MemoryKey, Purpose, Signer};
use crate::wire::evidence::Offer;
use minicbor::{Decode, Encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

const VISIT: InspectionId = InspectionId::from_bytes([3; 16]);
const DEVICE: DeviceId = DeviceId::from_bytes([4; 16]);
const OFFICER: OfficerId = OfficerId::from_bytes([5; 16]);

/// What was sent then is read now, and written again to the same bytes.
fn keeps<T: for<'b> Decode<'b, ()> + Encode<()> + PartialEq + Debug>(golden: &str, meant: &T) {
    let bytes = hex::decode(golden).unwrap();
    assert_eq!(&minicbor::decode::<T>(&bytes).unwrap(), meant);
    assert_eq!(hex::encode(minicbor::to_vec(meant).unwrap()), golden);
}

/// The same of a message in JSON.
fn says<T: DeserializeOwned + Serialize + PartialEq + Debug>(golden: &str, meant: &T) {
    assert_eq!(&serde_json::from_str::<T>(golden).unwrap(), meant);
    assert_eq!(serde_json::to_string(meant).unwrap(), golden);
}

fn request_of_protocol_2() -> SyncRequest {
    let key = MemoryKey::from_secret(&[7; 32]);
    SyncRequest {
        protocol: 2,
        cursors: vec![Cursor { feed: "everyone".into(), seq: 7, since: Some(5) }],
        epoch: Some(Digest::of(b"epoch")),
        entries: vec![SignedEntry { bytes: vec![1], signature: key.sign(Purpose::Journal, b"x") }],
        chunks: vec![Chunk { inspection: VISIT, changes: vec![RawChange(vec![0x85, 0x6f])] }],
        still_unsent: Some(StillUnsent { changes: 1, evidence: 2, evidence_bytes: 3 }),
        wants: Some(vec![VISIT]),
        nonce: Some(Nonce([7; 16])),
        program: None,
        floor: None,
        holds: None,
        carried: None,
        numbers_since: None,
    }
}

fn answer_of_protocol_2() -> SyncAnswer {
    let origin = Origin {
        actor: Actor([6; 16]),
        first: 1,
        last: 9,
        device: Some(DEVICE),
        officer: Some(OFFICER),
        entry: Some(Digest::of(b"entry")),
        written: Interval { earliest: Some(Moment::from_micros(1)), latest: Some(Moment::from_micros(2)) },
    };
    let document = DocumentRow {
        inspection: VISIT,
        changes: vec![RawChange(vec![0x85, 0x6f])],
        origins: vec![origin],
        heads: vec![ChangeId([8; 32])],
        carried: None,
    };
    SyncAnswer {
        protocol: 2,
        server_at: Moment::from_micros(1),
        epoch: Digest::of(b"epoch"),
        receipt: None,
        verdicts: vec![Verdict {
            item: Digest::of(b"item"),
            outcome: Outcome::Waiting,
            code: Some("change_waiting".into()),
            inspection: Some(VISIT),
            change: None,
        }],
        tip: Tip { seq: 1, hash: Some(Digest::of(b"tip")) },
        rows: vec![Row {
            kind: "document".into(),
            subject: VISIT.to_string(),
            body: Body::Document(document),
        }],
        cursors: vec![Cursor { feed: "everyone".into(), seq: 9, since: Some(9) }],
        more: false,
        revoked_at: Some(Moment::from_micros(3)),
        floor: None,
        lacks: None,
    }
}

#[test]
fn messages_of_protocol_2_keep_their_released_form() {
    keeps(
        "880281836865766572796f6e650705582101afc9b31d9f3f3645ae563606e1ddbe4b0e72b247e3bc9dff6251f5ee8961ae48818241015841010ac98b4ac06b7f1aaf7aa386fa268b5e958064778906bfc6c9b7169c07a4f508d69bb01ca88526af9fcb6067d0cf46d4fef3cb9b2cd469d7402706a804616501818250030303030303030303030303030303038142856f830102038150030303030303030303030303030303035007070707070707070707070707070707",
        &request_of_protocol_2(),
    );
    keeps(
        "8a0201582101afc9b31d9f3f3645ae563606e1ddbe4b0e72b247e3bc9dff6251f5ee8961ae48f681845821014a33eacd5fa65f2b2e2871cd131286b53c415b131666d71173bb6e3fe59361b3016e6368616e67655f77616974696e675003030303030303030303030303030303820158210197380187a878903ffe722b7bfd8d8ba92457ef77de0216cfe9261c72c2b87397818368646f63756d656e74782430333033303330332d303330332d303330332d303330332d3033303330333033303330338203818450030303030303030303030303030303038142856f81875006060606060606060606060606060606010950040404040404040404040404040404045005050505050505050505050505050505582101923fe53966c6cd9343e11af776cd4b05be315ea4b200b02e4d5dfb0f929b73bf820102815820080808080808080808080808080808080808080808080808080808080808080881836865766572796f6e650909f403",
        &answer_of_protocol_2(),
    );
}

#[test]
fn a_terminal_that_lost_sight_of_its_numbers_says_so_in_this_form() {
    let request = SyncRequest {
        cursors: Vec::new(),
        entries: Vec::new(),
        chunks: Vec::new(),
        numbers_since: Some(300),
        ..request_of_protocol_2()
    };
    keeps(
        "8d0280582101afc9b31d9f3f3645ae563606e1ddbe4b0e72b247e3bc9dff6251f5ee8961ae488080830102038150030303030303030303030303030303035007070707070707070707070707070707f6f6f6f619012c",
        &request,
    );
}

#[test]
fn a_change_row_of_protocol_1_keeps_its_released_form() {
    let row = ChangeRow {
        inspection: VISIT,
        change: RawChange(vec![0x85, 0x6f]),
        device: Some(DEVICE),
        officer: Some(OFFICER),
        entry: Some(Digest::of(b"entry")),
        written: Interval { earliest: Some(Moment::from_micros(1)), latest: None },
    };
    keeps(
        "86500303030303030303030303030303030342856f50040404040404040404040404040404045005050505050505050505050505050505582101923fe53966c6cd9343e11af776cd4b05be315ea4b200b02e4d5dfb0f929b73bf8101",
        &row,
    );
}

#[test]
fn enrolment_and_sessions_keep_their_released_form() {
    let key = MemoryKey::from_secret(&[7; 32]);
    let signature = key.sign(Purpose::Enrolment, b"x");
    let request = EnrolRequest {
        code: "K7M29QXD".into(),
        device: DEVICE,
        name: "pad".into(),
        device_key: key.public_key(),
        officer_key: key.public_key(),
        device_proof: signature,
        officer_proof: signature,
    };
    says(
        r#"{"code":"K7M29QXD","device":"04040404-0404-0404-0404-040404040404","name":"pad","device_key":"std-ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c","officer_key":"std-ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c","device_proof":"std-b7f899b8e6f968f217860fb736645752c44d5891828010a0cc5d6b66287702006b2b31b8084fd5ae8700653eb2a084d854647b3d093b6711d7684c9bfd32b209","officer_proof":"std-b7f899b8e6f968f217860fb736645752c44d5891828010a0cc5d6b66287702006b2b31b8084fd5ae8700653eb2a084d854647b3d093b6711d7684c9bfd32b209"}"#,
        &request,
    );
    let enrolled = Enrolled {
        device: DEVICE,
        officer: OFFICER,
        officer_name: "Li Min".into(),
        server_key: key.public_key(),
        epoch: Digest::of(b"epoch"),
        server_at: Moment::from_micros(1),
    };
    says(
        r#"{"device":"04040404-0404-0404-0404-040404040404","officer":"05050505-0505-0505-0505-050505050505","officer_name":"Li Min","server_key":"std-ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c","epoch":"std-afc9b31d9f3f3645ae563606e1ddbe4b0e72b247e3bc9dff6251f5ee8961ae48","server_at":"1970-01-01T00:00:00.000001Z"}"#,
        &enrolled,
    );
    let request = SessionRequest { device: DEVICE, challenge: "c".into(), signature };
    says(
        r#"{"device":"04040404-0404-0404-0404-040404040404","challenge":"c","signature":"std-b7f899b8e6f968f217860fb736645752c44d5891828010a0cc5d6b66287702006b2b31b8084fd5ae8700653eb2a084d854647b3d093b6711d7684c9bfd32b209"}"#,
        &request,
    );
    let session = Session { token: "d_1".into(), expires_at: Moment::from_micros(1), certificate: None };
    says(r#"{"token":"d_1","expires_at":"1970-01-01T00:00:00.000001Z"}"#, &session);
}

#[test]
fn the_offer_of_an_original_keeps_its_released_form() {
    let offer = Offer {
        inspection: VISIT,
        record: RecordId::from_bytes([6; 16]),
        size_bytes: 5_000_000_000,
        media_type: "image/jpeg".into(),
    };
    says(
        r#"{"inspection":"03030303-0303-0303-0303-030303030303","record":"06060606-0606-0606-0606-060606060606","size_bytes":5000000000,"media_type":"image/jpeg"}"#,
        &offer,
    );
}
