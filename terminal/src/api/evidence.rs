//! Captures (证据): taking one in, and showing its original.

use super::{Path, Query, parse};
use crate::app::App;
use crate::error::ApiError;
use crate::{captures, original};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use fieldproof_client_core::{CaptureFacts, CaptureSource};
use fieldproof_schema::capture::{CaptureKind, Fix, MadeAt, Place};
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::limits::EVIDENCE_BYTES_MAX;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/inspections/{id}/evidence", post(take))
        .route("/api/v1/inspections/{id}/evidence/{record}/file", get(file))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    kind: String,
    item: Option<String>,
    #[serde(default)]
    caption: String,
    /// Degrees, metres; all three or none.
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_m: Option<f64>,
    /// Why there is no position.
    no_position: Option<String>,
    /// What the clock of the device that made the file said.
    device_clock: Option<Moment>,
    ahead_seconds: Option<i64>,
}

impl Facts {
    fn place(&self, now: Moment) -> Result<Place, ApiError> {
        match (self.latitude, self.longitude, self.accuracy_m) {
            (Some(latitude), Some(longitude), Some(accuracy)) => {
                let fix = Fix::by_terminal(latitude, longitude, accuracy, now);
                fix.map(Place::At).ok_or_else(|| ApiError::field("latitude", "out_of_range"))
            }
            (None, None, None) => match self.no_position.as_deref() {
                None => Ok(Place::not_asked()),
                Some(why) if Place::REASONS.contains(&why) => Ok(Place::Unknown(why.to_owned())),
                Some(_) => Err(ApiError::field("no_position", "unknown")),
            },
            _ => Err(ApiError::field("latitude", "missing")),
        }
    }

    fn made_at(&self) -> Result<Option<MadeAt>, ApiError> {
        let Some(clock) = self.device_clock else { return Ok(None) };
        let made = MadeAt::new(clock, self.ahead_seconds.unwrap_or_default());
        Ok(Some(made.ok_or_else(|| ApiError::field("ahead_seconds", "out_of_range"))?))
    }
}

async fn take(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(facts): Query<Facts>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, axum::Json<Value>), ApiError> {
    let id = parse("inspection", &id)?;
    let media_type = media_type(&headers)?;
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > EVIDENCE_BYTES_MAX) {
        return Err(ErrorCode::EvidenceTooLarge.into());
    }
    let kind = CaptureKind::find(&facts.kind).ok_or_else(|| ApiError::field("kind", "unknown"))?;
    let (place, made_at) = (facts.place(app.host().now())?, facts.made_at()?);
    let received = captures::receive(&app, body).await?;
    let capture = move |client: &fieldproof_client_core::Client| {
        let facts = CaptureFacts {
            item: facts.item.as_deref(),
            caption: &facts.caption,
            place: Some(&place),
            made_at,
            ..CaptureFacts::of(kind, &media_type)
        };
        client.capture(id, CaptureSource::Arrived(received), &facts)
    };
    let record = app.act(capture).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({"record": record}))))
}

/// The declared media type without its parameters.
fn media_type(headers: &HeaderMap) -> Result<String, ApiError> {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.is_empty() {
        return Err(ApiError::field("content-type", "missing"));
    }
    Ok(essence)
}

/// The original, in ranges where asked.
async fn file(
    State(app): State<App>,
    Path((id, record)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (id, record): (InspectionId, RecordId) = (parse("inspection", &id)?, parse("record", &record)?);
    let found = app.read(move |client| client.evidence_file(id, record)).await?;
    let media_type = HeaderValue::from_str(&found.media_type);
    let mut response = original::serve(found, &headers).await?;
    if let Ok(media_type) = media_type {
        response.headers_mut().insert(CONTENT_TYPE, media_type);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_what_stands_before_the_parameters() {
        let headers =
            |value: &'static str| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
        assert_eq!(media_type(&headers("Image/JPEG; q=1")).unwrap(), "image/jpeg");
        for missing in [HeaderMap::new(), headers(" ; charset=utf-8")] {
            assert_eq!(media_type(&missing).unwrap_err().code(), ErrorCode::FieldInvalid);
        }
    }
}
