//! A server that keeps what it is sent and gives receipts: chains are checked, changes are not judged.

use crate::transport::{Answering, Method, Transport, TransportError, WireRequest, WireResponse};
use bytes::Bytes;
use fieldproof_schema::document::{Document, RawChange, inspect, is_document};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, ReceiptId};
use fieldproof_schema::journal::{Entry, Kind, SignedEntry, Tip, body};
use fieldproof_schema::limits::BACKUP_HORIZON_SECONDS;
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::suite::{Digest, MemoryKey, PublicKey, Purpose, Signer};
use fieldproof_schema::wire::device::{Challenge, EnrolRequest, Enrolled, Session, SessionRequest};
use fieldproof_schema::wire::error::{ErrorBody, ErrorCode};
use fieldproof_schema::wire::floor::SignedFloor;
use fieldproof_schema::wire::row::{Body, ChangeRow, Row};
use fieldproof_schema::wire::sync::{
    Cursor, Outcome, Receipt, SignedReceipt, StillUnsent, SyncAnswer, SyncRequest, Verdict,
};
use fieldproof_schema::wire::{ANSWER_SIGNATURE, PROTOCOL, SYNC_MEDIA_TYPE, frame};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

const PAGE: usize = 7;

pub(crate) struct Server {
    key: MemoryKey,
    officer: OfficerId,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) epoch: u8,
    pub(crate) feed: Vec<Row>,
    pub(crate) entries: BTreeMap<DeviceId, Vec<SignedEntry>>,
    pub(crate) changes: BTreeSet<Digest>,
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
    pub(crate) devices: BTreeMap<DeviceId, (PublicKey, OfficerId)>,
    pub(crate) receipts: u64,
    pub(crate) tokens: u64,
    pub(crate) enrolments: Vec<EnrolRequest>,
    /// Answers that are lost after the work was done.
    pub(crate) lose: u32,
    /// How many more requests to the sync service are answered.
    pub(crate) syncs_left: Option<u32>,
    /// Items that are refused, by the digest of their bytes.
    pub(crate) refuse: BTreeMap<Digest, ErrorCode>,
    /// Larger bodies are refused.
    pub(crate) body_bytes_max: Option<usize>,
    pub(crate) requests: u64,
    /// How far its clock has gone on.
    pub(crate) server_at_seconds: i64,
    /// Bytes of one part that are lost on the way.
    pub(crate) cut_parts: u32,
    /// Parts that it has no time for.
    pub(crate) busy_parts: u32,
    /// What the terminal said that it had not sent, request by request.
    pub(crate) said: Vec<Option<StillUnsent>>,
    /// What it says that terminals must be.
    pub(crate) floor: Option<SignedFloor>,
    /// The floor that each request named.
    pub(crate) floors_named: Vec<Option<SignedFloor>>,
    /// Every answer has a row that is new, as where what was sent is judged anew each time.
    pub(crate) restless: bool,
    /// Since when the terminal leaves its numbers alone, request by request.
    pub(crate) numbers_since: Vec<Option<u64>>,
}

impl Server {
    pub(crate) fn new(officer: OfficerId) -> Self {
        Self { key: MemoryKey::from_secret(&[9; 32]), officer, state: Mutex::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn publish(&self, rows: Vec<Row>) {
        self.state().feed.extend(rows);
    }

    fn epoch(state: &State) -> Digest {
        Digest::of(&[state.epoch])
    }

    fn receipt(&self, state: &mut State, device: DeviceId, items: Vec<Digest>) -> SignedReceipt {
        state.receipts += 1;
        let at = Moment::from_micros(now(state).as_micros() + i64::try_from(state.receipts).unwrap());
        let mut id = [0; 16];
        id[0] = state.epoch;
        id[8..].copy_from_slice(&state.receipts.to_be_bytes());
        let receipt = Receipt {
            id: ReceiptId::from_bytes(id),
            device,
            epoch: Self::epoch(state),
            at,
            items,
            tip: tip(state, device),
            backup_horizon: at.plus_seconds(BACKUP_HORIZON_SECONDS),
        };
        receipt.sign(&self.key)
    }

    fn handle(&self, request: &WireRequest) -> Result<WireResponse, ErrorCode> {
        let mut state = self.state();
        state.requests += 1;
        if is_sign_in(&request.path) {
            return self.device(&mut state, request);
        }
        let device = bearer(request).filter(|(_, token)| *token == state.tokens);
        let (device, _) = device.ok_or(ErrorCode::SignInRequired)?;
        if request.path == "/api/v1/sync" {
            return self.sync(&mut state, device, request);
        }
        let rest = request.path.strip_prefix("/api/v1/evidence/").ok_or(ErrorCode::NotFound)?;
        self.evidence(&mut state, device, rest, request)
    }

    fn device(&self, state: &mut State, request: &WireRequest) -> Result<WireResponse, ErrorCode> {
        match request.path.as_str() {
            "/api/v1/enrolment" => {
                let enrol: EnrolRequest = serde_json::from_slice(&request.body).unwrap();
                state.devices.insert(enrol.device, (enrol.device_key, self.officer));
                let answer = Enrolled {
                    device: enrol.device,
                    officer: self.officer,
                    officer_name: "李敏".into(),
                    server_key: self.key.public_key(),
                    epoch: Self::epoch(state),
                    server_at: Moment::from_micros(1_795_442_000_000_000),
                };
                state.enrolments.push(enrol);
                Ok(json(&answer))
            }
            "/api/v1/device/challenge" => Ok(json(&Challenge { challenge: "sign me".into() })),
            "/api/v1/device/session" => {
                let session: SessionRequest = serde_json::from_slice(&request.body).unwrap();
                let (key, _) = state.devices.get(&session.device).ok_or(ErrorCode::DeviceUnknown)?;
                key.verify(Purpose::Session, session.challenge.as_bytes(), &session.signature)
                    .map_err(|_| ErrorCode::ChallengeInvalid)?;
                state.tokens += 1;
                let token = format!("{} {}", session.device, state.tokens);
                Ok(json(&Session { token, expires_at: Moment::from_micros(0), certificate: None }))
            }
            _ => Err(ErrorCode::NotFound),
        }
    }

    fn sync(
        &self,
        state: &mut State,
        device: DeviceId,
        request: &WireRequest,
    ) -> Result<WireResponse, ErrorCode> {
        if state.body_bytes_max.is_some_and(|max| request.body.len() > max) {
            return Err(ErrorCode::BodyTooLarge);
        }
        if let Some(left) = &mut state.syncs_left {
            *left = left.checked_sub(1).ok_or(ErrorCode::Unavailable)?;
        }
        let asked: SyncRequest = frame::unpack(&request.body).map_err(|_| ErrorCode::BodyMalformed)?;
        state.said.push(asked.still_unsent);
        state.numbers_since.push(asked.numbers_since);
        state.floors_named.push(asked.floor.clone());
        let (mut held, mut verdicts) = (Vec::new(), Vec::new());
        for entry in &asked.entries {
            let item = entry.hash();
            let code = take_entry(state, device, entry).err();
            // A fork is held beside the chain.
            held.extend(matches!(code, None | Some(ErrorCode::EntryFork)).then_some(item));
            verdicts.push(verdict(item, code));
        }
        for chunk in &asked.chunks {
            for raw in &chunk.changes {
                let item = Digest::of(&raw.0);
                let whole = is_document(&raw.0);
                let code = state.refuse.get(&item).copied();
                let parts = if whole { parts_of(raw) } else { vec![raw.clone()] };
                let is_missing =
                    |part: &RawChange| !is_covered(state, device, part) && !is_known(state, part);
                let code = code.or(parts.iter().any(is_missing).then_some(ErrorCode::ChangeUncovered));
                held.extend(matches!(code, None | Some(ErrorCode::ChangeUncovered)).then_some(item));
                verdicts.push(verdict(item, code));
                // Of a document, what its sender's journal covers.
                for part in parts.iter().filter(|_| code.is_none()) {
                    if is_covered(state, device, part) {
                        take_change(state, device, chunk.inspection, part);
                    }
                }
            }
        }
        if state.restless {
            let again = state.feed.last().cloned();
            state.feed.extend(again);
        }
        let receipt = (!held.is_empty()).then(|| self.receipt(state, device, held));
        let same_epoch = asked.epoch == Some(Self::epoch(state));
        let from =
            asked.cursors.first().filter(|_| same_epoch).map_or(0, |c| usize::try_from(c.seq).unwrap());
        let from = from.min(state.feed.len());
        let until = (from + PAGE).min(state.feed.len());
        let answer = SyncAnswer {
            protocol: PROTOCOL,
            server_at: now(state),
            epoch: Self::epoch(state),
            receipt,
            verdicts,
            tip: tip(state, device),
            rows: state.feed[from..until].to_vec(),
            cursors: vec![Cursor { feed: "org".into(), seq: until as u64, since: None }],
            more: until < state.feed.len(),
            revoked_at: None,
            lacks: asked.holds.map(|_| Vec::new()),
            floor: state.floor.clone(),
        };
        let packed = frame::pack(&answer);
        let signature = asked.nonce.map(|nonce| self.key.sign(Purpose::Answer, &nonce.message(&packed)));
        let mut response = response(200, SYNC_MEDIA_TYPE, packed);
        let signature = signature.map(|signature| (ANSWER_SIGNATURE.to_owned(), signature.to_string()));
        response.headers.extend(signature);
        Ok(response)
    }

    fn evidence(
        &self,
        state: &mut State,
        device: DeviceId,
        rest: &str,
        request: &WireRequest,
    ) -> Result<WireResponse, ErrorCode> {
        let (digest, receipt) = match rest.strip_suffix("/receipt") {
            Some(digest) => (digest, true),
            None => (rest, false),
        };
        let digest: Digest = digest.parse().map_err(|_| ErrorCode::NotFound)?;
        if receipt {
            if Digest::of(state.blobs.get(&digest).ok_or(ErrorCode::NotFound)?) != digest {
                state.blobs.remove(&digest);
                return Err(ErrorCode::EvidenceHashMismatch);
            }
            let signed = self.receipt(state, device, vec![digest]);
            return Ok(response(200, "application/cbor", minicbor::to_vec(&signed).unwrap()));
        }
        if request.method == Method::Patch && state.busy_parts > 0 {
            state.busy_parts -= 1;
            return Err(ErrorCode::Busy);
        }
        let cut = request.method == Method::Patch && state.cut_parts > 0;
        if cut {
            state.cut_parts -= 1;
        }
        let blob = state.blobs.entry(digest).or_default();
        if request.method == Method::Patch {
            let offset = request.headers.iter().find(|(name, _)| *name == "upload-offset").unwrap();
            if offset.1 != blob.len().to_string() {
                return Err(ErrorCode::EvidenceOffset);
            }
            let whole = request.body.len();
            blob.extend_from_slice(&request.body[..if cut { whole / 2 } else { whole }]);
        }
        let mut answer = response(204, "text/plain", Vec::new());
        answer.headers.push(("upload-offset".into(), blob.len().to_string()));
        if cut { Err(ErrorCode::Unavailable) } else { Ok(answer) }
    }
}

impl Transport for Server {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        Box::pin(async move {
            let answer = self.handle(&request).unwrap_or_else(|code| {
                let details = match code {
                    ErrorCode::EvidenceOffset => {
                        let digest = request.path.rsplit('/').next().unwrap().parse().unwrap();
                        serde_json::json!({"offset": self.state().blobs[&digest].len()})
                    }
                    ErrorCode::Busy => serde_json::json!({"retry_after_seconds": 7}),
                    _ => serde_json::Value::Null,
                };
                let body = ErrorBody { code: code.as_str().into(), message: BTreeMap::new(), details };
                response(code.status(), "application/json", serde_json::to_vec(&body).unwrap())
            });
            let mut state = self.state();
            let signing_in = is_sign_in(&request.path);
            if state.lose > 0 && !signing_in {
                state.lose -= 1;
                return Err(TransportError::Cut { source: "lost".into() });
            }
            Ok(answer)
        })
    }
}

fn now(state: &State) -> Moment {
    Moment::from_micros(1_795_442_645_000_000).plus_seconds(state.server_at_seconds)
}

/// A network without a server.
pub(crate) struct Nowhere;

impl Transport for Nowhere {
    fn call(&self, _: WireRequest) -> Answering<'_> {
        Box::pin(async { Err(TransportError::Unreachable { source: "no route".into() }) })
    }
}

fn take_entry(state: &mut State, device: DeviceId, signed: &SignedEntry) -> Result<(), ErrorCode> {
    let (key, _) = state.devices[&device];
    let entry: Entry = signed.verify(device, &key).map_err(|_| ErrorCode::EntrySignature)?;
    let tip = tip(state, device);
    let held = state.entries.entry(device).or_default();
    if let Some(known) = usize::try_from(entry.seq).ok().and_then(|seq| held.get(seq - 1)) {
        return if known == signed { Ok(()) } else { Err(ErrorCode::EntryFork) };
    }
    tip.follow(&entry, signed.hash()).map_err(|_| ErrorCode::EntryGap)?;
    held.push(signed.clone());
    Ok(())
}

fn take_change(state: &mut State, device: DeviceId, inspection: InspectionId, raw: &RawChange) {
    if !state.changes.insert(Digest::of(&raw.0)) {
        return;
    }
    let (_, officer) = state.devices[&device];
    let row = ChangeRow {
        inspection,
        change: raw.clone(),
        device: Some(device),
        officer: Some(officer),
        entry: None,
        written: Interval { earliest: None, latest: Some(now(state)) },
    };
    let subject = inspect(&raw.0).unwrap().id.to_string();
    state.feed.push(Row { kind: "change".into(), subject, body: Body::Change(row) });
}

fn parts_of(document: &RawChange) -> Vec<RawChange> {
    Document::load(&document.0).unwrap().changes().into_iter().map(|(_, part)| part).collect()
}

fn is_known(state: &State, raw: &RawChange) -> bool {
    state.feed.iter().any(|row| matches!(&row.body, Body::Change(change) if change.change == *raw))
}

/// By an entry that names it, or a run that it belongs to.
fn is_covered(state: &State, device: DeviceId, raw: &RawChange) -> bool {
    let header = inspect(&raw.0).unwrap();
    state.entries.get(&device).into_iter().flatten().filter_map(|entry| entry.read().ok()).any(|entry| {
        let run = body::read::<body::Saved>(&entry.body).ok().and_then(|saved| saved.run);
        entry.content == Some(Digest::of(&raw.0))
            || run.is_some_and(|run| entry.kind == Kind::Saved && run.names(header.actor, header.seq))
    })
}

fn tip(state: &State, device: DeviceId) -> Tip {
    let entries = state.entries.get(&device).map_or(&[][..], Vec::as_slice);
    Tip { seq: entries.len() as u64, hash: entries.last().map(SignedEntry::hash) }
}

fn verdict(item: Digest, code: Option<ErrorCode>) -> Verdict {
    let outcome = match code {
        None => Outcome::Accepted,
        Some(ErrorCode::EntryFork | ErrorCode::ChangeUncovered) => Outcome::Quarantined,
        Some(_) => Outcome::Refused,
    };
    Verdict { item, outcome, code: code.map(|c| c.as_str().to_owned()), inspection: None, change: None }
}

fn bearer(request: &WireRequest) -> Option<(DeviceId, u64)> {
    let (_, value) = request.headers.iter().find(|(name, _)| *name == "authorization")?;
    let (device, token) = value.strip_prefix("Bearer ")?.split_once(' ')?;
    Some((device.parse().ok()?, token.parse().ok()?))
}

fn is_sign_in(path: &str) -> bool {
    path == "/api/v1/enrolment" || path.starts_with("/api/v1/device/")
}

fn json(value: &impl serde::Serialize) -> WireResponse {
    response(200, "application/json", serde_json::to_vec(value).unwrap())
}

fn response(status: u16, media_type: &str, body: Vec<u8>) -> WireResponse {
    let headers = vec![("content-type".to_owned(), media_type.to_owned())];
    WireResponse { status, headers, body: Bytes::from(body) }
}
