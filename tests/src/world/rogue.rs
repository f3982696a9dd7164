//! A device written by hand: it can send what an honest terminal never would.

use super::World;
use crate::world::host::SimHost;
use axum::http::StatusCode;
use fieldproof_schema::document::{Actor, RawChange};
use fieldproof_schema::host::Host;
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId};
use fieldproof_schema::journal::{Entry, Kind, SignedEntry, Tip, body};
use fieldproof_schema::suite::{Digest, MemoryKey, Purpose, Signer};
use fieldproof_schema::wire::device::{Challenge, EnrolRequest, Enrolled, Session};
use fieldproof_schema::wire::frame;
use fieldproof_schema::wire::sync::{Chunk, SyncAnswer, SyncRequest};
use serde_json::{Value, json};

/// The device.
pub struct Rogue {
    /// Its name.
    pub id: DeviceId,
    /// Whose it is.
    pub officer: OfficerId,
    /// Its key.
    pub key: MemoryKey,
    /// The officer's key.
    pub officer_key: MemoryKey,
    /// The end of the journal that it writes.
    pub tip: Tip,
    host: SimHost,
    token: String,
}

/// The request with which a device enrols.
pub fn enrol_request(code: &str, id: DeviceId, key: &MemoryKey, officer_key: &MemoryKey) -> EnrolRequest {
    let proof = EnrolRequest::proof_text(code, id, &key.public_key(), &officer_key.public_key());
    EnrolRequest {
        code: code.into(),
        device: id,
        name: "手工终端".into(),
        device_key: key.public_key(),
        officer_key: officer_key.public_key(),
        device_proof: key.sign(Purpose::Enrolment, &proof),
        officer_proof: officer_key.sign(Purpose::Enrolment, &proof),
    }
}

impl Rogue {
    /// Enrols with a one-time code and opens a session.
    pub async fn enrol(world: &World, code: &str, seed: u64) -> Self {
        let host = SimHost::new(&world.clock, seed, 0);
        let id = DeviceId::new(host.now(), fieldproof_schema::host::random(&host));
        let key = MemoryKey::from_secret(&fieldproof_schema::host::random(&host));
        let officer_key = MemoryKey::from_secret(&fieldproof_schema::host::random(&host));
        let request = json!(enrol_request(code, id, &key, &officer_key));
        let enrolled: Enrolled = world.expect("POST", "/api/v1/enrolment", None, request).await;
        let mut rogue = Self {
            id,
            officer: enrolled.officer,
            key,
            officer_key,
            tip: Tip::default(),
            host,
            token: String::new(),
        };
        rogue.sign_in(world).await;
        rogue
    }

    /// Opens a session.
    pub async fn sign_in(&mut self, world: &World) {
        let asked = json!({"device": self.id});
        let challenge: Challenge = world.expect("POST", "/api/v1/device/challenge", None, asked).await;
        let signature = self.key.sign(Purpose::Session, challenge.challenge.as_bytes());
        let asked = json!({"device": self.id, "challenge": challenge.challenge, "signature": signature});
        let session: Session = world.expect("POST", "/api/v1/device/session", None, asked).await;
        self.token = session.token;
    }

    /// The session's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Appends an entry to the journal.
    pub fn entry(
        &mut self,
        kind: Kind,
        inspection: Option<InspectionId>,
        content: Option<Digest>,
        text: String,
    ) -> SignedEntry {
        let entry = Entry {
            device: self.id,
            seq: self.tip.seq + 1,
            prev: self.tip.hash,
            kind,
            officer: Some(self.officer),
            inspection,
            content,
            device_at: self.host.now(),
            monotonic_ms: self.host.monotonic_ms(),
            server_at: None,
            session: 1,
            body: text,
        };
        let signed = entry.sign(&self.key);
        self.tip = Tip { seq: entry.seq, hash: Some(signed.hash()) };
        signed
    }

    /// Declares a writer.
    pub fn declare(&mut self, inspection: InspectionId, actor: Actor) -> SignedEntry {
        let text = body::write(&body::ActorDeclared { actor });
        self.entry(Kind::ActorDeclared, Some(inspection), None, text)
    }

    /// Covers bytes as if they were a change.
    pub fn cover(&mut self, inspection: InspectionId, change: &RawChange) -> SignedEntry {
        self.entry(Kind::Saved, Some(inspection), Some(Digest::of(&change.0)), "{}".into())
    }

    /// Covers the changes of `actor` from its `first` count to its `last`, whose bytes are `end`.
    pub fn cover_run(
        &mut self,
        inspection: InspectionId,
        actor: Actor,
        (first, last): (u64, u64),
        end: &RawChange,
    ) -> SignedEntry {
        let text = body::write(&body::Saved { change: None, run: Some(body::Run { actor, first, last }) });
        self.entry(Kind::Saved, Some(inspection), Some(Digest::of(&end.0)), text)
    }

    /// Pushes and pulls everything.
    pub async fn sync(&self, world: &World, entries: Vec<SignedEntry>, chunks: Vec<Chunk>) -> SyncAnswer {
        let request = request(1, entries, chunks);
        let (status, bytes) =
            world.send("POST", "/api/v1/sync", Some(&self.token), frame::pack(&request)).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&bytes));
        frame::unpack(&bytes).expect("the server answers in its own protocol")
    }

    /// Sends a body to the sync service and returns status and error envelope.
    pub async fn sync_raw(&self, world: &World, body: Vec<u8>) -> (StatusCode, Value) {
        let (status, bytes) = world.send("POST", "/api/v1/sync", Some(&self.token), body).await;
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

/// A round that brings these and asks from the beginning.
pub fn request(protocol: u16, entries: Vec<SignedEntry>, chunks: Vec<Chunk>) -> SyncRequest {
    SyncRequest {
        protocol,
        cursors: Vec::new(),
        epoch: None,
        entries,
        chunks,
        still_unsent: None,
        wants: None,
        nonce: None,
        holds: None,
        carried: None,
        numbers_since: None,
        program: None,
        floor: None,
    }
}
