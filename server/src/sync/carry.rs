//! What one terminal signed and another one brings: taken as if its writer had sent it, and given along with changes.
//!
//! Who brings it is nobody's merit and nobody's fault: the signature says whose it is, and the writer's scope decides what
//! it may do. So a lost terminal's work comes back from colleagues, and what a package held reaches the server.

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::enrol;
use crate::error::ApiError;
use crate::findings;
use crate::quota::Quota;
use crate::scope::DeviceScope;
use crate::store::carried::Given;
use crate::store::{carried, changes, devices, journal, officers, snapshots};
use crate::sync::declare;
use crate::sync::intake::{Intake, Share};
use crate::sync::receive::{self, CheckedChange, CheckedEntry};
use fieldproof_schema::certificate::{Certificate, SignedCertificate};
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OrgId};
use fieldproof_schema::journal::Kind;
use fieldproof_schema::limits::{CARRIED_MAX, HOLDINGS_MAX};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::server::{self, SERVER};
use fieldproof_schema::suite::{Digest, PublicKey, Signer};
use fieldproof_schema::wire::carried::{Carried, Holding};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::{DocumentRow, Origin, RowKind};
use fieldproof_schema::wire::sync::{Outcome, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// Work of one device whose form was checked.
#[derive(Clone)]
pub struct CheckedCarried {
    certificate: Certificate,
    entries: Vec<CheckedEntry>,
    changes: Vec<CheckedChange>,
}

impl CheckedCarried {
    /// Whose it is, by this server's word.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What the device signed.
    pub fn entries(&self) -> &[CheckedEntry] {
        &self.entries
    }

    /// What it wrote.
    pub fn changes(&self) -> &[CheckedChange] {
        &self.changes
    }

    /// The same without some of its changes.
    pub fn keeping(mut self, keep: impl FnMut(&CheckedChange) -> bool) -> Self {
        self.changes.retain(keep);
        self
    }
}

/// Checks what can be checked without the database; what fails is refused.
pub fn check(
    carried: Vec<Carried>,
    server: &PublicKey,
    ops: &mut usize,
    refused: &mut Vec<Verdict>,
) -> Vec<CheckedCarried> {
    let mut checked = Vec::new();
    for (index, Carried { certificate, entries, chunks }) in carried.into_iter().enumerate() {
        let certificate = match certificate.verify(server) {
            // What is not looked at is not kept: the device offers it again.
            _ if index >= CARRIED_MAX => Err(ErrorCode::Unavailable),
            Ok(certificate) if certificate.device != SERVER || server::is_own(&certificate, server) => {
                Ok(certificate)
            }
            Ok(_) | Err(_) => Err(ErrorCode::CertificateInvalid),
        };
        match certificate {
            Ok(certificate) => {
                let entries =
                    receive::check_entries(certificate.device, &certificate.device_key, entries, refused);
                let changes = receive::check_chunks(chunks, ops, refused);
                checked.push(CheckedCarried { certificate, entries, changes });
            }
            Err(code) => {
                let entries = entries.iter().map(|entry| (entry.hash(), None));
                let raw = chunks.iter().flat_map(|chunk| {
                    chunk.changes.iter().map(|raw| (Digest::of(&raw.0), Some(chunk.inspection)))
                });
                refused.extend(entries.chain(raw).map(|(item, inspection)| {
                    receive::verdict(item, Outcome::Refused, Some(code), inspection, None)
                }));
            }
        }
    }
    checked
}

/// What a device sent in a session that it has left, as somebody else would bring it: it may have come back older since and gone on
/// elsewhere, so nothing of it follows its journal; and it may be all that is left of what was written then.
pub fn late(
    tx: &mut Tx<'_>,
    device: &DeviceActor,
    entries: &[CheckedEntry],
    changes: &[CheckedChange],
) -> Result<Option<CheckedCarried>, DbError> {
    let certificate = certify(tx, device.org, device.id)?;
    let (entries, changes) = (entries.to_vec(), changes.to_vec());
    Ok(certificate.map(|certificate| CheckedCarried { certificate, entries, changes }))
}

/// Takes what was carried, each device's as if it had come from there. A device that is not known here is one that was
/// enrolled before the server was restored: the server's own word makes it known again.
pub fn take<'c>(
    tx: &mut Tx<'_>,
    quota: &Quota,
    carried: impl Iterator<Item = (&'c CheckedCarried, &'c DecisionId)>,
    intake: &mut Intake,
) -> Result<(), DbError> {
    for (CheckedCarried { certificate, entries, changes }, decision) in carried {
        let org = intake.org;
        let Some((author, mut scope)) = author(tx, org, certificate, *decision, intake.now)? else {
            let items = entries.iter().map(|entry| entry.hash).chain(changes.iter().map(|c| c.digest));
            for item in items {
                let code = Some(ErrorCode::DeviceUnknown);
                intake.received.say(receive::verdict(item, Outcome::Refused, code, None, None));
            }
            continue;
        };
        let mut is_new = false;
        for entry in entries {
            is_new |= take_entry(tx, (&author, &mut scope), entry, intake)?;
        }
        if is_new {
            findings::identity::contradicted(tx, &author, intake.now)?;
        }
        let mut share = Share::of(tx, quota, &author, changes)?.of_carried();
        for change in changes {
            receive::take_change(tx, (&author, &mut scope), change, &mut share, intake)?;
        }
    }
    Ok(())
}

/// Whose it is, and what they may; none when the server does not know them. The server itself is known by its key.
fn author(
    tx: &mut Tx<'_>,
    org: OrgId,
    certificate: &Certificate,
    decision: DecisionId,
    now: Moment,
) -> Result<Option<(DeviceActor, DeviceScope)>, DbError> {
    if certificate.device == SERVER {
        let Certificate { device: id, officer, device_key: key, .. } = *certificate;
        return Ok(Some((DeviceActor { id, officer, key, org, session: None }, DeviceScope::of_server(org))));
    }
    let Some(known) = enrol::known_again(tx, org, certificate, decision, now)? else { return Ok(None) };
    let author = DeviceActor::of(&known, org);
    let scope = DeviceScope::when_known(&author, Some(&known));
    Ok(Some((author, scope)))
}

/// True when the entry was not here.
fn take_entry(
    tx: &mut Tx<'_>,
    (author, scope): (&DeviceActor, &mut DeviceScope),
    CheckedEntry { hash, entry, signed }: &CheckedEntry,
    intake: &mut Intake,
) -> Result<bool, DbError> {
    let Some(inspection) = entry.inspection else {
        // What is about no visit is the terminal's own affair, and proves nothing without the rest of its chain.
        let code = Some(ErrorCode::NotAllowed);
        intake.received.say(receive::verdict(*hash, Outcome::Refused, code, None, None));
        return Ok(false);
    };
    let mut is_new = false;
    if journal::holds(tx, author.org, entry, hash)?.is_none() {
        if !intake.meter.takes_entry(signed.bytes.len()) {
            let code = Some(ErrorCode::QuotaExceeded);
            intake.received.say(receive::verdict(*hash, Outcome::Refused, code, Some(inspection), None));
            return Ok(false);
        }
        let named = (entry, inspection);
        is_new = carried::insert(tx, author.org, named, (signed, hash), &intake.by, intake.now)?;
        if is_new {
            intake.received.fresh.insert(*hash);
        }
    }
    let code = declare::declare(tx, (author, scope), entry, intake.now)?;
    let outcome = if code.is_some() { Outcome::Quarantined } else { Outcome::Accepted };
    intake.received.touched.insert(inspection);
    intake.received.say(receive::verdict(*hash, outcome, code, Some(inspection), None));
    intake.held.push(*hash);
    Ok(is_new)
}

/// Of which inspections a device has something that is not here, among those that it may read.
pub async fn lacks(
    app: &App,
    device: &DeviceActor,
    holds: Vec<Holding>,
) -> Result<Vec<InspectionId>, ApiError> {
    let device = device.clone();
    let read = move |tx: &mut Tx<'_>| {
        let mut scope = DeviceScope::of(tx, &device)?;
        let mut lacks = Vec::new();
        for Holding { inspection, heads } in holds.iter().take(HOLDINGS_MAX) {
            // Whether the server knows something is said within the asker's scope only.
            if !scope.may_read(tx, RowKind::Document, &inspection.to_string())? {
                continue;
            }
            // Mostly both have the same heads: then the record need not be read.
            let known = snapshots::heads_of_any(tx, device.org, *inspection)?;
            if heads.iter().all(|head| known.contains(head)) {
                continue;
            }
            let here = changes::names(tx, device.org, *inspection)?;
            if !heads.iter().all(|head| here.contains(head)) {
                lacks.push(*inspection);
            }
        }
        Ok::<_, DbError>(lacks)
    };
    Ok(app.db.read(read).await?)
}

/// Gives along with changes what their writers signed, and whose they are. One for each pull: what was looked up and
/// signed once is not looked up again.
pub struct Vouchers<'a> {
    key: &'a dyn Signer,
    org: OrgId,
    asker: DeviceId,
    /// Up to where the asker may have lost its own journal.
    own_through: u64,
    certificates: BTreeMap<DeviceId, Option<SignedCertificate>>,
}

impl<'a> Vouchers<'a> {
    /// For what `asker` is given.
    pub fn new(key: &'a dyn Signer, org: OrgId, asker: DeviceId) -> Self {
        Self { key, org, asker, own_through: 0, certificates: BTreeMap::new() }
    }

    /// With what the asker signed itself up to a place of its journal: it came back older, and has it no more. Were the server to
    /// lose it, too, nobody would vouch for what the asker wrote.
    pub fn with_own(self, through: u64) -> Self {
        Self { own_through: through, ..self }
    }

    /// Adds them to a row: the entries that cover its changes, and all seals; with `all`, whatever was journalled about the
    /// visit.
    pub fn add(&mut self, tx: &mut Tx<'_>, row: &mut DocumentRow, all: bool) -> Result<(), DbError> {
        let covering: BTreeSet<Digest> = row.origins.iter().filter_map(|origin| origin.entry).collect();
        // The server's own changes are covered, too, but for the first one, which it makes anew by itself.
        let lacks_own = self.own_through > 0;
        let wanted = |o: &Origin| o.entry.is_some() && (lacks_own || o.device != Some(self.asker));
        if !row.origins.iter().any(wanted) && !all {
            return Ok(());
        }
        let wanted = |entry: &Given| all || entry.kind == Kind::Sealed || covering.contains(&entry.hash);
        let given: Vec<_> = self.given(tx, row.inspection, all, wanted)?.into_values().collect();
        row.carried = Some(given).filter(|given| !given.is_empty());
        Ok(())
    }

    /// What the asker does not have of all that was journalled about a visit, where it is wanted, with whose it is.
    pub fn given(
        &mut self,
        tx: &mut Tx<'_>,
        inspection: InspectionId,
        all: bool,
        wanted: impl Fn(&Given) -> bool,
    ) -> Result<BTreeMap<DeviceId, Carried>, DbError> {
        let mut given = BTreeMap::new();
        let asker = (self.asker, self.own_through);
        for entry in carried::given_to(tx, self.org, inspection, asker, all)? {
            if !wanted(&entry) {
                continue;
            }
            let Some(certificate) = self.certificate(tx, entry.device)? else { continue };
            let of_device = given.entry(entry.device);
            let carried =
                of_device.or_insert(Carried { certificate, entries: Vec::new(), chunks: Vec::new() });
            carried.entries.push(entry.signed);
        }
        Ok(given)
    }

    fn certificate(
        &mut self,
        tx: &mut Tx<'_>,
        device: DeviceId,
    ) -> Result<Option<SignedCertificate>, DbError> {
        if let Some(known) = self.certificates.get(&device) {
            return Ok(known.clone());
        }
        let certificate = match device {
            SERVER => Some(server::certificate(self.key.public_key())),
            device => certify(tx, self.org, device)?,
        };
        let signed = certificate.map(|certificate| certificate.sign(self.key));
        self.certificates.insert(device, signed.clone());
        Ok(signed)
    }
}

/// Whose a device is.
pub fn certify(tx: &mut Tx<'_>, org: OrgId, device: DeviceId) -> Result<Option<Certificate>, DbError> {
    let Some(known) = devices::find(tx, org, device)? else { return Ok(None) };
    let officer = officers::find(tx, org, known.officer)?;
    Ok(Some(Certificate {
        format: 1,
        device,
        device_name: known.name,
        officer: known.officer,
        officer_name: officer.map(|officer| officer.facts.name).unwrap_or_default(),
        device_key: known.key,
        officer_keys: devices::officer_keys_of(tx, org, known.officer, device)?,
        enrolled_at: known.enrolled_at,
    }))
}
