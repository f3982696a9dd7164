//! How an original lies on the disk: a head, then pieces of 64 KiB, each encrypted and authenticated with its place.
//!
//! ```text
//! head     8 bytes   b"FPORIG1\n"
//! salt    32 bytes   random; with the store's key it makes the key of this file
//! pieces             each 64 KiB and its tag of 16 bytes, the last one as long or shorter (fieldproof_cipher::files::Pieces)
//! ```
//!
//! Any piece can be read alone, so a part is read without what lies before it.

use fieldproof_cipher::files::{Derived, Pieces, TAG_BYTES};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

const HEAD: &[u8; 8] = b"FPORIG1\n";
/// Bytes of the salt.
pub(super) const SALT_BYTES: usize = 32;
const START: u64 = (HEAD.len() + SALT_BYTES) as u64;
/// Bytes of a piece.
pub(super) const PIECE_BYTES: usize = 64 * 1024;
/// Of a piece on the disk.
pub(super) const WHOLE_BYTES: u64 = (PIECE_BYTES + TAG_BYTES) as u64;

/// Encrypts what is written to it. Without [`Self::finish`] the end is missing, and reads as cut off.
pub(super) struct Encrypting<W> {
    to: W,
    pieces: Pieces,
    place: u32,
    piece: Vec<u8>,
}

impl<W: Write> Encrypting<W> {
    /// Writes the head.
    pub(super) fn begin(mut to: W, salt: &[u8; SALT_BYTES], key: &Derived) -> io::Result<Self> {
        to.write_all(HEAD)?;
        to.write_all(salt)?;
        let piece = Vec::with_capacity(PIECE_BYTES + TAG_BYTES);
        Ok(Self { to, pieces: Pieces::new(key), place: 0, piece })
    }

    /// What is not written yet, and how many bytes were before it.
    pub(super) fn unwritten(&self) -> (u64, &[u8]) {
        (u64::from(self.place) * PIECE_BYTES as u64, &self.piece)
    }

    /// What it is written to.
    pub(super) fn to(&self) -> &W {
        &self.to
    }

    /// Writes the last piece; what it was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        Ok(self.to)
    }

    fn put(&mut self, is_last: bool) -> io::Result<()> {
        let place = self.place;
        self.place = place.checked_add(1).ok_or(ErrorKind::FileTooLarge)?;
        self.pieces.encrypt(place, is_last, &mut self.piece);
        self.to.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }
}

impl<W: Write> Write for Encrypting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits until more comes: the last one is marked.
        if self.piece.len() == PIECE_BYTES && !bytes.is_empty() {
            self.put(false)?;
        }
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What is not a whole piece yet stays here.
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What lies in a file that may have no end.
pub(super) struct Unfinished {
    /// Whole pieces that do not say that they are the last.
    pub(super) pieces: u32,
    /// Whether the last piece is there, too.
    pub(super) is_finished: bool,
    /// Whether more lies behind the first piece that does not decrypt: that one is not where the writing stopped.
    pub(super) goes_on: bool,
}

/// Reads the pieces of a file that may not have been finished, one after another, up to what does not decrypt. `None` for what is no
/// such file.
pub(super) fn read_unfinished(
    mut from: impl Read,
    key_of: impl FnOnce(&[u8; SALT_BYTES]) -> Derived,
    mut take: impl FnMut(&[u8]),
) -> io::Result<Option<Unfinished>> {
    let mut head = [0; START as usize];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (begin, salt) = head.split_at(HEAD.len());
    let Some(salt) = salt.first_chunk::<SALT_BYTES>().filter(|_| begin == HEAD) else { return Ok(None) };
    let (pieces, mut found) =
        (Pieces::new(&key_of(salt)), Unfinished { pieces: 0, is_finished: false, goes_on: false });
    let (mut piece, mut end) = (Vec::with_capacity(WHOLE_BYTES as usize), Vec::new());
    loop {
        piece.clear();
        let read = from.by_ref().take(WHOLE_BYTES).read_to_end(&mut piece)?;
        end.clone_from(&piece);
        if read == WHOLE_BYTES as usize && pieces.decrypt(found.pieces, false, &mut piece).is_ok() {
            take(&piece);
            found.pieces = found.pieces.checked_add(1).ok_or(ErrorKind::FileTooLarge)?;
            continue;
        }
        if pieces.decrypt(found.pieces, true, &mut end).is_ok() {
            take(&end);
            found.is_finished = true;
        } else if read == WHOLE_BYTES as usize {
            found.goes_on = from.read(&mut [0])? > 0;
        }
        return Ok(Some(found));
    }
}

/// Decrypts as it is read, from any place.
pub(super) struct Decrypting<R> {
    from: R,
    pieces: Pieces,
    length: u64,
    count: u64,
    at: u64,
    /// The piece that was decrypted last, and which one it is.
    piece: Vec<u8>,
    held: Option<u64>,
}

impl<R: Read + Seek> Decrypting<R> {
    /// Reads the head; `key_of` makes the file's key of its salt.
    pub(super) fn begin(mut from: R, key_of: impl FnOnce(&[u8; SALT_BYTES]) -> Derived) -> io::Result<Self> {
        let encrypted = from.seek(SeekFrom::End(0))?.checked_sub(START).ok_or(ErrorKind::UnexpectedEof)?;
        from.rewind()?;
        let (mut head, mut salt) = ([0; HEAD.len()], [0; SALT_BYTES]);
        from.read_exact(&mut head)?;
        from.read_exact(&mut salt)?;
        let (count, rest) = (encrypted.div_ceil(WHOLE_BYTES), encrypted % WHOLE_BYTES);
        // A piece of nothing is never written: where one seems to be, the file was cut, and nobody would look at that piece.
        let is_cut = count == 0 || (1..=TAG_BYTES as u64).contains(&rest);
        if is_cut || head != *HEAD {
            return Err(ErrorKind::InvalidData.into());
        }
        let length = encrypted - count * TAG_BYTES as u64;
        Ok(Self {
            from,
            pieces: Pieces::new(&key_of(&salt)),
            length,
            count,
            at: 0,
            piece: Vec::new(),
            held: None,
        })
    }

    /// Bytes of what was encrypted.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn decrypt(&mut self, number: u64) -> io::Result<()> {
        self.held = None;
        let place = u32::try_from(number).map_err(|_| ErrorKind::InvalidData)?;
        self.from.seek(SeekFrom::Start(START + number * WHOLE_BYTES))?;
        self.piece.clear();
        self.from.by_ref().take(WHOLE_BYTES).read_to_end(&mut self.piece)?;
        let is_last = number + 1 == self.count;
        let decrypted = self.pieces.decrypt(place, is_last, &mut self.piece);
        decrypted.map_err(|altered| io::Error::new(ErrorKind::InvalidData, altered))?;
        self.held = Some(number);
        Ok(())
    }
}

impl<R: Read + Seek> Read for Decrypting<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let (number, within) = (self.at / PIECE_BYTES as u64, (self.at % PIECE_BYTES as u64) as usize);
        if to.is_empty() || self.at >= self.length {
            return Ok(0);
        }
        if self.held != Some(number) {
            self.decrypt(number)?;
        }
        let rest = self.piece.get(within..).unwrap_or_default();
        let read = rest.len().min(to.len());
        to[..read].copy_from_slice(&rest[..read]);
        self.at += read as u64;
        Ok(read)
    }
}

impl<R: Read + Seek> Seek for Decrypting<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_cipher::files::{KEY_BYTES, derive};
    use std::io::Cursor;

    const SALT: [u8; SALT_BYTES] = [3; SALT_BYTES];

    fn key(salt: &[u8; SALT_BYTES]) -> Derived {
        derive(&[1; KEY_BYTES], "test", salt)
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    fn encrypt(content: &[u8], step: usize) -> Vec<u8> {
        let mut encrypting = Encrypting::begin(Vec::new(), &SALT, &key(&SALT)).unwrap();
        for piece in content.chunks(step) {
            encrypting.write_all(piece).unwrap();
        }
        encrypting.finish().unwrap()
    }

    fn decrypt(encrypted: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        Decrypting::begin(Cursor::new(encrypted), key)?.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn every_length_comes_back_however_it_was_written() {
        for length in
            [1, 100, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 3 * PIECE_BYTES + 17]
        {
            let content = content(length);
            let encrypted = encrypt(&content, 4096);
            assert_eq!(encrypted, encrypt(&content, length));
            assert_eq!(decrypt(&encrypted).unwrap(), content, "{length} bytes");
            let decrypting = Decrypting::begin(Cursor::new(&encrypted), key).unwrap();
            assert_eq!(decrypting.length(), length as u64);
        }
    }

    #[test]
    fn a_part_is_read_from_anywhere() {
        let content = content(3 * PIECE_BYTES + 17);
        let encrypted = encrypt(&content, 5000);
        let mut decrypting = Decrypting::begin(Cursor::new(&encrypted), key).unwrap();
        for (from, length) in
            [(PIECE_BYTES - 3, 6), (0, 1), (2 * PIECE_BYTES, PIECE_BYTES), (3 * PIECE_BYTES + 16, 1)]
        {
            decrypting.seek(SeekFrom::Start(from as u64)).unwrap();
            let mut part = vec![0; length];
            decrypting.read_exact(&mut part).unwrap();
            assert_eq!(part, content[from..from + length]);
        }
        decrypting.seek(SeekFrom::End(5)).unwrap();
        assert_eq!(decrypting.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn whatever_is_changed_or_cut_off_is_seen() {
        let content = content(2 * PIECE_BYTES + 10);
        let encrypted = encrypt(&content, 4096);
        let places = (0..START as usize + 20).chain(((START as usize + 20)..encrypted.len()).step_by(997));
        for place in places.chain([encrypted.len() - 1]) {
            let mut changed = encrypted.clone();
            changed[place] ^= 0x10;
            assert!(decrypt(&changed).is_err(), "a change of byte {place} is not seen");
        }
        let (start, whole) = (START as usize, WHOLE_BYTES as usize);
        let around = [0, 1, 15, 16, 17].map(|more| start + whole + more);
        for length in [0, 7, start, start + 5, encrypted.len() - 1].into_iter().chain(around) {
            assert!(decrypt(&encrypted[..length]).is_err(), "cut to {length} bytes");
        }
        let (first, rest) = encrypted[START as usize..].split_at(WHOLE_BYTES as usize);
        let swapped = [
            &encrypted[..START as usize],
            &rest[..WHOLE_BYTES as usize],
            first,
            &rest[WHOLE_BYTES as usize..],
        ];
        assert!(decrypt(&swapped.concat()).is_err());
    }
}
