//! An inspection as one file (检查包): what was written, signed and captured, for hands and machines without a network.
//!
//! A zip archive in which nothing is compressed: `package.cbor.zst` says everything but the originals, in the form and
//! within the bounds of a sync body ([`crate::wire::frame`]); originals are files under `evidence/`, by their digest. What
//! counts of it is decided by whoever takes it in, by the signatures in it: the file itself proves nothing.

use crate::document::RawChange;
use crate::ids::{DeviceId, InspectionId};
use crate::limits::PACKAGE_FILES_MAX;
use crate::moment::Moment;
use crate::suite::Digest;
use crate::wire::carried::Carried;
use crate::wire::frame::{self, FrameError};
use minicbor::{Decode, Encode};
use std::io::{self, Read, Seek, SeekFrom, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// The form of packages that this code writes and understands.
const FORMAT: u16 = 1;
/// The file that says everything but the originals.
const CONTENTS: &str = "package.cbor.zst";
/// Bytes of an archive's end when it has no comment.
const END_BYTES: u64 = 22;
/// How an archive's end begins.
const END: [u8; 4] = *b"PK\x05\x06";

/// What a package says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Package {
    /// The form of the package; 1.
    #[n(0)]
    pub format: u16,
    /// Which visit.
    #[n(1)]
    pub inspection: InspectionId,
    /// When it was made, by the clock of whoever made it.
    #[n(2)]
    pub made_at: Moment,
    /// Which terminal made it.
    #[n(3)]
    pub maker: DeviceId,
    /// The checklist that the visit pins, as it was imported: by its hash the visit says which it is.
    #[n(4)]
    pub template: Option<String>,
    /// What the server wrote: the first change, and decisions. Whoever takes the package in has these from the server.
    #[n(5)]
    pub server: Vec<RawChange>,
    /// What terminals wrote and signed.
    #[n(6)]
    pub carried: Vec<Carried>,
    /// The originals that are in the package.
    #[n(7)]
    pub originals: Vec<Original>,
}

/// An original in a package.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Original {
    /// Of its bytes.
    #[n(0)]
    pub digest: Digest,
    /// How many they are.
    #[n(1)]
    pub size_bytes: u64,
    /// As what it was captured.
    #[n(2)]
    pub media_type: String,
}

/// Why a file is no package.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Not one at all, cut off, or changed on the way.
    #[error("the file is not an inspection's package, or it is damaged")]
    NotAPackage,
    /// Of a later form.
    #[error("the package has form {0}, this program knows {FORMAT}")]
    Later(u16),
    /// It has more files, or says more, than a package may.
    #[error("the package is larger than packages are")]
    TooLarge,
    /// The file could not be read or written.
    #[error("the package's file failed")]
    File(#[source] io::Error),
}

impl From<ZipError> for PackageError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            _ => Self::NotAPackage,
        }
    }
}

impl From<io::Error> for PackageError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // What the archive's own checks say.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                Self::NotAPackage
            }
            _ => Self::File(error),
        }
    }
}

fn name_of(digest: Digest) -> String {
    format!("evidence/{digest}")
}

/// A package that is being written.
pub struct Writing<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Writing<W> {
    /// Writes what the package says.
    ///
    /// # Errors
    /// [`PackageError::TooLarge`] when it does not fit the bounds of a sync body.
    pub fn begin(to: W, package: &Package) -> Result<Self, PackageError> {
        let contents = frame::pack(&Package { format: FORMAT, ..package.clone() });
        if package.originals.len() >= PACKAGE_FILES_MAX || frame::unpack::<Package>(&contents).is_err() {
            return Err(PackageError::TooLarge);
        }
        let mut zip = ZipWriter::new(to);
        zip.start_file(CONTENTS, options(contents.len() as u64))?;
        zip.write_all(&contents)?;
        Ok(Self(zip))
    }

    /// Adds an original, in pieces.
    pub fn original(&mut self, original: &Original, mut from: impl Read) -> Result<(), PackageError> {
        self.0.start_file(name_of(original.digest), options(original.size_bytes))?;
        io::copy(&mut from, &mut self.0)?;
        Ok(())
    }

    /// Writes the end.
    pub fn finish(self) -> Result<W, PackageError> {
        Ok(self.0.finish()?)
    }
}

fn options(size_bytes: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(size_bytes >= u64::from(u32::MAX))
}

/// A package that is being read.
pub struct Reading<R: Read + Seek> {
    /// What it says.
    pub package: Package,
    zip: ZipArchive<R>,
}

impl<R: Read + Seek> Reading<R> {
    /// Opens a package and reads what it says, within bounds.
    pub fn open(mut from: R) -> Result<Self, PackageError> {
        check_end(&mut from)?;
        let mut zip = ZipArchive::new(from)?;
        let mut contents = Vec::new();
        let most = crate::limits::SYNC_BODY_BYTES_MAX as u64 + 1;
        stored(&mut zip, CONTENTS)?.take(most).read_to_end(&mut contents)?;
        let package: Package = frame::unpack(&contents).map_err(|error| match error {
            FrameError::TooLarge => PackageError::TooLarge,
            _ => PackageError::NotAPackage,
        })?;
        match package.format {
            FORMAT => Ok(Self { package, zip }),
            later => Err(PackageError::Later(later)),
        }
    }

    /// The bytes of an original. Whoever keeps them hashes them first.
    pub fn original(&mut self, digest: Digest) -> Result<impl Read + '_, PackageError> {
        stored(&mut self.zip, &name_of(digest))
    }
}

fn stored<'a, R: Read + Seek>(
    zip: &'a mut ZipArchive<R>,
    name: &str,
) -> Result<zip::read::ZipFile<'a, R>, PackageError> {
    let file = zip.by_name(name)?;
    match file.compression() {
        CompressionMethod::Stored => Ok(file),
        _ => Err(PackageError::NotAPackage),
    }
}

/// An archive's list of files is read into memory as a whole, so how many there are is asked first. Packages have no comment:
/// their end is where it is looked for.
fn check_end(from: &mut (impl Read + Seek)) -> Result<(), PackageError> {
    let length = from.seek(SeekFrom::End(0))?;
    let at = length.checked_sub(END_BYTES).ok_or(PackageError::NotAPackage)?;
    from.seek(SeekFrom::Start(at))?;
    let mut end = [0; END_BYTES as usize];
    from.read_exact(&mut end)?;
    from.seek(SeekFrom::Start(0))?;
    let (signature, files) = (&end[..4], u16::from_le_bytes([end[10], end[11]]));
    if signature != END {
        return Err(PackageError::NotAPackage);
    }
    if usize::from(files) > PACKAGE_FILES_MAX { Err(PackageError::TooLarge) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn package(originals: Vec<Original>) -> Package {
        Package {
            format: 1,
            inspection: InspectionId::from_bytes([1; 16]),
            made_at: Moment::from_micros(7),
            maker: DeviceId::from_bytes([2; 16]),
            template: Some("{}".into()),
            server: vec![RawChange(vec![9])],
            carried: vec![],
            originals,
        }
    }

    fn original(bytes: &[u8]) -> Original {
        let (digest, size_bytes) = (Digest::of(bytes), bytes.len() as u64);
        Original { digest, size_bytes, media_type: "image/jpeg".into() }
    }

    fn written() -> Vec<u8> {
        let (one, two) = (original(b"one"), original(b"two"));
        let package = package(vec![one.clone(), two.clone()]);
        let mut writing = Writing::begin(Cursor::new(Vec::new()), &package).unwrap();
        writing.original(&one, b"one".as_slice()).unwrap();
        writing.original(&two, b"two".as_slice()).unwrap();
        writing.finish().unwrap().into_inner()
    }

    #[test]
    fn a_package_is_read_as_it_was_written() {
        let mut reading = Reading::open(Cursor::new(written())).unwrap();
        assert_eq!(reading.package, package(vec![original(b"one"), original(b"two")]));
        for bytes in [b"two", b"one"] {
            let mut found = Vec::new();
            reading.original(Digest::of(bytes)).unwrap().read_to_end(&mut found).unwrap();
            assert_eq!(found, bytes);
        }
        assert!(matches!(reading.original(Digest::of(b"three")), Err(PackageError::NotAPackage)));
    }

    #[test]
    fn what_is_cut_or_changed_is_no_package_and_never_a_panic() {
        let whole = written();
        for length in 0..whole.len() {
            assert!(Reading::open(Cursor::new(&whole[..length])).is_err(), "{length}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            if let Ok(mut reading) = Reading::open(Cursor::new(changed)) {
                assert_eq!(reading.package, package(vec![original(b"one"), original(b"two")]), "{at}");
                for bytes in [b"one", b"two"] {
                    let mut found = Vec::new();
                    let read = reading.original(Digest::of(bytes)).map(|mut r| r.read_to_end(&mut found));
                    // What is read either fails or is what was written; digests are checked by whoever keeps it.
                    assert!(!matches!(read, Ok(Ok(_))) || found == bytes, "{at}");
                }
            }
        }
    }

    #[test]
    fn one_of_a_later_form_and_one_of_countless_files_are_refused() {
        let later = Package { format: 2, ..package(vec![]) };
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(CONTENTS, options(1)).unwrap();
        zip.write_all(&frame::pack(&later)).unwrap();
        let bytes = zip.finish().unwrap();
        assert!(matches!(Reading::open(bytes), Err(PackageError::Later(2))));

        let mut many = written();
        let at = many.len() - 12;
        many[at..at + 2].copy_from_slice(&u16::MAX.to_le_bytes());
        assert!(matches!(Reading::open(Cursor::new(many)), Err(PackageError::TooLarge)));
    }
}
