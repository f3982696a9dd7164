//! Recordings (录音、录像): captures that grow while they are taken.
//!
//! Whatever was said to be kept becomes a capture: when the recording ends, when nothing more comes for a while, or when the program
//! starts again after a kill. The last two say that it ends early.

use super::Client;
use super::capture::{CaptureFacts, Listing};
use crate::error::ClientError;
use crate::evidence::{Originals, Recording, Taken};
use crate::store::recordings::{self, Known, Open};
use fieldproof_schema::capture::CaptureKind;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::limits::{EVIDENCE_BYTES_MAX, RECORDING_IDLE_MS};
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

/// Recordings that go on.
pub(crate) type Running = BTreeMap<RecordId, Run>;

/// One that goes on.
pub(crate) struct Run {
    recording: Recording,
    /// When something came, by the clock that never goes back.
    seen_ms: u64,
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Bytes that are on the disk.
    pub size_bytes: u64,
    /// Bytes that captures may still take.
    pub room_bytes: u64,
}

impl Client {
    /// Begins a recording, which will be a capture with the id that is returned.
    ///
    /// # Errors
    /// As [`Self::capture`], and [`ClientError::StorageLow`] where only the floor is left.
    pub fn begin_recording(
        &self,
        inspection: InspectionId,
        facts: &CaptureFacts<'_>,
    ) -> Result<(RecordId, Recorded), ClientError> {
        self.capture_allowed(inspection, facts)?;
        let (record, originals) = (self.new_record(), self.originals()?);
        // Nobody takes its file for one that a kill left.
        let _taking = self.taking_originals();
        let recording = originals.begin_recording(&*self.host)?;
        let open = Open {
            record,
            inspection,
            file: recording.name().to_owned(),
            known: Known {
                kind: facts.kind.as_str().to_owned(),
                media_type: facts.media_type.to_owned(),
                item: facts.item.map(str::to_owned),
                caption: facts.caption.to_owned(),
                place: facts.place.cloned(),
            },
            ending: None,
            truncated: false,
        };
        if let Err(error) = self.desk().and_then(|desk| recordings::insert(&desk.conn, &open)) {
            originals.forget_recording(&open.file)?;
            return Err(error);
        }
        let recorded = recorded(&recording, &originals)?;
        self.running().insert(record, Run { recording, seen_ms: self.host.monotonic_ms() });
        Ok((record, recorded))
    }

    /// Takes in the next bytes of a recording, which begin at `at`; they are on the disk when this returns. Bytes that are there already
    /// are passed over, so that a request may be repeated.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] for a recording that does not go on; [`ClientError::FieldInvalid`] where bytes before `at` are missing
    /// or it grows too large; [`ClientError::StorageLow`] and those of the disk: what came before stays.
    pub fn record(&self, record: RecordId, at: u64, bytes: &[u8]) -> Result<Recorded, ClientError> {
        let originals = self.originals()?;
        let mut running = self.running();
        let run = running.get_mut(&record).ok_or(ClientError::NotFound { what: "recording" })?;
        let known =
            run.recording.size_bytes().checked_sub(at).ok_or(ClientError::FieldInvalid { field: "at" })?;
        let new = usize::try_from(known).ok().and_then(|known| bytes.get(known..)).unwrap_or_default();
        if run.recording.size_bytes() + new.len() as u64 > EVIDENCE_BYTES_MAX {
            return Err(ClientError::FieldInvalid { field: "at" });
        }
        if !new.is_empty() {
            run.recording.write(&originals, &*self.host, new)?;
        }
        run.seen_ms = self.host.monotonic_ms();
        recorded(&run.recording, &originals)
    }

    /// Ends a recording: it is a capture from now on.
    ///
    /// # Errors
    /// [`ClientError::CaptureInvalid`] where nothing was recorded, or something else than was said; what keeps it from becoming a
    /// capture now does not keep it from becoming one later.
    pub fn end_recording(&self, record: RecordId, truncated: bool) -> Result<u64, ClientError> {
        let run = self.running().remove(&record).ok_or(ClientError::NotFound { what: "recording" })?;
        self.end(record, Some(run.recording), truncated)
    }

    /// Ends what nobody goes on with: pages that are gone, and what a kill interrupted. One that cannot be ended now is tried again.
    pub fn end_left_recordings(&self) -> Result<(), ClientError> {
        if self.desk()?.who.is_none() {
            return Ok(());
        }
        self.forget_files_of_no_recording()?;
        let now = self.host.monotonic_ms();
        let open = recordings::all(&self.desk()?.conn)?;
        for record in open.into_iter().map(|open| open.record) {
            let left = {
                let mut running = self.running();
                match running.get(&record) {
                    Some(run) if now.saturating_sub(run.seen_ms) < RECORDING_IDLE_MS => continue,
                    _ => running.remove(&record).map(|run| run.recording),
                }
            };
            if let Err(error) = self.end(record, left, true) {
                tracing::warn!(%error, capture.id = %record, "a recording cannot become a capture now");
            }
        }
        Ok(())
    }

    /// What a kill left before anybody was told that a recording had begun.
    fn forget_files_of_no_recording(&self) -> Result<(), ClientError> {
        let originals = self.originals()?;
        let _taking = self.taking_originals();
        let files = originals.recordings().map_err(|e| ClientError::file("looking for recordings", e))?;
        if files.is_empty() {
            return Ok(());
        }
        let open = recordings::all(&self.desk()?.conn)?;
        for file in files.iter().filter(|file| open.iter().all(|open| open.file != **file)) {
            originals.forget_recording(file)?;
        }
        Ok(())
    }

    fn end(
        &self,
        record: RecordId,
        recording: Option<Recording>,
        truncated: bool,
    ) -> Result<u64, ClientError> {
        let originals = self.originals()?;
        let _taking = self.taking_originals();
        let missing = ClientError::NotFound { what: "recording" };
        let open = recordings::all(&self.desk()?.conn)?.into_iter().find(|open| open.record == record);
        let open = open.ok_or(missing)?;
        // What was said when it began to end holds, however often that is tried.
        let truncated = if open.ending.is_some() { open.truncated } else { truncated };
        let recording = match recording {
            None => originals.resume_recording(&open.file)?,
            other => other,
        };
        let taken = match (recording, open.ending) {
            (Some(recording), _) => self.keep(&open, recording, truncated)?,
            // A kill, or an error, came between its name and its place in the journal.
            (None, Some((digest, size_bytes))) if originals.holds(digest) => Taken { digest, size_bytes },
            (None, _) => {
                recordings::remove(&self.desk()?.conn, record)?;
                return Err(ClientError::NotFound { what: "recording" });
            }
        };
        let kind = CaptureKind::find(&open.known.kind).ok_or(ClientError::Damaged { what: "a recording" })?;
        let facts = CaptureFacts {
            item: open.known.item.as_deref(),
            caption: &open.known.caption,
            place: open.known.place.as_ref(),
            ..CaptureFacts::of(kind, &open.known.media_type)
        };
        let listing = Listing { was_recorded: true, truncated };
        self.list(open.inspection, record, &taken, &facts, listing)?;
        originals.forget_recording(&open.file)?;
        Ok(taken.size_bytes)
    }

    /// Gives a recording its name. Of one in which nothing is that it was said to be, nothing stays.
    fn keep(&self, open: &Open, recording: Recording, truncated: bool) -> Result<Taken, ClientError> {
        let originals = self.originals()?;
        if let Err(error) = recording.ensure_is(&open.known.media_type) {
            recordings::remove(&self.desk()?.conn, open.record)?;
            originals.forget_recording(&open.file)?;
            return Err(error);
        }
        let ending = (recording.digest(), recording.size_bytes());
        recordings::end(&self.desk()?.conn, open.record, ending, truncated)?;
        originals.keep_recording(recording, &open.known.media_type)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn recorded(recording: &Recording, originals: &Originals) -> Result<Recorded, ClientError> {
    Ok(Recorded { size_bytes: recording.size_bytes(), room_bytes: originals.room_bytes()? })
}
