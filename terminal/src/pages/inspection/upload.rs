//! Taking in a photo, a video, a recording or a scan from a form: encrypted as it comes, then captured.

use super::super::{Ask, Route};
use super::card::takes_photos;
use super::place;
use super::region::{Region, Said};
use super::shots::{self, Shots};
use super::visit::Visit;
use crate::api::Path;
use crate::captures::Arriving;
use crate::error::ApiError;
use askama::Template;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use fieldproof_client_core as client;
use fieldproof_client_core::{CaptureFacts, CaptureSource, Client, ClientError};
use fieldproof_presentation::page;
use fieldproof_schema::checklist::Answer;
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::wire::error::ErrorCode;

pub(in crate::pages) const ROUTES: &[Route] = &[Route {
    path: "/inspections/{id}/evidence",
    // Streamed, with a bound of its own.
    answer: || post(take).get(super::evidence::show).layer(DefaultBodyLimit::disable()),
}];

/// Bytes of a field that is no file: a caption, an item.
const FIELD_BYTES_MAX: usize = 64 * 1024;

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
];

/// What a form brought.
#[derive(Default)]
struct Brought {
    item: String,
    caption: String,
    file: Option<(Box<client::Arriving>, u64, String)>,
}

async fn take(ask: Ask, Path(id): Path<String>, request: Request) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let mut brought = Brought::default();
    let taken = match receive(&ask, request, &mut brought).await {
        Ok(()) => capture(&ask, &visit, &mut brought).await,
        Err(error) => Err(error),
    };
    let visit = Visit::load(&ask, &id).await?;
    // What is not an item of the checklist was refused by the capture.
    let item = Some(brought.item).filter(|item| visit.item(item).is_ok());
    if let Some(item) = &item {
        place::remember(&ask, &visit.item_place(item));
    }
    answer(&ask, &visit, item.as_deref(), taken)
}

/// Reads the form. Texts come before the file or after it; an empty choice of a file is no file.
async fn receive(ask: &Ask, request: Request, brought: &mut Brought) -> Result<(), ApiError> {
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| ApiError::malformed(error.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(|error| cut(&error))? {
        match field.name().unwrap_or_default() {
            "item" => brought.item = text(field).await?,
            "caption" => brought.caption = text(field).await?,
            "file" if field.file_name().is_some_and(|name| !name.is_empty()) => {
                brought.file = Some(file(ask, field).await?);
            }
            _ => {}
        }
    }
    Ok(())
}

async fn text(mut field: Field<'_>) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|error| cut(&error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > FIELD_BYTES_MAX {
            return Err(ErrorCode::BodyTooLarge.into());
        }
    }
    let text = String::from_utf8(bytes).map_err(ApiError::malformed)?;
    Ok(text.replace("\r\n", "\n"))
}

async fn file(ask: &Ask, mut field: Field<'_>) -> Result<(Box<client::Arriving>, u64, String), ApiError> {
    let media_type = media_type(field.content_type(), field.file_name());
    let mut arriving = Arriving::begin(ask.app()).await?;
    while let Some(piece) = field.chunk().await.map_err(|error| cut(&error))? {
        arriving = arriving.take(&piece).await?;
    }
    let (arrived, size_bytes) = arriving.whole().await?;
    Ok((arrived, size_bytes, media_type))
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

/// Captures the file, and answers the item where photos are its answer.
async fn capture(ask: &Ask, visit: &Visit, brought: &mut Brought) -> Result<u64, ApiError> {
    let (arrived, size_bytes, media_type) =
        brought.file.take().ok_or_else(|| ApiError::field("file", "missing"))?;
    let kind = match shots::player(&media_type) {
        "image" => "photo",
        "video" => "video",
        "audio" => "audio",
        _ => "doc",
    };
    let inspection = visit.id;
    let (item, caption) =
        (Some(brought.item.clone()).filter(|item| !item.is_empty()), brought.caption.clone());
    let asked_for = item.as_ref().and_then(|item| takes_photos(&visit.template.item(item)?.kind));
    let act = move |client: &Client| {
        let facts =
            CaptureFacts { kind, media_type: &media_type, item: item.as_deref(), caption: caption.trim() };
        client.capture(inspection, CaptureSource::Arrived(arrived), &facts)?;
        if let (Some(item), Some(min)) = (&item, asked_for) {
            answer_with_photos(client, inspection, item, min)?;
        }
        Ok(size_bytes)
    };
    ask.app().act(act).await
}

/// What was taken for an item whose answer is photos is its answer, once there are enough.
fn answer_with_photos(
    client: &Client,
    inspection: fieldproof_schema::ids::InspectionId,
    item: &str,
    min: u32,
) -> Result<(), ClientError> {
    let detail = client.inspection(inspection)?;
    let of_item = detail.evidence.iter().filter(|capture| {
        capture.register.as_ref().is_some_and(|register| register.item.as_deref() == Some(item))
    });
    let records: std::collections::BTreeSet<RecordId> = of_item.map(|capture| capture.record).collect();
    if records.len() >= min as usize {
        let seen = detail.view.answers.get(item).map(|register| register.standing.stamp.change);
        client.answer_over(inspection, item, Some(&Answer::Photo { records }), seen)?;
    }
    Ok(())
}

/// The item's pictures with the new one or with what was wrong, for scripts; the way back to the item without.
fn answer(
    ask: &Ask,
    visit: &Visit,
    item: Option<&str>,
    taken: Result<u64, ApiError>,
) -> Result<Response, ApiError> {
    if ask.face.is_open() {
        ask.face.touch();
    }
    let p = &ask.p;
    let (status, fault, size) = match taken {
        Ok(size_bytes) => (StatusCode::OK, None, Some(p.size(&size_bytes))),
        Err(error) => {
            let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::CONFLICT);
            (status, Some(sentence(ask, &error)), None)
        }
    };
    if ask.partial {
        let mut part = Shots::new(p, visit, item);
        (part.fault, part.taken) = (fault, size);
        let photos = item.and_then(|item| visit.item(item).ok());
        let photos = photos.filter(|known| takes_photos(&known.item.kind).is_some());
        let region = photos.map(|known| Region::new(p, visit, known, Said::default()).swapped(visit));
        return Ok(page::answer(status, &Taken { part, region }));
    }
    match (item, fault) {
        (Some(item), None) => Ok(ask.go(&visit.item_place(item))),
        (None, None) => Ok(ask.go(&format!("{}/evidence", visit.path()))),
        (Some(item), fault) => {
            let said = Said { shot_fault: fault, ..Said::default() };
            super::section::with(ask, visit, visit.section_of(item), item, said, status)
        }
        (None, Some(fault)) => Ok(super::evidence::with(ask, visit, Some(fault), status)),
    }
}

fn sentence(ask: &Ask, error: &ApiError) -> String {
    match error.code() {
        ErrorCode::FieldInvalid => ask.p.t("inspection.shot.none"),
        _ => error.body().message.get(ask.p.lang()).cloned().unwrap_or_default(),
    }
}

/// Pictures of an item, and the part that its answer changes where photos are its answer.
#[derive(Template)]
#[template(
    source = "{{ part|safe }}{% if let Some(region) = region %}{{ region|safe }}{% endif %}",
    ext = "html"
)]
struct Taken {
    part: Shots,
    region: Option<Region>,
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
}
