//! Packages: a visit as a file for a colleague without a network, and what a colleague handed over.
//!
//! The file is made when it is asked for, outside the store, and is gone once it was read.

use super::{Ask, Posted, Route};
use crate::api::packages::body_of;
use crate::api::{Path, parse};
use crate::error::ApiError;
use crate::incoming::Arriving;
use askama::Template;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use fieldproof_client_core::Imported;
use fieldproof_presentation::page::{Page, answer};
use fieldproof_presentation::texts;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::limits::EVIDENCE_BYTES_MAX;
use tempfile::TempPath;

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/packages",
        // Streamed, with a bound of its own.
        answer: || get(ask_import).post(import).layer(DefaultBodyLimit::disable()),
    },
    Route { path: "/inspections/{id}/package", answer: || get(ask_export).post(export) },
];

#[derive(Template)]
#[template(path = "package/export.html")]
struct ExportPage {
    p: Page,
    id: InspectionId,
    entity: String,
    /// Originals that are on this terminal.
    here: usize,
    /// Their size.
    size_bytes: u64,
    /// Originals that are not.
    missing: usize,
}

async fn ask_export(ask: Ask, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id: InspectionId = parse("inspection", &id)?;
    let detail = ask.app().read(move |client| client.inspection(id)).await?;
    let (here, missing): (Vec<_>, Vec<_>) =
        detail.evidence.iter().filter(|item| item.listed).partition(|item| item.here);
    let sizes = here.iter().filter_map(|item| item.register.as_ref()).map(|register| register.size_bytes);
    let page = ExportPage {
        p: ask.p.clone(),
        id,
        entity: detail.view.identity.entity.name.clone(),
        here: here.len(),
        size_bytes: sizes.sum(),
        missing: missing.len(),
    };
    Ok(ask.show(&page))
}

async fn export(ask: Ask, Path(id): Path<String>, Posted(fields): Posted) -> Result<Response, ApiError> {
    let id: InspectionId = parse("inspection", &id)?;
    let originals = fields.get("originals") == "1";
    body_of(ask.app(), id, originals).await
}

#[derive(Template)]
#[template(path = "package/import.html")]
struct ImportPage {
    p: Page,
    taken: Option<Taken>,
    fault: Option<String>,
}

/// What came out of a package.
struct Taken {
    entity: String,
    imported: Imported,
}

fn counts(p: &Page, imported: &Imported) -> String {
    let counts = [imported.changes, imported.entries, imported.originals].map(|count| count.to_string());
    let [changes, entries, originals] = counts.each_ref().map(String::as_str);
    let counts = [("changes", changes), ("entries", entries), ("originals", originals)];
    texts::text(p.language, "terminal.package.taken", &counts)
}

impl Taken {
    fn is_nothing(&self) -> bool {
        self.imported.changes + self.imported.entries + self.imported.originals == 0
    }
}

async fn ask_import(ask: Ask) -> Result<Response, ApiError> {
    Ok(ask.show(&ImportPage { p: ask.p.clone(), taken: None, fault: None }))
}

async fn import(ask: Ask, request: Request) -> Result<Response, ApiError> {
    let taken = match receive(&ask, request).await {
        Ok(Some(file)) => take(&ask, file).await,
        Ok(None) => Err(ApiError::field("file", "missing")),
        Err(error) => Err(error),
    };
    let (status, taken, fault) = match taken {
        Ok(taken) => (StatusCode::OK, Some(taken), None),
        Err(error) => {
            let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::CONFLICT);
            let said = error.body().message.get(ask.p.lang()).cloned().unwrap_or_default();
            (status, None, Some(said))
        }
    };
    Ok(answer(status, &ImportPage { p: ask.p.clone(), taken, fault }))
}

async fn take(ask: &Ask, file: TempPath) -> Result<Taken, ApiError> {
    let act = move |client: &fieldproof_client_core::Client| {
        let imported = client.import_package(&file)?;
        let entity = client.inspection(imported.inspection)?.view.identity.entity.name.clone();
        Ok(Taken { entity, imported })
    };
    ask.app().act(act).await
}

/// The file of the form; an empty choice is none.
async fn receive(ask: &Ask, request: Request) -> Result<Option<TempPath>, ApiError> {
    let cut = |error: &MultipartError| ApiError::malformed(error.body_text());
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| ApiError::malformed(error.body_text()))?;
    while let Some(mut field) = form.next_field().await.map_err(|error| cut(&error))? {
        if field.file_name().is_none_or(str::is_empty) {
            continue;
        }
        let mut arriving = Arriving::new(ask.app().incoming(), EVIDENCE_BYTES_MAX)?;
        while let Some(piece) = field.chunk().await.map_err(|error| cut(&error))? {
            arriving.take(&piece).await?;
        }
        return Ok(Some(arriving.whole().await?.0));
    }
    Ok(None)
}
