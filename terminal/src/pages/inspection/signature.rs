//! A signature on the glass (签名): the picture, and the strokes that made it.

use super::super::{Ask, Route};
use super::brought::{Brought, Said};
use super::upload;
use super::visit::Visit;
use crate::api::Path;
use crate::error::ApiError;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::Response;
use axum::routing::post;
use fieldproof_client_core::{CaptureFacts, Client};
use fieldproof_schema::capture::{CaptureKind, Strokes};

pub(in crate::pages) const ROUTES: &[Route] = &[Route {
    path: "/inspections/{id}/signature",
    answer: || post(sign).layer(DefaultBodyLimit::max(BYTES_MAX)),
}];

/// Bytes of picture and strokes together: a page full of writing on a large tablet is a tenth of it.
const BYTES_MAX: usize = 8 * 1024 * 1024;

async fn sign(ask: Ask, Path(id): Path<String>, request: Request) -> Result<Response, ApiError> {
    let visit = Visit::load(&ask, &id).await?;
    let mut brought = Brought::default();
    let signed = match brought.receive(&ask, request).await {
        Ok(()) => capture(&ask, &visit, brought).await,
        Err(error) => Err(error),
    };
    let visit = Visit::load(&ask, &id).await?;
    upload::answer(&ask, &visit, None, signed)
}

async fn capture(ask: &Ask, visit: &Visit, brought: Brought) -> Result<u64, ApiError> {
    let said = Said::read(&brought.fields)?;
    let strokes = brought.fields.get("strokes").to_owned();
    if Strokes::parse(&strokes).is_none() {
        return Err(ApiError::field("strokes", "unreadable"));
    }
    if said.caption.is_empty() {
        return Err(ApiError::field("caption", "missing"));
    }
    let picture = brought.file.ok_or_else(|| ApiError::field("file", "missing"))?;
    let inspection = visit.id;
    let act = move |client: &Client| {
        let facts = CaptureFacts {
            caption: &said.caption,
            place: Some(&said.place),
            ..CaptureFacts::of(CaptureKind::Signature, "image/png")
        };
        client.capture_signature(inspection, picture.arrived, &strokes, &facts)?;
        Ok(picture.size_bytes)
    };
    ask.app().act(act).await
}
