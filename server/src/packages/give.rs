//! A visit is handed out: everything in the record with the signatures under it, as a file for an officer without a network.

use super::fault;
use super::take::Hashing;
use crate::app::{App, blocking};
use crate::auth::UserActor;
use crate::blobs;
use crate::db::Tx;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::audit::{self, Record};
use crate::store::captures::{self, Named};
use crate::store::{changes, inspections, templates};
use crate::sync::carry::Vouchers;
use fieldproof_schema::document::RawChange;
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, OrgId};
use fieldproof_schema::limits::PACKAGE_FILES_MAX;
use fieldproof_schema::package::{Original, Package, Writing};
use fieldproof_schema::server::SERVER;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::carried::Carried;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::sync::Chunk;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

/// Whom a file is for: nobody's own entries are left out of it.
const NOBODY: DeviceId = DeviceId::from_bytes([0xff; 16]);

/// A package that was made. It lies in a file without a name and is gone when this is dropped.
#[derive(Debug)]
pub struct Given {
    file: File,
    /// How many they are.
    pub size_bytes: u64,
    place: OwnedSemaphorePermit,
}

impl Given {
    /// The file, and the place on the disk that it takes: whoever sends it keeps both.
    pub fn into_parts(self) -> (File, OwnedSemaphorePermit) {
        (self.file, self.place)
    }
}

/// Writes a visit into a file: what is part of the record, whatever terminals signed about it, its checklist; with
/// `originals`, those that are held.
///
/// # Errors
/// [`ErrorCode::NotFound`] for a visit that the asker may not read; [`ErrorCode::PackageTooLarge`];
/// [`ErrorCode::Busy`].
pub async fn give(
    app: &App,
    by: &UserActor,
    inspection: InspectionId,
    originals: bool,
) -> Result<Given, ApiError> {
    let place = app.packages.enter()?;
    let (reader, asker) = (app.clone(), by.clone());
    let read = move |tx: &mut Tx<'_>| compose(tx, &reader, &asker, inspection, originals);
    let package = app.db.read(read).await?;
    let said: u64 = package.originals.iter().map(|original| original.size_bytes).sum();
    if package.originals.len() >= PACKAGE_FILES_MAX || said > app.quota.bounds().package {
        return Err(ErrorCode::PackageTooLarge.into());
    }
    let (writer, org, runtime) = (app.clone(), by.org, Handle::current());
    let (originals, changes) = (package.originals.len(), changes_of(&package));
    let written = blocking(move || write(&writer, org, &package, &runtime)).await?;
    let (file, size_bytes, digest) = written?;
    let record = Record {
        id: DecisionId::new(app.now(), app.random()),
        at: app.now(),
        actor: format!("user:{}", by.user.id),
        act: "package.handed_out".into(),
        subject: format!("inspection:{inspection}"),
        details: json!({"digest": digest, "originals": originals, "changes": changes}),
    };
    // Before the first byte leaves.
    app.db.write(move |tx| audit::insert(tx, org, &record)).await?;
    Ok(Given { file, size_bytes, place })
}

fn changes_of(package: &Package) -> usize {
    package.carried.iter().flat_map(|carried| &carried.chunks).map(|chunk| chunk.changes.len()).sum()
}

fn compose(
    tx: &mut Tx<'_>,
    app: &App,
    by: &UserActor,
    inspection: InspectionId,
    originals: bool,
) -> Result<Package, ApiError> {
    let org = by.org;
    let info = inspections::find(tx, org, inspection)?.ok_or(ErrorCode::NotFound)?;
    by.user.may_on(Act::ReadInspections, &info.unit_code)?;
    let mut vouchers = Vouchers::new(app.key.as_ref(), org, NOBODY);
    let mut carried: BTreeMap<DeviceId, Carried> = vouchers.given(tx, inspection, true, |_| true)?;
    let mut server = Vec::new();
    for change in changes::list(tx, org, inspection)? {
        let raw = RawChange(change.bytes);
        if change.device.is_none() {
            server.push(raw.clone());
        }
        // A change that nobody's entry stands for would count nowhere. What the server wrote and signed is carried as well.
        let whose = change.device.unwrap_or(SERVER);
        let Some(carried) = carried.get_mut(&whose).filter(|_| change.entry.is_some()) else { continue };
        match carried.chunks.first_mut() {
            Some(chunk) => chunk.changes.push(raw),
            None => carried.chunks.push(Chunk { inspection, changes: vec![raw] }),
        }
    }
    let held = if originals { captures::named(tx, org, inspection)? } else { Vec::new() };
    let held: BTreeMap<Digest, Named> =
        held.into_iter().filter(|named| named.held).map(|named| (named.digest, named)).collect();
    let original = |(digest, named): (Digest, Named)| Original {
        digest,
        size_bytes: named.size_bytes,
        media_type: named.media_type,
    };
    Ok(Package {
        format: 1,
        inspection,
        made_at: app.now(),
        maker: SERVER,
        template: templates::body(tx, org, &info.template_id, &info.template_revision)?,
        server,
        carried: carried.into_values().collect(),
        originals: held.into_iter().map(original).collect(),
    })
}

/// Writes the file, and every original only as what its hash says: whoever takes it in refuses all of it otherwise.
fn write(
    app: &App,
    org: OrgId,
    package: &Package,
    runtime: &Handle,
) -> Result<(File, u64, Digest), ApiError> {
    let file = BufWriter::new(app.blobs.temporary()?);
    let mut writing = Writing::begin(file, package).map_err(fault)?;
    for original in &package.originals {
        let bytes = runtime.block_on(app.blobs.reader(org, &original.digest)).map_err(ApiError::internal)?;
        let mut checking = Checking { from: bytes, hash: Hashing(Digest::stream()) };
        writing.original(original, &mut checking).map_err(fault)?;
        if checking.hash.0.finish() != original.digest {
            return Err(ApiError::internal("an original that is held reads with another hash"));
        }
    }
    let mut file = writing.finish().map_err(fault)?;
    file.flush().map_err(blobs::storage)?;
    let mut file = file.into_inner().map_err(|error| blobs::storage(error.into_error()))?;
    let mut hash = Hashing(Digest::stream());
    file.rewind().map_err(blobs::storage)?;
    let size_bytes = io::copy(&mut file, &mut hash).map_err(blobs::storage)?;
    file.rewind().map_err(blobs::storage)?;
    Ok((file, size_bytes, hash.0.finish()))
}

/// Hashes what is read through it.
struct Checking<R> {
    from: R,
    hash: Hashing,
}

impl<R: Read> Read for Checking<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.hash.write_all(&into[..read])?;
        Ok(read)
    }
}
