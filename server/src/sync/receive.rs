//! Step one: the form is checked, the bytes are made durable, the receipt is signed.
//!
//! An entry that cannot be read or is not signed by the device is refused: it is not evidence of anything. Everything
//! else is kept, whatever is wrong with it, and what is wrong is said. What entries declare is in [`super::declare`].

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::findings;
use crate::quota::Quota;
use crate::scope::DeviceScope;
use crate::store::inbox::{Backlog, Item, Ruling, State};
use crate::store::{devices, feeds, inbox, inspections, journal, receipts, tenants};
use crate::sync::settle::Answered;
use crate::sync::{declare, gate};
use fieldproof_schema::document::{self, ChangeId};
use fieldproof_schema::ids::{DeviceId, InspectionId, ReceiptId};
use fieldproof_schema::journal::{Entry, JournalError, SignedEntry, Tip};
use fieldproof_schema::limits::{BACKUP_HORIZON_SECONDS, SYNC_OPS_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::{Digest, PublicKey};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::{Chunk, Outcome, Receipt, SignedReceipt, Verdict};
use std::collections::BTreeSet;

/// A request whose form was checked.
#[derive(Clone)]
pub struct Checked {
    entries: Vec<CheckedEntry>,
    changes: Vec<CheckedChange>,
    refused: Vec<Verdict>,
}

#[derive(Clone)]
struct CheckedEntry {
    hash: Digest,
    entry: Entry,
    signed: SignedEntry,
}

#[derive(Clone)]
struct CheckedChange {
    inspection: InspectionId,
    digest: Digest,
    bytes: Vec<u8>,
    id: Option<ChangeId>,
    fault: Option<ErrorCode>,
}

/// Checks what can be checked without the database. Signatures and hashes cost time: call it away from the threads that
/// serve.
pub fn check(device: DeviceId, key: &PublicKey, entries: Vec<SignedEntry>, chunks: Vec<Chunk>) -> Checked {
    let mut checked = Checked { entries: Vec::new(), changes: Vec::new(), refused: Vec::new() };
    for signed in entries {
        let hash = signed.hash();
        match signed.verify(device, key) {
            Ok(entry) => checked.entries.push(CheckedEntry { hash, entry, signed }),
            Err(error) => {
                let code = match error {
                    JournalError::Unreadable | JournalError::TooLarge => ErrorCode::EntryUnreadable,
                    JournalError::Signature | JournalError::OtherDevice(_) => ErrorCode::EntrySignature,
                    JournalError::Broken { .. } => ErrorCode::EntryGap,
                };
                checked.refused.push(verdict(hash, Outcome::Refused, Some(code), None, None));
            }
        }
    }
    let mut ops = 0;
    for Chunk { inspection, changes } in chunks {
        for change in changes {
            let digest = Digest::of(&change.0);
            if ops >= SYNC_OPS_MAX {
                // Not looked at and not kept: the device keeps it and offers it again.
                let code = Some(ErrorCode::Unavailable);
                checked.refused.push(verdict(digest, Outcome::Refused, code, Some(inspection), None));
                continue;
            }
            // Opened by the gate; here it is only weighed, and no decoder sees it.
            let weighed = if document::is_document(&change.0) {
                document::weigh(&change.0).map(|weight| (None, weight))
            } else {
                document::weigh_change(&change.0).map(|(id, weight)| (Some(id), weight))
            };
            let (id, fault) = match weighed {
                Ok((id, weight)) => {
                    ops += weight;
                    (id, None)
                }
                Err(refusal) => (None, Some(gate::code(&refusal))),
            };
            if fault == Some(ErrorCode::ChangeTooLarge) {
                checked.refused.push(verdict(digest, Outcome::Refused, fault, Some(inspection), None));
            } else {
                checked.changes.push(CheckedChange { inspection, digest, bytes: change.0, id, fault });
            }
        }
    }
    checked
}

/// What became of a request in step one.
#[derive(Clone)]
pub struct Received {
    /// For everything that is durable now; absent when nothing was sent.
    pub receipt: Option<SignedReceipt>,
    /// The end of the device's journal.
    pub tip: Tip,
    /// When the device was revoked.
    pub revoked_at: Option<Moment>,
    /// The server's epoch when it became durable.
    pub epoch: Digest,
    /// Inspections to settle.
    pub touched: BTreeSet<InspectionId>,
    entries: Vec<Verdict>,
    changes: Vec<(InspectionId, Digest, Option<ChangeId>)>,
}

impl Received {
    /// The changes whose verdicts the round's answer will hold.
    pub fn answered(&self, device: DeviceId) -> Answered {
        self.changes.iter().map(|(_, digest, _)| (*digest, device)).collect()
    }
}

fn verdict(
    item: Digest,
    outcome: Outcome,
    code: Option<ErrorCode>,
    inspection: Option<InspectionId>,
    change: Option<ChangeId>,
) -> Verdict {
    Verdict { item, outcome, code: code.map(|c| c.as_str().to_owned()), inspection, change }
}

/// Makes everything durable in one transaction and signs the receipt.
pub async fn receive(
    app: &App,
    device: &DeviceActor,
    checked: Checked,
    said: devices::Said,
) -> Result<Received, ApiError> {
    let (worker, device) = (app.clone(), device.clone());
    let (now, random) = (app.now(), app.random());
    app.db
        .write(move |tx| {
            // Written first: where several nodes share a database, this holds the device for one of them.
            devices::touch(tx, device.org, device.id, now, said)?;
            let known = devices::find(tx, device.org, device.id)?.ok_or(ErrorCode::DeviceUnknown)?;
            // Not from memory: what is receipted under an epoch that has ended would never be offered again.
            let epoch = tenants::epoch(tx, device.org)?;
            if known.revoked_at.is_some() {
                let first = checked.entries.first().map(|first| (first.entry.seq, first.hash));
                findings::identity::after_revocation(tx, &device, first, now)?;
            }
            let mut scope = DeviceScope::when_known(&device, Some(&known));
            let mut held = Vec::new();
            let mut received = Received {
                receipt: None,
                tip: known.tip,
                revoked_at: known.revoked_at,
                epoch,
                touched: BTreeSet::new(),
                entries: checked.refused.clone(),
                changes: Vec::new(),
            };
            for entry in &checked.entries {
                take_entry(tx, (&device, &mut scope), entry, now, &mut received, &mut held)?;
            }
            let mut backlog = match checked.changes.as_slice() {
                [] => Backlog::default(),
                _ => inbox::backlog(tx, device.org, device.id)?,
            };
            for change in &checked.changes {
                let share = (&worker.quota, &mut backlog);
                if take_change(tx, (&device, &mut scope), change, (now, share), &mut received)? {
                    held.push(change.digest);
                }
            }
            if received.tip != known.tip {
                devices::set_tip(tx, device.org, device.id, received.tip)?;
            }
            if !held.is_empty() {
                let receipt = Receipt {
                    id: ReceiptId::new(now, random),
                    device: device.id,
                    epoch,
                    at: now,
                    items: held,
                    tip: received.tip,
                    backup_horizon: now.plus_seconds(BACKUP_HORIZON_SECONDS),
                };
                let signed = receipt.sign(worker.key.as_ref());
                receipts::insert(tx, device.org, receipt.id, device.id, now, &signed)?;
                received.receipt = Some(signed);
            }
            Ok::<_, ApiError>(received)
        })
        .await
}

fn take_entry(
    tx: &mut Tx<'_>,
    (device, scope): (&DeviceActor, &mut DeviceScope),
    checked: &CheckedEntry,
    now: Moment,
    received: &mut Received,
    held: &mut Vec<Digest>,
) -> Result<(), DbError> {
    let CheckedEntry { hash, entry, signed } = checked;
    let (outcome, code) = if let Some(on_chain) = journal::holds(tx, device.org, entry, hash)? {
        held.push(*hash);
        // A declared capture or seal may still wait for its step two, and a lost verdict for being said again.
        received.touched.extend(entry.inspection);
        let code = if on_chain {
            declare::declare(tx, (device, scope), entry, now)?
        } else {
            Some(ErrorCode::EntryFork)
        };
        (if code.is_some() { Outcome::Quarantined } else { Outcome::Accepted }, code)
    } else if let Ok(tip) = received.tip.follow(entry, *hash) {
        journal::insert(tx, device.org, entry, signed, hash, now, true)?;
        held.push(*hash);
        received.tip = tip;
        received.touched.extend(entry.inspection);
        let code = declare::declare(tx, (device, scope), entry, now)?;
        (if code.is_some() { Outcome::Quarantined } else { Outcome::Accepted }, code)
    } else if entry.seq <= received.tip.seq + 1 {
        journal::insert(tx, device.org, entry, signed, hash, now, false)?;
        findings::identity::forked(tx, device, entry, hash, now)?;
        held.push(*hash);
        (Outcome::Quarantined, Some(ErrorCode::EntryFork))
    } else {
        // Kept by the device until what comes before it is here.
        (Outcome::Refused, Some(ErrorCode::EntryGap))
    };
    received.entries.push(verdict(*hash, outcome, code, entry.inspection, None));
    Ok(())
}

/// Takes a change in; false where the device's share is full.
fn take_change(
    tx: &mut Tx<'_>,
    (device, scope): (&DeviceActor, &mut DeviceScope),
    change: &CheckedChange,
    (now, (quota, backlog)): (Moment, (&Quota, &mut Backlog)),
    received: &mut Received,
) -> Result<bool, DbError> {
    let (org, inspection) = (device.org, change.inspection);
    let known = inbox::find(tx, org, inspection, &change.digest, device.id)?;
    if known.is_none() {
        let bytes = change.bytes.len() as u64;
        if !quota.has_room(*backlog, bytes) {
            let code = Some(ErrorCode::QuotaExceeded);
            let refused = verdict(change.digest, Outcome::Refused, code, Some(inspection), change.id);
            received.entries.push(refused);
            return Ok(false);
        }
        backlog.items += 1;
        backlog.bytes = backlog.bytes.saturating_add(bytes);
    }
    received.changes.push((inspection, change.digest, change.id));
    // What was held apart only because its journal entry, or the officer's assignment, had not come yet gets another
    // chance; but people who decided that it stays apart whoever wrote it are not overruled by an assignment.
    let ruling = known.as_ref().and_then(|k| k.ruling);
    let again = known.as_ref().is_some_and(|k| match k.code.as_deref().and_then(ErrorCode::find) {
        Some(ErrorCode::ChangeUncovered) => true,
        Some(ErrorCode::ChangeOutOfScope) => ruling != Some(Ruling::Keep),
        _ => false,
    });
    if let Some(known) = &known
        && !again
    {
        if known.state == State::Received {
            received.touched.insert(inspection);
        }
        return Ok(true);
    }
    let fault = match change.fault {
        Some(code) => Some(code),
        None if ruling == Some(Ruling::Accept) => None,
        None => scope.may_write(tx, inspection)?.err(),
    };
    let state = if fault.is_some() { State::Quarantined } else { State::Received };
    if again {
        inbox::judge(tx, org, inspection, (&change.digest, device.id), state, fault.map(ErrorCode::as_str))?;
    } else {
        let item = Item {
            digest: change.digest,
            device: device.id,
            state,
            code: fault.map(|c| c.as_str().to_owned()),
            bytes: change.bytes.clone(),
            received_at: now,
            ruling: None,
        };
        inbox::insert(tx, org, inspection, &item)?;
        if fault == Some(ErrorCode::ChangeOutOfScope) {
            findings::assignment::outside_team(tx, device, inspection, &change.digest, now)?;
        }
    }
    received.touched.insert(inspection);
    if state == State::Quarantined {
        // What is held apart shows in the inspection's row.
        let team = inspections::team(tx, org, inspection)?;
        feeds::publish_inspection(tx, org, &team, inspection);
    }
    Ok(true)
}

/// The verdicts of a round, once everything it touched has settled.
pub async fn verdicts(
    app: &App,
    device: &DeviceActor,
    received: &Received,
) -> Result<Vec<Verdict>, ApiError> {
    let (org, device, changes) = (device.org, device.id, received.changes.clone());
    let judged = app
        .db
        .read(move |tx| {
            let mut judged = Vec::with_capacity(changes.len());
            for (inspection, digest, id) in &changes {
                let Some(item) = inbox::find(tx, org, *inspection, digest, device)? else { continue };
                judged.push(Verdict {
                    item: *digest,
                    outcome: item.state.outcome(),
                    code: item.code,
                    inspection: Some(*inspection),
                    change: *id,
                });
            }
            Ok::<_, DbError>(judged)
        })
        .await?;
    Ok(received.entries.iter().cloned().chain(judged).collect())
}
