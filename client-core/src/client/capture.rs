//! Captures (证据): photos, videos, recordings, scans.

use super::Client;
use super::edits::{Act, line};
use crate::error::ClientError;
use crate::evidence::{Arriving, EvidenceBytes, Taken, essence};
use crate::store::evidence::{Held, find, insert};
use crate::store::recordings;
use fieldproof_schema::capture::{CaptureKind, MadeAt, Place, STROKES};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::reference::EvidenceRegister;
use fieldproof_schema::suite::Digest;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

/// Where a capture's bytes come from.
pub enum CaptureSource<'a> {
    /// Memory.
    Bytes(&'a [u8]),
    /// A file; it is copied and left where it is.
    Path(&'a Path),
    /// What came one after another; see [`Client::begin_capture`].
    Arrived(Box<Arriving>),
}

/// What is known about a capture when it is taken.
#[derive(Debug, Clone, Copy)]
pub struct CaptureFacts<'a> {
    /// What it is.
    pub kind: CaptureKind,
    /// For instance `image/jpeg`: one that its kind has; the bytes must begin like it.
    pub media_type: &'a str,
    /// The checklist item that it shows, if any.
    pub item: Option<&'a str>,
    /// What the officer writes under it; may be empty.
    pub caption: &'a str,
    /// Where it is taken; `None` is for kinds to which it does not matter.
    pub place: Option<&'a Place>,
    /// When another device made it; for kinds with a clock of their own.
    pub made_at: Option<MadeAt>,
    /// The capture that it belongs to: the picture of which these are the strokes.
    pub beside: Option<RecordId>,
}

impl<'a> CaptureFacts<'a> {
    /// Of a photo, of which nothing else is known.
    pub const PHOTO: Self = Self::of(CaptureKind::Photo, "image/jpeg");

    /// Of a kind and type, of which nothing else is known.
    pub const fn of(kind: CaptureKind, media_type: &'a str) -> Self {
        Self { kind, media_type, item: None, caption: "", place: None, made_at: None, beside: None }
    }
}

/// A capture's original on this terminal.
pub struct EvidenceFile {
    /// Its bytes.
    pub bytes: EvidenceBytes,
    /// Its media type.
    pub media_type: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Its hash, taken at capture.
    pub digest: Digest,
}

/// A capture whose bytes are kept, and which is to be journalled and listed.
pub(super) struct New<'n> {
    pub(super) record: RecordId,
    pub(super) taken: &'n Taken,
    pub(super) facts: CaptureFacts<'n>,
    /// Whether it ends early.
    pub(super) truncated: bool,
}

impl Client {
    /// Begins to take in a capture whose bytes come one after another: they are hashed and encrypted as they come, and go to the
    /// disk nowhere else. It becomes one with [`CaptureSource::Arrived`].
    ///
    /// # Errors
    /// [`ClientError::NotEnrolled`] for a terminal that belongs to nobody; those of the disk.
    pub fn begin_capture(&self) -> Result<Box<Arriving>, ClientError> {
        self.originals()?.begin(&*self.host).map(Box::new)
    }

    /// Takes in a capture: its bytes are hashed and durable first, then journalled and listed in one transaction.
    pub fn capture(
        &self,
        inspection: InspectionId,
        source: CaptureSource<'_>,
        facts: &CaptureFacts<'_>,
    ) -> Result<RecordId, ClientError> {
        self.capture_allowed(inspection, facts)?;
        let record = self.new_record();
        let originals = self.originals()?;
        let _taking = self.taking_originals();
        let taken = match source {
            CaptureSource::Bytes(bytes) => originals.take(&*self.host, bytes, facts.media_type)?,
            CaptureSource::Path(path) => {
                let file = File::open(path).map_err(|e| ClientError::file("opening a capture", e))?;
                originals.take(&*self.host, file, facts.media_type)?
            }
            CaptureSource::Arrived(arrived) => originals.keep(*arrived, facts.media_type)?,
        };
        self.list(inspection, &[New { record, taken: &taken, facts: *facts, truncated: false }])?;
        Ok(record)
    }

    /// Takes in a signature on the glass: the picture and the strokes that made it are listed together or not at all. Returns the
    /// picture's record.
    ///
    /// # Errors
    /// As [`Self::capture`].
    pub fn capture_signature(
        &self,
        inspection: InspectionId,
        picture: Box<Arriving>,
        strokes: &str,
        facts: &CaptureFacts<'_>,
    ) -> Result<RecordId, ClientError> {
        let (record, beside) = (self.new_record(), self.new_record());
        let facts = CaptureFacts { kind: CaptureKind::Signature, ..*facts };
        self.capture_allowed(inspection, &facts)?;
        let of_strokes = CaptureFacts { media_type: STROKES, beside: Some(record), ..facts };
        let originals = self.originals()?;
        let _taking = self.taking_originals();
        let drawn = originals.take(&*self.host, strokes.as_bytes(), STROKES)?;
        let seen = originals.keep(*picture, facts.media_type)?;
        let of = |record, taken, facts| New { record, taken, facts, truncated: false };
        self.list(inspection, &[of(record, &seen, facts), of(beside, &drawn, of_strokes)])?;
        Ok(record)
    }

    /// Journals and lists captures whose bytes are kept, in one transaction. What was a recording is none any more.
    pub(super) fn list(&self, inspection: InspectionId, all: &[New<'_>]) -> Result<(), ClientError> {
        self.edit(inspection, |act| {
            let mut listed = Vec::new();
            for new in all {
                listed.push((new.record.to_string(), journalled(act, inspection, new)?));
            }
            Ok(Box::new(move |edit| {
                for (record, register) in &listed {
                    edit.evidence(record, register)?;
                }
                Ok(())
            }))
        })
    }

    /// Writes what stands under a capture. The bytes and what the journal says about them stay as they are.
    pub fn caption(
        &self,
        inspection: InspectionId,
        record: RecordId,
        caption: &str,
    ) -> Result<(), ClientError> {
        self.edit(inspection, |act| {
            let key = record.to_string();
            let listed = act.document.view()?;
            let listed = listed.evidence.get(&key);
            let register = listed.and_then(|r| serde_json::from_str(&r.standing.value).ok());
            let register: EvidenceRegister = register.ok_or(ClientError::NotFound { what: "capture" })?;
            let register = EvidenceRegister { caption: caption.to_owned(), ..register };
            let text = serde_json::to_string(&register).expect("a register is plain data with text keys");
            Ok(Box::new(move |edit| Ok(edit.evidence(&key, &text)?)))
        })
    }

    /// Refuses before any byte is copied.
    pub(super) fn capture_allowed(
        &self,
        inspection: InspectionId,
        facts: &CaptureFacts<'_>,
    ) -> Result<(), ClientError> {
        let mut desk = self.desk()?;
        let who = desk.ready()?;
        desk.visible(inspection)?;
        let document = desk.document(inspection)?;
        crate::sealing::ensure_editable(&desk.conn, inspection, who.device, who.member.officer)?;
        let essence = essence(facts.media_type);
        if !facts.kind.media_types().any(|known| known == essence) {
            return Err(ClientError::CaptureInvalid { media_type: facts.media_type.to_owned() });
        }
        if facts.made_at.is_some() && !facts.kind.has_own_clock() {
            return Err(ClientError::FieldInvalid { field: "made_at" });
        }
        if let Some(item) = facts.item {
            let template = self.template_of(&desk.conn, &document)?;
            if template.item(item).is_none() {
                return Err(ClientError::AnswerUnknownItem { item: item.to_owned() });
            }
        }
        Ok(())
    }

    /// The original of a capture that was taken on this terminal.
    pub fn evidence_file(
        &self,
        inspection: InspectionId,
        record: RecordId,
    ) -> Result<EvidenceFile, ClientError> {
        self.desk()?.visible(inspection)?;
        let missing = ClientError::NotFound { what: "capture" };
        let own = find(&self.reader(), record)?.filter(|held| held.inspection == inspection);
        let (digest, size_bytes, media_type) = match own {
            Some(held) => (held.digest, held.size_bytes, held.media_type),
            // A colleague's, out of a package.
            None => {
                let evidence = self.inspection(inspection)?.evidence;
                let listed = evidence.into_iter().find(|item| item.record == record);
                let register = listed.and_then(|item| item.register).ok_or(missing)?;
                (register.digest, register.size_bytes, register.media_type)
            }
        };
        let bytes = self.originals()?.open(digest).map_err(|error| match error.kind() {
            ErrorKind::NotFound => ClientError::NotFound { what: "capture" },
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => ClientError::Damaged { what: "a capture" },
            _ => ClientError::file("reading a capture", error),
        })?;
        Ok(EvidenceFile { bytes, media_type, size_bytes, digest })
    }
}

/// Journals a capture; what the document is to list.
fn journalled(act: &Act<'_>, inspection: InspectionId, new: &New<'_>) -> Result<String, ClientError> {
    let New { record, taken, facts, truncated } = new;
    let body = body::Captured {
        record: *record,
        kind: facts.kind.as_str().to_owned(),
        media_type: facts.media_type.to_owned(),
        size_bytes: taken.size_bytes,
        item: facts.item.map(str::to_owned),
        place: facts.place.cloned(),
        made_at: facts.made_at,
        truncated: *truncated,
    };
    let entry =
        act.pen.write(act.tx, line(act.pen, Kind::Captured, inspection, Some(taken.digest), &body))?;
    let captured_at = act.pen.clocks.now;
    let register = EvidenceRegister {
        digest: taken.digest,
        kind: body.kind.clone(),
        media_type: body.media_type.clone(),
        size_bytes: taken.size_bytes,
        item: body.item.clone(),
        caption: facts.caption.to_owned(),
        captured_at,
        officer: act.pen.officer,
        place: body.place,
        made_at: body.made_at,
        beside: facts.beside,
        truncated: body.truncated,
    };
    let held = Held {
        record: *record,
        inspection,
        digest: taken.digest,
        size_bytes: taken.size_bytes,
        kind: body.kind,
        media_type: body.media_type,
        item: body.item,
        entry,
        captured_at,
        received: false,
        code: None,
        entry_received: false,
    };
    insert(act.tx, &held)?;
    recordings::remove(act.tx, *record)?;
    Ok(serde_json::to_string(&register).expect("a register is plain data with text keys"))
}
