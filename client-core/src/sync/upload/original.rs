//! One original on its way: offered, sent in parts from wherever the server stands, receipted.
//!
//! The offset is asked for, never remembered beyond a run. What the server has already is not sent again.

use crate::client::Client;
use crate::error::ClientError;
use crate::evidence::Kept;
use crate::store::evidence::{self as captures, Original};
use crate::store::{meta, receipts};
use crate::sync::call;
use crate::transport::{Method, Transport, WireRequest, WireResponse};
use bytes::Bytes;
use fieldproof_schema::limits::EVIDENCE_PART_BYTES_MAX;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::evidence::{OFFSET_HEADER, Offer, PART_MEDIA_TYPE, RECEIPT_MEDIA_TYPE};
use fieldproof_schema::wire::sync::SignedReceipt;

/// Bytes of one part: what a weak link carries in a minute, so that a cut costs little. As often as many originals may be
/// under way it is what they hold in memory.
pub(super) const PART_BYTES: usize =
    if EVIDENCE_PART_BYTES_MAX < 1024 * 1024 { EVIDENCE_PART_BYTES_MAX } else { 1024 * 1024 };
/// Bytes of the smallest part that is tried.
const PART_BYTES_MIN: usize = 16 * 1024;
/// How often the server may correct the offset of one capture before it is left for the next sync.
const CORRECTIONS_MAX: u32 = 8;

/// How far an original got in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// Where the server stands; none before it was asked.
    pub(super) offset: Option<u64>,
    pub(super) corrections: u32,
    /// The server found another hash, the fault was not here, and it is sent once more.
    pub(super) again: bool,
}

/// Where a step came to.
pub(super) enum Reached {
    /// The end of a part; others follow.
    Part(Progress),
    /// The receipt.
    End,
}

/// One original's next part, done.
pub(super) struct Step {
    pub(super) original: Original,
    pub(super) sent_bytes: u64,
    pub(super) result: Result<Reached, ClientError>,
}

impl Client {
    /// Sends the next part of an original, and fetches the receipt when it was the last one.
    pub(super) async fn step(
        &self,
        transport: &dyn Transport,
        original: Original,
        progress: Progress,
    ) -> Step {
        let mut sent_bytes = 0;
        let result = self.go_on(transport, &original, progress, &mut sent_bytes).await;
        let result = match result {
            Err(error) => self.look_into(&original, progress, error),
            reached => reached,
        };
        Step { original, sent_bytes, result }
    }

    /// A hash mismatch is looked into, and the original tried once more when the fault was not here.
    fn look_into(
        &self,
        held: &Original,
        progress: Progress,
        error: ClientError,
    ) -> Result<Reached, ClientError> {
        match error.code() {
            ErrorCode::EvidenceHashMismatch if !progress.again => {
                self.ensure_undamaged(held)?;
                Ok(Reached::Part(Progress { again: true, ..Progress::default() }))
            }
            ErrorCode::EvidenceTooLarge if held.own => {
                captures::set_problem(&self.desk()?.conn, held.record, ErrorCode::EvidenceTooLarge.as_str())?;
                Err(error)
            }
            _ => Err(error),
        }
    }

    async fn go_on(
        &self,
        transport: &dyn Transport,
        held: &Original,
        progress: Progress,
        sent_bytes: &mut u64,
    ) -> Result<Reached, ClientError> {
        let path = format!("{}{}", call::EVIDENCE, held.digest);
        let mut offset = match progress.offset {
            Some(offset) => offset,
            None => self.offer(transport, held, &path).await?,
        };
        if offset < held.size_bytes {
            let part_bytes = self.uploading.part_bytes();
            let part = self.read_part(held, offset, part_bytes)?;
            let reached = offset + part.len() as u64;
            *sent_bytes += part.len() as u64;
            match self.send_part(transport, &path, offset, part).await {
                Ok(at) if at == reached => offset = reached,
                Ok(_) => return Err(strange("the server counted a part wrongly")),
                Err(ClientError::Refused { code, details }) if code == ErrorCode::EvidenceOffset.as_str() => {
                    let right = details.get("offset").and_then(serde_json::Value::as_u64);
                    let right = right.filter(|right| *right <= held.size_bytes);
                    let corrections = progress.corrections + 1;
                    return match right.filter(|_| corrections <= CORRECTIONS_MAX) {
                        Some(_) => Ok(Reached::Part(Progress { offset: right, corrections, ..progress })),
                        None => Err(ClientError::Refused { code, details }),
                    };
                }
                // Not our server's bound, which is higher: somebody's on the way.
                Err(error) if error.code() == ErrorCode::BodyTooLarge && part_bytes > PART_BYTES_MIN => {
                    self.uploading.refused(part_bytes);
                }
                Err(error) => return Err(error),
            }
        }
        if offset < held.size_bytes {
            return Ok(Reached::Part(Progress { offset: Some(offset), ..progress }));
        }
        self.fetch_receipt(transport, held, &path).await
    }

    async fn send_part(
        &self,
        transport: &dyn Transport,
        path: &str,
        offset: u64,
        part: Vec<u8>,
    ) -> Result<u64, ClientError> {
        let request = WireRequest {
            method: Method::Patch,
            path: path.to_owned(),
            headers: vec![("content-type", PART_MEDIA_TYPE.to_owned()), (OFFSET_HEADER, offset.to_string())],
            body: Bytes::from(part),
        };
        offset_of(&self.authorized(transport, request).await?)
    }

    async fn offer(
        &self,
        transport: &dyn Transport,
        held: &Original,
        path: &str,
    ) -> Result<u64, ClientError> {
        let offer = Offer {
            inspection: held.inspection,
            record: held.record,
            size_bytes: held.size_bytes,
            media_type: held.media_type.clone(),
        };
        let body = serde_json::to_vec(&offer).expect("an offer is plain data with text keys");
        let request = WireRequest {
            method: Method::Post,
            path: path.to_owned(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: Bytes::from(body),
        };
        let offset = offset_of(&self.authorized(transport, request).await?)?;
        if offset > held.size_bytes {
            return Err(strange("the server holds more than the capture has"));
        }
        Ok(offset)
    }

    /// A part of the original; a file that is gone or too short marks the capture.
    fn read_part(&self, held: &Original, offset: u64, length: usize) -> Result<Vec<u8>, ClientError> {
        match self.originals()?.part(held.digest, offset, length)? {
            Some(part) => Ok(part),
            None => Err(self.damaged(held)?),
        }
    }

    fn ensure_undamaged(&self, held: &Original) -> Result<(), ClientError> {
        if self.originals()?.check(held.digest)? == Kept::Sound {
            return Ok(());
        }
        Err(self.damaged(held)?)
    }

    /// Marks a capture whose original is not what was taken; it is not offered again, and shown as such.
    fn damaged(&self, held: &Original) -> Result<ClientError, ClientError> {
        let code = ErrorCode::EvidenceHashMismatch.as_str();
        if held.own {
            captures::set_problem(&self.desk()?.conn, held.record, code)?;
        } else {
            captures::forget_brought(&self.desk()?.conn, held.digest)?;
        }
        Ok(ClientError::Refused {
            code: code.to_owned(),
            details: serde_json::json!({"record": held.record}),
        })
    }

    async fn fetch_receipt(
        &self,
        transport: &dyn Transport,
        held: &Original,
        path: &str,
    ) -> Result<Reached, ClientError> {
        let epoch = meta::epoch(&self.reader())?;
        let request = WireRequest {
            method: Method::Get,
            path: format!("{path}/receipt"),
            headers: vec![("accept", RECEIPT_MEDIA_TYPE.to_owned())],
            body: Bytes::new(),
        };
        let response = self.authorized(transport, request).await?;
        let signed: SignedReceipt =
            minicbor::decode(&response.body).map_err(|_| strange("the answer is not a receipt"))?;
        let mut desk = self.desk()?;
        let who = desk.who.clone().ok_or(ClientError::NotEnrolled)?;
        let receipt = signed.verify(&who.member.server_key).map_err(|e| strange(&e.to_string()))?;
        if receipt.device != who.device || !receipt.items.contains(&held.digest) {
            return Err(strange("the receipt does not name the capture"));
        }
        let tx = desk.conn.transaction()?;
        if meta::epoch(&tx)? != epoch {
            // A round beside this request learnt that the server was restored: the receipt may be from before.
            return Ok(Reached::Part(Progress::default()));
        }
        receipts::put(&tx, &receipt, &signed)?;
        receipts::mark_evidence(&tx, receipt.id, held.digest)?;
        tx.commit()?;
        Ok(Reached::End)
    }
}

fn offset_of(response: &WireResponse) -> Result<u64, ClientError> {
    let header = response.header(OFFSET_HEADER).and_then(|value| value.parse().ok());
    header.ok_or_else(|| strange("the offset is missing"))
}

fn strange(what: &str) -> ClientError {
    ClientError::ServerStrange { what: what.to_owned() }
}
