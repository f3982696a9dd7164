//! Recordings: captures that grow while they are taken, of which a kill takes nothing that was said to be kept.
//!
//! What is a whole piece lies in the file as it will stay; what is not one yet lies in a second file beside it, encrypted under a
//! salt of its own, and says how many bytes come before it. After a kill, or an error, both are read and become a file of their own.

use super::encrypted::{self, Decrypting, Encrypting, PIECE_BYTES};
use super::{Arriving, HEAD_BYTES, Originals, Room, SALT_BYTES, Taken, keeping};
use crate::error::ClientError;
use crate::files;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::suite::Digest;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// How the name of a recording's file ends, and of the one beside it.
const RECORDING: &str = ".recording";
pub(super) const REST: &str = ".rest";
/// How it ends where not all of it could be read again.
const DAMAGED: &str = ".damaged";

/// A recording that goes on.
pub(crate) struct Recording {
    name: String,
    arriving: Arriving,
    rest: PathBuf,
}

/// What could be read of a recording that was interrupted.
pub(crate) struct Recovered {
    arriving: Arriving,
    /// Whether that is all that was said to be kept.
    is_whole: bool,
}

impl Originals {
    /// Begins a recording; its file is on the disk when this returns.
    pub(crate) fn begin_recording(&self, host: &dyn Host) -> Result<Recording, ClientError> {
        let room = Room { dir: self.dir.clone(), floor: self.floor, checked: 0 };
        room.ensure()?;
        let name = format!("{}{RECORDING}", hex::encode(random::<16>(host)));
        let begun = self.begin_as(&name, room, host).and_then(|arriving| {
            arriving.to.to().sync_all()?;
            files::sync_dir(&self.dir)?;
            Ok(arriving)
        });
        let mut arriving = begun.map_err(keeping)?;
        // It stays where it is until it has ended.
        arriving.partial.kept = true;
        let rest = files::with_suffix(&self.dir.join(&name), REST);
        Ok(Recording { name, arriving, rest })
    }

    /// Reads a recording that was interrupted, with all that was said to be kept, into a file of its own: what lies there stays as it
    /// is until that one is kept. `None` when nothing of it is there.
    pub(crate) fn recover(&self, host: &dyn Host, name: &str) -> Result<Option<Recovered>, ClientError> {
        let path = self.dir.join(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(keeping)?,
        };
        // It takes the place of what lies there: floor or no floor.
        let mut arriving =
            self.begin_in(Room { dir: self.dir.clone(), floor: 0, checked: 0 }, host).map_err(keeping)?;
        let mut failed = Ok(());
        let read = encrypted::read_unfinished(
            file,
            |salt| self.file_key(salt),
            |piece| {
                if failed.is_ok() {
                    failed = arriving.write(piece);
                }
            },
        );
        let found = read.map_err(keeping)?;
        failed?;
        let Some(found) = found else { return Ok(None) };
        let mut is_whole = true;
        if !found.is_finished {
            let whole = u64::from(found.pieces) * PIECE_BYTES as u64;
            match self.read_rest(&path).map_err(keeping)? {
                // Nothing says any more how much there was: what lies behind is kept for somebody who can read it.
                None => is_whole = !found.goes_on,
                Some((before, rest)) => {
                    match whole.checked_sub(before).and_then(|known| usize::try_from(known).ok()) {
                        Some(known) => arriving.write(rest.get(known..).unwrap_or_default())?,
                        // Pieces before it do not decrypt any more.
                        None => is_whole = false,
                    }
                }
            }
        }
        Ok(Some(Recovered { arriving, is_whole }))
    }

    /// The file beside it: how many bytes come before, and what comes then. One that is torn says nothing.
    fn read_rest(&self, path: &Path) -> io::Result<Option<(u64, Vec<u8>)>> {
        let file = match File::open(files::with_suffix(path, REST)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut bytes = Vec::new();
        let read = Decrypting::begin(file, |salt| self.file_key(salt))
            .and_then(|mut rest| rest.read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error) if [ErrorKind::InvalidData, ErrorKind::UnexpectedEof].contains(&error.kind()) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let split = bytes.split_first_chunk::<8>();
        Ok(split.map(|(before, rest)| (u64::from_be_bytes(*before), rest.to_vec())))
    }

    /// Keeps a recording that has ended under its hash.
    pub(crate) fn keep_recording(&self, ended: Recording, media_type: &str) -> Result<Taken, ClientError> {
        self.keep(ended.arriving, media_type)
    }

    /// Keeps what could be read of an interrupted one.
    pub(crate) fn keep_recovered(
        &self,
        recovered: Recovered,
        media_type: &str,
    ) -> Result<Taken, ClientError> {
        self.keep(recovered.arriving, media_type)
    }

    /// Puts the file of a recording aside of which not all can be read: somebody may read more of it one day.
    pub(crate) fn put_recording_aside(&self, name: &str) -> Result<(), ClientError> {
        tracing::error!(name, "a recording is damaged: what can be read of it is kept, and so is its file");
        let path = self.dir.join(name);
        files::rename_durably(&path, &files::with_suffix(&path, DAMAGED)).map_err(keeping)
    }

    /// Takes away what is left of a recording that was kept, or of which nothing can be.
    pub(crate) fn forget_recording(&self, name: &str) -> Result<(), ClientError> {
        let path = self.dir.join(name);
        remove(&files::with_suffix(&path, REST)).and_then(|()| remove(&path)).map_err(keeping)
    }

    /// The recordings whose files are here.
    pub(crate) fn recordings(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            found.extend(
                entry?.file_name().to_str().filter(|name| name.ends_with(RECORDING)).map(str::to_owned),
            );
        }
        Ok(found)
    }

    /// Whether nothing was ever said to be kept in a recording's file.
    pub(crate) fn is_blank(&self, name: &str) -> io::Result<bool> {
        let path = self.dir.join(name);
        Ok(fs::metadata(&path)?.len() < encrypted::WHOLE_BYTES && !files::with_suffix(&path, REST).exists())
    }
}

impl Recovered {
    /// Hash and length of what could be read.
    pub(crate) fn ending(&self) -> (Digest, u64) {
        (self.arriving.hash.clone().finish(), self.arriving.size_bytes)
    }

    /// Whether it can become a capture of this type.
    pub(crate) fn ensure_is(&self, media_type: &str) -> Result<(), ClientError> {
        self.arriving.ensure_is(media_type)
    }

    /// Whether it is all that was said to be kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }
}

impl Recording {
    /// What its file is called until it has ended.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes it has.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.arriving.size_bytes
    }

    /// Hash and length.
    pub(crate) fn ending(&self) -> (Digest, u64) {
        (self.arriving.hash.clone().finish(), self.arriving.size_bytes)
    }

    /// Whether it can become a capture of this type.
    pub(crate) fn ensure_is(&self, media_type: &str) -> Result<(), ClientError> {
        self.arriving.ensure_is(media_type)
    }

    /// Takes in the next bytes, of what must begin like this type; they are on the disk when this returns. After an error it is worth
    /// nothing any more: what was said to be kept is read from the disk.
    pub(crate) fn write(
        &mut self,
        originals: &Originals,
        host: &dyn Host,
        (bytes, media_type): (&[u8], &str),
    ) -> Result<(), ClientError> {
        self.arriving.room.ensure()?;
        self.arriving.write(bytes)?;
        if self.arriving.head.len() == HEAD_BYTES {
            self.arriving.ensure_is(media_type)?;
        }
        self.sync(originals, host).map_err(keeping)
    }

    fn sync(&self, originals: &Originals, host: &dyn Host) -> io::Result<()> {
        // The pieces first: a rest that says they are there must be right.
        self.arriving.to.to().sync_data()?;
        let (before, rest) = self.arriving.to.unwritten();
        let salt: [u8; SALT_BYTES] = random(host);
        let mut encrypting = Encrypting::begin(Vec::new(), &salt, &originals.file_key(&salt))?;
        encrypting.write_all(&before.to_be_bytes())?;
        encrypting.write_all(rest)?;
        files::write_whole(&self.rest, &encrypting.finish()?)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
