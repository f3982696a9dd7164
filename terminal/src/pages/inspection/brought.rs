//! What a form about a capture brings: what it is, of what, where, and the file, encrypted as it comes.

use super::super::Ask;
use crate::captures::Arriving;
use crate::error::ApiError;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use fieldproof_client_core as client;
use fieldproof_presentation::fields::Fields;
use fieldproof_schema::capture::{CaptureKind, Fix, MadeAt, Place};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;
use serde::Deserialize;

/// Bytes of all fields that are no file: captions, items, and the strokes of a signature, of which a page full has a hundred thousand
/// points.
const FIELDS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What browsers call some types otherwise.
const ALIASES: &[(&str, &str)] = &[
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/heif", "image/heic"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/m4a", "audio/mp4"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("video/x-m4v", "video/mp4"),
    ("application/x-zip-compressed", "application/zip"),
    // What spreadsheets made of the type of their own text files.
    ("application/vnd.ms-excel", "text/csv"),
];

/// Types by the ending of a name, for browsers that do not know them.
const ENDINGS: &[(&str, &str)] = &[
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("webp", "image/webp"),
    ("heic", "image/heic"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("m4a", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("wav", "audio/wav"),
    ("amr", "audio/amr"),
    ("aac", "audio/aac"),
    ("pdf", "application/pdf"),
    ("webm", "video/webm"),
    ("csv", "text/csv"),
    ("txt", "text/plain"),
    ("json", "application/json"),
    ("zip", "application/zip"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
];

/// What a form brought.
#[derive(Default)]
pub(super) struct Brought {
    /// What its fields say, but for the file.
    pub(super) fields: Fields,
    pub(super) file: Option<File>,
}

/// A file as it came.
pub(super) struct File {
    pub(super) arrived: Box<client::Arriving>,
    pub(super) size_bytes: u64,
    pub(super) media_type: String,
}

impl Brought {
    /// Reads the form. Texts come before the file or after it; an empty choice of a file is no file. What was read stays when the
    /// rest does not come.
    pub(super) async fn receive(&mut self, ask: &Ask, request: Request) -> Result<(), ApiError> {
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|error| ApiError::malformed(error.body_text()))?;
        let mut room = FIELDS_BYTES_MAX;
        while let Some(field) = form.next_field().await.map_err(|error| cut(&error))? {
            let Some(name) = field.name().map(str::to_owned) else { continue };
            if field.file_name().is_none() {
                let text = text(field, room).await?;
                room = room.saturating_sub(name.len() + text.len());
                self.fields.push(name, &text);
            } else if name == "file" && field.file_name().is_some_and(|name| !name.is_empty()) {
                self.file = Some(File::receive(ask, field).await?);
            }
        }
        Ok(())
    }
}

impl File {
    async fn receive(ask: &Ask, mut field: Field<'_>) -> Result<Self, ApiError> {
        let media_type = media_type(field.content_type(), field.file_name());
        let mut arriving = Arriving::begin(ask.app()).await?;
        while let Some(piece) = field.chunk().await.map_err(|error| cut(&error))? {
            arriving = arriving.take(&piece).await?;
        }
        let (arrived, size_bytes) = arriving.whole().await?;
        Ok(Self { arrived, size_bytes, media_type })
    }
}

/// What the fields of a form say about a capture.
pub(super) struct Said {
    pub(super) item: Option<String>,
    pub(super) caption: String,
    /// What somebody said that it is.
    pub(super) kind: Option<CaptureKind>,
    pub(super) place: Place,
    pub(super) made_at: Option<MadeAt>,
}

impl Said {
    /// # Errors
    /// [`ErrorCode::FieldInvalid`] for a kind that is none, and for a device's clock that cannot be understood.
    pub(super) fn read(fields: &Fields) -> Result<Self, ApiError> {
        let kind = fields
            .filled("kind")
            .map(|name| CaptureKind::find(name).ok_or_else(|| ApiError::field("kind", "unknown")));
        let clock = fields
            .filled("device_clock")
            .map(|text| civil(text).ok_or_else(|| ApiError::field("device_clock", "unreadable")));
        let ahead = fields.filled("ahead_seconds").map_or(Ok(0), str::parse);
        let ahead: i64 = ahead.map_err(|_| ApiError::field("ahead_seconds", "unreadable"))?;
        let ahead = if fields.get("clock") == "behind" { ahead.saturating_neg() } else { ahead };
        let made_at = clock.transpose()?.map(|clock| {
            MadeAt::new(clock, ahead).ok_or_else(|| ApiError::field("ahead_seconds", "out_of_range"))
        });
        Ok(Self {
            item: fields.filled("item").map(str::to_owned),
            caption: fields.get("caption").trim().to_owned(),
            kind: kind.transpose()?,
            place: fields.filled("place").map_or_else(Place::not_asked, place),
            made_at: made_at.transpose()?,
        })
    }
}

/// A time in China as a browser's field gives it: `2026-11-23T14:05`, with seconds or without.
fn civil(text: &str) -> Option<Moment> {
    let at: jiff::civil::DateTime = text.parse().ok()?;
    Some(Moment::from_micros(jiff::tz::offset(8).to_timestamp(at).ok()?.as_microsecond()))
}

/// What a page says about where it is.
#[derive(Deserialize)]
struct Position {
    latitude: f64,
    longitude: f64,
    /// Metres.
    accuracy: f64,
    /// Milliseconds since 1970.
    at: i64,
}

/// A position that makes no sense is none: the capture does not wait for a better one.
fn place(text: &str) -> Place {
    let fix = serde_json::from_str::<Position>(text).ok().and_then(|said| {
        let at = Moment::from_micros(said.at.checked_mul(1000)?);
        Fix::by_terminal(said.latitude, said.longitude, said.accuracy, at)
    });
    let why = Place::REASONS.into_iter().find(|why| *why == text).unwrap_or("unavailable");
    fix.map_or_else(|| Place::Unknown(why.to_owned()), Place::At)
}

async fn text(mut field: Field<'_>, room: usize) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| cut(&error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() >= room {
            return Err(ErrorCode::BodyTooLarge.into());
        }
    }
    let text = String::from_utf8(bytes).map_err(ApiError::malformed)?;
    Ok(text.replace("\r\n", "\n"))
}

fn cut(error: &MultipartError) -> ApiError {
    ApiError::malformed(error.body_text())
}

/// The type that a browser declared in its usual name; by the ending of the file's name where it declared none.
fn media_type(declared: Option<&str>, name: Option<&str>) -> String {
    let declared = declared.and_then(|declared| declared.split(';').next()).unwrap_or_default();
    let declared = declared.trim().to_ascii_lowercase();
    if let Some((_, usual)) = ALIASES.iter().find(|(alias, _)| *alias == declared) {
        return (*usual).to_owned();
    }
    if !declared.is_empty() && declared != "application/octet-stream" {
        return declared;
    }
    let ending = name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    let known = ENDINGS.iter().find(|(known, _)| Some(*known) == ending.as_deref());
    known.map_or(declared, |(_, media_type)| (*media_type).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_what_the_browser_says_or_the_name_tells() {
        for (declared, name, expected) in [
            (Some("image/jpeg"), Some("a.png"), "image/jpeg"),
            (Some("Image/JPG; x=1"), None, "image/jpeg"),
            (Some("application/octet-stream"), Some("IMG_1.HEIC"), "image/heic"),
            (Some(""), Some("note.amr"), "audio/amr"),
            (None, Some("noending"), ""),
            (Some("audio/x-m4a"), None, "audio/mp4"),
            (Some("text/html"), Some("a.jpg"), "text/html"),
        ] {
            assert_eq!(media_type(declared, name), expected, "{declared:?} {name:?}");
        }
    }

    #[test]
    fn what_a_form_says_is_understood_or_refused() {
        let said = |fields: &[(&str, &str)]| Said::read(&fields.iter().copied().collect());
        let full = said(&[
            ("kind", "recorder"),
            ("device_clock", "2026-11-23T14:05"),
            ("clock", "behind"),
            ("ahead_seconds", "90"),
            ("place", r#"{"latitude":30.5,"longitude":120.25,"accuracy":8.2,"at":1795442645000}"#),
            ("caption", " 开箱 "),
        ])
        .unwrap();
        assert_eq!(
            (full.kind, full.caption.as_str(), full.item),
            (Some(CaptureKind::Recorder), "开箱", None)
        );
        let made = full.made_at.unwrap();
        assert_eq!(made.terminal_clock().to_string(), "2026-11-23T06:06:30.000000Z");
        let Place::At(fix) = full.place else { panic!("there is a position") };
        assert_eq!((fix.latitude_e7, fix.accuracy_cm), (305_000_000, 820));
        let bare = said(&[]).unwrap();
        assert_eq!((bare.place, bare.kind, bare.made_at), (Place::not_asked(), None, None));
        for (text, why) in [("denied", "denied"), ("timeout", "timeout"), ("{}", "unavailable")] {
            assert_eq!(said(&[("place", text)]).unwrap().place, Place::Unknown(why.to_owned()));
        }
        for (name, value) in [("kind", "hologram"), ("device_clock", "昨天")] {
            assert_eq!(said(&[(name, value)]).err().unwrap().code(), ErrorCode::FieldInvalid);
        }
        for ahead in ["x", "9223372036854775807"] {
            let fields = [("device_clock", "2026-11-23T14:05:30"), ("ahead_seconds", ahead)];
            assert_eq!(said(&fields).err().unwrap().code(), ErrorCode::FieldInvalid);
        }
    }
}
