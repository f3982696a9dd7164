//! The stores of terminals, as a test looks into them.

use fieldproof_client_core::{StoreKey, Unlock};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What the terminals of tests are encrypted with, as a platform would hand it in.
const KEY: [u8; 32] = [7; 32];
/// What a terminal's database is called.
const NAME: &str = "store.db";

/// What opens them.
pub fn unlock() -> Unlock<'static> {
    Unlock::Key(StoreKey::from_bytes(KEY))
}

/// How a database begins that is not encrypted.
const CLEAR: [u8; 16] = *b"SQLite format 3\0";

/// Opens a database, a terminal's with its key, unless it lies in the clear as earlier versions left it.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let database = Connection::open_with_flags(path, flags)?;
    let mut head = [0; CLEAR.len()];
    let clear = File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == CLEAR;
    if !clear && path.file_name().is_some_and(|name| name == NAME) {
        database.pragma_update(None, "cipher_log_level", "NONE")?;
        database.pragma_update(None, "key", format!("x'{}'", hex::encode(KEY)))?;
    }
    Ok(database)
}

/// Opens a database to read it.
///
/// # Errors
/// When it cannot be opened.
pub fn look_into(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}
