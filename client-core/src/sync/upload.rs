//! Captures to the server: offered, sent in parts from wherever the server stands, receipted. Small before large.
//!
//! The offset is asked for, never remembered. One capture that cannot be sent does not hold back the others.

use super::session::Link;
use super::{RefusedItem, SyncReport, call};
use crate::client::Client;
use crate::error::ClientError;
use crate::evidence::Kept;
use crate::store::evidence::{self as captures, Original};
use crate::store::receipts;
use crate::transport::{Method, Transport, WireRequest, WireResponse};
use bytes::Bytes;
use fieldproof_schema::limits::EVIDENCE_PART_BYTES_MAX;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::evidence::{OFFSET_HEADER, Offer, PART_MEDIA_TYPE, RECEIPT_MEDIA_TYPE};
use fieldproof_schema::wire::sync::SignedReceipt;
use std::collections::BTreeSet;

/// Bytes of one part: what a weak link carries in a minute, so that a cut costs little.
const PART_BYTES: usize =
    if EVIDENCE_PART_BYTES_MAX < 1024 * 1024 { EVIDENCE_PART_BYTES_MAX } else { 1024 * 1024 };
/// Bytes of the smallest part that is tried.
const PART_BYTES_MIN: usize = 16 * 1024;
/// How often the server may correct the offset of one capture before it is left for the next sync.
const CORRECTIONS_MAX: u32 = 8;

impl Client {
    pub(super) async fn upload_all(
        &self,
        transport: &dyn Transport,
        link: &mut Link,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let waiting = captures::pending(&self.reader())?;
        let mut full = BTreeSet::new();
        for held in waiting {
            // What is larger has no room either; another visit's may not be held apart, and have some.
            if full.contains(&held.inspection) {
                continue;
            }
            match self.upload(transport, link, &held, report).await {
                Ok(()) => report.evidence_completed += 1,
                Err(error) => match &error {
                    // Not about this capture: the server asks to be left alone for a while.
                    ClientError::Refused { .. } if error.retry_after_seconds().is_some() => {
                        return Err(error);
                    }
                    // The entry that names it may come later, by whoever has it.
                    ClientError::Refused { code, .. } if !held.own => {
                        tracing::info!(code, evidence.record = %held.record, "a colleague's original is not taken");
                    }
                    ClientError::Refused { code, .. } => {
                        if code == ErrorCode::QuotaExceeded.as_str() {
                            full.insert(held.inspection);
                        }
                        report.refused.push(RefusedItem {
                            item: held.digest,
                            inspection: Some(held.inspection),
                            code: code.clone(),
                            held: false,
                        });
                    }
                    // One original that cannot be read now must not hold up the others; it is tried again next time.
                    ClientError::File { .. } => {
                        tracing::error!(error = %error, evidence.record = %held.record, "an original cannot be read");
                        report.refused.push(RefusedItem {
                            item: held.digest,
                            inspection: Some(held.inspection),
                            code: error.code().as_str().to_owned(),
                            held: false,
                        });
                    }
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Sends one capture; a hash mismatch is looked into, and tried once more when the fault was not here.
    async fn upload(
        &self,
        transport: &dyn Transport,
        link: &mut Link,
        held: &Original,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let first = self.send(transport, link, held, report).await;
        let Err(error) = first else { return Ok(()) };
        match error.code() {
            ErrorCode::EvidenceHashMismatch => {
                self.ensure_undamaged(held)?;
                self.send(transport, link, held, report).await
            }
            ErrorCode::EvidenceTooLarge if held.own => {
                captures::set_problem(&self.desk()?.conn, held.record, ErrorCode::EvidenceTooLarge.as_str())?;
                Err(error)
            }
            _ => Err(error),
        }
    }

    async fn send(
        &self,
        transport: &dyn Transport,
        link: &mut Link,
        held: &Original,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let path = format!("{}{}", call::EVIDENCE, held.digest);
        let mut offset = self.offer(transport, link, held, &path).await?;
        let mut corrections = 0;
        while offset < held.size_bytes {
            let part_bytes = link.part_bytes.unwrap_or(PART_BYTES);
            let part = self.read_part(held, offset, part_bytes)?;
            let length = part.len() as u64;
            report.bytes_sent += length;
            let request = WireRequest {
                method: Method::Patch,
                path: path.clone(),
                headers: vec![
                    ("content-type", PART_MEDIA_TYPE.to_owned()),
                    (OFFSET_HEADER, offset.to_string()),
                ],
                body: Bytes::from(part),
            };
            match self.authorized(transport, link, request).await {
                Ok(response) => {
                    let reached = offset_of(&response)?;
                    if reached != offset + length {
                        return Err(strange("the server counted a part wrongly"));
                    }
                    offset = reached;
                }
                Err(ClientError::Refused { code, details }) if code == ErrorCode::EvidenceOffset.as_str() => {
                    corrections += 1;
                    let right = details.get("offset").and_then(serde_json::Value::as_u64);
                    match right.filter(|right| *right <= held.size_bytes && corrections <= CORRECTIONS_MAX) {
                        Some(right) => offset = right,
                        None => return Err(ClientError::Refused { code, details }),
                    }
                }
                // Not our server's bound, which is higher: somebody's on the way.
                Err(error) if error.code() == ErrorCode::BodyTooLarge && part_bytes > PART_BYTES_MIN => {
                    link.part_bytes = Some(part_bytes / 2);
                }
                Err(error) => return Err(error),
            }
        }
        self.fetch_receipt(transport, link, held, &path).await
    }

    async fn offer(
        &self,
        transport: &dyn Transport,
        link: &mut Link,
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
        let offset = offset_of(&self.authorized(transport, link, request).await?)?;
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
        link: &mut Link,
        held: &Original,
        path: &str,
    ) -> Result<(), ClientError> {
        let request = WireRequest {
            method: Method::Get,
            path: format!("{path}/receipt"),
            headers: vec![("accept", RECEIPT_MEDIA_TYPE.to_owned())],
            body: Bytes::new(),
        };
        let response = self.authorized(transport, link, request).await?;
        let signed: SignedReceipt =
            minicbor::decode(&response.body).map_err(|_| strange("the answer is not a receipt"))?;
        let mut desk = self.desk()?;
        let who = desk.who.clone().ok_or(ClientError::NotEnrolled)?;
        let receipt = signed.verify(&who.member.server_key).map_err(|e| strange(&e.to_string()))?;
        if receipt.device != who.device || !receipt.items.contains(&held.digest) {
            return Err(strange("the receipt does not name the capture"));
        }
        let tx = desk.conn.transaction()?;
        receipts::put(&tx, &receipt, &signed)?;
        receipts::mark_evidence(&tx, receipt.id, held.digest)?;
        Ok(tx.commit()?)
    }
}

fn offset_of(response: &WireResponse) -> Result<u64, ClientError> {
    let header = response.header(OFFSET_HEADER).and_then(|value| value.parse().ok());
    header.ok_or_else(|| strange("the offset is missing"))
}

fn strange(what: &str) -> ClientError {
    ClientError::ServerStrange { what: what.to_owned() }
}
