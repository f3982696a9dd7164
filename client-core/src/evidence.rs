//! The bytes of captures: files written once, never changed, encrypted with the store's key (`encrypted`).
//!
//! What a capture belongs to is in the store. A file's name is made of the bytes' hash and the key: who has the disk and not the
//! key learns neither what was captured nor whether it is something known. A file without a capture is what a crash between the two
//! left; it is kept.

mod encrypted;
mod media;
mod recording;

pub(crate) use media::{essence, looks_like};
pub(crate) use recording::{Recording, Recovered};

use crate::error::ClientError;
use crate::files;
use crate::keys::StoreKey;
use encrypted::{Decrypting, Encrypting, SALT_BYTES};
use fieldproof_cipher::files::{Derived, derive};
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::limits::{CAPTURE_ROOM_CHECK_BYTES, EVIDENCE_BYTES_MAX};
use fieldproof_schema::suite::{Digest, DigestStream};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a file's beginning that tell its kind.
const HEAD_BYTES: usize = 64;
/// Bytes read at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// How the name of a file ends that is not whole yet.
const PARTIAL: &str = ".partial";

/// Where captures are kept.
pub(crate) fn dir(data: &Path) -> PathBuf {
    data.join("evidence")
}

/// Makes the directory, without what a kill left in it of captures that were being taken in: nobody was told that they were kept.
pub(crate) fn prepare(data: &Path) -> io::Result<()> {
    fs::create_dir_all(dir(data))?;
    for entry in fs::read_dir(dir(data))? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        // The file beside a recording while it is written, and one that outlived its recording.
        let is_left = name.ends_with(".rest.new")
            || name.strip_suffix(recording::REST).is_some_and(|recording| !Path::new(recording).exists());
        if name.ends_with(PARTIAL) || is_left {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// What became of a kept file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is what was taken in.
    Sound,
    /// It is something else.
    Altered,
    /// It is gone.
    Missing,
}

/// A file that was taken in.
pub(crate) struct Taken {
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
}

/// The bytes of a capture, as they were taken.
pub struct EvidenceBytes(Form);

enum Form {
    Encrypted(Box<Decrypting<File>>),
    /// As versions before the encryption left it.
    Clear(File),
}

impl EvidenceBytes {
    /// How many bytes it has.
    ///
    /// # Errors
    /// What the file system says.
    pub fn length(&self) -> io::Result<u64> {
        match &self.0 {
            Form::Encrypted(file) => Ok(file.length()),
            Form::Clear(file) => Ok(file.metadata()?.len()),
        }
    }
}

impl Read for EvidenceBytes {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Form::Encrypted(file) => file.read(to),
            Form::Clear(file) => file.read(to),
        }
    }
}

impl Seek for EvidenceBytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.0 {
            Form::Encrypted(file) => file.seek(to),
            Form::Clear(file) => file.seek(to),
        }
    }
}

/// The originals of a terminal, with the key that opens them.
pub(crate) struct Originals {
    dir: PathBuf,
    key: StoreKey,
    floor: u64,
}

impl Originals {
    /// Those in the data directory `data`, of which `floor` bytes are left free.
    pub(crate) fn new(data: &Path, key: StoreKey, floor: u64) -> Self {
        Self { dir: dir(data), key, floor }
    }

    /// Where the bytes with this hash are kept.
    pub(crate) fn path(&self, digest: Digest) -> PathBuf {
        let name = derive(self.key.bytes(), "fieldproof/1/original/name", &digest.to_bytes());
        self.dir.join(hex::encode(*name))
    }

    /// Where an earlier version kept them.
    fn clear_path(&self, digest: Digest) -> PathBuf {
        self.dir.join(digest.to_string())
    }

    fn file_key(&self, salt: &[u8; SALT_BYTES]) -> Derived {
        derive(self.key.bytes(), "fieldproof/1/original/file", salt)
    }

    /// Whether there is a file for the bytes with this hash.
    pub(crate) fn holds(&self, digest: Digest) -> bool {
        self.path(digest).exists() || self.clear_path(digest).exists()
    }

    /// Opens the bytes with this hash, to be read from any place.
    pub(crate) fn open(&self, digest: Digest) -> io::Result<EvidenceBytes> {
        match self.open_encrypted(digest) {
            Err(error) if error.kind() == ErrorKind::NotFound => match File::open(self.clear_path(digest)) {
                Ok(file) => Ok(EvidenceBytes(Form::Clear(file))),
                // It may have been encrypted between the two looks.
                Err(error) if error.kind() == ErrorKind::NotFound => self.open_encrypted(digest),
                Err(error) => Err(error),
            },
            other => other,
        }
    }

    fn open_encrypted(&self, digest: Digest) -> io::Result<EvidenceBytes> {
        let file = Decrypting::begin(File::open(self.path(digest))?, |salt| self.file_key(salt))?;
        Ok(EvidenceBytes(Form::Encrypted(Box::new(file))))
    }

    /// Begins to take in a capture whose bytes come one after another.
    pub(crate) fn begin(&self, host: &dyn Host) -> Result<Arriving, ClientError> {
        let room = Room { dir: self.dir.clone(), floor: self.floor, checked: 0 };
        room.ensure()?;
        self.begin_in(room, host).map_err(keeping)
    }

    fn begin_in(&self, room: Room, host: &dyn Host) -> io::Result<Arriving> {
        let name = format!("{}{PARTIAL}", hex::encode(random::<16>(host)));
        self.begin_as(&name, room, host)
    }

    fn begin_as(&self, name: &str, room: Room, host: &dyn Host) -> io::Result<Arriving> {
        let path = self.dir.join(name);
        let salt: [u8; SALT_BYTES] = random(host);
        // Made before the file, so that whatever fails next takes it away again.
        let partial = Partial { path, kept: false };
        let file = files::create_private(&partial.path)?;
        let to = Encrypting::begin(file, &salt, &self.file_key(&salt))?;
        Ok(Arriving {
            partial,
            to,
            hash: Digest::stream(),
            head: Vec::with_capacity(HEAD_BYTES),
            size_bytes: 0,
            room,
        })
    }

    /// Keeps what arrived, durable under its hash before this returns.
    ///
    /// Refuses what is empty, too large, or not of the declared media type; then nothing stays behind.
    pub(crate) fn keep(&self, arrived: Arriving, media_type: &str) -> Result<Taken, ClientError> {
        arrived.ensure_is(media_type)?;
        let Arriving { partial, to, hash, size_bytes, .. } = arrived;
        let digest = hash.finish();
        to.finish().and_then(|file| file.sync_all()).map_err(keeping)?;
        partial.keep_as(&self.path(digest)).map_err(keeping)?;
        Ok(Taken { digest, size_bytes })
    }

    /// Takes in all bytes of a capture; see [`Self::keep`].
    pub(crate) fn take(
        &self,
        host: &dyn Host,
        source: impl Read,
        media_type: &str,
    ) -> Result<Taken, ClientError> {
        let mut arriving = self.begin(host)?;
        arriving.write_all_of(source.take(EVIDENCE_BYTES_MAX + 1))?;
        self.keep(arriving, media_type)
    }

    /// Bytes that captures may take before only the floor is left.
    pub(crate) fn room_bytes(&self) -> Result<u64, ClientError> {
        let free = fs4::available_space(&self.dir).map_err(keeping)?;
        Ok(free.saturating_sub(self.floor))
    }

    /// Hashes a kept file again.
    pub(crate) fn check(&self, digest: Digest) -> Result<Kept, ClientError> {
        let mut hash = Digest::stream();
        let read = self.open(digest).and_then(|file| {
            files::read_in_pieces(file, |piece| {
                hash.update(piece);
                Ok(())
            })
        });
        match read {
            Ok(_) if hash.finish() == digest => Ok(Kept::Sound),
            Ok(_) => Ok(Kept::Altered),
            Err(error) => match error.kind() {
                ErrorKind::NotFound => Ok(Kept::Missing),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Ok(Kept::Altered),
                _ => Err(ClientError::file("reading a capture", error)),
            },
        }
    }

    /// Reads one part of a kept file, at most `length` bytes from `offset`; none where it is not what was taken in.
    pub(crate) fn part(
        &self,
        digest: Digest,
        offset: u64,
        length: usize,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let mut part = Vec::with_capacity(length);
        let read = self.open(digest).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            file.take(length as u64).read_to_end(&mut part)
        });
        match read {
            Ok(read) => Ok(Some(part).filter(|_| read > 0)),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Ok(None),
                _ => Err(ClientError::file("reading a capture", error)),
            },
        }
    }

    /// Removes the file of bytes that nothing names any more.
    pub(crate) fn remove(&self, digest: Digest) -> io::Result<()> {
        for path in [self.path(digest), self.clear_path(digest)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// What an earlier version left in the clear.
    pub(crate) fn clear(&self) -> io::Result<Vec<Digest>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Digest>().ok()));
        }
        Ok(found)
    }

    /// Encrypts what an earlier version left in the clear beside it, whatever it holds by now: what is not what was taken stays known as
    /// that. It takes its place with [`Self::replace_clear`]. That costs its size once more for a while, floor or no floor.
    pub(crate) fn encrypt_clear(&self, host: &dyn Host, digest: Digest) -> Result<Beside, ClientError> {
        let room = Room { dir: self.dir.clone(), floor: 0, checked: 0 };
        let mut arriving = self.begin_in(room, host).map_err(encrypting)?;
        arriving.write_all_of(File::open(self.clear_path(digest)).map_err(encrypting)?)?;
        let Arriving { partial, to, hash, size_bytes, .. } = arriving;
        to.finish().and_then(|file| file.sync_all()).map_err(encrypting)?;
        Ok(Beside { partial, is_sound: hash.finish() == digest, size_bytes })
    }

    /// Puts what [`Self::encrypt_clear`] made in the place of what lies in the clear, unless that was removed meanwhile. Bytes that were
    /// taken in again since, and are encrypted already, give way to the same ones only. How many bytes it has.
    pub(crate) fn replace_clear(&self, digest: Digest, beside: Beside) -> Result<u64, ClientError> {
        let Beside { partial, is_sound, size_bytes } = beside;
        let (clear, encrypted) = (self.clear_path(digest), self.path(digest));
        if !clear.exists() {
            return Ok(size_bytes);
        }
        if is_sound || !encrypted.exists() {
            partial.keep_as(&encrypted).map_err(encrypting)?;
        }
        fs::remove_file(clear).map_err(encrypting)?;
        Ok(size_bytes)
    }
}

/// What lay in the clear, encrypted and on the disk, and not in its place yet.
pub(crate) struct Beside {
    partial: Partial,
    is_sound: bool,
    size_bytes: u64,
}

/// A capture that is being taken in: hashed and encrypted as it comes. Unless it is kept, nothing stays behind.
pub struct Arriving {
    partial: Partial,
    to: Encrypting<File>,
    hash: DigestStream,
    head: Vec<u8>,
    size_bytes: u64,
    room: Room,
}

impl Arriving {
    /// Takes in the next bytes.
    ///
    /// # Errors
    /// [`ClientError::StorageLow`] where only the floor is left; those of the disk.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), ClientError> {
        self.hash.update(piece);
        self.head.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES - self.head.len())]);
        self.size_bytes += piece.len() as u64;
        if self.size_bytes - self.room.checked >= CAPTURE_ROOM_CHECK_BYTES {
            self.room.checked = self.size_bytes;
            self.room.ensure()?;
        }
        self.to.write_all(piece).map_err(keeping)
    }

    fn ensure_is(&self, media_type: &str) -> Result<(), ClientError> {
        let is_of_size = (1..=EVIDENCE_BYTES_MAX).contains(&self.size_bytes);
        if is_of_size && looks_like(&self.head, media_type) {
            return Ok(());
        }
        Err(ClientError::CaptureInvalid { media_type: media_type.to_owned() })
    }

    fn write_all_of(&mut self, mut source: impl Read) -> Result<(), ClientError> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match source.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => self.write(&piece[..read])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(keeping(error)),
            }
        }
    }
}

fn encrypting(error: io::Error) -> ClientError {
    ClientError::file("encrypting an original", error)
}

fn keeping(error: io::Error) -> ClientError {
    ClientError::file("keeping a capture", error)
}

/// What captures leave free, and up to which of a capture's bytes that was looked at.
struct Room {
    dir: PathBuf,
    floor: u64,
    checked: u64,
}

impl Room {
    fn ensure(&self) -> Result<(), ClientError> {
        let free_bytes = fs4::available_space(&self.dir).map_err(keeping)?;
        if free_bytes < self.floor { Err(ClientError::StorageLow { free_bytes }) } else { Ok(()) }
    }
}

/// A file that goes away with the value, unless it was kept under another name.
struct Partial {
    path: PathBuf,
    kept: bool,
}

impl Partial {
    fn keep_as(mut self, path: &Path) -> io::Result<()> {
        files::rename_durably(&self.path, path)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // The disk may be full: the space is needed. When removing fails too, the next start does it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
