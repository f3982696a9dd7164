//! How requests reach the server: one call, one answer, nothing remembered.
//!
//! What is asked and what an answer means is the sync engine's business.

mod http;

pub use http::{HttpTransport, Timeouts};

use bytes::Bytes;
use std::pin::Pin;

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PATCH.
    Patch,
}

/// A request to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireRequest {
    /// The method.
    pub method: Method,
    /// The path, from the leading slash, for instance `/api/v1/sync`.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; may be empty.
    pub body: Bytes,
}

/// The server's answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireResponse {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; may be empty.
    pub body: Bytes,
}

impl WireResponse {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Why no answer came. Whether the server did what was asked is not known, unless it was unreachable.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection.
    #[error("the server cannot be reached")]
    Unreachable {
        /// What the network said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection ended or stalled before the answer was whole.
    #[error("the connection was cut before the answer was whole")]
    Cut {
        /// What the network said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is larger than any that the protocol knows.
    #[error("the answer is larger than {max_bytes} bytes")]
    TooLarge {
        /// The bound.
        max_bytes: usize,
    },
    /// The address or the TLS setting cannot work.
    #[error("the connection is set up wrongly: {0}")]
    Misconfigured(String),
}

/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<WireResponse, TransportError>> + Send + 'a>>;

/// What came of asking for a stream.
pub enum Opened {
    /// A stream of events.
    Stream(Box<dyn Pieces>),
    /// Anything else, read to its end.
    Answer(WireResponse),
}

/// A stream on its way.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<Opened, TransportError>> + Send + 'a>>;
/// A piece of a stream on its way; none at its end.
pub type Piece<'a> = Pin<Box<dyn Future<Output = Result<Option<Bytes>, TransportError>> + Send + 'a>>;

/// A stream of bytes, cut anywhere.
pub trait Pieces: Send {
    /// The next piece.
    fn next(&mut self) -> Piece<'_>;
}

/// Something that carries requests: HTTP here, a simulated network in tests.
pub trait Transport: Send + Sync {
    /// Sends the request and reads the whole answer. Never follows a redirect.
    fn call(&self, request: WireRequest) -> Answering<'_>;

    /// Sends the request and reads the answer piece by piece when it is a stream of events; none where this cannot be done.
    fn open(&self, _request: WireRequest) -> Option<Opening<'_>> {
        None
    }
}
