//! Files that a form brings, beside its fields (`multipart/form-data`).
//!
//! Small ones are read into memory. A package lies on the disk, and is read only once it is known who sends it.

use crate::app::App;
use crate::error::ApiError;
use crate::packages::{self, HandedIn};
use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use fieldproof_presentation::fields::Fields;
use fieldproof_schema::wire::error::ErrorCode;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// Fields before a package: its form has a token and nothing else.
const FIELDS_MAX: usize = 8;
/// Bytes of one of them.
const FIELD_BYTES_MAX: usize = 4096;

/// The files of a form by field; a field without a chosen file is absent.
#[derive(Clone, Default)]
pub(crate) struct Files {
    small: Vec<(String, Bytes)>,
    /// The one that lies on the disk, or why it does not.
    spooled: Arc<Mutex<Option<Result<HandedIn, ApiError>>>>,
}

impl Files {
    /// The one that lies on the disk, or why it does not.
    pub(crate) fn into_spooled(self) -> Option<Result<HandedIn, ApiError>> {
        self.spooled.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The file under a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Bytes> {
        self.small.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Files {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Whether a form brings files.
pub(super) fn is_upload(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}

/// Reads such a form.
pub(super) async fn read(request: Request) -> Result<(Fields, Files), ApiError> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| ErrorCode::BodyMalformed)?;
    let (mut fields, mut files) = (Vec::new(), Files::default());
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some();
        let chosen = field.file_name().is_some_and(|name| !name.is_empty());
        let bytes = field.bytes().await.map_err(|error| broken(&error))?;
        if chosen {
            files.small.push((name, bytes));
        } else if !is_file {
            let text = String::from_utf8(bytes.into()).map_err(|_| ErrorCode::BodyMalformed)?;
            fields.push((name, text.replace("\r\n", "\n")));
        }
    }
    Ok((fields.into_iter().collect(), files))
}

/// Reads a form whose last field is a package, which is kept when `is_ours` says so of the fields before it. Otherwise its bytes
/// are left where they are.
pub(super) async fn spool(
    app: &App,
    mut request: Request,
    is_ours: impl Fn(&Fields) -> bool,
) -> Result<(Fields, Files), ApiError> {
    // The file has a bound of its own; fields are bounded as those of every other form.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| ErrorCode::BodyMalformed)?;
    let mut fields: Vec<(String, String)> = Vec::new();
    while let Some(mut field) = form.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        if let Some(file) = field.file_name() {
            let (is_chosen, fields) = (!file.is_empty(), fields.into_iter().collect());
            let kept = match is_chosen && is_ours(&fields) {
                true => Some(packages::keep(app, &mut field).await),
                false => {
                    packages::drain(&mut field).await;
                    None
                }
            };
            return Ok((fields, Files { spooled: Arc::new(Mutex::new(kept)), ..Files::default() }));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
            if bytes.len() + piece.len() > FIELD_BYTES_MAX {
                return Err(ErrorCode::BodyTooLarge.into());
            }
            bytes.extend_from_slice(&piece);
        }
        if fields.len() >= FIELDS_MAX {
            return Err(ErrorCode::BodyTooLarge.into());
        }
        let text = String::from_utf8(bytes).map_err(|_| ErrorCode::BodyMalformed)?;
        fields.push((name, text));
    }
    Ok((fields.into_iter().collect(), Files::default()))
}

fn broken(error: &MultipartError) -> ApiError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge.into(),
        _ => ErrorCode::BodyMalformed.into(),
    }
}
