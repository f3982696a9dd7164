//! Recordings: captures that grow while they are taken, of which a kill takes nothing that was said to be kept.
//!
//! What is a whole piece lies in the file as it will stay; what is not one yet lies in a second file beside it, encrypted under a
//! salt of its own, and says how many bytes come before it. After a kill both are read again.

use super::encrypted::{self, Decrypting, Encrypting, PIECE_BYTES};
use super::{Arriving, HEAD_BYTES, Originals, Partial, Room, SALT_BYTES, Taken, keeping};
use crate::error::ClientError;
use crate::files;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::suite::Digest;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How the name of a recording's file ends, and of the one beside it.
const RECORDING: &str = ".recording";
const REST: &str = ".rest";

/// A recording that goes on.
pub(crate) struct Recording {
    name: String,
    arriving: Arriving,
    rest: PathBuf,
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
        Ok(self.recording(name, begun.map_err(keeping)?))
    }

    fn recording(&self, name: String, mut arriving: Arriving) -> Recording {
        // It stays where it is until it has ended.
        arriving.partial.kept = true;
        let rest = files::with_suffix(&self.dir.join(&name), REST);
        Recording { name, arriving, rest }
    }

    /// Goes on with a recording that a kill interrupted, with all that was said to be kept. `None` when nothing of it is there.
    pub(crate) fn resume_recording(&self, name: &str) -> Result<Option<Recording>, ClientError> {
        self.resume_in(name).map_err(keeping)
    }

    fn resume_in(&self, name: &str) -> io::Result<Option<Recording>> {
        let path = self.dir.join(name);
        let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let (mut hash, mut head) = (Digest::stream(), Vec::with_capacity(HEAD_BYTES));
        let mut last = Vec::new();
        let mut take = |piece: &[u8]| {
            hash.update(piece);
            head.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES - head.len())]);
        };
        // The last piece is kept back: the end of a file is marked in it.
        let read = encrypted::read_unfinished(
            &mut file,
            |salt| self.file_key(salt),
            |piece| {
                take(&last);
                last.clear();
                last.extend_from_slice(piece);
            },
        )?;
        let Some((key, found)) = read else { return Ok(None) };
        let whole = u64::from(found.pieces) * PIECE_BYTES as u64;
        let rest = match found.end {
            // A kill met it while it ended.
            Some(end) => end,
            None => self.read_rest(&path, whole)?,
        };
        let (pieces, next, stored) = if rest.is_empty() && found.pieces > 0 {
            (found.pieces - 1, last, found.stored - encrypted::WHOLE_BYTES)
        } else {
            take(&last);
            (found.pieces, rest, found.stored)
        };
        take(&next);
        let size_bytes = u64::from(pieces) * PIECE_BYTES as u64 + next.len() as u64;
        file.set_len(stored)?;
        file.seek(SeekFrom::Start(stored))?;
        let room = Room { dir: self.dir.clone(), floor: self.floor, checked: size_bytes };
        let partial = Partial { path, kept: true };
        let to = Encrypting::resume(file, &key, pieces, next);
        Ok(Some(self.recording(name.to_owned(), Arriving { partial, to, hash, head, size_bytes, room })))
    }

    /// What of the file beside it comes behind the whole pieces. One that is older than they are, or torn, says nothing new.
    fn read_rest(&self, path: &Path, whole: u64) -> io::Result<Vec<u8>> {
        let file = match File::open(files::with_suffix(path, REST)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut bytes = Vec::new();
        let read = Decrypting::begin(file, |salt| self.file_key(salt))
            .and_then(|mut rest| rest.read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error) if [ErrorKind::InvalidData, ErrorKind::UnexpectedEof].contains(&error.kind()) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        }
        let Some((before, rest)) = bytes.split_first_chunk::<8>() else { return Ok(Vec::new()) };
        let known =
            whole.checked_sub(u64::from_be_bytes(*before)).and_then(|known| usize::try_from(known).ok());
        Ok(known.and_then(|known| rest.get(known..)).map(<[u8]>::to_vec).unwrap_or_default())
    }

    /// Keeps a recording that has ended under its hash, and takes the file beside it away.
    pub(crate) fn keep_recording(&self, ended: Recording, media_type: &str) -> Result<Taken, ClientError> {
        let taken = self.keep(ended.arriving, media_type)?;
        remove(&ended.rest).map_err(keeping)?;
        Ok(taken)
    }

    /// Takes a recording away of which nothing can be kept, or what is left of one that was.
    pub(crate) fn forget_recording(&self, name: &str) -> Result<(), ClientError> {
        let path = self.dir.join(name);
        remove(&path).and_then(|()| remove(&files::with_suffix(&path, REST))).map_err(keeping)
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

    /// What its hash will be.
    pub(crate) fn digest(&self) -> Digest {
        self.arriving.hash.clone().finish()
    }

    /// Whether it can become a capture of this type.
    pub(crate) fn ensure_is(&self, media_type: &str) -> Result<(), ClientError> {
        self.arriving.ensure_is(media_type)
    }

    /// Takes in the next bytes; they are on the disk when this returns.
    pub(crate) fn write(
        &mut self,
        originals: &Originals,
        host: &dyn Host,
        bytes: &[u8],
    ) -> Result<(), ClientError> {
        self.arriving.room.ensure()?;
        self.arriving.write(bytes)?;
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
