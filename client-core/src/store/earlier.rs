//! Stores as earlier versions kept them, in the clear or with a salt of chance: encrypted anew when they are opened.

use super::{check, check_authentic, empty_log, is_damage, unlock_with};
use crate::error::ClientError;
use crate::files;
use crate::keys::StoreKey;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR, SQLITE_NOTADB};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// How a database begins that is not encrypted.
const CLEAR: &[u8; 16] = b"SQLite format 3\0";
/// What stands in its schema, within so many bytes.
const SCHEMA: &[u8] = b"CREATE TABLE";
const SCHEMA_BYTES: u64 = 64 * 1024;

/// Encrypts a database anew that an earlier version kept otherwise; any other is left alone. A copy is made beside it and takes its
/// place when it is whole and on the disk. Returns what opens what is there then: where there is no room for a copy of one that is
/// encrypted, it is opened as it is, and copied another time.
pub(super) fn encrypt(path: &Path, key: &StoreKey) -> Result<Zeroizing<String>, ClientError> {
    let Some((earlier, is_encrypted)) = open(path, key)? else { return Ok(key.pragma()) };
    tracing::info!("an earlier version kept the store otherwise: it is encrypted anew");
    let beside = files::with_suffix(path, ".encrypting");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove(&files::with_suffix(&beside, suffix))?;
    }
    empty_log(&earlier)?;
    // A damaged one is set aside as it is: a copy would be what could be read of it.
    check(&earlier)?;
    if let Err(error) = copy(&earlier, &beside, key) {
        // The space is needed. When removing fails too, the next opening does it.
        let _ = fs::remove_file(&beside);
        if is_encrypted && is_full(&error) {
            tracing::warn!(%error, "there is no room to encrypt the store anew: it is opened as it is");
            return Ok(key.pragma_alone());
        }
        return Err(error);
    }
    // Its log is empty; closed, it takes that away, too.
    drop(earlier);
    let failed = |error| ClientError::file("encrypting the store", error);
    File::open(&beside).and_then(|file| file.sync_all()).map_err(failed)?;
    for suffix in ["-wal", "-shm"] {
        remove(&files::with_suffix(path, suffix))?;
    }
    // Never the old log beside the new database.
    files::sync_dir(path.parent().unwrap_or_else(|| Path::new("."))).map_err(failed)?;
    files::rename_durably(&beside, path).map_err(failed)?;
    Ok(key.pragma())
}

fn is_full(error: &ClientError) -> bool {
    matches!(error, ClientError::Store { source: rusqlite::Error::SqliteFailure(error, _) } if error.extended_code & 0xff == SQLITE_FULL)
}

/// Opens a database that an earlier version kept otherwise, and says whether it is encrypted.
fn open(path: &Path, key: &StoreKey) -> Result<Option<(Connection, bool)>, ClientError> {
    match head(path)? {
        None => Ok(None),
        Some(head) if head == *CLEAR => Ok(Some((Connection::open(path)?, false))),
        Some(head) if head == key.salt() => Ok(None),
        Some(_) => {
            // Or a power cut tore the first page: then it does not open with the salt that stands there now, and the log, in which
            // that page is whole, must stay.
            let connection = Connection::open(path)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            unlock_with(&connection, &key.pragma_alone())?;
            match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
                Ok(()) => {
                    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
                    Ok(Some((connection, true)))
                }
                Err(rusqlite::Error::SqliteFailure(error, _))
                    if is_damage(error.extended_code) || error.extended_code & 0xff == SQLITE_NOTADB =>
                {
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// Copies everything, encrypted, and looks at the copy.
fn copy(earlier: &Connection, beside: &Path, key: &StoreKey) -> Result<(), ClientError> {
    let version: i64 = earlier.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let name = beside.to_string_lossy();
    earlier.execute("ATTACH DATABASE ?1 AS encrypted KEY ?2", [name.as_ref(), key.pragma().as_str()])?;
    earlier.query_row("SELECT sqlcipher_export('encrypted')", [], |_| Ok(())).map_err(exported)?;
    earlier.pragma_update(Some("encrypted"), "user_version", version)?;
    earlier.execute("DETACH DATABASE encrypted", [])?;
    let copy = Connection::open(beside)?;
    unlock_with(&copy, &key.pragma())?;
    check(&copy)?;
    check_authentic(&copy)
}

/// What kept a copy from being made: SQLCipher passes on the words only, not the code.
fn exported(error: rusqlite::Error) -> rusqlite::Error {
    let rusqlite::Error::SqliteFailure(_, Some(said)) = &error else { return error };
    let code = if said.contains("full") {
        SQLITE_FULL
    } else if said.contains("I/O") {
        SQLITE_IOERR
    } else {
        return error;
    };
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(said.clone()))
}

/// Whether there is a database, and it does not lie in the clear. One in the clear whose head is damaged can be told by the
/// words of its schema.
pub(super) fn is_encrypted(path: &Path) -> Result<bool, ClientError> {
    if head(path)?.is_none_or(|head| head == *CLEAR) {
        return Ok(false);
    }
    let failed = |error| ClientError::file("reading the store", error);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(SCHEMA_BYTES).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(!bytes.windows(SCHEMA.len()).any(|part| part == SCHEMA))
}

fn head(path: &Path) -> Result<Option<[u8; CLEAR.len()]>, ClientError> {
    let mut head = [0; CLEAR.len()];
    match File::open(path).and_then(|mut file| file.read_exact(&mut head)) {
        Ok(()) => Ok(Some(head)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Ok(None),
        Err(error) => Err(ClientError::file("reading the store", error)),
    }
}

fn remove(path: &Path) -> Result<(), ClientError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(ClientError::file("encrypting the store", error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DATABASE, open};

    const PAGE: usize = 4096;

    fn key() -> StoreKey {
        StoreKey::from_bytes([7; 32])
    }

    fn noted(dir: &Path) -> (Option<String>, String) {
        let opened = open(dir, &key()).unwrap();
        let value = "SELECT value FROM meta WHERE name = 'noted'";
        (opened.set_aside, opened.reader.query_row(value, [], |row| row.get(0)).unwrap())
    }

    const NOTE: &str = "INSERT INTO meta (name, value) VALUES ('noted', '池水清澈')";

    /// A power cut while the log is copied into the database: whatever the first page is, it stands whole in the log.
    #[test]
    fn a_torn_first_page_is_read_from_the_log() {
        let (dir, torn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let opened = open(dir.path(), &key()).unwrap();
        opened.writer.execute_batch(NOTE).unwrap();
        opened.writer.execute_batch("CREATE TABLE more (id INTEGER)").unwrap();
        for garbage in [0x00, 0xa5] {
            let mut bytes = fs::read(dir.path().join(DATABASE)).unwrap();
            bytes[..PAGE].fill(garbage);
            fs::write(torn.path().join(DATABASE), bytes).unwrap();
            let log = format!("{DATABASE}-wal");
            fs::copy(dir.path().join(&log), torn.path().join(&log)).unwrap();
            assert_eq!(noted(torn.path()), (None, "池水清澈".to_owned()));
        }
    }

    #[test]
    fn a_salt_of_chance_gives_way_to_the_keys_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DATABASE);
        let earlier = Connection::open(&path).unwrap();
        unlock_with(&earlier, &key().pragma_alone()).unwrap();
        for migration in fieldproof_schema::migrations::DEVICE {
            earlier.execute_batch(migration.sql).unwrap();
            earlier.pragma_update(None, "user_version", migration.number).unwrap();
        }
        earlier.execute_batch(NOTE).unwrap();
        drop(earlier);
        assert_ne!(head(&path).unwrap(), Some(key().salt()));
        for _ in 0..2 {
            assert_eq!(noted(dir.path()), (None, "池水清澈".to_owned()));
            assert_eq!(head(&path).unwrap(), Some(key().salt()));
        }
        // With a damaged page it is kept as it is.
        let other = tempfile::tempdir().unwrap();
        let earlier = Connection::open(other.path().join(DATABASE)).unwrap();
        unlock_with(&earlier, &key().pragma_alone()).unwrap();
        earlier.execute_batch("CREATE TABLE a (id INTEGER); CREATE TABLE b (id INTEGER)").unwrap();
        drop(earlier);
        let mut bytes = fs::read(other.path().join(DATABASE)).unwrap();
        bytes[PAGE..2 * PAGE].fill(0xa5);
        fs::write(other.path().join(DATABASE), &bytes).unwrap();
        let opened = open(other.path(), &key()).unwrap();
        let kept = opened.set_aside.expect("it is set aside");
        assert!(fs::read(other.path().join(kept)).unwrap() == bytes);
    }
}
