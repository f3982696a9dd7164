//! Errors at the edge: one envelope for requests, one for commands, stable codes, texts from the catalogues.
//!
//! What failed inside is logged once, here; what leaves is a code of `schema::wire::error`, a sentence per language that
//! says what to do, and details that belong to the code.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fieldproof_client_core::{ClientError, TransportError};
use fieldproof_presentation::texts;
use fieldproof_schema::wire::error::{ErrorBody, ErrorCode};
use serde_json::{Value, json};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// What a request is answered with when it fails.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request itself cannot be served.
    #[error("{}", code.as_str())]
    Refused {
        /// The stable code.
        code: ErrorCode,
        /// Facts that belong to it; null where there are none.
        details: Value,
    },
    /// The act was not done.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file of the service itself failed.
    #[error("{what} failed")]
    File {
        /// Which.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A thread that did the work broke.
    #[error("the work was cut off")]
    Broken(#[from] tokio::task::JoinError),
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused { code, details: Value::Null }
    }
}

impl ApiError {
    /// A field with a value that it cannot have.
    pub fn field(name: &str, why: impl std::fmt::Display) -> Self {
        Self::Refused {
            code: ErrorCode::FieldInvalid,
            details: json!({"field": name, "why": why.to_string()}),
        }
    }

    /// A body that cannot be read.
    pub fn malformed(why: impl std::fmt::Display) -> Self {
        Self::Refused { code: ErrorCode::BodyMalformed, details: json!({"why": why.to_string()}) }
    }

    /// After how many seconds to return, where the server said so.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Client(error) => error.retry_after_seconds(),
            Self::Refused { .. } | Self::File { .. } | Self::Broken(_) => None,
        }
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Client(error) => error.code(),
            Self::File { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::ReadOnlyFilesystem => ErrorCode::StorageFull,
                _ => ErrorCode::Internal,
            },
            Self::Broken(_) => ErrorCode::Internal,
        }
    }

    /// Facts that belong to the code.
    pub fn details(&self) -> Value {
        match self {
            Self::Refused { details, .. } => details.clone(),
            Self::Client(error) => error.details(),
            Self::File { .. } | Self::Broken(_) => Value::Null,
        }
    }

    /// The envelope.
    pub fn body(&self) -> ErrorBody {
        envelope(self.code(), self.details())
    }

    /// The envelope of an act that was not done.
    pub fn body_of(error: &ClientError) -> ErrorBody {
        envelope(error.code(), error.details())
    }
}

fn envelope(code: ErrorCode, details: Value) -> ErrorBody {
    ErrorBody { code: code.as_str().to_owned(), message: texts::error_messages(code), details }
}

/// What failed, kept with the answer for whoever shows it in another form.
#[derive(Debug, Clone)]
pub(crate) struct Failed(pub(crate) Arc<ErrorBody>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.code();
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if matches!(code, ErrorCode::Internal | ErrorCode::StorageFull) {
            tracing::error!(error.code = code.as_str(), error.cause = chain(&self), "a request failed");
        }
        let body = self.body();
        let retry_after = body.details.get("retry_after_seconds").and_then(Value::as_u64);
        let mut response = (status, axum::Json(&body)).into_response();
        // Pages say the same in their own form.
        response.extensions_mut().insert(Failed(Arc::new(body)));
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The act was not done.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The address of the server cannot be used.
    #[error("the address of the server cannot be used")]
    Server(#[source] TransportError),
    /// No terminal lives there.
    #[error("{} is not the data directory of a terminal", .0.display())]
    NoData(PathBuf),
    /// The service is for this machine alone.
    #[error("{0} can be reached from other machines")]
    NotLoopback(SocketAddr),
    /// The address is taken or cannot be listened on.
    #[error("listening on {address} failed")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file or stream failed.
    #[error("{what} failed")]
    File {
        /// Which.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Client(error) => error.into(),
            StartError::File { what, source } => Self::File { what, source },
            other => other.code().into(),
        }
    }
}

impl StartError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Client(error) => error.code(),
            Self::Server(_) | Self::NotLoopback(_) => ErrorCode::FieldInvalid,
            Self::NoData(_) => ErrorCode::NotEnrolled,
            Self::Listen { .. } | Self::File { .. } => ErrorCode::Internal,
        }
    }
}

/// An error and what caused it, in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // A transparent error repeats what it wraps.
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
