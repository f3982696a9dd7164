//! The bytes of captures: files named by their hash, written once, never changed.
//!
//! What a capture belongs to is in the store. A file without a capture is what a crash between the two left; it is kept.

mod media;

pub(crate) use media::looks_like;

use crate::error::ClientError;
use crate::files;
use fieldproof_schema::limits::EVIDENCE_BYTES_MAX;
use fieldproof_schema::suite::{Digest, DigestStream};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a file's beginning that tell its kind.
const HEAD_BYTES: usize = 64;

/// Where captures are kept.
pub(crate) fn dir(data: &Path) -> PathBuf {
    data.join("evidence")
}

/// Where the bytes with this hash are kept.
pub(crate) fn path(data: &Path, digest: Digest) -> PathBuf {
    dir(data).join(digest.to_string())
}

/// A file that was taken in.
pub(crate) struct Taken {
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
}

/// Takes in a capture: hashed while it is copied, durable under its hash before this returns.
///
/// Refuses what is empty, too large, or not of the declared media type; then nothing stays behind.
pub(crate) fn take(
    data: &Path,
    source: impl Read,
    media_type: &str,
    unique: &str,
) -> Result<Taken, ClientError> {
    let failed = |e| ClientError::file("keeping a capture", e);
    let partial = dir(data).join(format!("{unique}.partial"));
    let copied = copy(&partial, source);
    let result = copied.map_err(failed).and_then(|copied| {
        if copied.size_bytes == 0
            || copied.size_bytes > EVIDENCE_BYTES_MAX
            || !looks_like(&copied.head, media_type)
        {
            return Err(ClientError::CaptureInvalid { media_type: media_type.to_owned() });
        }
        let digest = copied.hash.finish();
        files::rename_durably(&partial, &path(data, digest)).map_err(failed)?;
        Ok(Taken { digest, size_bytes: copied.size_bytes })
    });
    if result.is_err() {
        // It may be full: the space is needed. When removing fails too, the file is kept and named as partial.
        let _ = fs::remove_file(&partial);
    }
    result
}

struct Copied {
    hash: DigestStream,
    size_bytes: u64,
    head: Vec<u8>,
}

fn copy(to: &Path, source: impl Read) -> io::Result<Copied> {
    let mut file = files::create_private(to)?;
    let mut hash = Digest::stream();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let bounded = source.take(EVIDENCE_BYTES_MAX + 1);
    let size_bytes = files::read_in_pieces(bounded, |piece| {
        hash.update(piece);
        head.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES - head.len())]);
        file.write_all(piece)
    })?;
    file.sync_all()?;
    Ok(Copied { hash, size_bytes, head })
}

/// Hashes a kept file again; `None` when it is gone.
pub(crate) fn rehash(data: &Path, digest: Digest) -> Result<Option<Digest>, ClientError> {
    let failed = |e| ClientError::file("reading a capture", e);
    let file = match File::open(path(data, digest)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut hash = Digest::stream();
    files::read_in_pieces(file, |piece| {
        hash.update(piece);
        Ok(())
    })
    .map_err(failed)?;
    Ok(Some(hash.finish()))
}

/// Reads one part of a kept file, at most `length` bytes from `offset`.
pub(crate) fn part(data: &Path, digest: Digest, offset: u64, length: usize) -> Result<Vec<u8>, ClientError> {
    let failed = |e| ClientError::file("reading a capture", e);
    let mut file = File::open(path(data, digest)).map_err(failed)?;
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut part = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut part).map_err(failed)?;
    Ok(part)
}
