//! Errors at the edge: one envelope, stable codes, texts from the catalogues.
//!
//! A handler returns [`ApiError`]. What failed inside is logged once, here; what leaves is a
//! code of `schema::wire::error`, a sentence per language that says what to do, and details that belong to the code.

use crate::db::DbError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fieldproof_presentation::texts;
use fieldproof_schema::wire::error::{ErrorBody, ErrorCode};
use serde_json::{Value, json};
use std::error::Error;
use std::sync::Arc;

/// What a request is answered with when it fails.
#[derive(Debug)]
pub struct ApiError {
    /// The stable code.
    pub code: ErrorCode,
    /// Facts that belong to the code; null when there are none.
    pub details: Value,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error that the asker can do something about.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, details: Value::Null, cause: None }
    }

    /// Adds facts.
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// A field with a value that it cannot have.
    pub fn field(name: &str, why: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::FieldInvalid).with(json!({"field": name, "why": why.to_string()}))
    }

    /// Something failed that should not have.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code: ErrorCode::Internal, details: Value::Null, cause: Some(cause.into()) }
    }

    /// Something that this server needs does not answer, or not as it should.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code: ErrorCode::Unavailable, details: Value::Null, cause: Some(cause.into()) }
    }

    /// The envelope.
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            code: self.code.as_str().to_owned(),
            message: texts::error_messages(self.code),
            details: self.details.clone(),
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code.as_str())?;
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        if !self.details.is_null() {
            write!(f, " {}", self.details)?;
        }
        Ok(())
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause.as_ref() as &(dyn Error + 'static))
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        let code = match &error {
            DbError::Unavailable(_) | DbError::Busy(_) | DbError::OutcomeUnknown(_) | DbError::Closed => {
                ErrorCode::Unavailable
            }
            DbError::StorageFull(_) => ErrorCode::StorageFull,
            DbError::NulInText { .. } => ErrorCode::FieldInvalid,
            _ => ErrorCode::Internal,
        };
        Self { code, details: Value::Null, cause: Some(Box::new(error)) }
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(error)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

/// What failed, kept with the answer for whoever shows it in another form.
#[derive(Debug, Clone)]
pub(crate) struct Failed(pub(crate) Arc<ErrorBody>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            let chain = chain(cause.as_ref());
            tracing::error!(error.code = self.code.as_str(), error.cause = chain, "a request failed");
        }
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = self.body();
        let mut response = (status, axum::Json(&body)).into_response();
        // Pages say the same in their own form.
        response.extensions_mut().insert(Failed(Arc::new(body)));
        if let Some(seconds) = self.details.get("retry_after_seconds").and_then(Value::as_i64)
            && let Ok(value) = HeaderValue::from_str(&seconds.to_string())
        {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// An error and what caused it, in one line for the log.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
