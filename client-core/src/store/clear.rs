//! Stores that earlier versions kept in the clear: encrypted when they are opened.

use super::{check, check_authentic, empty_log, unlock};
use crate::error::ClientError;
use crate::files;
use crate::keys::StoreKey;
use rusqlite::Connection;
use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// How a database begins that is not encrypted.
const CLEAR: &[u8; 16] = b"SQLite format 3\0";
/// What stands in its schema, within so many bytes.
const SCHEMA: &[u8] = b"CREATE TABLE";
const SCHEMA_BYTES: u64 = 64 * 1024;

/// Encrypts a database that lies in the clear; any other is left alone. A copy is made beside it and takes its place when it is
/// whole and on the disk.
pub(super) fn encrypt(path: &Path, key: &StoreKey) -> Result<(), ClientError> {
    if !is_clear(path)? {
        return Ok(());
    }
    tracing::info!("the store lies in the clear and is encrypted");
    let beside = files::with_suffix(path, ".encrypting");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove(&files::with_suffix(&beside, suffix))?;
    }
    let clear = Connection::open(path)?;
    empty_log(&clear)?;
    // A damaged one is set aside as it is: a copy would be what could be read of it.
    check(&clear)?;
    if let Err(error) = copy(&clear, &beside, key) {
        // The space is needed. When removing fails too, the next opening does it.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    // Its log is empty; closed, it takes that away, too.
    drop(clear);
    let failed = |error| ClientError::file("encrypting the store", error);
    File::open(&beside).and_then(|file| file.sync_all()).map_err(failed)?;
    for suffix in ["-wal", "-shm"] {
        remove(&files::with_suffix(path, suffix))?;
    }
    // Never the old log beside the new database.
    files::sync_dir(path.parent().unwrap_or_else(|| Path::new("."))).map_err(failed)?;
    files::rename_durably(&beside, path).map_err(failed)
}

/// Copies everything, encrypted, and looks at the copy.
fn copy(clear: &Connection, beside: &Path, key: &StoreKey) -> Result<(), ClientError> {
    let version: i64 = clear.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let name = beside.to_string_lossy();
    clear.execute("ATTACH DATABASE ?1 AS encrypted KEY ?2", [name.as_ref(), key.pragma().as_str()])?;
    clear.query_row("SELECT sqlcipher_export('encrypted')", [], |_| Ok(())).map_err(exported)?;
    clear.pragma_update(Some("encrypted"), "user_version", version)?;
    clear.execute("DETACH DATABASE encrypted", [])?;
    let copy = Connection::open(beside)?;
    unlock(&copy, key)?;
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

fn is_clear(path: &Path) -> Result<bool, ClientError> {
    Ok(head(path)?.is_some_and(|head| head == *CLEAR))
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
