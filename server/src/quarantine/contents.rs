//! What a change that is held apart says, as far as it can be read without trusting it.
//!
//! Bytes are looked at away from the threads that serve, in a copy of the document, under `catch_unwind`: the decoder is
//! not safe against hostile bytes (ADR 0004). Nothing that is found here is stored.

use crate::app::{App, blocking};
use crate::auth::UserActor;
use crate::documents::{self, Stored};
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::journal::Cover;
use crate::store::quarantine::{self, Listed, Name};
use crate::store::{audit, devices, inbox};
use crate::sync::cover::{self, Covers};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::document::{self, ChangeHeader, ChangeId, Document, History, RawChange, View};
use fieldproof_schema::limits::{QUARANTINE_BESIDE_BYTES_MAX, QUARANTINE_BESIDE_MAX, QUARANTINE_PLACES_MAX};
use fieldproof_schema::suite::{Digest, PublicKey};
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A change that is held apart, with everything that helps to decide about it.
pub(crate) struct Contents {
    /// Which one, from whom, and what was decided.
    pub(crate) listed: Listed,
    /// As it came.
    pub(crate) bytes: Vec<u8>,
    /// The journal entry that vouches for it.
    pub(crate) cover: Option<Cover>,
    /// The key of the terminal that sent it.
    pub(crate) device_key: PublicKey,
    /// What was decided, oldest first.
    pub(crate) history: Vec<audit::Listed>,
    /// How many others wait for the same decision.
    pub(crate) alike: usize,
    /// The pinned checklist; none for a visit that is not known here.
    pub(crate) template: Option<Arc<Template>>,
    /// What it says about itself; none for what is no readable change.
    pub(crate) header: Option<ChangeHeader>,
    /// What it builds upon and is not here at all.
    pub(crate) missing: Vec<ChangeId>,
    /// How many changes that are held apart, too, it builds upon.
    pub(crate) upon: usize,
    /// What it writes; none where that cannot be read.
    pub(crate) written: Option<Written>,
}

/// What a change writes.
pub(crate) struct Written {
    /// Where, and what stands there before and after it.
    pub(crate) places: Vec<Place>,
    /// How many places more there are.
    pub(crate) more: usize,
}

/// One place that a change writes.
pub(crate) struct Place {
    /// Its path in the document.
    pub(crate) path: String,
    /// What stood there; none where nothing did.
    pub(crate) before: Option<String>,
    /// What stands there with the change; none where it was taken away.
    pub(crate) after: Option<String>,
}

struct Raw {
    contents: Contents,
    covers: Covers,
    stored: Option<Stored>,
    beside: Vec<Vec<u8>>,
}

/// Reads one change of the asker's scope.
///
/// # Errors
/// [`ErrorCode::NotFound`] when it is not there for the asker.
pub(crate) async fn contents(app: &App, actor: &UserActor, name: Name) -> Result<Contents, ApiError> {
    actor.user.may(Act::DecideQuarantine)?;
    let (reader, org, asker) = (app.clone(), actor.org, actor.user.id);
    let raw = app
        .db
        .read(move |tx| {
            let Name { inspection, device, digest } = name;
            let listed = quarantine::find(tx, org, asker, &name)?.ok_or(ErrorCode::NotFound)?;
            let item = inbox::find(tx, org, inspection, &digest, device)?.ok_or(ErrorCode::NotFound)?;
            let sender = devices::find(tx, org, device)?.ok_or(ErrorCode::NotFound)?;
            // Without its document a change is shown as far as it goes; a failing database fails below, too.
            let stored = documents::read(tx, &reader, org, inspection).ok();
            let (bytes_max, most) = (QUARANTINE_BESIDE_BYTES_MAX, QUARANTINE_BESIDE_MAX);
            let beside = inbox::beside(tx, org, inspection, device, bytes_max, most)?;
            let alike = quarantine::alike(tx, org, asker, &listed, super::TOGETHER_MAX)?.len();
            let contents = Contents {
                bytes: item.bytes,
                cover: None,
                device_key: sender.key,
                history: super::history(tx, org, &name)?,
                alike,
                template: stored.as_ref().map(|stored| Arc::clone(&stored.template)),
                header: None,
                missing: Vec::new(),
                upon: 0,
                written: None,
                listed,
            };
            Ok::<_, ApiError>(Raw { contents, covers: cover::read(tx, org, inspection)?, stored, beside })
        })
        .await?;
    blocking(move || raw.look()).await
}

/// Runs what may panic on hostile bytes.
fn guarded<T>(look: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(look)).ok().flatten()
}

fn header(bytes: &[u8]) -> Option<ChangeHeader> {
    guarded(|| document::inspect(bytes).ok())
}

impl Raw {
    fn look(self) -> Contents {
        let Self { mut contents, covers, stored, beside } = self;
        if document::is_document(&contents.bytes) {
            return look_into(contents, &covers, stored);
        }
        contents.header = header(&contents.bytes);
        let Name { device, digest, .. } = contents.listed.name;
        contents.cover = covers.naming(device, digest, contents.header.as_ref()).cloned();
        let opened = stored.and_then(|stored| guarded(|| stored.open().ok()));
        let (Some(header), Some(document)) = (&contents.header, opened) else { return contents };
        let (missing, upon) = ancestors(&document, header, beside);
        contents.upon = upon.len();
        if missing.is_empty() {
            let change = RawChange(contents.bytes.clone());
            contents.written = guarded(|| write(document, header, &change, upon));
        }
        contents.missing = missing;
        contents
    }
}

/// A whole document that is held apart: what its changes write that are not here.
fn look_into(mut contents: Contents, covers: &Covers, stored: Option<Stored>) -> Contents {
    let Name { device, .. } = contents.listed.name;
    let opened = stored.and_then(|stored| guarded(|| stored.open().ok()));
    let history = guarded(|| History::open(contents.bytes.clone()).ok());
    let (Some(mut document), Some(history)) = (opened, history) else { return contents };
    let Some(beyond) = guarded(|| Some(history.beyond(&document))) else { return contents };
    contents.header = beyond.last().map(|(_, header)| header.clone());
    contents.cover = beyond
        .last()
        .and_then(|(raw, header)| covers.naming(device, Digest::of(&raw.0), Some(header)).cloned());
    contents.written = guarded(|| {
        let before = document.view().ok()?;
        let mut paths = BTreeSet::new();
        for (raw, header) in &beyond {
            document.apply(raw).ok()?;
            paths.extend(document.places(header.id));
        }
        let after = document.view().ok()?;
        Some(written(paths.into_iter().collect(), &before, &after))
    });
    contents
}

fn written(paths: Vec<String>, before: &View, after: &View) -> Written {
    let more = paths.len().saturating_sub(QUARANTINE_PLACES_MAX);
    let place = |path: String| Place { before: value(before, &path), after: value(after, &path), path };
    Written { places: paths.into_iter().take(QUARANTINE_PLACES_MAX).map(place).collect(), more }
}

/// The history of a change that is not part of the document: what is not here at all, and what is held apart, too.
fn ancestors(
    document: &Document,
    of: &ChangeHeader,
    beside: Vec<Vec<u8>>,
) -> (Vec<ChangeId>, Vec<RawChange>) {
    let known = beside.into_iter().filter_map(|bytes| Some((header(&bytes)?, RawChange(bytes))));
    let mut known: BTreeMap<ChangeId, (ChangeHeader, RawChange)> =
        known.map(|(header, raw)| (header.id, (header, raw))).collect();
    let (mut missing, mut upon, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut next = of.deps.clone();
    while let Some(id) = next.pop() {
        if !seen.insert(id) || document.contains(id) {
            continue;
        }
        match known.remove(&id) {
            Some((header, raw)) => {
                next.extend(header.deps);
                upon.push(raw);
            }
            None => missing.push(id),
        }
    }
    (missing, upon)
}

fn write(
    mut document: Document,
    header: &ChangeHeader,
    change: &RawChange,
    mut upon: Vec<RawChange>,
) -> Option<Written> {
    // Each goes in once what it builds upon is there.
    while !upon.is_empty() {
        let before = upon.len();
        upon.retain(|raw| {
            !matches!(document.apply(raw), Ok(document::Applied::New | document::Applied::Known))
        });
        if upon.len() == before {
            return None;
        }
    }
    document.apply(change).ok()?;
    if !document.contains(header.id) {
        return None;
    }
    let (before, after) = (document.view_at(&header.deps).ok()?, document.view_at(&[header.id]).ok()?);
    Some(written(document.places(header.id), &before, &after))
}

/// What a view says at a place of the document.
fn value(view: &View, path: &str) -> Option<String> {
    let (map, key) = path.split_once('/').unwrap_or((path, ""));
    let registers = match map {
        "answers" => &view.answers,
        "findings" => &view.findings,
        "measurements" => &view.measurements,
        "evidence" => &view.evidence,
        "documents" => &view.documents,
        "proposals" => &view.proposals,
        "resolutions" => &view.resolutions,
        "notes" => return view.notes.get(key).cloned(),
        "narrative" => return Some(view.narrative.clone()).filter(|text| !text.is_empty()),
        "statement" => return Some(view.statement.clone()).filter(|text| !text.is_empty()),
        _ => return None,
    };
    registers.get(key).map(|register| register.standing.value.clone())
}
