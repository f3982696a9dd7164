//! The sync engine: rounds of push and pull until nothing is left to say; beside them originals ([`upload`]).
//!
//! What to send is planned purely ([`plan`]) from what has no receipt; what an answer changes is one transaction
//! ([`intake`]). Every request may be cut or repeated. The desk is never held while the network is waited for, so that an
//! officer's acts go on beside a sync.

pub(crate) mod arrived;
pub mod backoff;
mod budget;
pub(crate) mod call;
pub(crate) mod carry;
mod continuity;
mod floor;
mod intake;
mod listen;
mod parcels;
mod plan;
pub(crate) mod recover;
mod session;
mod upload;

pub use floor::UpdateNeeded;
pub use listen::{Wake, Wakes};
pub(crate) use session::Link;
pub(crate) use upload::Uploading;
pub use upload::{HeldBack, UploadReport, UploadRules};

use crate::client::Client;
use crate::error::ClientError;
use crate::store::unsent::{self, Unsent};
use crate::store::{folded, journal, meta, receipts, rows};
use crate::sync::parcels::{Contents, Parcel};
use crate::transport::{Method, Transport, WireRequest};
use bytes::Bytes;
use fieldproof_schema::document::{RawChange, is_document};
use fieldproof_schema::host::random;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::{PUSH_ENTRIES_MAX, WANTS_MAX};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::{Digest, Purpose, Signature};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::{Chunk, Nonce, Outcome, StillUnsent, SyncAnswer, SyncRequest};
use fieldproof_schema::wire::{ANSWER_SIGNATURE, PROTOCOL, SYNC_MEDIA_TYPE, frame};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Rounds of one sync; a first pull of ten thousand inspections needs far fewer.
const ROUNDS_MAX: u32 = 10_000;

/// What one sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// Requests to the sync service.
    pub rounds: u32,
    /// Journal entries for which a receipt came.
    pub entries_sent: u64,
    /// Changes for which a receipt came.
    pub changes_sent: u64,
    /// Bytes of all request bodies.
    pub bytes_sent: u64,
    /// Rows that the server sent.
    pub rows_received: u64,
    /// Captures for which a receipt came.
    pub evidence_completed: u64,
    /// Items that the server refused or holds apart, of this sync.
    pub refused: Vec<RefusedItem>,
    /// What the server does not hold yet.
    pub still_unsent: Unsent,
    /// True when a store that was set aside found its place in the journal again.
    pub recovered: bool,
    /// True when this store had come back older than what the server holds.
    pub rolled_back: bool,
    /// True when the server had come back older, or began a new epoch: everything it misses was offered again.
    pub server_restored: bool,
}

impl SyncReport {
    /// Adds what an exchange did that came after it.
    pub fn add(&mut self, more: Self) {
        self.rounds += more.rounds;
        self.entries_sent += more.entries_sent;
        self.changes_sent += more.changes_sent;
        self.bytes_sent += more.bytes_sent;
        self.rows_received += more.rows_received;
        self.evidence_completed += more.evidence_completed;
        self.refused.extend(more.refused);
        self.still_unsent = more.still_unsent;
        self.recovered |= more.recovered;
        self.rolled_back |= more.rolled_back;
        self.server_restored |= more.server_restored;
    }

    /// Adds what went beside it.
    pub fn add_uploads(&mut self, uploads: UploadReport) {
        self.evidence_completed += uploads.completed;
        self.bytes_sent += uploads.bytes_sent;
        self.refused.extend(uploads.refused);
    }
}

/// An item that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedItem {
    /// A journal entry's name, the digest of a raw change, or of a capture's bytes.
    pub item: Digest,
    /// The inspection that it belongs to, where it belongs to one.
    pub inspection: Option<InspectionId>,
    /// Why, as an error code.
    pub code: String,
    /// True when the server holds it apart; false when it is on this terminal only.
    pub held: bool,
}

/// A request and what it offers.
pub(crate) struct Push {
    request: SyncRequest,
    offered: BTreeMap<Digest, Offered>,
}

/// What an item of a request stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// Itself: an entry or a change.
    Itself,
    /// Something that a colleague signed or wrote.
    Carried { inspection: InspectionId },
    /// Own changes of a visit, up to this one.
    Document { inspection: InspectionId, through: u64, changes: u64 },
}

impl Push {
    /// How many own entries and changes it offers.
    fn weight(&self) -> u64 {
        let weight = |offered: &Offered| match offered {
            Offered::Itself => 1,
            Offered::Carried { .. } => 0,
            Offered::Document { changes, .. } => *changes,
        };
        self.offered.values().map(weight).sum()
    }
}

impl Client {
    /// Sends what the server does not hold and takes in what is new. Repeating it changes nothing.
    ///
    /// An error leaves everything that was received so far in place; [`ClientError::Offline`] means that there was no
    /// server to talk to.
    pub async fn sync(&self, transport: &dyn Transport) -> Result<SyncReport, ClientError> {
        let report = self.sync_only(transport).await?;
        self.retain();
        Ok(report)
    }

    /// The same without folding and freeing what is settled: whoever tells somebody that the sync has ended tells it first, and
    /// then calls [`Self::retain`].
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub async fn sync_only(&self, transport: &dyn Transport) -> Result<SyncReport, ClientError> {
        self.sync_by(transport, &UploadRules::default()).await
    }

    /// The same with originals as far as these rules let them go.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub async fn sync_by(
        &self,
        transport: &dyn Transport,
        rules: &UploadRules,
    ) -> Result<SyncReport, ClientError> {
        let mut report = self.exchange(transport).await?;
        let mut uploads = UploadReport::default();
        let sent = self.upload(transport, &|| rules.clone(), &mut uploads).await;
        report.add_uploads(uploads);
        report.still_unsent = unsent::total(&self.reader())?;
        sent?;
        if report.evidence_completed > 0 {
            // The server was told that these captures were still here, and people read it.
            report.add(self.exchange(transport).await?);
        }
        Ok(report)
    }

    /// Sends the records that the server does not hold and takes in what is new; originals go apart ([`Self::upload`]), at the
    /// same time where somebody sends them. Waits for an exchange that goes on already.
    ///
    /// # Errors
    /// As [`Self::sync`].
    pub async fn exchange(&self, transport: &dyn Transport) -> Result<SyncReport, ClientError> {
        let mut link = self.link.lock().await;
        if self.desk()?.who.is_none() {
            return Err(ClientError::NotEnrolled);
        }
        let mut report = SyncReport::default();
        self.rounds(transport, &mut link, &mut report).await?;
        // Records first: a link that is cut again and again has nothing to spare.
        self.exchange_custody(transport, &mut link.custody_in).await;
        report.still_unsent = unsent::total(&self.reader())?;
        Ok(report)
    }

    async fn rounds(
        &self,
        transport: &dyn Transport,
        link: &mut Link,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        if !link.greeted {
            // What was too large on the way that there was may fit through another one.
            receipts::offer_refused_again(&self.desk()?.conn, ErrorCode::BodyTooLarge)?;
        }
        // Asked for once in a sync: a server that cannot give it is not asked for ever.
        let mut wanted = BTreeSet::new();
        // And brought once: what the server does not take now it may take with the next one.
        let mut brought = BTreeSet::new();
        let mut is_full = false;
        for _ in 0..ROUNDS_MAX {
            self.sign()?;
            if link.greeted {
                self.offer_folded_again()?;
            }
            let mut push = self.next_push(Some(link.budget.bytes()).filter(|_| link.greeted && !is_full))?;
            let wants = folded::wanted(&self.reader())?.into_iter().filter(|id| !wanted.contains(id));
            let wants: Vec<InspectionId> = wants.take(WANTS_MAX).collect();
            wanted.extend(wants.iter().copied());
            push.request.wants = Some(wants).filter(|wants| !wants.is_empty());
            self.carry(&mut push, link, &mut brought)?;
            let nonce = Nonce(random(&*self.host));
            push.request.nonce = Some(nonce);
            let body = Bytes::from(frame::pack(&push.request));
            let sent_bytes = body.len() as u64;
            let offered = push.weight();
            let carries = push.request.carried.is_some();
            if planted::is(Bug::SentIsReceived) {
                let receipt = fieldproof_schema::ids::ReceiptId::new(self.host.now(), random(&*self.host));
                let mut desk = self.desk()?;
                let tx = desk.conn.transaction()?;
                for item in push.offered.keys() {
                    receipts::mark(&tx, receipt, *item)?;
                }
                tx.commit()?;
            }
            let answer = match self.ask(transport, (body, nonce)).await {
                Err(error) if error.code() == ErrorCode::BodyTooLarge => {
                    // One item alone cannot be made smaller: the others go on without it.
                    if !self.set_aside_lone_item(&push, report)? && !link.budget.refused() {
                        return Err(error);
                    }
                    continue;
                }
                other => other?,
            };
            if offered > 0 || carries {
                link.budget.passed();
            }
            report.rounds += 1;
            report.bytes_sent += sent_bytes;
            let more = answer.more;
            let taken = self.take_in(&answer, &push)?;
            is_full |= taken.is_full;
            let first = !std::mem::replace(&mut link.greeted, true);
            let (moved, replanned) = (first || taken.moved(), first || taken.changed_plan());
            let received_all = is_full || taken.entries + taken.changes >= offered;
            taken.add_to(report);
            // Without any progress another round would only repeat this one, also when others write all the while.
            let lacking = folded::wanted(&self.reader())?.iter().any(|id| !wanted.contains(id))
                || self.nothing_to_push()? && carry::is_left(&self.reader(), &brought)?;
            let all_said = received_all && (is_full || self.nothing_to_push()?);
            if !lacking && (!moved || !more && (all_said || !replanned)) {
                break;
            }
        }
        Ok(())
    }

    /// The next request; without a budget it only asks.
    fn next_push(&self, budget: Option<usize>) -> Result<Push, ClientError> {
        let reader = self.reader();
        let reader = reader.unchecked_transaction()?;
        let mut push = Push {
            request: SyncRequest {
                protocol: PROTOCOL,
                cursors: rows::cursors(&reader)?,
                epoch: meta::epoch(&reader)?,
                entries: Vec::new(),
                chunks: Vec::new(),
                still_unsent: None,
                wants: None,
                nonce: None,
                holds: None,
                carried: None,
                numbers_since: meta::numbers_since(&reader)?,
                program: self.options.version.parse().ok(),
                floor: meta::floor(&reader)?,
            },
            offered: BTreeMap::new(),
        };
        if let Some(budget) = budget
            && meta::recovering(&reader)?.is_none()
        {
            fill(&mut push, &reader, budget)?;
        }
        push.request.still_unsent = Some(after(&push, unsent::total(&reader)?));
        Ok(push)
    }

    async fn ask(
        &self,
        transport: &dyn Transport,
        (body, nonce): (Bytes, Nonce),
    ) -> Result<SyncAnswer, ClientError> {
        let server = self.desk()?.who.as_ref().ok_or(ClientError::NotEnrolled)?.member.server_key;
        let request = WireRequest {
            method: Method::Post,
            path: call::SYNC.to_owned(),
            headers: vec![
                ("content-type", SYNC_MEDIA_TYPE.to_owned()),
                ("accept", SYNC_MEDIA_TYPE.to_owned()),
            ],
            body,
        };
        let response = self.authorized(transport, request).await?;
        if response.header("content-type").is_none_or(|found| found != SYNC_MEDIA_TYPE) {
            return Err(ClientError::ServerStrange { what: "the answer is not a sync answer".to_owned() });
        }
        // Not only receipts: cursors, verdicts and the server's idea of this journal change what is kept here.
        let strange = |what: &str| ClientError::ServerStrange { what: what.to_owned() };
        let Some(signature) = response.header(ANSWER_SIGNATURE) else {
            // A server that does not know runs would hold everything apart; nothing was sent to it but questions.
            let answer = frame::unpack::<SyncAnswer>(&response.body);
            let is_older = answer.is_ok_and(|answer| answer.protocol < PROTOCOL);
            return Err(if is_older {
                ClientError::ServerOlder
            } else {
                strange("the answer is not signed")
            });
        };
        let signature: Signature = signature.parse().map_err(|_| strange("the answer is not signed"))?;
        let genuine = server.verify(Purpose::Answer, &nonce.message(&response.body), &signature);
        genuine
            .map_err(|_| strange("the answer is not by the server that this terminal was enrolled with"))?;
        frame::unpack(&response.body).map_err(|e| ClientError::ServerStrange { what: e.to_string() })
    }

    /// Adds what colleagues wrote and the server lacks, once everything of this terminal's own was sent: what the server
    /// lacks then is not on its way.
    fn carry(
        &self,
        push: &mut Push,
        link: &Link,
        brought: &mut BTreeSet<InspectionId>,
    ) -> Result<(), ClientError> {
        if !link.greeted || !self.nothing_to_push()? || !carry::is_left(&self.reader(), brought)? {
            return Ok(());
        }
        let mut desk = self.desk()?;
        let me = desk.ready()?.device;
        let tx = desk.conn.transaction()?;
        carry::fill(&tx, me, link.budget.bytes(), brought, (&mut push.request, &mut push.offered))?;
        Ok(tx.commit()?)
    }

    /// Marks the only entry or change of a push that consists of nothing else as refused, so that it is shown and the rest
    /// goes on: of entries what comes before it, since they are one chain. It is offered again after the next opening.
    fn set_aside_lone_item(&self, push: &Push, report: &mut SyncReport) -> Result<bool, ClientError> {
        let (item, inspection, length) =
            match (push.request.entries.as_slice(), push.request.chunks.as_slice()) {
                ([entry], []) => {
                    let inspection = entry.read().ok().and_then(|entry| entry.inspection);
                    (entry.hash(), inspection, entry.bytes.len())
                }
                ([], [Chunk { inspection, changes }]) => match changes.as_slice() {
                    // A document comes apart into changes when there is less room.
                    [RawChange(bytes)] if !is_document(bytes) => {
                        (Digest::of(bytes), Some(*inspection), bytes.len())
                    }
                    _ => return Ok(false),
                },
                _ => return Ok(false),
            };
        let code = ErrorCode::BodyTooLarge.as_str();
        let mut desk = self.desk()?;
        let tx = desk.conn.transaction()?;
        receipts::decide(&tx, item, Outcome::Refused, Some(code))?;
        tx.commit()?;
        drop(desk);
        tracing::warn!(item.digest = %item, item.size_bytes = length, "an item is too large for the way");
        report.refused.push(RefusedItem { item, inspection, code: code.to_owned(), held: false });
        Ok(true)
    }

    fn nothing_to_push(&self) -> Result<bool, ClientError> {
        Ok(!unsent::any_to_push(&self.reader())?)
    }
}

/// What is left when everything in the request has been received.
fn after(push: &Push, unsent: Unsent) -> StillUnsent {
    let offered = push.weight() - push.request.entries.len() as u64;
    StillUnsent {
        changes: unsent.changes.saturating_sub(offered),
        evidence: unsent.evidence,
        evidence_bytes: unsent.evidence_bytes,
    }
}

/// Fills a push with what waits, as planned.
fn fill(push: &mut Push, conn: &Connection, budget: usize) -> Result<(), ClientError> {
    let entries = journal::pending(conn, PUSH_ENTRIES_MAX)?;
    let parcels = parcels::gather(conn, budget)?;
    let plan = plan::plan(
        &entries.iter().map(|e| plan::Entry { seq: e.seq, size_bytes: e.size_bytes }).collect::<Vec<_>>(),
        &parcels.iter().map(Parcel::planned).collect::<Vec<_>>(),
        budget,
    );
    for pending in &entries[..plan.entries] {
        let stored = journal::get(conn, pending.seq)?;
        let stored = stored.ok_or(ClientError::Damaged { what: "the journal" })?;
        push.offered.insert(pending.hash, Offered::Itself);
        push.request.entries.push(stored.entry);
    }
    let mut chunks: BTreeMap<InspectionId, usize> = BTreeMap::new();
    for index in plan.changes {
        let parcel = &parcels[index];
        let inspection = parcel.inspection;
        let offered = match parcel.contents {
            Contents::Change(_) => Offered::Itself,
            Contents::Document { through, changes, .. } => Offered::Document { inspection, through, changes },
        };
        push.offered.insert(parcel.digest, offered);
        let raw = parcel.bytes(conn)?;
        let chunk = *chunks.entry(inspection).or_insert_with(|| {
            push.request.chunks.push(Chunk { inspection, changes: Vec::new() });
            push.request.chunks.len() - 1
        });
        push.request.chunks[chunk].changes.push(raw);
    }
    Ok(())
}
