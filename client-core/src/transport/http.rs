//! Requests over HTTP/1.1, with TLS by rustls.

use super::{
    Answering, Method, Opened, Opening, Piece, Pieces, Transport, TransportError, WireRequest, WireResponse,
};
use bytes::BytesMut;
use fieldproof_schema::limits::SYNC_BODY_BYTES_MAX;
use fieldproof_schema::wire::events::EVENTS_MEDIA_TYPE;
use std::time::Duration;

/// How long to wait. There is no bound on a whole request: a weak link may carry one for minutes while it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub read: Duration,
}

impl Default for Timeouts {
    /// A 3G link stalls for up to half a minute and goes on.
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), read: Duration::from_secs(60) }
    }
}

/// A server behind a base address.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    base: String,
    client: reqwest::Client,
}

impl HttpTransport {
    /// For the server at `base_url` (`https://…` or, on the same machine, `http://…`); connects at the first call.
    pub fn new(base_url: &str, timeouts: Timeouts) -> Result<Self, TransportError> {
        let parsed =
            reqwest::Url::parse(base_url).map_err(|e| TransportError::Misconfigured(e.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(TransportError::Misconfigured(format!("{base_url} is neither http nor https")));
        }
        // Fails when another part of the process has chosen a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            // As docs/PROTOCOL.md says, whatever the crates that are built along can do.
            .http1_only()
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| TransportError::Misconfigured(e.to_string()))?;
        Ok(Self { base: base_url.trim_end_matches('/').to_owned(), client })
    }

    async fn send(&self, request: WireRequest) -> Result<reqwest::Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut call = self.client.request(method, format!("{}{}", self.base, request.path));
        for (name, value) in request.headers {
            call = call.header(name, value);
        }
        call.body(request.body).send().await.map_err(sending)
    }

    async fn exchange(&self, request: WireRequest) -> Result<WireResponse, TransportError> {
        Self::whole(self.send(request).await?).await
    }

    async fn begin(&self, request: WireRequest) -> Result<Opened, TransportError> {
        let response = self.send(request).await?;
        let is_stream = response.headers().get("content-type").is_some_and(|kind| kind == EVENTS_MEDIA_TYPE);
        if response.status().as_u16() == 200 && is_stream {
            return Ok(Opened::Stream(Box::new(HttpPieces(response))));
        }
        Ok(Opened::Answer(Self::whole(response).await?))
    }

    async fn whole(mut response: reqwest::Response) -> Result<WireResponse, TransportError> {
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let mut body = BytesMut::new();
        while let Some(piece) =
            response.chunk().await.map_err(|e| TransportError::Cut { source: e.into() })?
        {
            if body.len() + piece.len() > SYNC_BODY_BYTES_MAX {
                return Err(TransportError::TooLarge { max_bytes: SYNC_BODY_BYTES_MAX });
            }
            body.extend_from_slice(&piece);
        }
        Ok(WireResponse { status, headers, body: body.freeze() })
    }
}

fn sending(error: reqwest::Error) -> TransportError {
    if error.is_builder() {
        TransportError::Misconfigured(error.to_string())
    } else if error.is_connect() {
        TransportError::Unreachable { source: error.into() }
    } else {
        TransportError::Cut { source: error.into() }
    }
}

struct HttpPieces(reqwest::Response);

impl Pieces for HttpPieces {
    fn next(&mut self) -> Piece<'_> {
        Box::pin(async { self.0.chunk().await.map_err(|e| TransportError::Cut { source: e.into() }) })
    }
}

impl Transport for HttpTransport {
    fn open(&self, request: WireRequest) -> Option<Opening<'_>> {
        Some(Box::pin(self.begin(request)))
    }

    fn call(&self, request: WireRequest) -> Answering<'_> {
        Box::pin(self.exchange(request))
    }
}

#[cfg(test)]
mod tests;
