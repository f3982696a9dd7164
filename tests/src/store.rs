//! The stores of terminals, as a test looks into them.

use fieldproof_cipher::database::{self, SALT_BYTES};
use fieldproof_client_core::{StoreKey, Unlock};
use rusqlite::config::DbConfig;
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
const CLEAR: [u8; SALT_BYTES] = *b"SQLite format 3\0";

/// Opens a database, a terminal's with its key, unless it lies in the clear as earlier versions left it. Others left it with a
/// salt of chance.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let database = Connection::open_with_flags(path, flags)?;
    if path.file_name().is_none_or(|name| name != NAME) {
        return Ok(database);
    }
    let mut head = [0; SALT_BYTES];
    let has_head = File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok();
    if has_head && head == CLEAR {
        return Ok(database);
    }
    if has_head && head != database::salt(&KEY) {
        let of_chance = Connection::open_with_flags(path, flags)?;
        // Closed, it must not write the log into a file that is only looked at.
        of_chance.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        with_key(&of_chance, &database::key_alone(&KEY))?;
        if of_chance.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).is_ok() {
            of_chance.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
            return Ok(of_chance);
        }
    }
    with_key(&database, &database::key_with_salt(&KEY))?;
    Ok(database)
}

fn with_key(database: &Connection, key: &str) -> rusqlite::Result<()> {
    database.pragma_update(None, "cipher_log_level", "NONE")?;
    database.pragma_update(None, "key", key)
}

/// Opens a database to read it.
///
/// # Errors
/// When it cannot be opened.
pub fn look_into(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}
