//! Packages on their way in: a bounded body becomes a file that vanishes unless it is taken in.

use crate::error::ApiError;
use axum::body::Body;
use fieldproof_schema::wire::error::ErrorCode;
use http_body_util::BodyExt;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

/// Makes the directory for uploads in the data directory `data`, without what a kill left in it: nobody was ever told
/// that those were kept.
pub fn prepare(data: &Path) -> io::Result<PathBuf> {
    let dir = data.join("incoming");
    match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => std::fs::create_dir_all(&dir)?,
    }
    Ok(dir)
}

/// An upload that is being received into a file. The file goes away with the value.
pub struct Arriving {
    file: tokio::fs::File,
    path: TempPath,
    size_bytes: u64,
    max_bytes: u64,
}

impl Arriving {
    /// A file in `dir` for at most `max_bytes`.
    pub fn new(dir: &Path, max_bytes: u64) -> Result<Self, ApiError> {
        let (file, path) = tempfile::NamedTempFile::new_in(dir).map_err(failed)?.into_parts();
        Ok(Self { file: tokio::fs::File::from_std(file), path, size_bytes: 0, max_bytes })
    }

    /// Writes the next piece. More than the bound is refused (`evidence_too_large`) as soon as it shows.
    pub async fn take(&mut self, piece: &[u8]) -> Result<(), ApiError> {
        self.size_bytes += piece.len() as u64;
        if self.size_bytes > self.max_bytes {
            return Err(ErrorCode::EvidenceTooLarge.into());
        }
        self.file.write_all(piece).await.map_err(failed)
    }

    /// The whole file and its length.
    pub async fn whole(mut self) -> Result<(TempPath, u64), ApiError> {
        self.file.flush().await.map_err(failed)?;
        Ok((self.path, self.size_bytes))
    }
}

fn failed(source: io::Error) -> ApiError {
    ApiError::File { what: "receiving an upload", source }
}

/// Writes `body` to a file in `dir`; see [`Arriving`].
pub async fn receive(dir: &Path, mut body: Body, max_bytes: u64) -> Result<TempPath, ApiError> {
    let mut arriving = Arriving::new(dir, max_bytes)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(ApiError::malformed)?;
        if let Ok(piece) = frame.into_data() {
            arriving.take(&piece).await?;
        }
    }
    Ok(arriving.whole().await?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> usize {
        std::fs::read_dir(dir).unwrap().count()
    }

    #[tokio::test]
    async fn an_upload_within_its_bound_becomes_a_file_that_goes_with_its_value() {
        let dir = tempfile::tempdir().unwrap();
        let path = receive(dir.path(), Body::from("photo"), 5).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"photo");
        drop(path);
        assert_eq!(files(dir.path()), 0);
    }

    #[tokio::test]
    async fn an_upload_beyond_its_bound_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let error = receive(dir.path(), Body::from("photos"), 5).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::EvidenceTooLarge);
        assert_eq!(files(dir.path()), 0);
    }

    #[test]
    fn what_a_kill_left_is_cleared() {
        let data = tempfile::tempdir().unwrap();
        let dir = prepare(data.path()).unwrap();
        std::fs::write(dir.join("left"), "half").unwrap();
        assert_eq!(prepare(data.path()).unwrap(), dir);
        assert_eq!(files(&dir), 0);
    }
}
