//! Originals as answers: decrypted as they are sent, whole or in part.

use crate::error::ApiError;
use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fieldproof_client_core::{EvidenceBytes, EvidenceFile};
use futures::stream::try_unfold;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;
use tokio::task::spawn_blocking;

/// Bytes that are read at once.
const PIECE_BYTES: u64 = 256 * 1024;

/// An original, or the part of it that was asked for. Of several parts none is given: then it is all of it.
pub(crate) async fn serve(found: EvidenceFile, asked: &HeaderMap) -> Result<Response, ApiError> {
    let failed = |source: io::Error| ApiError::File { what: "reading a capture", source };
    let mut bytes = found.bytes;
    let length = bytes.length().map_err(failed)?;
    let part = match part(asked, length) {
        Ok(part) => part,
        Err(Unsatisfiable) => {
            let range = [(CONTENT_RANGE, format!("bytes */{length}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
    };
    let (status, from, count) = match &part {
        Some(part) => (StatusCode::PARTIAL_CONTENT, *part.start(), part.end() - part.start() + 1),
        None => (StatusCode::OK, 0, length),
    };
    bytes.seek(SeekFrom::Start(from)).map_err(failed)?;
    let pieces = try_unfold((bytes, count), |(bytes, left)| async move {
        if left == 0 {
            Ok(None)
        } else {
            spawn_blocking(move || next(bytes, left)).await.map_err(io::Error::other)?
        }
    });
    let sized = [(ACCEPT_RANGES, "bytes".to_owned()), (CONTENT_LENGTH, count.to_string())];
    let mut response = (status, sized, Body::from_stream(pieces)).into_response();
    if let Some(part) = part {
        let range = format!("bytes {}-{}/{length}", part.start(), part.end());
        response.headers_mut().insert(CONTENT_RANGE, range.parse().map_err(ApiError::malformed)?);
    }
    Ok(response)
}

type Next = Option<(Bytes, (EvidenceBytes, u64))>;

fn next(mut bytes: EvidenceBytes, left: u64) -> io::Result<Next> {
    let mut piece = Vec::new();
    let read = bytes.by_ref().take(left.min(PIECE_BYTES)).read_to_end(&mut piece)? as u64;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some((piece.into(), (bytes, left - read))))
}

/// There is nothing where somebody asked for a part.
#[derive(Debug, PartialEq, Eq)]
struct Unsatisfiable;

/// Which part was asked for, if one was. What is no range is as if it had not been said (RFC 9110, 14.2).
fn part(asked: &HeaderMap, length: u64) -> Result<Option<RangeInclusive<u64>>, Unsatisfiable> {
    let range = asked.get(RANGE).and_then(|range| range.to_str().ok());
    let Some(parsed) = range.and_then(|range| http_range_header::parse_range_header(range).ok()) else {
        return Ok(None);
    };
    match parsed.validate(length).map_err(|_| Unsatisfiable)?.as_slice() {
        [one] => Ok(Some(one.clone())),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_was_asked_for_and_nothing_beyond_the_end() {
        let asked = |range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().unwrap());
            part(&headers, 100)
        };
        assert_eq!(part(&HeaderMap::new(), 100), Ok(None));
        for (range, expected) in [
            ("bytes=0-9", Ok(Some(0..=9))),
            ("bytes=90-", Ok(Some(90..=99))),
            ("bytes=-10", Ok(Some(90..=99))),
            ("bytes=90-200", Ok(Some(90..=99))),
            ("bytes=0-9,20-29", Ok(None)),
            ("bytes=100-", Err(Unsatisfiable)),
            ("lines=1-2", Ok(None)),
            ("bytes=9-0", Err(Unsatisfiable)),
            ("bytes=a-b", Ok(None)),
        ] {
            assert_eq!(asked(range), expected, "{range}");
        }
    }
}
