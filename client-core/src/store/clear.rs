//! Stores that earlier versions kept in the clear: encrypted when they are opened.

use super::empty_log;
use crate::error::ClientError;
use crate::files;
use crate::keys::StoreKey;
use rusqlite::Connection;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// How a database begins that is not encrypted.
const CLEAR: &[u8; 16] = b"SQLite format 3\0";

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
    let version: i64 = clear.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let name = beside.to_string_lossy();
    clear.execute("ATTACH DATABASE ?1 AS encrypted KEY ?2", [name.as_ref(), key.pragma().as_str()])?;
    clear.query_row("SELECT sqlcipher_export('encrypted')", [], |_| Ok(()))?;
    clear.pragma_update(Some("encrypted"), "user_version", version)?;
    clear.execute("DETACH DATABASE encrypted", [])?;
    // Its log is empty; closed, it takes that away, too.
    drop(clear);
    let failed = |error| ClientError::file("encrypting the store", error);
    File::open(&beside).and_then(|file| file.sync_all()).map_err(failed)?;
    for suffix in ["-wal", "-shm"] {
        remove(&files::with_suffix(path, suffix))?;
    }
    files::rename_durably(&beside, path).map_err(failed)
}

/// Whether there is a database, and it does not lie in the clear.
pub(super) fn is_encrypted(path: &Path) -> Result<bool, ClientError> {
    Ok(head(path)?.is_some_and(|head| head != *CLEAR))
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
