//! What was taken, as small pictures with the true stage of each.

use super::visit::Visit;
use super::words;
use askama::Template;
use fieldproof_client_core::EvidenceItem;
use fieldproof_presentation::html::Html;
use fieldproof_presentation::page::Page;

/// Larger originals are not drawn small: a browser would decode them whole.
const DRAWN_BYTES_MAX: u64 = 8 * 1000 * 1000;
/// Pictures that every browser draws.
const DRAWN: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

/// One capture.
pub(super) struct Shot {
    pub(super) record: String,
    /// Where the original is, below the root; none when it is not on this terminal.
    pub(super) file: Option<String>,
    pub(super) drawn: bool,
    /// Whether a browser plays or draws it within the page.
    pub(super) player: &'static str,
    pub(super) icon: &'static str,
    pub(super) kind: String,
    pub(super) caption: String,
    pub(super) size: String,
    pub(super) taken: String,
    pub(super) by: String,
    /// Where, or why nobody knows; empty where nothing is said of it.
    pub(super) place: String,
    /// What the clock of another device said; empty where none made it.
    pub(super) made_at: String,
    pub(super) truncated: bool,
    pub(super) stage: Html,
    pub(super) problem: Option<String>,
    pub(super) listed: bool,
}

/// The captures of an item, and where more are taken.
#[derive(Template)]
#[template(path = "inspection/shots.html")]
pub(super) struct Shots {
    pub(super) p: Page,
    /// What names the part on the page; 0 for captures of the whole inspection.
    pub(super) n: usize,
    pub(super) path: String,
    pub(super) item: String,
    pub(super) shots: Vec<Shot>,
    /// Whether more can be taken here.
    pub(super) takes: bool,
    /// Whether the page records here: what answers an act leaves alone what records.
    pub(super) records: bool,
    pub(super) required: bool,
    /// Why the last file was not taken.
    pub(super) fault: Option<String>,
    /// What was taken just now.
    pub(super) taken: Option<String>,
}

impl Shots {
    /// The captures of one item; of none, those of the inspection as a whole.
    pub(super) fn new(p: &Page, visit: &Visit, item: Option<&str>) -> Self {
        let known = item.and_then(|id| visit.items().find(|known| known.item.id == id));
        let of_item = |capture: &&EvidenceItem| {
            let register = capture.register.as_ref();
            register.is_some_and(|register| register.item.as_deref() == item)
                || register.is_none() && item.is_none()
        };
        let shots = visit.detail.evidence.iter().filter(of_item).map(|capture| Shot::new(p, visit, capture));
        Self {
            p: p.clone(),
            n: known.map_or(0, |known| known.n),
            path: visit.path(),
            item: item.unwrap_or_default().to_owned(),
            shots: shots.collect(),
            takes: visit.detail.editable,
            records: false,
            required: known.is_some_and(|known| known.item.photo_required),
            fault: None,
            taken: None,
        }
    }
}

impl Shots {
    /// The same without a way to take more.
    pub(super) fn still(mut self) -> Self {
        self.takes = false;
        self
    }
}

impl Shot {
    /// One capture as it is shown.
    pub(super) fn new(p: &Page, visit: &Visit, capture: &EvidenceItem) -> Self {
        let register = capture.register.as_ref();
        let media_type = register.map(|register| register.media_type.as_str()).unwrap_or_default();
        let size = register.map(|register| register.size_bytes).unwrap_or_default();
        let player = player(media_type);
        let (tone, icon, key) = words::stage(capture.stage);
        let member = register.and_then(|r| visit.detail.person(r.officer));
        let file = format!("{}/evidence/{}/file", visit.path(), capture.record);
        Self {
            record: capture.record.to_string(),
            file: capture.here.then_some(file),
            drawn: DRAWN.contains(&media_type) && size <= DRAWN_BYTES_MAX,
            player,
            icon: match player {
                "image" => "photo",
                "video" => "video",
                "audio" => "microphone",
                _ => "file-text",
            },
            kind: match register {
                Some(register) if register.beside.is_some() => p.t("inspection.pad.strokes"),
                register => {
                    p.capture_kind(register.map(|register| register.kind.as_str()).unwrap_or_default())
                }
            },
            caption: register.map(|register| register.caption.clone()).unwrap_or_default(),
            size: if size == 0 { String::new() } else { p.size(&size) },
            taken: register.map(|register| p.moment(&register.captured_at)).unwrap_or_default(),
            by: member.map(|member| member.name.clone()).unwrap_or_default(),
            place: p.capture_place(register.and_then(|register| register.place.as_ref())),
            made_at: register
                .and_then(|register| register.made_at)
                .map(|made| p.capture_made_at(&made))
                .unwrap_or_default(),
            truncated: register.is_some_and(|register| register.truncated),
            stage: p.badge(tone, icon, &p.t(key)),
            problem: capture.problem.as_ref().map(|code| p.t(format!("error.{code}"))),
            listed: capture.listed,
        }
    }
}

/// What of a browser shows a media type: `image`, `video`, `audio`, or nothing.
pub(super) fn player(media_type: &str) -> &'static str {
    match media_type.split('/').next() {
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "",
    }
}

/// Whether a browser may show it in a page: nothing that can hold scripts.
pub(super) fn is_inline(media_type: &str) -> bool {
    DRAWN.contains(&media_type) || media_type.starts_with("video/") || media_type.starts_with("audio/")
}
