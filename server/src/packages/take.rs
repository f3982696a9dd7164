//! A package is handed in: its signatures are checked, and what it holds is taken as if the terminals had brought it.

use super::{HandedIn, fault};
use crate::app::{App, blocking};
use crate::auth::UserActor;
use crate::db::{DbError, Tx};
use crate::error::ApiError;
use crate::evidence;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::captures::Named;
use crate::store::inspections::{self, Inspection};
use crate::store::usage::{self, Usage};
use crate::store::{captures, captures_apart, changes, tenants};
use crate::sync::carry::{self, CheckedCarried};
use crate::sync::intake::Intake;
use crate::sync::judge;
use crate::sync::receive::{self, Received};
use crate::sync::settle::Answered;
use fieldproof_schema::document::{ChangeId, RawChange, weigh_change};
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OrgId};
use fieldproof_schema::limits::{CARRIED_MAX, SYNC_OPS_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::package::{Original, Package, Reading};
use fieldproof_schema::suite::{Digest, PublicKey};
use fieldproof_schema::wire::carried::Carried;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::{Outcome, Verdict};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use utoipa::ToSchema;

/// What became of the things of one kind in a package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tally {
    /// They were not here, and count now.
    pub new: u64,
    /// They were here.
    pub known: u64,
    /// They were not here, and wait for what they build upon, or to be judged.
    pub waiting: u64,
    /// They were not here, and are held apart: how many for which error code.
    pub apart: BTreeMap<String, u64>,
    /// They were not taken: how many for which error code.
    pub refused: BTreeMap<String, u64>,
}

impl Tally {
    /// Whether anything of it was not here before.
    pub fn is_anything_new(&self) -> bool {
        self.new + self.waiting > 0 || !self.apart.is_empty()
    }

    fn refuse(&mut self, code: ErrorCode) {
        *self.refused.entry(code.as_str().to_owned()).or_default() += 1;
    }

    fn count(&mut self, verdict: &Verdict, is_fresh: bool) {
        let code = || verdict.code.clone().unwrap_or_default();
        match verdict.outcome {
            Outcome::Refused => *self.refused.entry(code()).or_default() += 1,
            _ if !is_fresh => self.known += 1,
            Outcome::Accepted => self.new += 1,
            Outcome::Waiting => self.waiting += 1,
            Outcome::Quarantined => *self.apart.entry(code()).or_default() += 1,
        }
    }
}

/// A terminal whose work is in a package, or the server with what it wrote itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Whose {
    /// Which terminal.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// As it was called when the server vouched for it; empty for the server.
    pub device_name: String,
    /// Whose it is.
    pub officer_name: String,
}

/// What became of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Taken {
    /// Which visit it is about.
    #[schema(value_type = String)]
    pub inspection: InspectionId,
    /// The entity that was visited.
    pub entity_name: String,
    /// Of the file's bytes.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// When it was made, by the clock of whoever made it.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Moment,
    /// Whose work is in it.
    pub whose: Vec<Whose>,
    /// Changes.
    pub changes: Tally,
    /// Journal entries.
    pub entries: Tally,
    /// Originals of captures.
    pub originals: Tally,
    /// The server's own changes that are in the package and not here: a restore lost them, and what builds upon them waits.
    pub server_missing: u64,
}

impl Taken {
    /// Whether anything in it was not here before.
    pub fn is_anything_new(&self) -> bool {
        [&self.changes, &self.entries, &self.originals].iter().any(|tally| tally.is_anything_new())
    }
}

/// A package whose signatures hold.
struct Checked {
    carried: Vec<CheckedCarried>,
    /// Changes that are too heavy to be kept.
    refused: Vec<Verdict>,
    /// What the server is said to have written itself.
    server: Vec<ChangeId>,
}

/// Checks what can be checked without the database. One signature that does not hold, and nothing is taken.
fn check(
    inspection: InspectionId,
    carried: Vec<Carried>,
    server: &[RawChange],
    key: &PublicKey,
) -> Result<Checked, ErrorCode> {
    let devices = carried.len();
    if devices > CARRIED_MAX {
        return Err(ErrorCode::PackageTooLarge);
    }
    if carried.iter().flat_map(|one| &one.chunks).any(|chunk| chunk.inspection != inspection) {
        return Err(ErrorCode::PackageAltered);
    }
    let (mut ops, mut refused) = (0, Vec::new());
    let carried = carry::check(carried, key, &mut ops, &mut refused);
    if carried.len() < devices {
        return Err(ErrorCode::PackageForeign);
    }
    for verdict in &refused {
        match verdict.code.as_deref().and_then(ErrorCode::find) {
            Some(ErrorCode::ChangeTooLarge) => {}
            // More than anybody looks at at a time.
            Some(ErrorCode::Unavailable) => return Err(ErrorCode::PackageTooLarge),
            _ => return Err(ErrorCode::PackageAltered),
        }
    }
    let mut entries = carried.iter().flat_map(CheckedCarried::entries);
    if entries.any(|checked| checked.entry.inspection != Some(inspection)) {
        return Err(ErrorCode::PackageAltered);
    }
    let mut own = Vec::with_capacity(server.len());
    for RawChange(bytes) in server {
        let (id, weight) = weigh_change(bytes).map_err(|_| ErrorCode::PackageAltered)?;
        ops += weight;
        if ops > SYNC_OPS_MAX {
            return Err(ErrorCode::PackageTooLarge);
        }
        own.push(id);
    }
    Ok(Checked { carried, refused, server: own })
}

/// Reads every original: each has to be what its name says before anything is taken.
fn verify_originals(reading: &mut Reading<BufReader<File>>, size_bytes: u64) -> Result<(), ApiError> {
    let originals = reading.package.originals.clone();
    // Files in an archive may overlap: without this, a short file could ask for days of hashing.
    let said = originals.iter().fold(0_u64, |sum, original| sum.saturating_add(original.size_bytes));
    if said > size_bytes {
        return Err(ErrorCode::PackageInvalid.into());
    }
    for original in originals {
        let mut hash = Hashing(Digest::stream());
        let from = reading.original(original.digest).map_err(fault)?;
        let read = io::copy(&mut from.take(original.size_bytes + 1), &mut hash);
        let read = read.map_err(|error| fault(error.into()))?;
        if read != original.size_bytes || hash.0.finish() != original.digest {
            return Err(ErrorCode::PackageAltered.into());
        }
    }
    Ok(())
}

/// Hashes what is written to it.
pub(super) struct Hashing(pub(super) fieldproof_schema::suite::DigestStream);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The visit, when it is known here and the asker's. Which of the two it is not is nobody's business.
fn visit(tx: &mut Tx<'_>, org: OrgId, user: &User, id: InspectionId) -> Result<Inspection, ApiError> {
    let known = inspections::find(tx, org, id)?;
    let own = known.filter(|known| user.may_on(Act::HandInPackages, &known.unit_code).is_ok());
    own.ok_or_else(|| ErrorCode::PackageVisitUnknown.into())
}

/// What was written down in one transaction.
struct Kept {
    info: Inspection,
    received: Received,
    /// Changes that were part of the record.
    known: u64,
    originals: Tally,
    /// Originals to store, and for which devices.
    wanted: Vec<(Original, Vec<DeviceId>)>,
}

/// Takes in what a package holds and the server does not. Repeated, it changes nothing.
///
/// # Errors
/// [`ErrorCode::NotAllowed`]; [`ErrorCode::PackageVisitUnknown`], for a visit out of scope, too; `package_…` for a file that
/// is none or that was altered. Nothing of it is taken then.
pub async fn take(app: &App, by: &UserActor, handed: HandedIn) -> Result<Taken, ApiError> {
    by.user.may(Act::HandInPackages)?;
    let (handed, opened) = blocking(move || {
        let opened = handed.open();
        (handed, opened)
    })
    .await?;
    let mut reading = opened.map_err(fault)?;
    let Package { inspection, made_at, maker, .. } = reading.package;
    let (org, asker) = (by.org, by.user.clone());
    app.db.read(move |tx| visit(tx, org, &asker, inspection)).await?;
    let (carried, server) =
        (std::mem::take(&mut reading.package.carried), std::mem::take(&mut reading.package.server));
    let key = app.key.public_key();
    let checked = app.judging.at_a_desk(move || check(inspection, carried, &server, &key)).await??;
    let size_bytes = handed.size_bytes;
    let (reading, verified) = blocking(move || {
        let verified = verify_originals(&mut reading, size_bytes);
        (reading, verified)
    })
    .await?;
    verified?;
    let whose = checked.carried.iter().map(|one| one.certificate()).map(|certificate| Whose {
        device: certificate.device,
        device_name: certificate.device_name.clone(),
        officer_name: certificate.officer_name.clone(),
    });
    let whose = whose.collect();
    let entries: BTreeSet<Digest> =
        checked.carried.iter().flat_map(CheckedCarried::entries).map(|entry| entry.hash).collect();
    let (too_heavy, server) = (checked.refused.clone(), checked.server.clone());

    judge::look_back(app, org).await?;
    let file = Handed { digest: handed.digest, maker, inspection };
    let kept = keep(app, by, &file, checked, reading.package.originals.clone()).await?;
    judge::within_round(app, org, &kept.received.touched, &Answered::new(), false).await;
    let verdicts = receive::verdicts(app, org, &kept.received).await?;
    let server_missing = app.db.read(move |tx| missing(tx, org, inspection, &server)).await?;
    store(app, by, reading, &kept.wanted).await?;

    let mut taken = Taken {
        inspection,
        entity_name: kept.info.entity_name,
        digest: handed.digest,
        made_at,
        whose,
        changes: Tally { known: kept.known, ..Tally::default() },
        entries: Tally::default(),
        originals: kept.originals,
        server_missing,
    };
    for verdict in too_heavy.iter().chain(&verdicts) {
        let tally = if entries.contains(&verdict.item) { &mut taken.entries } else { &mut taken.changes };
        tally.count(verdict, kept.received.fresh.contains(&verdict.item));
    }
    Ok(taken)
}

/// How many of these changes are not part of the record.
fn missing(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId, ids: &[ChangeId]) -> Result<u64, DbError> {
    let here = changes::names(tx, org, inspection)?;
    Ok(ids.iter().map(|id| u64::from(!here.contains(id))).sum())
}

/// Which file it is.
#[derive(Clone)]
struct Handed {
    digest: Digest,
    maker: DeviceId,
    inspection: InspectionId,
}

/// Makes everything durable in one transaction, but for originals.
async fn keep(
    app: &App,
    by: &UserActor,
    file: &Handed,
    checked: Checked,
    originals: Vec<Original>,
) -> Result<Kept, ApiError> {
    let (worker, user, org, now, file) = (app.clone(), by.user.clone(), by.org, app.now(), file.clone());
    let inspection = file.inspection;
    let record = DecisionId::new(now, app.random());
    // Names for what the audit trail may have to say about terminals that become known.
    let decisions: Vec<_> = checked.carried.iter().map(|_| DecisionId::new(now, app.random())).collect();
    let keep = move |tx: &mut Tx<'_>| {
        let info = visit(tx, org, &user, inspection)?;
        let actor = format!("user:{}", user.id);
        let epoch = tenants::epoch(tx, org)?;
        let mut intake = Intake::by_hand(org, actor.clone(), epoch, now);
        let (mut known, mut left) = (0, Vec::with_capacity(checked.carried.len()));
        let there = changes::names(tx, org, inspection)?;
        // What is part of the record needs no second look, in whatever form it came.
        let is_left = |id: Option<ChangeId>| id.is_none_or(|id| !there.contains(&id));
        for carried in &checked.carried {
            known += carried.changes().iter().map(|change| u64::from(!is_left(change.id))).sum::<u64>();
            left.push(carried.clone().keeping(|change| is_left(change.id)));
        }
        carry::take(tx, &worker.quota, left.iter().zip(&decisions), &mut intake)?;
        let devices = checked.carried.iter().map(|carried| carried.certificate().device);
        let mut tally = Tally::default();
        let named = named(tx, org, inspection, devices)?;
        let wanted = wanted(tx, &worker, org, &originals, &named, &mut tally)?;
        let received = intake.received;
        if !received.fresh.is_empty() || !wanted.is_empty() {
            let entries = checked.carried.iter().flat_map(CheckedCarried::entries);
            let entries = entries.filter(|entry| received.fresh.contains(&entry.hash)).count();
            let record = Record {
                id: record,
                at: now,
                actor,
                act: "package.handed_in".into(),
                subject: format!("inspection:{inspection}"),
                details: json!({
                    "digest": file.digest,
                    "maker": file.maker,
                    "entries": entries,
                    "changes": received.fresh.len() - entries,
                    "originals": wanted.len(),
                }),
            };
            audit::insert(tx, org, &record)?;
        }
        Ok::<_, ApiError>(Kept { info, received, known, originals: tally, wanted })
    };
    app.db.write(keep).await
}

/// The captures of the visit, and what is held apart of these devices.
fn named(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    devices: impl Iterator<Item = DeviceId>,
) -> Result<Vec<Named>, ApiError> {
    let mut named = captures::named(tx, org, inspection)?;
    for device in devices.collect::<BTreeSet<_>>() {
        named.extend(captures_apart::named(tx, org, inspection, device)?);
    }
    Ok(named)
}

/// The originals that are waited for, and for which devices. What no entry names is not taken; what is held apart fills its
/// device's share of that, as an upload does.
fn wanted(
    tx: &mut Tx<'_>,
    app: &App,
    org: OrgId,
    originals: &[Original],
    named: &[Named],
    tally: &mut Tally,
) -> Result<Vec<(Original, Vec<DeviceId>)>, ApiError> {
    let bounds = app.quota.bounds();
    let mut apart_bytes = BTreeMap::new();
    let (mut seen, mut wanted) = (BTreeSet::new(), Vec::new());
    for original in originals.iter().filter(|original| seen.insert(original.digest)) {
        let is_it = |n: &&Named| n.digest == original.digest && n.size_bytes == original.size_bytes;
        let mut captures = named.iter().filter(is_it).peekable();
        if captures.peek().is_none() {
            tally.refuse(ErrorCode::EvidenceUndeclared);
            continue;
        }
        let (mut devices, mut is_full) = (BTreeSet::new(), false);
        for capture in captures.filter(|capture| !capture.held) {
            if capture.is_apart {
                let held = match apart_bytes.get(&capture.device) {
                    Some(held) => *held,
                    None => usage::apart_bytes(tx, org, capture.device)?,
                };
                let usage = Usage { apart_bytes: held, ..Usage::default() };
                if !bounds.has_room_for_original(&usage, true, 0, original.size_bytes) {
                    is_full = true;
                    continue;
                }
                apart_bytes.insert(capture.device, held.saturating_add(original.size_bytes));
            }
            devices.insert(capture.device);
        }
        match (devices.is_empty(), is_full) {
            (false, _) => {
                tally.new += 1;
                wanted.push((original.clone(), devices.into_iter().collect()));
            }
            (true, true) => tally.refuse(ErrorCode::QuotaExceeded),
            (true, false) => tally.known += 1,
        }
    }
    Ok(wanted)
}

/// Stores originals one by one, each hashed, read back, and only then said to be held.
async fn store(
    app: &App,
    by: &UserActor,
    mut reading: Reading<BufReader<File>>,
    wanted: &[(Original, Vec<DeviceId>)],
) -> Result<(), ApiError> {
    let org = by.org;
    // Beside what terminals upload: nobody's parts meet these.
    let owner = format!("{org}-{}", by.user.id);
    for (original, devices) in wanted.iter().cloned() {
        let Original { digest, size_bytes, .. } = original;
        let _turn = app.blobs.turn(&owner, &digest).await;
        let (blobs, staging) = (app.blobs.clone(), owner.clone());
        let (back, staged) = blocking(move || {
            let from = reading.original(digest).map_err(fault);
            let staged = from.and_then(|from| blobs.stage(&staging, &digest, from.take(size_bytes)));
            (reading, staged)
        })
        .await?;
        reading = back;
        let completed = match staged {
            Ok(()) => app.blobs.complete(org, &owner, &digest, size_bytes, app.now()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = completed {
            app.blobs.discard(&owner, &digest).await?;
            return Err(error);
        }
        let now = app.now();
        let note = move |tx: &mut Tx<'_>| {
            devices.iter().try_for_each(|device| evidence::note_held(tx, org, &digest, *device, now))
        };
        let noted = app.db.write(note).await;
        app.blobs.discard(&owner, &digest).await?;
        noted?;
    }
    Ok(())
}
