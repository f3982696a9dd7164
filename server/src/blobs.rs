//! Evidence bytes: parts are staged on local disk, complete ones live in an object store under their hash.
//!
//! Staging files belong to this node and can be asked for again; the object store is the record: a folder, or a bucket that all
//! nodes share. A blob is written once (conditional create) and read back before anyone is told that it is held.

pub mod bucket;
pub mod previews;
mod write;

use bucket::Bucket;

use crate::error::ApiError;
use bytes::Bytes;
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path as BlobPath;
use object_store::{ObjectStore, ObjectStoreExt};
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::sleep;

/// Evidence bytes of one server.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// Previews of originals: derived, and apart.
    previews: Arc<dyn ObjectStore>,
    staging: PathBuf,
    /// The folder that the store is, where it is one: what was staged is put there as it lies.
    folder: Option<PathBuf>,
    turns: Arc<[Arc<Mutex<()>>; TURNS]>,
}

/// Bytes of a blob.
pub struct Blob {
    /// The length of the whole.
    pub length: u64,
    /// Which of its bytes these are.
    pub range: std::ops::Range<u64>,
    /// They themselves.
    pub body: axum::body::Body,
}

/// What a blob turned out to be, and how many bytes were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// What its name says.
    Sound(u64),
    /// Something else.
    Altered(u64),
    /// Nothing.
    Missing,
}

/// How fast a blob is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tempo {
    /// As fast as the store gives.
    Full,
    /// With rests, so that the store has time for others.
    Gentle,
}

/// The bytes of a held blob for a thread that may wait.
pub struct Reader {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
    runtime: Handle,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.pieces.next()) {
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.piece.len());
        into[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// Uploads that can be worked on at the same time, at most.
const TURNS: usize = 64;

/// Bytes after which a gentle reader rests, and for how long: it takes some 100 MB in a second at most.
const REST_BYTES: u64 = 16 * 1024 * 1024;
const REST: Duration = Duration::from_millis(150);
/// Bytes read at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// So many bytes of an upload are not synced at most: what a power cut takes away comes again.
const SYNCED_BYTES: u64 = 8 * 1024 * 1024;

impl Blobs {
    /// Opens the blobs under a directory, which is made when absent.
    pub async fn open(directory: PathBuf) -> Result<Self, ApiError> {
        let place = directory.join("blobs");
        let blobs = folder(place.clone()).await?;
        Self::beside(directory, blobs, Some(place)).await
    }

    /// Opens the blobs in a bucket. What is this node's alone stays under the directory, which is made when absent.
    pub async fn in_bucket(directory: PathBuf, bucket: &Bucket) -> Result<Self, ApiError> {
        Self::beside(directory, bucket.originals(), None).await
    }

    async fn beside(
        directory: PathBuf,
        store: Arc<dyn ObjectStore>,
        place: Option<PathBuf>,
    ) -> Result<Self, ApiError> {
        let staging = directory.join("staging");
        fs::create_dir_all(&staging).await.map_err(ApiError::internal)?;
        // Synced, too: one of which a power cut left half would be shown for ever.
        let previews = folder(directory.join("previews")).await?;
        let turns = Arc::new(std::array::from_fn(|_| Arc::default()));
        Ok(Self { store, previews, staging, folder: place, turns })
    }

    fn path(org: OrgId, digest: &Digest) -> BlobPath {
        let name = digest.to_string();
        // Two levels, so that no directory grows without bound.
        BlobPath::from_iter([org.to_string().as_str(), &name[4..6], &name])
    }

    /// Where it is written down what restores began with.
    fn restores(org: OrgId) -> BlobPath {
        BlobPath::from_iter([org.to_string().as_str(), "restores"])
    }

    /// Writes down what an epoch begins with after a restore: beside the database, which may be put back once more.
    pub async fn note_restore(&self, org: OrgId, epoch: &Digest, note: Vec<u8>) -> Result<(), ApiError> {
        let path = Self::restores(org).join(format!("{epoch}.json").as_str());
        self.create(&path, note.into()).await
    }

    /// What was written down about every restore.
    pub async fn noted_restores(&self, org: OrgId) -> Result<Vec<Bytes>, ApiError> {
        let mut found = self.store.list(Some(&Self::restores(org)));
        let mut notes = Vec::new();
        while let Some(note) = found.next().await {
            let path = note.map_err(blob)?.location;
            notes.push(self.store.get(&path).await.map_err(blob)?.bytes().await.map_err(blob)?);
        }
        Ok(notes)
    }

    fn staged(&self, owner: &str, digest: &Digest) -> PathBuf {
        self.staging.join(format!("{owner}-{digest}"))
    }

    /// Waits for the turn to work on an upload: parts of one upload never meet.
    pub async fn turn(&self, owner: &str, digest: &Digest) -> OwnedMutexGuard<()> {
        let name = Digest::of(format!("{owner}-{digest}").as_bytes());
        Arc::clone(&self.turns[usize::from(name.value[0]) % TURNS]).lock_owned().await
    }

    /// How many bytes of an upload are here.
    pub async fn offset(&self, owner: &str, digest: &Digest) -> Result<u64, ApiError> {
        match fs::metadata(self.staged(owner, digest)).await {
            Ok(meta) => Ok(meta.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(ApiError::internal(error)),
        }
    }

    /// One owner's uploads of which something is on this node, and how many bytes.
    pub async fn staged_of(&self, owner: &str) -> Result<Vec<(Digest, u64)>, ApiError> {
        let prefix = format!("{owner}-");
        let mut found = fs::read_dir(&self.staging).await.map_err(ApiError::internal)?;
        let mut staged = Vec::new();
        while let Some(file) = found.next_entry().await.map_err(ApiError::internal)? {
            let name = file.file_name();
            let digest = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.parse().ok());
            // One that is completed at this moment is gone.
            if let (Some(digest), Ok(meta)) = (digest, file.metadata().await) {
                staged.push((digest, meta.len()));
            }
        }
        Ok(staged)
    }

    /// Writes a part at `offset`; what was staged beyond is cut. The bytes are synced now and then, and before the upload is completed:
    /// until there is a receipt nobody relies on them, and after a power cut the terminal is told how many are here.
    pub async fn append(
        &self,
        owner: &str,
        digest: &Digest,
        offset: u64,
        part: Bytes,
    ) -> Result<u64, ApiError> {
        let staged = self.staged(owner, digest);
        // One step away from the threads that serve: each step there costs two turns of threads.
        let write = move || {
            let mut file = File::options().create(true).truncate(false).write(true).open(&staged)?;
            if is_shared(&file.metadata()?) {
                // It is in the store already, where nothing is written to it any more.
                return Err(ErrorKind::AlreadyExists.into());
            }
            file.set_len(offset)?;
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&part)?;
            let reached = offset + part.len() as u64;
            if reached / SYNCED_BYTES > offset / SYNCED_BYTES {
                file.sync_data()?;
            }
            Ok(reached)
        };
        tokio::task::spawn_blocking(write).await.map_err(ApiError::internal)?.map_err(storage)
    }

    /// Writes a whole original that lies in a file here. It may wait for the disk: call it away from the threads that serve.
    pub fn stage(&self, owner: &str, digest: &Digest, mut from: impl Read) -> Result<(), ApiError> {
        let staged = self.staged(owner, digest);
        let mut write = || {
            // It may have another name in the store, where nothing is written to it.
            match std::fs::remove_file(&staged) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            let mut file = File::create_new(&staged)?;
            io::copy(&mut from, &mut file)?;
            file.sync_all()
        };
        write().map_err(storage)
    }

    /// A file on this node that is gone when nobody has it open any more, whatever happens.
    pub fn temporary(&self) -> Result<File, ApiError> {
        tempfile::tempfile_in(&self.staging).map_err(storage)
    }

    /// Forgets what was staged.
    pub async fn discard(&self, owner: &str, digest: &Digest) -> Result<(), ApiError> {
        match fs::remove_file(self.staged(owner, digest)).await {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(ApiError::internal(error)),
        }
    }

    /// Whether a blob is in the store; its bytes are not read.
    pub async fn is_there(&self, org: OrgId, digest: &Digest) -> Result<bool, ApiError> {
        self.has(&Self::path(org, digest)).await
    }

    async fn has(&self, path: &BlobPath) -> Result<bool, ApiError> {
        match self.store.head(path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(blob(error)),
        }
    }

    /// The bytes of a held blob, as a stream: all of them, or a part, given by its first and its last byte.
    pub async fn get_part(
        &self,
        org: OrgId,
        digest: &Digest,
        part: Option<(u64, Option<u64>)>,
    ) -> Result<Blob, ApiError> {
        let path = Self::path(org, digest);
        let length = self.store.head(&path).await.map_err(blob)?.size;
        let range = match part {
            Some((from, to)) if from < length => {
                from..to.map_or(length, |to| to.saturating_add(1).clamp(from + 1, length))
            }
            Some(_) | None => 0..length,
        };
        let whole = range == (0..length);
        let options = object_store::GetOptions {
            range: (!whole).then(|| object_store::GetRange::Bounded(range.clone())),
            ..object_store::GetOptions::default()
        };
        let found = self.store.get_opts(&path, options).await.map_err(blob)?;
        Ok(Blob { length, range, body: axum::body::Body::from_stream(found.into_stream()) })
    }

    /// The bytes of a held blob, to be read where waiting holds up nobody.
    pub async fn reader(&self, org: OrgId, digest: &Digest) -> Result<Reader, ApiError> {
        let found = self.store.get(&Self::path(org, digest)).await.map_err(blob)?;
        Ok(Reader { pieces: found.into_stream(), piece: Bytes::new(), runtime: Handle::current() })
    }

    /// Reads a blob and compares it with the hash that names it.
    pub async fn look_at(&self, org: OrgId, digest: &Digest, tempo: Tempo) -> Result<Found, ApiError> {
        let mut stream = match self.store.get(&Self::path(org, digest)).await {
            Ok(found) => found.into_stream(),
            Err(object_store::Error::NotFound { .. }) => return Ok(Found::Missing),
            Err(error) => return Err(blob(error)),
        };
        let (mut hash, mut bytes, mut rested) = (Digest::stream(), 0, 0);
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(blob)?;
            bytes += piece.len() as u64;
            hash.update(&piece);
            if tempo == Tempo::Gentle && bytes - rested >= REST_BYTES {
                rested = bytes;
                sleep(REST).await;
            }
        }
        Ok(if hash.finish() == *digest { Found::Sound(bytes) } else { Found::Altered(bytes) })
    }
}

/// Blobs in a folder, which is made when absent.
async fn folder(path: PathBuf) -> Result<Arc<dyn ObjectStore>, ApiError> {
    fs::create_dir_all(&path).await.map_err(ApiError::internal)?;
    let store = object_store::local::LocalFileSystem::new_with_prefix(&path).map_err(ApiError::internal)?;
    Ok(Arc::new(store.with_fsync(true)))
}

/// Whether a staged file has another name in the store.
#[cfg(unix)]
fn is_shared(file: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) > 1
}

#[cfg(not(unix))]
fn is_shared(_: &Metadata) -> bool {
    false
}

/// Why a file of this node failed.
pub(crate) fn storage(error: io::Error) -> ApiError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ErrorCode::StorageFull.into(),
        _ => ApiError::internal(error),
    }
}

/// Why the store failed. That it does is no fault of this program, and passes.
fn blob(error: object_store::Error) -> ApiError {
    match error {
        object_store::Error::NotFound { .. } => ErrorCode::NotFound.into(),
        error => ApiError::unavailable(error),
    }
}
