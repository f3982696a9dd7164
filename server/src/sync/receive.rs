//! Step one: the form is checked, the bytes are made durable, the receipt is signed.
//!
//! An entry that cannot be read or is not signed by the device is refused: it is not evidence of anything. Everything
//! else is kept, whatever is wrong with it, and what is wrong is said. What entries declare is in [`super::declare`].

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::findings;
use crate::quota::Meter;
use crate::scope::DeviceScope;
use crate::store::inbox::{Item, Ruling, State};
use crate::store::usage::{self, Day};
use crate::store::{devices, feeds, inbox, inspections, journal, receipts, tenants};
use crate::sync::carry::{self, CheckedCarried};
use crate::sync::intake::{Intake, Share};
use crate::sync::offer::Name;
use crate::sync::settle::Answered;
use crate::sync::{declare, gate};
use fieldproof_schema::document::{self, ChangeId};
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OrgId, ReceiptId};
use fieldproof_schema::journal::{Entry, JournalError, SignedEntry, Tip};
use fieldproof_schema::limits::{BACKUP_HORIZON_SECONDS, SYNC_OPS_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::{Digest, PublicKey};
use fieldproof_schema::wire::carried::Carried;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::{Chunk, Outcome, Receipt, SignedReceipt, Verdict};
use std::collections::BTreeSet;

/// What a device sent.
#[derive(Default)]
pub struct Sent {
    /// Entries of its journal.
    pub entries: Vec<SignedEntry>,
    /// Its changes.
    pub chunks: Vec<Chunk>,
    /// What others signed and wrote.
    pub carried: Vec<Carried>,
}

/// A request whose form was checked.
#[derive(Clone)]
pub struct Checked {
    entries: Vec<CheckedEntry>,
    changes: Vec<CheckedChange>,
    carried: Vec<CheckedCarried>,
    refused: Vec<Verdict>,
}

/// An entry that is signed by the device whose it is.
#[derive(Clone)]
pub struct CheckedEntry {
    /// Its name.
    pub hash: Digest,
    /// What it says.
    pub entry: Entry,
    /// As it was signed.
    pub signed: SignedEntry,
}

/// A change, or a document, that was weighed.
#[derive(Clone)]
pub struct CheckedChange {
    /// To which inspection it was sent.
    pub inspection: InspectionId,
    /// Of its bytes.
    pub digest: Digest,
    /// Its name; none for a document, and for what cannot be read.
    pub id: Option<ChangeId>,
    bytes: Vec<u8>,
    fault: Option<ErrorCode>,
}

/// Checks what can be checked without the database. Signatures and hashes cost time: call it away from the threads that
/// serve.
pub fn check((device, key): (DeviceId, &PublicKey), server: &PublicKey, sent: Sent) -> Checked {
    let (mut ops, mut refused) = (0, Vec::new());
    let entries = check_entries(device, key, sent.entries, &mut refused);
    let changes = check_chunks(sent.chunks, &mut ops, &mut refused);
    let carried = carry::check(sent.carried, server, &mut ops, &mut refused);
    Checked { entries, changes, carried, refused }
}

/// The entries that `device` signed; the others are refused.
pub fn check_entries(
    device: DeviceId,
    key: &PublicKey,
    entries: Vec<SignedEntry>,
    refused: &mut Vec<Verdict>,
) -> Vec<CheckedEntry> {
    let mut checked = Vec::with_capacity(entries.len());
    for signed in entries {
        let hash = signed.hash();
        match signed.verify(device, key) {
            Ok(entry) => checked.push(CheckedEntry { hash, entry, signed }),
            Err(error) => {
                let code = match error {
                    JournalError::Unreadable | JournalError::TooLarge => ErrorCode::EntryUnreadable,
                    JournalError::Signature | JournalError::OtherDevice(_) => ErrorCode::EntrySignature,
                    JournalError::Broken { .. } => ErrorCode::EntryGap,
                };
                refused.push(verdict(hash, Outcome::Refused, Some(code), None, None));
            }
        }
    }
    checked
}

/// The changes that are not too heavy to be kept; `ops` counts what they weigh together.
pub fn check_chunks(chunks: Vec<Chunk>, ops: &mut usize, refused: &mut Vec<Verdict>) -> Vec<CheckedChange> {
    let mut checked = Vec::new();
    for Chunk { inspection, changes } in chunks {
        for change in changes {
            let digest = Digest::of(&change.0);
            if *ops >= SYNC_OPS_MAX {
                // Not looked at and not kept: the device keeps it and offers it again.
                let code = Some(ErrorCode::Unavailable);
                refused.push(verdict(digest, Outcome::Refused, code, Some(inspection), None));
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
                    *ops += weight;
                    (id, None)
                }
                Err(refusal) => (None, Some(gate::code(&refusal))),
            };
            if fault == Some(ErrorCode::ChangeTooLarge) {
                refused.push(verdict(digest, Outcome::Refused, fault, Some(inspection), None));
            } else {
                checked.push(CheckedChange { inspection, digest, bytes: change.0, id, fault });
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
    /// What somebody else brought and was not here.
    pub fresh: BTreeSet<Digest>,
    /// It was sent in a session that its sender has left. What can be used of it is kept, and nothing is receipted.
    pub is_late: bool,
    entries: Vec<Verdict>,
    changes: Vec<(InspectionId, Name, Option<ChangeId>)>,
}

impl Received {
    /// Before anything is taken in.
    pub fn nothing(epoch: Digest) -> Self {
        Self {
            receipt: None,
            tip: Tip::default(),
            revoked_at: None,
            epoch,
            touched: BTreeSet::new(),
            fresh: BTreeSet::new(),
            is_late: false,
            entries: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// The changes whose verdicts the round's answer will hold.
    pub fn answered(&self) -> Answered {
        self.changes.iter().map(|(_, name, _)| *name).collect()
    }

    /// What became of an entry, or of something that was not kept.
    pub fn say(&mut self, verdict: Verdict) {
        self.entries.push(verdict);
    }
}

/// What became of an item.
pub fn verdict(
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
    // Names for what the audit trail may have to say about terminals that become known.
    let decisions: Vec<_> = (0..=checked.carried.len()).map(|_| DecisionId::new(now, app.random())).collect();
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
            let is_late = known.has_left(device.session);
            let late =
                if is_late { carry::late(tx, &device, &checked.entries, &checked.changes)? } else { None };
            let (entries, changes) =
                if is_late { Default::default() } else { (&*checked.entries, &*checked.changes) };
            let mut scope = DeviceScope::when_known(&device, Some(&known));
            let received = Received {
                tip: known.tip,
                revoked_at: known.revoked_at,
                is_late,
                entries: checked.refused.clone(),
                ..Received::nothing(epoch)
            };
            let brings_any =
                !checked.entries.is_empty() || !checked.changes.is_empty() || !checked.carried.is_empty();
            let day = usage::day(now);
            let taken =
                if brings_any { usage::taken(tx, device.org, device.id, day)? } else { Default::default() };
            let meter = Meter::new(worker.quota.bounds(), taken);
            let by = device.id.to_string();
            let is_elsewhere = said.epoch.is_some_and(|heard| heard != epoch);
            let mut intake =
                Intake { org: device.org, by, now, received, held: Vec::new(), meter, is_elsewhere };
            for entry in entries {
                take_entry(tx, (&device, &mut scope), entry, &mut intake)?;
            }
            let mut share = Share::of(tx, &worker.quota, &device, changes)?;
            for change in changes {
                take_change(tx, (&device, &mut scope), change, &mut share, &mut intake)?;
            }
            if intake.received.tip != known.tip {
                let tip = intake.received.tip;
                devices::set_tip(tx, device.org, device.id, tip)?;
                findings::identity::caught_up(tx, &device, (known.tip.seq, tip.seq), now)?;
                findings::identity::contradicted(tx, &device, now)?;
            }
            carry::take(tx, &worker.quota, late.iter().chain(&checked.carried).zip(&decisions), &mut intake)?;
            let Intake { mut received, held, meter, .. } = intake;
            if meter.taken != Day::default() {
                usage::add(tx, device.org, device.id, day, &meter.taken)?;
            }
            if !held.is_empty() && !is_late {
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
    intake: &mut Intake,
) -> Result<(), DbError> {
    let CheckedEntry { hash, entry, signed } = checked;
    let Intake { now, received, held, meter, is_elsewhere, .. } = intake;
    let now = *now;
    let known = match planted::is(Bug::KnownByPlace) {
        true => (entry.seq <= received.tip.seq).then_some(true),
        false => journal::holds(tx, device.org, entry, hash)?,
    };
    let (outcome, code) = if let Some(on_chain) = known {
        held.push(*hash);
        // A declared capture or seal may still wait for its step two, and a lost verdict for being said again.
        received.touched.extend(entry.inspection);
        let code = if on_chain {
            declare::declare(tx, (device, scope), entry, now)?
        } else {
            Some(ErrorCode::EntryFork)
        };
        (if code.is_some() { Outcome::Quarantined } else { Outcome::Accepted }, code)
    } else if *is_elsewhere && received.tip.follow(entry, *hash).is_err() {
        // Not a second branch: it is told where its journal ends now, and says it again behind that.
        (Outcome::Refused, Some(ErrorCode::EntryGap))
    } else if entry.seq <= received.tip.seq + 1 && !meter.takes_entry(signed.bytes.len()) {
        // Not held: the device offers it again, and with it what comes after.
        (Outcome::Refused, Some(ErrorCode::QuotaExceeded))
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
    received.say(verdict(*hash, outcome, code, entry.inspection, None));
    Ok(())
}

/// Keeps a change of `device`, whoever sent it, as long as there is room for it.
pub fn take_change(
    tx: &mut Tx<'_>,
    (device, scope): (&DeviceActor, &mut DeviceScope),
    change: &CheckedChange,
    share: &mut Share<'_>,
    intake: &mut Intake,
) -> Result<(), DbError> {
    let Intake { now, received, held, meter, .. } = intake;
    let (org, inspection, now) = (device.org, change.inspection, *now);
    let known = inbox::find(tx, org, inspection, &change.digest, device.id)?;
    let length = change.bytes.len();
    if known.is_none() && !(share.takes(length as u64) && meter.takes_change(length)) {
        let code = Some(ErrorCode::QuotaExceeded);
        received.say(verdict(change.digest, Outcome::Refused, code, Some(inspection), change.id));
        return Ok(());
    }
    held.push(change.digest);
    received.changes.push((inspection, (change.digest, device.id), change.id));
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
        return Ok(());
    }
    let fault = match change.fault {
        Some(code) => Some(code),
        None if ruling == Some(Ruling::Accept) => None,
        None => scope.may_write(tx, inspection)?.err(),
    };
    if fault == Some(ErrorCode::DeviceRevoked) && planted::is(Bug::RevokedDropped) {
        return Ok(());
    }
    if fault.is_some() && planted::is(Bug::OneStopsAll) {
        return Err(DbError::NoRow { sql: "" });
    }
    let state = if fault.is_some() { State::Quarantined } else { State::Received };
    let before = known.filter(|_| again).and_then(|known| known.code);
    let code = fault.map(ErrorCode::as_str);
    if again {
        // Until it is judged it keeps what was said about it: so it is known whether that was news.
        inbox::judge(tx, org, inspection, (&change.digest, device.id), state, code.or(before.as_deref()))?;
    } else {
        let item = Item {
            digest: change.digest,
            device: device.id,
            state,
            code: code.map(str::to_owned),
            bytes: change.bytes.clone(),
            received_at: now,
            ruling: None,
        };
        inbox::insert(tx, org, inspection, &item)?;
        received.fresh.insert(change.digest);
        if fault == Some(ErrorCode::ChangeOutOfScope) {
            findings::assignment::outside_team(tx, device, inspection, &change.digest, now)?;
        }
    }
    received.touched.insert(inspection);
    if state == State::Quarantined && code != before.as_deref() {
        // What is held apart shows in the inspection's row.
        let team = inspections::team(tx, org, inspection)?;
        feeds::publish_inspection(tx, org, &team, inspection);
    }
    Ok(())
}

/// The verdicts of a round, once everything it touched has settled.
pub async fn verdicts(app: &App, org: OrgId, received: &Received) -> Result<Vec<Verdict>, ApiError> {
    let changes = received.changes.clone();
    let judged = app
        .db
        .read(move |tx| {
            let mut judged = Vec::with_capacity(changes.len());
            for (inspection, (digest, device), id) in &changes {
                let Some(item) = inbox::find(tx, org, *inspection, digest, *device)? else { continue };
                let (outcome, code) = item.told();
                judged.push(Verdict {
                    item: *digest,
                    outcome,
                    code,
                    inspection: Some(*inspection),
                    change: *id,
                });
            }
            Ok::<_, DbError>(judged)
        })
        .await?;
    Ok(received.entries.iter().cloned().chain(judged).collect())
}
