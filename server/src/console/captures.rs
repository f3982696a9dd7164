//! Captures as pages show them: what it is, whose, whether its bytes are here.

use super::{Seat, originals, wording};
use crate::app::App;
use crate::dossier::{self, Dossier};
use crate::error::ApiError;
use fieldproof_presentation::page::Page;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::limits::PREVIEW_ORIGINAL_BYTES_MAX;
use fieldproof_schema::reference::EvidenceRegister;
use fieldproof_schema::wire::error::ErrorCode;
use std::collections::BTreeSet;

/// What a browser may show by itself. Everything else is saved, never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Image,
    Video,
    Audio,
    File,
}

impl Media {
    /// By what the terminal said. Nothing that can hold a script is shown: no SVG, no HTML, no PDF.
    pub(crate) fn of(media_type: &str) -> Self {
        let plain = |rest: &str| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        };
        match media_type.split_once('/') {
            Some(("image", "jpeg" | "png" | "webp")) => Self::Image,
            Some(("video", rest)) if plain(rest) => Self::Video,
            Some(("audio", rest)) if plain(rest) => Self::Audio,
            Some(_) | None => Self::File,
        }
    }

    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Image => "photo",
            Self::Video => "video",
            Self::Audio => "microphone",
            Self::File => "file",
        }
    }
}

/// One capture.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    pub(crate) record: RecordId,
    /// The page that shows it large.
    pub(crate) page: String,
    /// Its bytes.
    pub(crate) bytes: String,
    /// What a page shows small: derived, never the original.
    pub(crate) preview: String,
    pub(crate) digest: String,
    pub(crate) media: Media,
    /// What it is, in a word.
    pub(crate) kind: String,
    pub(crate) caption: String,
    /// The item that it shows: id and question.
    pub(crate) item: Option<(String, String)>,
    pub(crate) officer: String,
    pub(crate) device: String,
    /// By the terminal's clock; empty where the document does not list it.
    pub(crate) captured_at: String,
    /// Where, or why nobody knows; empty where nothing is said of it.
    pub(crate) place: String,
    /// What the clock of another device said; empty where none made it.
    pub(crate) made_at: String,
    /// Whether it ends early.
    pub(crate) truncated: bool,
    pub(crate) size: String,
    pub(crate) held: bool,
    /// What was the matter with its bytes when they were looked at last; empty where nothing was, or they are not here.
    pub(crate) fault: String,
    /// Whether there may be a preview.
    pub(crate) small: bool,
    /// Whether the document lists it; a seal names every capture, used or not.
    pub(crate) used: bool,
}

impl Capture {
    /// What stands in for it where it cannot be seen.
    pub(crate) fn label(&self) -> &str {
        if self.caption.is_empty() { &self.kind } else { &self.caption }
    }

    pub(crate) fn is_image(&self) -> bool {
        self.media == Media::Image
    }

    pub(crate) fn is_video(&self) -> bool {
        self.media == Media::Video
    }

    pub(crate) fn is_audio(&self) -> bool {
        self.media == Media::Audio
    }
}

/// Every capture of an inspection: those that journals declared, that the document lists, and that the seal names.
pub(crate) fn of(p: &Page, dossier: &Dossier) -> Vec<Capture> {
    let view = dossier.official();
    let listed = view.evidence.keys().filter_map(|key| key.parse().ok());
    let named = dossier.statement().into_iter().flat_map(|statement| &statement.captures);
    let records: BTreeSet<RecordId> = dossier
        .around
        .captures
        .keys()
        .copied()
        .chain(listed)
        .chain(named.map(|named| named.record))
        .collect();
    records.into_iter().map(|record| one(p, dossier, record)).collect()
}

fn one(p: &Page, dossier: &Dossier, record: RecordId) -> Capture {
    let known = dossier.around.captures.get(&record);
    let register = dossier.official().evidence.get(&record.to_string());
    let listed =
        register.and_then(|register| serde_json::from_str::<EvidenceRegister>(&register.standing.value).ok());
    let named = dossier.statement().and_then(|s| s.captures.iter().find(|named| named.record == record));
    let digest =
        known.map(|known| known.digest).or(listed.as_ref().map(|l| l.digest)).or(named.map(|n| n.digest));
    let media_type = known.map(|known| known.facts.media_type.as_str());
    let media = Media::of(media_type.or(listed.as_ref().map(|l| l.media_type.as_str())).unwrap_or_default());
    let kind = known.map(|known| known.facts.kind.as_str()).or(listed.as_ref().map(|l| l.kind.as_str()));
    // What the terminal signed comes before what stands in the document.
    let place =
        known.and_then(|known| known.facts.place.as_ref()).or_else(|| listed.as_ref()?.place.as_ref());
    let made_at = known.and_then(|known| known.facts.made_at).or_else(|| listed.as_ref()?.made_at);
    let size = known.map(|known| known.facts.size_bytes).or(listed.as_ref().map(|l| l.size_bytes));
    let item = listed.as_ref().and_then(|l| l.item.clone()).or_else(|| known?.facts.item.clone());
    let held = known.is_some_and(|known| known.held_at.is_some());
    let (id, digest) = (dossier.around.info.id, digest.map(|digest| digest.to_string()).unwrap_or_default());
    Capture {
        record,
        page: format!("/console/inspections/{id}/evidence/{record}"),
        bytes: format!("/console/evidence/{digest}"),
        preview: format!("/console/evidence/{digest}/preview"),
        digest,
        media,
        kind: p.capture_kind(kind.unwrap_or_default()),
        caption: listed.as_ref().map(|l| l.caption.clone()).unwrap_or_default(),
        item: item.map(|id| {
            let text = dossier.around.template.item(&id).map(|item| wording::item(p, item));
            (id.clone(), text.unwrap_or(id))
        }),
        officer: known.map(|known| known.officer_name.clone()).unwrap_or_default(),
        device: known.map(|known| known.device_name.clone()).unwrap_or_default(),
        captured_at: listed.as_ref().map(|l| p.moment(&l.captured_at)).unwrap_or_default(),
        place: p.capture_place(place),
        made_at: made_at.map(|made| p.capture_made_at(&made)).unwrap_or_default(),
        truncated: known.is_some_and(|known| known.facts.truncated)
            || listed.as_ref().is_some_and(|l| l.truncated),
        size: size.map(|size| p.size(&size)).unwrap_or_default(),
        held,
        fault: known
            .filter(|_| held)
            .and_then(|known| known.fault)
            .map(|fault| originals::word(p, fault))
            .unwrap_or_default(),
        small: held && media == Media::Image && size.is_some_and(|size| size <= PREVIEW_ORIGINAL_BYTES_MAX),
        used: listed.is_some(),
    }
}

/// Captures of a visit that something points to, as far as the reader may see the visit.
pub(crate) async fn pointed_to(
    app: &App,
    seat: &Seat,
    visit: InspectionId,
    records: &[RecordId],
) -> Result<Vec<Capture>, ApiError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    match dossier::read(app, &seat.actor, visit).await {
        Ok(dossier) => {
            let all = of(&seat.p, &dossier).into_iter();
            Ok(all.filter(|capture| records.contains(&capture.record)).collect())
        }
        Err(error) if error.code == ErrorCode::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_can_hold_a_script_is_shown() {
        for shown in ["image/jpeg", "image/png", "image/webp", "video/mp4", "audio/x-m4a"] {
            assert_ne!(Media::of(shown), Media::File, "{shown}");
        }
        for saved in [
            "image/svg+xml",
            "text/html",
            "application/pdf",
            "",
            "image",
            "video/",
            "video/mp4;x",
            "audio/a b",
        ] {
            assert_eq!(Media::of(saved), Media::File, "{saved}");
        }
    }
}
