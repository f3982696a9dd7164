//! Keeps the loopback service to the terminal's own page: secret, `Host`, `Origin`.
//!
//! Every app on the machine and every web page in its browsers can reach a loopback port. Other apps do not have the
//! secret; foreign pages are told apart by `Origin` and `Sec-Fetch-Site`; a name that was made to point here (DNS
//! rebinding) by `Host`. No header ever allows another origin to read an answer.
//!
//! Pages carry the secret as the first part of their address, not in a cookie: cookies are shared by all ports of the
//! loopback address, so that any app to whose port the browser is lured would be handed it. No page tells its address to
//! another (`Referrer-Policy`), and the next start has another secret.

use crate::error::ApiError;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Uri};
use axum::middleware::Next;
use axum::response::Response;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use std::net::SocketAddr;
use std::sync::Arc;

/// The one address that answers without the secret; it says only that somebody listens.
pub const HEALTH: &str = "/api/v1/healthz";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A secret for one start of the service: 32 random bytes in hex.
pub fn draw_secret(host: &dyn Host) -> String {
    hex::encode(random::<32>(host))
}

/// Who may ask.
#[derive(Clone)]
pub struct Guard(Arc<Rules>);

struct Rules {
    /// What `Host` may say.
    hosts: [String; 2],
    /// Only hashes are compared: how long the comparison takes says nothing about a secret. In the addresses of pages, and for programs.
    secret: Digest,
    bearer: Digest,
    /// The beginning of the addresses of pages.
    root: String,
}

impl Guard {
    /// For a service that listens on `address` and was started with `secret`.
    pub fn new(address: SocketAddr, secret: &str) -> Self {
        Self::with_bearer(address, secret, secret)
    }

    /// The same with another secret for programs, where pages tell others their address.
    pub fn with_bearer(address: SocketAddr, secret: &str, bearer: &str) -> Self {
        let hosts = [address.to_string(), format!("localhost:{}", address.port())];
        let [in_address, bearer] = [secret, bearer].map(|secret| Digest::of(secret.as_bytes()));
        Self(Arc::new(Rules { hosts, secret: in_address, bearer, root: format!("/{secret}") }))
    }

    /// What stands before the address of every page: a slash and the secret.
    pub fn root(&self) -> &str {
        &self.0.root
    }

    /// Decides about a request by its address and headers.
    pub fn judge(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ErrorCode> {
        let host = only(headers, &HOST).ok_or(ErrorCode::ForeignOrigin)?;
        if !self.0.hosts.iter().any(|own| own == host) {
            return Err(ErrorCode::ForeignOrigin);
        }
        if uri.authority().is_some_and(|authority| authority.as_str() != host) {
            return Err(ErrorCode::ForeignOrigin);
        }
        let own_origin = format!("http://{host}");
        if headers.get_all(ORIGIN).iter().any(|origin| origin.as_bytes() != own_origin.as_bytes()) {
            return Err(ErrorCode::ForeignOrigin);
        }
        let own_site = |site: &[u8]| site == b"same-origin" || site == b"none";
        if headers.get_all(FETCH_SITE).iter().any(|site| !own_site(site.as_bytes())) {
            return Err(ErrorCode::ForeignOrigin);
        }
        if uri.path() == HEALTH {
            return Ok(());
        }
        let in_address = uri.path().split('/').nth(1);
        let in_header = only(headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let knows = |given: Option<&str>, secret: Digest| {
            given.is_some_and(|given| Digest::of(given.as_bytes()) == secret)
        };
        let may = knows(in_address, self.0.secret) | knows(in_header, self.0.bearer);
        if may { Ok(()) } else { Err(ErrorCode::ForeignOrigin) }
    }
}

/// The value of a header that stands exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Refuses what the guard refuses, before anything else looks at the request.
pub async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Result<Response, ApiError> {
    guard.judge(request.uri(), request.headers())?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests;
