//! A package on its way in lies on the disk, not in memory: it may be longer than memory is.

use crate::app::{App, blocking};
use crate::blobs;
use crate::error::ApiError;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use fieldproof_schema::package::{PackageError, Reading};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use futures::{Stream, StreamExt};
use std::fs::File;
use std::io::{BufReader, Seek};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// How long a body may stall: a place is not held for ever by a link that broke without a word.
const STALL: Duration = Duration::from_secs(60);

/// How long, and how many bytes of, a refused body are read on.
const DRAIN: Duration = Duration::from_secs(30);
const DRAIN_BYTES: usize = 256 * 1024 * 1024;

/// A file that somebody handed in. It has no name, and is gone when this is dropped.
#[derive(Debug)]
pub struct HandedIn {
    file: File,
    /// Of its bytes.
    pub digest: Digest,
    /// How many they are.
    pub size_bytes: u64,
    _place: OwnedSemaphorePermit,
}

impl HandedIn {
    /// Opens it as a package. It reads the disk: call it away from the threads that serve.
    pub(super) fn open(&self) -> Result<Reading<BufReader<File>>, PackageError> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Reading::open(BufReader::new(file))
    }
}

/// Keeps what comes, within the bound.
///
/// # Errors
/// [`ErrorCode::PackageTooLarge`], [`ErrorCode::BodyMalformed`] when it was cut off, [`ErrorCode::Busy`],
/// [`ErrorCode::StorageFull`].
pub async fn keep<S, E>(app: &App, mut pieces: S) -> Result<HandedIn, ApiError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let kept = keep_pieces(app, &mut pieces).await;
    if kept.is_err() {
        drain(pieces).await;
    }
    kept
}

/// Reads on, within bounds, and throws away. An answer that overtakes its body is lost when the connection is closed on bytes
/// that nobody read: a browser would not show why the file was refused.
pub async fn drain<S, E>(mut pieces: S)
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let all = async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(piece)) = pieces.next().await
            && left > 0
        {
            left = left.saturating_sub(piece.len());
        }
    };
    // Whatever comes of it, the answer is the same.
    let _ = timeout(DRAIN, all).await;
}

async fn keep_pieces<S, E>(app: &App, pieces: &mut S) -> Result<HandedIn, ApiError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let place = app.packages.enter()?;
    let most = app.quota.bounds().package;
    let store = app.blobs.clone();
    let mut file = tokio::fs::File::from_std(blocking(move || store.temporary()).await??);
    let (mut hash, mut size_bytes) = (Digest::stream(), 0_u64);
    while let Some(piece) = timeout(STALL, pieces.next()).await.map_err(|_| ErrorCode::BodyMalformed)? {
        let piece = piece.map_err(|_| ErrorCode::BodyMalformed)?;
        size_bytes = size_bytes.saturating_add(piece.len() as u64);
        if size_bytes > most {
            return Err(ErrorCode::PackageTooLarge.into());
        }
        hash.update(&piece);
        file.write_all(&piece).await.map_err(blobs::storage)?;
    }
    file.flush().await.map_err(blobs::storage)?;
    Ok(HandedIn { file: file.into_std().await, digest: hash.finish(), size_bytes, _place: place })
}

/// Keeps a whole body; nothing of one that says that it is too long.
///
/// # Errors
/// As [`keep`].
pub async fn keep_body(app: &App, headers: &HeaderMap, body: Body) -> Result<HandedIn, ApiError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > app.quota.bounds().package) {
        drain(body.into_data_stream()).await;
        return Err(ErrorCode::PackageTooLarge.into());
    }
    keep(app, body.into_data_stream()).await
}
