//! How a blob comes into the store, and how one that is not what it should be gets out of the way.
//!
//! Stores differ in what they promise. What is relied on here: that equal names have equal bytes, because names are hashes, and that
//! nothing is said to be held before it was read back.

use super::{Blobs, PIECE_BYTES, blob, storage};
use crate::error::{ApiError, chain};
use fieldproof_schema::ids::OrgId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use futures::StreamExt;
use object_store::path::Path as BlobPath;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions, PutPayload, WriteMultipart};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tokio::fs;
use tokio::io::AsyncReadExt;

/// Up to this size a blob is written in one conditional request.
const WHOLE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Folders of a store that may be new with a blob: its own, the organisation's, and the store itself.
const LEVELS: usize = 3;
/// Parts of a larger one that are on their way at a time, 5 MiB each.
const PARTS_MAX: usize = 4;

impl Blobs {
    /// Copies a complete upload into the store, reads it back and compares the hash. The upload stays, to be discarded once it is
    /// written down that the blob is held: until then whoever asks finds one of the two.
    ///
    /// A wrong hash discards the upload and is an error of the sender; nothing that is held changes.
    pub async fn complete(
        &self,
        org: OrgId,
        owner: &str,
        digest: &Digest,
        size_bytes: u64,
        now: Moment,
    ) -> Result<(), ApiError> {
        let staged = self.staged(owner, digest);
        let is_checked = !planted::is(Bug::OriginalUnchecked);
        if is_checked && hash_staged(staged.clone()).await? != *digest {
            self.discard(owner, digest).await?;
            return Err(ErrorCode::EvidenceHashMismatch.into());
        }
        let path = Self::path(org, digest);
        if self.link(&staged, &path).await? {
            // The very file that was read.
            return Ok(());
        }
        if size_bytes <= WHOLE_BYTES_MAX {
            let bytes = fs::read(&staged).await.map_err(ApiError::internal)?;
            self.create(&path, bytes.into()).await?;
        } else if !self.has(&path).await? {
            // Another node may come to the same here: whoever is last puts the same bytes in the place of the same.
            self.write_parts(&path, &staged).await?;
        }
        if is_checked && self.hash_held(&path).await? != *digest {
            // It may have lain there for years, and what it is by now may tell what happened. The next try writes it again.
            self.put_aside(org, digest, now).await?;
            return Err(ApiError::internal("a blob reads back with another hash"));
        }
        Ok(())
    }

    /// Gives a staged file, synced, a second name in a store that is a folder of the same file system. False where it is none, or
    /// where something has that name.
    async fn link(&self, staged: &Path, path: &BlobPath) -> Result<bool, ApiError> {
        let Some(folder) = self.folder.as_ref().filter(|_| cfg!(unix)) else { return Ok(false) };
        let (staged, held) = (staged.to_owned(), folder.join(path.as_ref()));
        let link = move || {
            let above = held.parent().unwrap_or(&held);
            std::fs::create_dir_all(above)?;
            match std::fs::hard_link(&staged, &held) {
                // Names on the way may be new, too.
                Ok(()) => above.ancestors().take(LEVELS).try_for_each(sync).map(|()| true),
                // Whatever it is, it is looked at; and not every file system gives second names.
                Err(_) => Ok(false),
            }
        };
        tokio::task::spawn_blocking(link).await.map_err(ApiError::internal)?.map_err(storage)
    }

    /// Writes a blob in one request unless something has its name already.
    pub(super) async fn create(&self, path: &BlobPath, bytes: PutPayload) -> Result<(), ApiError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(path, bytes.clone(), options).await {
            Ok(_) | Err(Error::AlreadyExists { .. }) => Ok(()),
            // The operator says that this store knows no conditions: as with what is written in parts.
            Err(Error::NotImplemented { .. }) if self.has(path).await? => Ok(()),
            Err(Error::NotImplemented { .. }) => self.store.put(path, bytes).await.map(drop).map_err(blob),
            Err(error) => Err(blob(error)),
        }
    }

    async fn write_parts(&self, path: &BlobPath, staged: &Path) -> Result<(), ApiError> {
        let mut writer = WriteMultipart::new(self.store.put_multipart(path).await.map_err(blob)?);
        match send_parts(&mut writer, staged).await {
            Ok(()) => writer.finish().await.map(drop).map_err(blob),
            Err(error) => {
                // Parts of what is never completed show nowhere and cost room.
                if let Err(error) = writer.abort().await {
                    tracing::warn!(error.cause = chain(&error), "parts of a blob cannot be taken back");
                }
                Err(error)
            }
        }
    }

    /// Gives a blob that is not what it should be another name, with the moment: nothing is thrown away.
    ///
    /// It is read once more under the new name, since a store can give wrong bytes of a sound blob, and somebody else may have put a
    /// sound one there meanwhile. False when it is what it should be: then it stays where it is.
    pub async fn put_aside(&self, org: OrgId, digest: &Digest, now: Moment) -> Result<bool, ApiError> {
        let from = Self::path(org, digest);
        let aside = format!("{digest}-{}", now.as_micros());
        let to = BlobPath::from_iter([org.to_string().as_str(), "altered", &aside]);
        match self.store.copy(&from, &to).await {
            Ok(()) => {}
            // Another node was quicker.
            Err(Error::NotFound { .. }) => return Ok(true),
            Err(error) => return Err(blob(error)),
        }
        if self.hash_held(&to).await? == *digest {
            self.store.delete(&to).await.map_err(blob)?;
            return Ok(false);
        }
        // A large one takes its time: somebody may have put a sound one there since it was copied, and told a terminal that it is held.
        if matches!(self.hash_held(&from).await, Ok(held) if held == *digest) {
            return Ok(false);
        }
        self.store.delete(&from).await.map_err(blob)?;
        Ok(true)
    }

    /// The hash of what was just written.
    async fn hash_held(&self, path: &BlobPath) -> Result<Digest, ApiError> {
        let mut stream = self.store.get(path).await.map_err(ApiError::unavailable)?.into_stream();
        let mut hash = Digest::stream();
        while let Some(piece) = stream.next().await {
            hash.update(&piece.map_err(ApiError::unavailable)?);
        }
        Ok(hash.finish())
    }
}

async fn send_parts(writer: &mut WriteMultipart, staged: &Path) -> Result<(), ApiError> {
    let mut file = fs::File::open(staged).await.map_err(ApiError::internal)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece).await.map_err(ApiError::internal)?;
        if read == 0 {
            return Ok(());
        }
        writer.write(&piece[..read]);
        writer.wait_for_capacity(PARTS_MAX).await.map_err(blob)?;
    }
}

/// Syncs what was staged and reads it.
async fn hash_staged(path: PathBuf) -> Result<Digest, ApiError> {
    let read = move || {
        let mut file = File::options().read(true).write(true).open(&path)?;
        file.sync_all()?;
        let (mut hash, mut piece) = (Digest::stream(), vec![0; PIECE_BYTES]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hash.finish()),
                read => hash.update(&piece[..read]),
            }
        }
    };
    tokio::task::spawn_blocking(read).await.map_err(ApiError::internal)?.map_err(storage)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::{Found, Tempo};
    use super::*;
    use bytes::Bytes;

    const NOW: Moment = Moment::from_micros(1);

    /// Puts all bytes of an upload onto this node.
    async fn staged(blobs: &Blobs, owner: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        blobs.append(owner, &digest, 0, Bytes::copy_from_slice(bytes)).await.unwrap();
        digest
    }

    #[tokio::test]
    async fn what_was_staged_is_the_blob_and_nobody_writes_to_it_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().to_owned()).await.unwrap();
        let (org, bytes) = (OrgId::from_bytes([1; 16]), vec![7; 3_000_000]);
        let digest = staged(&blobs, "a", &bytes).await;
        blobs.complete(org, "a", &digest, bytes.len() as u64, NOW).await.unwrap();
        // Not written down yet: it is asked for again, and a part comes late.
        let late = blobs.append("a", &digest, 5, Bytes::from_static(b"late")).await;
        assert!(late.is_err() || cfg!(not(unix)));
        blobs.complete(org, "a", &digest, bytes.len() as u64, NOW).await.unwrap();
        blobs.discard("a", &digest).await.unwrap();
        // Somebody else brings the same.
        assert_eq!(staged(&blobs, "b", &bytes).await, digest);
        blobs.complete(org, "b", &digest, bytes.len() as u64, NOW).await.unwrap();
        let found = blobs.look_at(org, &digest, Tempo::Full).await.unwrap();
        assert_eq!(found, Found::Sound(bytes.len() as u64));
    }

    #[tokio::test]
    async fn a_wrong_hash_never_has_a_name_and_a_rotten_blob_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().to_owned()).await.unwrap();
        let (org, bytes) = (OrgId::from_bytes([1; 16]), b"what was taken".to_vec());
        let digest = Digest::of(&bytes);
        blobs.append("a", &digest, 0, Bytes::from_static(b"something else")).await.unwrap();
        let refused = blobs.complete(org, "a", &digest, 14, NOW).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::EvidenceHashMismatch);
        assert!(!blobs.is_there(org, &digest).await.unwrap());

        staged(&blobs, "a", &bytes).await;
        blobs.complete(org, "a", &digest, 14, NOW).await.unwrap();
        blobs.discard("a", &digest).await.unwrap();
        let held = folder.path().join("blobs").join(Blobs::path(org, &digest).as_ref());
        std::fs::write(&held, b"rotten").unwrap();
        staged(&blobs, "b", &bytes).await;
        assert!(blobs.complete(org, "b", &digest, 14, NOW).await.is_err());
        blobs.complete(org, "b", &digest, 14, NOW).await.unwrap();
        assert_eq!(std::fs::read(&held).unwrap(), bytes);
        assert_eq!(
            std::fs::read_dir(folder.path().join("blobs").join(org.to_string()).join("altered"))
                .unwrap()
                .count(),
            1
        );
    }
}
