//! Single calls: addresses, JSON, and what the server's errors mean here.

use crate::error::ClientError;
use crate::transport::{Method, Transport, TransportError, WireRequest, WireResponse};
use bytes::Bytes;
use fieldproof_schema::wire::error::{ErrorBody, ErrorCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Where a device enrols.
pub(crate) const ENROL: &str = "/api/v1/enrolment";
/// Where a device asks for something to sign.
pub(crate) const CHALLENGE: &str = "/api/v1/device/challenge";
/// Where a device opens a session.
pub(crate) const SESSION: &str = "/api/v1/device/session";
/// Where a device says who it is to a server that was restored.
pub(crate) const READMISSION: &str = "/api/v1/device/readmission";
/// Where a device says with what shares are sealed for it, and learns who keeps those of its own key.
pub(crate) const CUSTODY: &str = "/api/v1/device/custody";
/// Where a custodian says whom she is about to help.
pub(crate) const HELP: &str = "/api/v1/device/help";
/// Where a device registers a new key of its officer.
pub(crate) const OFFICER_KEY: &str = "/api/v1/device/officer-key";
/// The sync service.
pub(crate) const SYNC: &str = "/api/v1/sync";
/// Captures, by digest.
pub(crate) const EVIDENCE: &str = "/api/v1/evidence/";

impl From<TransportError> for ClientError {
    fn from(source: TransportError) -> Self {
        match source {
            TransportError::TooLarge { .. } => Self::ServerStrange { what: source.to_string() },
            TransportError::Unreachable { .. }
            | TransportError::Cut { .. }
            | TransportError::Misconfigured(_) => Self::Offline { source },
        }
    }
}

/// Sends a JSON body and reads a JSON answer.
pub(crate) async fn json<T: DeserializeOwned>(
    transport: &dyn Transport,
    path: &str,
    body: &impl Serialize,
) -> Result<T, ClientError> {
    let response = done(transport, path, body).await?;
    serde_json::from_slice(&response.body)
        .map_err(|_| ClientError::ServerStrange { what: format!("the answer of {path} cannot be read") })
}

/// Sends a JSON body; the answer says that it was taken.
pub(crate) async fn done(
    transport: &dyn Transport,
    path: &str,
    body: &impl Serialize,
) -> Result<WireResponse, ClientError> {
    succeeded(transport.call(post(path, body)).await?)
}

/// A request with a JSON body.
pub(crate) fn post(path: &str, body: &impl Serialize) -> WireRequest {
    let body = serde_json::to_vec(body).expect("wire messages are plain data with text keys");
    WireRequest {
        method: Method::Post,
        path: path.to_owned(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        body: Bytes::from(body),
    }
}

/// The answer of a call that succeeded; otherwise what the server said about it.
///
/// A portal or a proxy answers with pages of its own: what is not in the product's one error form is not our server. Two
/// things are understood from anybody on the way: that a body is too large for it, and when to return.
pub(crate) fn succeeded(response: WireResponse) -> Result<WireResponse, ClientError> {
    if (200..300).contains(&response.status) {
        return Ok(response);
    }
    match serde_json::from_slice::<ErrorBody>(&response.body) {
        Ok(ErrorBody { code, mut details, .. }) => {
            if let Some(seconds) = retry_after(&response).filter(|_| details.is_null()) {
                details = json!({"retry_after_seconds": seconds});
            }
            Err(ClientError::Refused { code, details })
        }
        Err(_) if response.status == ErrorCode::BodyTooLarge.status() => {
            Err(refused(ErrorCode::BodyTooLarge))
        }
        Err(_) if let Some(seconds) = retry_after(&response) => {
            let (code, details) = (ErrorCode::Busy.as_str(), json!({"retry_after_seconds": seconds}));
            Err(ClientError::Refused { code: code.to_owned(), details })
        }
        Err(_) => Err(ClientError::ServerStrange { what: format!("status {}", response.status) }),
    }
}

fn refused(code: ErrorCode) -> ClientError {
    ClientError::Refused { code: code.as_str().to_owned(), details: Value::Null }
}

/// After how many seconds to return, where a server or a proxy that is overloaded says so. Dates are not understood.
fn retry_after(response: &WireResponse) -> Option<u64> {
    if !matches!(response.status, 429 | 503) {
        return None;
    }
    response.header("retry-after")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &'static str) -> WireResponse {
        WireResponse { status, headers: vec![], body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn what_anybody_on_the_way_says_about_size_and_time_is_understood() {
        let said = |status, body, after: Option<&str>| {
            let mut response = response(status, body);
            response.headers.extend(after.map(|after| ("retry-after".to_owned(), after.to_owned())));
            succeeded(response).unwrap_err()
        };
        let page = "<html><center>nginx</center></html>";
        assert_eq!(said(413, page, None).code(), ErrorCode::BodyTooLarge);
        let busy = r#"{"code":"busy","message":{},"details":{"retry_after_seconds":7}}"#;
        let bare = r#"{"code":"unavailable","message":{}}"#;
        for (status, body, after, code, seconds) in [
            (503, busy, Some("9"), ErrorCode::Busy, Some(7)),
            (503, bare, Some("9"), ErrorCode::Unavailable, Some(9)),
            (503, page, Some(" 120 "), ErrorCode::Busy, Some(120)),
            (429, page, Some("86400000"), ErrorCode::Busy, Some(3600)),
            (503, page, Some("Wed, 21 Oct 2026 07:28:00 GMT"), ErrorCode::ServerStrange, None),
            (503, page, None, ErrorCode::ServerStrange, None),
            (302, page, Some("5"), ErrorCode::ServerStrange, None),
        ] {
            let error = said(status, body, after);
            assert_eq!((error.code(), error.retry_after_seconds()), (code, seconds), "{status} {after:?}");
        }
    }

    #[test]
    fn the_servers_errors_are_told_from_a_portals_pages() {
        let refused = succeeded(response(403, r#"{"code":"device_revoked","message":{}}"#)).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::DeviceRevoked);
        let later =
            succeeded(response(418, r#"{"code":"teapot","message":{},"details":{"a":1}}"#)).unwrap_err();
        assert_eq!(later.code(), ErrorCode::ServerStrange);
        assert_eq!(later.details()["code"], "teapot");
        for (status, body) in [(302, ""), (407, "<html>"), (500, "oops"), (511, "{}")] {
            let error = succeeded(response(status, body)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::ServerStrange, "{status}");
        }
    }
}
