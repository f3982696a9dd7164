//! Taking in a photo, a video, a recording or a scan from a form: encrypted as it comes, then captured.

use super::super::{Ask, Route};
use super::brought::{Brought, Said as Told};
use super::card::takes_photos;
use super::place;
use super::region::{Region, Said};
use super::shots::Shots;
use super::visit::Visit;
use crate::api::Path;
use crate::error::ApiError;
use askama::Template;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use fieldproof_client_core::{CaptureFacts, CaptureSource, Client, ClientError};
use fieldproof_presentation::page;
use fieldproof_schema::capture::CaptureKind;
use fieldproof_schema::checklist::Answer;
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::wire::error::ErrorCode;

pub(in crate::pages) const ROUTES: &[Route] = &[Route {
    path: "/inspections/{id}/evidence",
    // Streamed, with a bound of its own.
    answer: || post(take).get(super::evidence::show).layer(DefaultBodyLimit::disable()),
}];

async fn take(ask: Ask, Path(id): Path<String>, request: Request) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let mut brought = Brought::default();
    let received = brought.receive(&ask, request).await;
    let item = brought.fields.filled("item").map(str::to_owned);
    let taken = match received {
        Ok(()) => capture(&ask, &visit, brought).await,
        Err(error) => Err(error),
    };
    let visit = Visit::load(&ask, &id).await?;
    // What is not an item of the checklist was refused by the capture.
    let item = item.filter(|item| visit.item(item).is_ok());
    if let Some(item) = &item {
        place::remember(&ask, &visit.item_place(item));
    }
    answer(&ask, &visit, item.as_deref(), taken)
}

/// Captures the file, and answers the item where photos are its answer.
async fn capture(ask: &Ask, visit: &Visit, brought: Brought) -> Result<u64, ApiError> {
    let said = Told::read(&brought.fields)?;
    let file = brought.file.ok_or_else(|| ApiError::field("file", "missing"))?;
    let inspection = visit.id;
    let asked_for = said.item.as_ref().and_then(|item| takes_photos(&visit.template.item(item)?.kind));
    let act = move |client: &Client| {
        let facts = CaptureFacts {
            item: said.item.as_deref(),
            caption: &said.caption,
            place: Some(&said.place),
            made_at: said.made_at,
            ..CaptureFacts::of(
                said.kind.unwrap_or_else(|| CaptureKind::of_file(&file.media_type)),
                &file.media_type,
            )
        };
        client.capture(inspection, CaptureSource::Arrived(file.arrived), &facts)?;
        if let (Some(item), Some(min)) = (&said.item, asked_for) {
            answer_with_photos(client, inspection, item, min)?;
        }
        Ok(file.size_bytes)
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
pub(super) fn answer(
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
