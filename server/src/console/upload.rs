//! Files that a form brings, beside its fields (`multipart/form-data`).

use crate::error::ApiError;
use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use fieldproof_presentation::fields::Fields;
use fieldproof_schema::wire::error::ErrorCode;
use std::convert::Infallible;

/// The files of a form by field; a field without a chosen file is absent.
#[derive(Clone, Default)]
pub(crate) struct Files(Vec<(String, Bytes)>);

impl Files {
    /// The file under a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes)
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
            files.0.push((name, bytes));
        } else if !is_file {
            let text = String::from_utf8(bytes.into()).map_err(|_| ErrorCode::BodyMalformed)?;
            fields.push((name, text.replace("\r\n", "\n")));
        }
    }
    Ok((fields.into_iter().collect(), files))
}

fn broken(error: &MultipartError) -> ApiError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge.into(),
        _ => ErrorCode::BodyMalformed.into(),
    }
}
