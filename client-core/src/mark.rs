//! Whether this store is the one that was last written here, or a copy of it that was put in its place.
//!
//! A copy does not know which numbers were given after it was made, and would give them again. So each number that is given
//! leaves a mark both in the store and in a file beside it. A store that is put back alone has another mark than the file; a
//! directory that is put back, or copied, has another file. What is copied byte by byte into the same files, as a machine's
//! snapshot is, is not noticed here: only that the server knows more of the journal, and that a number stands twice.

use crate::error::ClientError;
use crate::files;
use crate::store::meta;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::suite::Digest;
use rusqlite::Connection;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

const FILE: &str = "numbers.mark";

/// A mark on its way: it stands beside the one before until the store has it.
pub(crate) struct Pending {
    dir: PathBuf,
    mark: String,
}

/// Whether the store bears the mark of the directory. One that never had a mark bears it where the directory has none.
pub(crate) fn is_borne(dir: &Path, conn: &Connection) -> Result<bool, ClientError> {
    let failed = |error| ClientError::file("reading the mark of the store", error);
    let text = files::read_optional(&dir.join(FILE)).map_err(failed)?;
    let (Some(text), Some(store)) = (&text, meta::numbers_mark(conn)?) else {
        return Ok(text.is_none() && meta::numbers_mark(conn)?.is_none());
    };
    let file = fs::metadata(dir.join(FILE)).map_err(failed)?;
    // Programs before named the file by its number alone; the next number that is given leaves the full name.
    let (identity, before) = (identity(&file), number(&file));
    let text = String::from_utf8_lossy(text);
    Ok(text.lines().any(|mark| [&identity, &before].iter().any(|named| store == format!("{mark} {named}"))))
}

/// Leaves a new mark, in a file of its own: within the caller's transaction, whose end [`Pending::settle`] follows.
pub(crate) fn begin(dir: &Path, tx: &Connection, host: &dyn Host) -> Result<Pending, ClientError> {
    let path = dir.join(FILE);
    let made = files::create_private(&path).and_then(|file| file.metadata());
    let made = made.map_err(|error| ClientError::file("making the mark of the store", error))?;
    write(dir, tx, host, &made, None)
}

/// Leaves another mark in place of the one before, which counts until the store has the new one.
pub(crate) fn renew(dir: &Path, tx: &Connection, host: &dyn Host) -> Result<Pending, ClientError> {
    let before = meta::numbers_mark(tx)?;
    let before = before.as_deref().and_then(|mark| mark.split(' ').next());
    match fs::metadata(dir.join(FILE)) {
        Ok(known) => write(dir, tx, host, &known, before),
        Err(_) => begin(dir, tx, host),
    }
}

fn write(
    dir: &Path,
    tx: &Connection,
    host: &dyn Host,
    file: &Metadata,
    before: Option<&str>,
) -> Result<Pending, ClientError> {
    let mark = hex::encode(random::<16>(host));
    let lines: Vec<&str> = before.into_iter().chain([mark.as_str()]).collect();
    put(dir, &lines.join("\n"))?;
    meta::put_numbers_mark(tx, &format!("{mark} {}", identity(file)))?;
    Ok(Pending { dir: dir.to_owned(), mark })
}

impl Pending {
    /// The store has it: the mark before counts no more. When this fails both go on counting, and the next number mends it.
    pub(crate) fn settle(self) {
        if let Err(error) = put(&self.dir, &self.mark) {
            tracing::warn!(error = %error, "the mark of the store could not be settled");
        }
    }
}

/// Into the same file, which a copy is not.
fn put(dir: &Path, text: &str) -> Result<(), ClientError> {
    let write = || -> io::Result<()> {
        let mut file: File = OpenOptions::new().write(true).truncate(true).open(dir.join(FILE))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| ClientError::file("writing the mark of the store", error))
}

/// What a copy of the file does not have in common with it: its number in the file system together with the moment when it was
/// made. The number alone is given again as soon as the file is deleted.
fn identity(file: &Metadata) -> String {
    let made = file.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let made = made.map(|since| since.as_nanos()).unwrap_or_default();
    Digest::of(format!("{} {made}", number(file)).as_bytes()).to_string()
}

#[cfg(unix)]
fn number(file: &Metadata) -> String {
    std::os::unix::fs::MetadataExt::ino(file).to_string()
}

#[cfg(not(unix))]
fn number(file: &Metadata) -> String {
    let made = file.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    made.map(|since| since.as_micros()).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::migrations::DEVICE;
    use fieldproof_schema::moment::Moment;

    struct Quiet;

    impl Host for Quiet {
        fn now(&self) -> Moment {
            Moment::from_micros(0)
        }

        fn monotonic_ms(&self) -> u64 {
            0
        }

        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    /// File systems give the number of a file that was deleted to the next one.
    #[test]
    fn a_file_that_is_put_back_is_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let conn = Connection::open_in_memory().unwrap();
        DEVICE.iter().for_each(|migration| conn.execute_batch(migration.sql).unwrap());
        begin(dir.path(), &conn, &Quiet).unwrap().settle();
        assert!(is_borne(dir.path(), &conn).unwrap());
        let path = dir.path().join(FILE);
        let text = fs::read(&path).unwrap();
        for _ in 0..20 {
            fs::remove_file(&path).unwrap();
            // Whatever moment the file system writes for the next file, it is a later one.
            let before = fs::metadata(dir.path()).unwrap().modified().unwrap();
            let later = || {
                fs::write(dir.path().join("other"), "").unwrap();
                fs::remove_file(dir.path().join("other")).unwrap();
                fs::metadata(dir.path()).unwrap().modified().unwrap()
            };
            while later() <= before {}
            fs::write(&path, &text).unwrap();
            assert!(!is_borne(dir.path(), &conn).unwrap());
        }
    }

    #[test]
    fn a_mark_of_the_programs_before_is_borne_by_the_same_file_only() {
        let dir = tempfile::tempdir().unwrap();
        let conn = Connection::open_in_memory().unwrap();
        DEVICE.iter().for_each(|migration| conn.execute_batch(migration.sql).unwrap());
        begin(dir.path(), &conn, &Quiet).unwrap().settle();
        let path = dir.path().join(FILE);
        let mark = fs::read_to_string(&path).unwrap();
        let before = number(&fs::metadata(&path).unwrap());
        meta::put_numbers_mark(&conn, &format!("{mark} {before}")).unwrap();
        assert!(is_borne(dir.path(), &conn).unwrap());
        renew(dir.path(), &conn, &Quiet).unwrap().settle();
        assert_ne!(meta::numbers_mark(&conn).unwrap().unwrap(), format!("{mark} {before}"));
        assert!(is_borne(dir.path(), &conn).unwrap());
        meta::put_numbers_mark(&conn, &format!("{mark} {before}1")).unwrap();
        assert!(!is_borne(dir.path(), &conn).unwrap());
    }
}
