//! Recordings (录音、录像): captures that grow while they are taken.
//!
//! Whatever was said to be kept becomes a capture: when the recording ends, when nothing more comes for a while, when the visit is
//! signed, or when the program goes on after a kill or an error. But for the first it says that it ends early.

use super::Client;
use super::capture::{CaptureFacts, New};
use crate::error::ClientError;
use crate::evidence::{Originals, Recording, Recovered, Taken};
use crate::store::recordings::{self, Known, Open};
use fieldproof_schema::capture::CaptureKind;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::limits::{EVIDENCE_BYTES_MAX, RECORDING_IDLE_MS};
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

/// Recordings that go on, or are ending.
pub(crate) type Running = BTreeMap<RecordId, Run>;

/// One of them.
pub(crate) struct Run {
    /// None while it is ending.
    recording: Option<Recording>,
    media_type: String,
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

/// What there is of a recording that ends.
enum Left {
    Live(Recording),
    OnDisk(Recovered),
}

impl Left {
    /// Whether it is all that was said to be kept.
    fn is_whole(&self) -> bool {
        match self {
            Self::Live(_) => true,
            Self::OnDisk(recovered) => recovered.is_whole(),
        }
    }
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
        let recorded = recorded(&recording, &originals)?;
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
        // It goes on before it stands among those that may have been left.
        let (media_type, seen_ms) = (facts.media_type.to_owned(), self.host.monotonic_ms());
        self.running().insert(record, Run { recording: Some(recording), media_type, seen_ms });
        if let Err(error) = self.desk().and_then(|desk| recordings::insert(&desk.conn, &open)) {
            self.running().remove(&record);
            originals.forget_recording(&open.file)?;
            return Err(error);
        }
        Ok((record, recorded))
    }

    /// Takes in the next bytes of a recording, which begin at `at`; they are on the disk when this returns. Bytes that are there already
    /// are passed over, so that a request may be repeated.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] for a recording that does not go on; [`ClientError::FieldInvalid`] where bytes before `at` are missing
    /// or it grows too large. With [`ClientError::CaptureInvalid`], [`ClientError::StorageLow`] and those of the disk it goes on no more:
    /// what came before stays, and becomes a capture when it is ended.
    pub fn record(&self, record: RecordId, at: u64, bytes: &[u8]) -> Result<Recorded, ClientError> {
        let originals = self.originals()?;
        let mut running = self.running();
        let missing = ClientError::NotFound { what: "recording" };
        let Some(Run { recording: Some(recording), media_type, seen_ms }) = running.get_mut(&record) else {
            return Err(missing);
        };
        let gap = ClientError::FieldInvalid { field: "at" };
        let known = recording.size_bytes().checked_sub(at).ok_or(gap)?;
        let new = usize::try_from(known).ok().and_then(|known| bytes.get(known..)).unwrap_or_default();
        if recording.size_bytes() + new.len() as u64 > EVIDENCE_BYTES_MAX {
            return Err(ClientError::FieldInvalid { field: "at" });
        }
        if !new.is_empty()
            && let Err(error) = recording.write(&originals, &*self.host, (new, media_type))
        {
            running.remove(&record);
            return Err(error);
        }
        *seen_ms = self.host.monotonic_ms();
        recorded(recording, &originals)
    }

    /// Ends a recording: it is a capture from now on.
    ///
    /// # Errors
    /// [`ClientError::CaptureInvalid`] where nothing was recorded, or something else than was said; what else keeps it from becoming a
    /// capture now does not keep it from becoming one later.
    pub fn end_recording(&self, record: RecordId, truncated: bool) -> Result<u64, ClientError> {
        let live = match self.running().get_mut(&record) {
            Some(run) => Some(run.recording.take().ok_or(ClientError::NotFound { what: "recording" })?),
            None => None,
        };
        // After an error there is none that goes on: then not all that came may be there.
        let truncated = truncated || live.is_none();
        let ended = self.end(record, live, truncated);
        self.running().remove(&record);
        ended
    }

    /// Ends what nobody goes on with: pages that are gone, and what a kill interrupted. One that cannot be ended now is tried again.
    ///
    /// # Errors
    /// Those of the store and of the disk, but for the single recording's.
    pub fn end_left_recordings(&self) -> Result<(), ClientError> {
        if self.desk()?.who.is_none() {
            return Ok(());
        }
        self.forget_blank_files()?;
        let now = self.host.monotonic_ms();
        let all = recordings::all(&self.desk()?.conn)?;
        for record in all {
            let is_left = self.running().get(&record).is_none_or(|run| {
                run.recording.is_some() && now.saturating_sub(run.seen_ms) >= RECORDING_IDLE_MS
            });
            if is_left && let Err(error) = self.end_recording(record, true) {
                tracing::warn!(%error, capture.id = %record, "a recording cannot become a capture now");
            }
        }
        Ok(())
    }

    /// Ends all recordings of a visit: what is signed lists every capture.
    pub(super) fn end_recordings_of(&self, inspection: InspectionId) -> Result<(), ClientError> {
        let all = recordings::of_inspection(&self.desk()?.conn, inspection)?;
        for record in all {
            match self.end_recording(record, true) {
                // Nothing was recorded, or another hand ends it.
                Err(ClientError::CaptureInvalid { .. } | ClientError::NotFound { .. }) | Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What a kill left before anything was said to be kept. A file that holds more and stands nowhere is one of a store that is gone.
    fn forget_blank_files(&self) -> Result<(), ClientError> {
        let failed = |error| ClientError::file("looking for recordings", error);
        let originals = self.originals()?;
        let files = originals.recordings().map_err(failed)?;
        if files.is_empty() {
            return Ok(());
        }
        let _taking = self.taking_originals();
        let known = recordings::files(&self.desk()?.conn)?;
        for file in files.iter().filter(|file| !known.contains(file)) {
            let goes_on = self
                .running()
                .values()
                .any(|run| run.recording.as_ref().is_none_or(|recording| recording.name() == file.as_str()));
            match originals.is_blank(file) {
                Ok(true) if !goes_on => originals.forget_recording(file)?,
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn end(&self, record: RecordId, live: Option<Recording>, truncated: bool) -> Result<u64, ClientError> {
        let originals = self.originals()?;
        let find = || {
            let open = recordings::find(&self.desk()?.conn, record)?;
            open.ok_or(ClientError::NotFound { what: "recording" })
        };
        let left = match live {
            Some(recording) => Some(Left::Live(recording)),
            // Before others have to wait: it may be long.
            None => originals.recover(&*self.host, &find()?.file)?.map(Left::OnDisk),
        };
        let _taking = self.taking_originals();
        let open = find()?;
        // What was said when it began to end holds, however often that is tried.
        let truncated = if open.ending.is_some() { open.truncated } else { truncated };
        let is_whole = left.as_ref().is_none_or(Left::is_whole);
        let taken = match (left, open.ending) {
            (Some(left), _) => self.keep(&originals, &open, left, truncated)?,
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
        self.list(open.inspection, &[New { record, taken: &taken, facts, truncated }])?;
        if !is_whole {
            originals.put_recording_aside(&open.file)?;
        }
        originals.forget_recording(&open.file)?;
        Ok(taken.size_bytes)
    }

    /// Gives a recording its name. Of one in which nothing is that it was said to be, nothing stays.
    fn keep(
        &self,
        originals: &Originals,
        open: &Open,
        left: Left,
        truncated: bool,
    ) -> Result<Taken, ClientError> {
        let media_type = &open.known.media_type;
        let (is_one, ending) = match &left {
            Left::Live(recording) => (recording.ensure_is(media_type), recording.ending()),
            Left::OnDisk(recovered) => (recovered.ensure_is(media_type), recovered.ending()),
        };
        if let Err(error) = is_one {
            if !left.is_whole() {
                originals.put_recording_aside(&open.file)?;
            }
            recordings::remove(&self.desk()?.conn, open.record)?;
            originals.forget_recording(&open.file)?;
            return Err(error);
        }
        recordings::end(&self.desk()?.conn, open.record, ending, truncated)?;
        match left {
            Left::Live(recording) => originals.keep_recording(recording, media_type),
            Left::OnDisk(recovered) => originals.keep_recovered(recovered, media_type),
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn recorded(recording: &Recording, originals: &Originals) -> Result<Recorded, ClientError> {
    Ok(Recorded { size_bytes: recording.size_bytes(), room_bytes: originals.room_bytes()? })
}
