//! Packages (检查包): an inspection as a file, to hand over where there is no network, and to take in what was handed over.

use super::edits::line;
use super::{Client, Desk};
use crate::checklists;
use crate::documents;
use crate::error::ClientError;
use crate::files;
use crate::journal_writer::Clocks;
use crate::package::{self, Against, Judged};
use crate::projection;
use crate::sealing;
use crate::store::changes::{self, NewChange};
use crate::store::evidence as captures;
use crate::store::{carried, journal, rows};
use crate::sync::arrived::Folds;
use crate::sync::carry;
use fieldproof_schema::document::{RawChange, View};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::package::{Original, Package, Reading, Writing};
use fieldproof_schema::reference::{EvidenceRegister, InspectionRow};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::RowKind;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

/// What is in a package that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Of the file's bytes, as the journal has it.
    pub digest: Digest,
    /// How long the file is.
    pub size_bytes: u64,
    /// The originals in it.
    pub originals: u64,
    /// Captures that are listed and whose originals are not on this terminal.
    pub originals_missing: u64,
}

/// What was taken out of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Which visit it is about.
    pub inspection: InspectionId,
    /// Changes of colleagues that were not here.
    pub changes: u64,
    /// Entries of colleagues' journals that were not here: captures and signatures among them.
    pub entries: u64,
    /// Originals that were not here.
    pub originals: u64,
    /// Changes that build upon what is not here. Sync, or take in the package in which it is, then this one again.
    pub waiting: u64,
    /// Changes that do not count: nobody on the team signed them, or they do not fit the visit.
    pub refused: u64,
}

impl Client {
    /// Writes an inspection into a file, which must not exist yet: what everybody wrote and signed, and, if asked for, the
    /// originals that are here.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] for an inspection that is not this terminal's; [`ClientError::CertificateMissing`] until the
    /// terminal has met a server that says whose it is; a full storage, after which no file is left.
    pub fn export_package(
        &self,
        inspection: InspectionId,
        to: &Path,
        originals: bool,
    ) -> Result<Exported, ClientError> {
        self.sign()?;
        let (package, missing) = self.compose(inspection, originals)?;
        let failed = |e| ClientError::file("writing a package", e);
        let file = files::create_new(to).map_err(failed)?;
        let written = self.write_package(file, &package).and_then(|()| hash(to));
        if written.is_err() {
            // It may be full: the space is needed.
            let _ = std::fs::remove_file(to);
        }
        let (digest, size_bytes) = written?;
        let body = body::Packed { maker: package.maker, changes: count(&package) };
        self.note_package(inspection, Kind::Exported, digest, &body)?;
        let originals = package.originals.len() as u64;
        Ok(Exported { digest, size_bytes, originals, originals_missing: missing })
    }

    fn compose(&self, inspection: InspectionId, originals: bool) -> Result<(Package, u64), ClientError> {
        let mut desk = self.desk()?;
        let me = desk.ready()?.device;
        desk.visible(inspection)?;
        let document = desk.document(inspection)?;
        if carried::certificate(&desk.conn, me)?.is_none() {
            return Err(ClientError::CertificateMissing);
        }
        let tx = desk.conn.transaction()?;
        let carried = carry::of_visit(&tx, inspection, me, true)?;
        let all = documents::by_author(&tx, inspection, me)?;
        tx.commit()?;
        let server: Vec<RawChange> =
            all.into_iter().filter(|(author, ..)| author.is_none()).map(|(_, _, raw)| raw).collect();
        let listed = listed(&*document.view()?);
        let kept = self.originals()?;
        let (here, missing): (Vec<_>, Vec<_>) =
            listed.into_values().map(|(original, _)| original).partition(|o| kept.holds(o.digest));
        let template = checklists::text(&desk.conn, &document.identity()?.template)?;
        let package = Package {
            format: 1,
            inspection,
            made_at: self.host.now(),
            maker: me,
            template,
            server,
            carried,
            originals: if originals { here } else { Vec::new() },
        };
        Ok((package, missing.len() as u64))
    }

    fn write_package(&self, to: File, package: &Package) -> Result<(), ClientError> {
        let failed = |e| ClientError::file("writing a package", e);
        let kept = self.originals()?;
        let mut writing = Writing::begin(BufWriter::new(to), package)?;
        for original in &package.originals {
            writing.original(original, kept.open(original.digest).map_err(failed)?)?;
        }
        let mut file = writing.finish()?;
        file.flush().map_err(failed)?;
        file.get_ref().sync_all().map_err(failed)
    }

    /// Takes in what a package holds and this terminal does not. Repeated, it changes nothing. What was taken in goes to the
    /// server with the next sync, in its writers' names.
    ///
    /// # Errors
    /// [`ClientError::Package`] for a file that is none; [`ClientError::PackageAltered`] when something in it is not what was
    /// signed; [`ClientError::NotFound`] for a visit that is not this terminal's. Nothing of the package is taken then.
    pub fn import_package(&self, from: &Path) -> Result<Imported, ClientError> {
        let failed = |e| ClientError::file("reading a package", e);
        let file = BufReader::new(File::open(from).map_err(failed)?);
        let mut reading = Reading::open(file)?;
        let inspection = reading.package.inspection;
        let judged = self.judge_package(&reading.package)?;
        let _taking = self.taking_originals();
        let (kept, brought) = self.keep_originals(&mut reading, &judged)?;
        let mut imported = self.keep_package(inspection, &judged, &brought)?;
        imported.originals = kept;
        if imported.changes + imported.entries + imported.originals > 0 {
            let body = body::Packed { maker: reading.package.maker, changes: imported.changes };
            self.note_package(inspection, Kind::Imported, hash(from)?.0, &body)?;
        }
        Ok(imported)
    }

    fn judge_package(&self, package: &Package) -> Result<Judged, ClientError> {
        let (who, document, team, template) = {
            let mut desk = self.desk()?;
            let who = desk.ready()?;
            desk.visible(package.inspection)?;
            let document = desk.document(package.inspection)?;
            let row: Option<InspectionRow> =
                rows::about_inspection(&desk.conn, RowKind::Inspection, package.inspection)?;
            let team = sealing::team(row.as_ref(), &document.identity()?);
            let template = self.template_of(&desk.conn, &document)?;
            (who, document, team, template)
        };
        let against =
            Against { server: &who.member.server_key, team: &team, document: &document, template: &template };
        package::judge(package, &against)
    }

    /// Keeps the originals that the visit lists, before anything else names them; how many were not here, and all of them.
    fn keep_originals<R: Read + Seek>(
        &self,
        reading: &mut Reading<R>,
        judged: &Judged,
    ) -> Result<(u64, Vec<captures::Original>), ClientError> {
        let listed = listed(&*judged.document.view()?);
        let originals = self.originals()?;
        let (mut kept, mut brought) = (0, Vec::new());
        for Original { digest, .. } in reading.package.originals.clone() {
            let Some((known, record)) = listed.get(&digest) else { continue };
            brought.extend(record.map(|record| captures::Original {
                record,
                inspection: reading.package.inspection,
                digest,
                size_bytes: known.size_bytes,
                media_type: known.media_type.clone(),
                own: false,
            }));
            if originals.holds(digest) {
                continue;
            }
            let taken = originals.take(&*self.host, reading.original(digest)?, &known.media_type)?;
            if taken.digest != digest {
                // Kept under its own hash; nothing names it.
                return Err(ClientError::PackageAltered);
            }
            kept += 1;
        }
        Ok((kept, brought))
    }

    fn keep_package(
        &self,
        inspection: InspectionId,
        judged: &Judged,
        brought: &[captures::Original],
    ) -> Result<Imported, ClientError> {
        let mut desk = self.desk()?;
        let Desk { conn, documents: cache, .. } = &mut *desk;
        let tx = conn.transaction()?;
        let (mut changes_new, mut entries_new) = (0, 0);
        let mut folds = Folds::read(&tx, inspection)?;
        for new in &judged.passed {
            if folds.hold(&tx, &new.header)? {
                continue;
            }
            let kept = changes::insert(
                &tx,
                &NewChange {
                    inspection,
                    change: new.header.id,
                    raw: &new.raw,
                    own: false,
                    place: (new.header.actor, new.header.seq),
                    entry: Some(new.cover.hash),
                    device: new.device,
                    officer: new.cover.officer,
                    device_at: None,
                    written: new.cover.written,
                    // Merged below, onto whatever was written here meanwhile.
                    waiting: true,
                },
            )?;
            changes_new += u64::from(kept.is_some());
        }
        for (device, certificate) in &judged.certificates {
            carried::put_certificate(&tx, *device, certificate)?;
        }
        for (entry, signed) in &judged.entries {
            let is_own = journal::by_hash(&tx, signed.hash())?.is_some();
            if !is_own && carried::put(&tx, inspection, entry, signed)? {
                entries_new += 1;
            }
        }
        for original in brought {
            captures::bring(&tx, original)?;
        }
        let known = cache.get(inspection);
        if changes_new + entries_new > 0 {
            carried::hand(&tx, inspection, true)?;
        }
        let known = match known {
            Some(known) => Some(Arc::unwrap_or_clone(known)),
            None => documents::load(&tx, inspection)?,
        };
        let (document, _) = documents::absorb(&tx, inspection, known)?;
        projection::refresh(&tx, &self.shelf, inspection, document.as_ref())?;
        tx.commit()?;
        if let Some(document) = document {
            cache.put(inspection, Arc::new(document));
        }
        Ok(Imported {
            inspection,
            changes: changes_new,
            entries: entries_new,
            originals: 0,
            waiting: judged.waiting,
            refused: judged.refused,
        })
    }

    fn note_package(
        &self,
        inspection: InspectionId,
        kind: Kind,
        digest: Digest,
        body: &body::Packed,
    ) -> Result<(), ClientError> {
        let desk = &mut *self.desk()?;
        let who = desk.ready()?;
        let pen = who.pen(Clocks::read(&*self.host));
        let tx = desk.conn.transaction()?;
        pen.write(&tx, line(&pen, kind, inspection, Some(digest), body))?;
        Ok(tx.commit()?)
    }
}

/// The captures that a visit lists, by their digests, and under which record; none for a name that no terminal gives.
fn listed(view: &View) -> BTreeMap<Digest, (Original, Option<RecordId>)> {
    let sides =
        view.evidence.iter().flat_map(|(name, register)| register.sides().map(move |side| (name, side)));
    let read = sides.filter_map(|(name, side)| {
        let r: EvidenceRegister = serde_json::from_str(&side.value).ok()?;
        let original = Original { digest: r.digest, size_bytes: r.size_bytes, media_type: r.media_type };
        Some((r.digest, (original, name.parse().ok())))
    });
    read.collect()
}

fn count(package: &Package) -> u64 {
    let chunks = package.carried.iter().flat_map(|carried| &carried.chunks);
    chunks.map(|chunk| chunk.changes.len() as u64).sum()
}

fn hash(file: &Path) -> Result<(Digest, u64), ClientError> {
    let failed = |e| ClientError::file("reading a package", e);
    let mut hash = Digest::stream();
    let read = files::read_in_pieces(File::open(file).map_err(failed)?, |piece| {
        hash.update(piece);
        Ok(())
    });
    let size_bytes = read.map_err(failed)?;
    Ok((hash.finish(), size_bytes))
}
