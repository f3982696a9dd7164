//! What bytes that did not pass the gate say, as far as they can be read without trusting them: one message and one answer,
//! like [`super::job`], because it opens what nobody should open in the server's process.

use fieldproof_schema::document::{
    self, ChangeHeader, ChangeId, Document, DocumentError, History, RawChange, View,
};
use fieldproof_schema::limits::QUARANTINE_PLACES_MAX;
use fieldproof_schema::suite::Digest;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is looked at, and what it may build upon.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Look {
    /// The document as it was saved last.
    #[n(0)]
    pub snapshot: Option<RawChange>,
    /// Its changes, where no snapshot can be used; none of both where there is no document.
    #[n(1)]
    pub changes: Vec<RawChange>,
    /// What is held apart: a change, or a document.
    #[n(2)]
    pub raw: RawChange,
    /// What its sender sent besides and is not part of the record.
    #[n(3)]
    pub beside: Vec<RawChange>,
}

/// What it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Seen {
    /// What the change, or the last one of the document, says about itself, and its digest; none for what cannot be read.
    #[n(0)]
    pub header: Option<(Digest, ChangeHeader)>,
    /// What it builds upon and is not here at all.
    #[n(1)]
    pub missing: Vec<ChangeId>,
    /// How many changes that are held apart, too, it builds upon.
    #[n(2)]
    pub upon: usize,
    /// What it writes; none where that cannot be read.
    #[n(3)]
    pub written: Option<Written>,
}

/// What a change writes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Written {
    /// Where, and what stands there before and after it.
    #[n(0)]
    pub places: Vec<Place>,
    /// How many places more there are.
    #[n(1)]
    pub more: usize,
}

/// One place that a change writes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Place {
    /// Its path in the document.
    #[n(0)]
    pub path: String,
    /// What stood there; none where nothing did.
    #[n(1)]
    pub before: Option<String>,
    /// What stands there with the change; none where it was taken away.
    #[n(2)]
    pub after: Option<String>,
}

/// Runs what may panic on hostile bytes.
fn guarded<T>(look: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(look)).ok().flatten()
}

fn header(bytes: &[u8]) -> Option<ChangeHeader> {
    guarded(|| document::inspect(bytes).ok())
}

impl Look {
    /// How many bytes are opened.
    pub fn bytes(&self) -> usize {
        let all = self.snapshot.iter().chain(&self.changes).chain(&self.beside).chain([&self.raw]);
        all.map(|raw| raw.0.len()).sum()
    }

    fn open(&self) -> Result<Document, DocumentError> {
        match &self.snapshot {
            Some(bytes) => Document::load(&bytes.0),
            None => Document::from_changes(self.changes.iter().map(|change| change.0.as_slice())),
        }
    }

    /// Looks. May take as long and as much memory as hostile bytes can make it.
    pub fn run(self) -> Seen {
        let opened = guarded(|| self.open().ok());
        if document::is_document(&self.raw.0) {
            return look_into(&self.raw, opened);
        }
        let mut seen = Seen::default();
        let header = header(&self.raw.0);
        if let (Some(header), Some(document)) = (&header, opened) {
            let (missing, upon) = ancestors(&document, header, self.beside);
            seen.upon = upon.len();
            if missing.is_empty() {
                seen.written = guarded(|| write(document, header, &self.raw, upon));
            }
            seen.missing = missing;
        }
        seen.header = header.map(|header| (Digest::of(&self.raw.0), header));
        seen
    }
}

/// A whole document: what its changes write that are not here.
fn look_into(raw: &RawChange, opened: Option<Document>) -> Seen {
    let mut seen = Seen::default();
    let history = guarded(|| History::open(raw.0.clone()).ok());
    let (Some(mut document), Some(history)) = (opened, history) else { return seen };
    let Some(beyond) = guarded(|| Some(history.beyond(&document))) else { return seen };
    seen.header = beyond.last().map(|(raw, header)| (Digest::of(&raw.0), header.clone()));
    seen.written = guarded(|| {
        let before = document.view().ok()?;
        let mut paths = BTreeSet::new();
        for (raw, header) in &beyond {
            document.apply(raw).ok()?;
            paths.extend(document.places(header.id));
        }
        let after = document.view().ok()?;
        Some(written(paths.into_iter().collect(), &before, &after))
    });
    seen
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
    beside: Vec<RawChange>,
) -> (Vec<ChangeId>, Vec<RawChange>) {
    let known = beside.into_iter().filter_map(|bytes| Some((header(&bytes.0)?, bytes)));
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
