//! The terminal's database: opening, migrating, and setting a damaged one aside.
//!
//! The functions of the parts take a connection to read and a transaction to write; the façade begins and commits. There
//! is one writing connection; every commit is on the disk before it returns. Every page is encrypted and authenticated.

pub(crate) mod carried;
pub(crate) mod changes;
pub(crate) mod columns;
mod earlier;
pub(crate) mod entities;
pub(crate) mod evidence;
pub(crate) mod folded;
pub(crate) mod journal;
pub(crate) mod left;
pub(crate) mod list;
pub(crate) mod meta;
pub(crate) mod numbers;
pub(crate) mod outgoing;
pub(crate) mod receipts;
pub(crate) mod recordings;
pub(crate) mod rows;
pub(crate) mod runs;
pub(crate) mod standing;
pub(crate) mod unsent;
pub(crate) mod unsigned;

use crate::error::ClientError;
use crate::files;
use crate::keys::StoreKey;
use fieldproof_schema::migrations::DEVICE;
use fieldproof_schema::planted::{self, Bug};
use rusqlite::config::DbConfig;
use rusqlite::ffi::{SQLITE_CORRUPT, SQLITE_ERROR};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

const DATABASE: &str = "store.db";
/// The first SQLite without a known loss in WAL mode.
const SQLITE_MIN: i32 = 3_051_003;

/// An open database.
pub(crate) struct Opened {
    /// One that only reads, and sees what was committed. Closed before the other, which then tidies the log away.
    pub(crate) reader: Connection,
    /// The one that writes.
    pub(crate) writer: Connection,
    /// Where a damaged database was put, when that happened just now.
    pub(crate) set_aside: Option<String>,
}

/// Opens the database in `dir`; a damaged one is moved aside, kept, and a new one begun.
pub(crate) fn open(dir: &Path, key: &StoreKey) -> Result<Opened, ClientError> {
    // What a disk reads wrongly once is right the next time: a store with unsent work in it is looked at again before it is
    // given up.
    let looked = match open_once(dir, key) {
        Err(error) if error.is_corruption() => open_once(dir, key),
        looked => looked,
    };
    match looked {
        Ok((writer, reader)) => Ok(Opened { writer, reader, set_aside: None }),
        Err(error) if error.is_corruption() => {
            tracing::error!(error = %error, "the store is damaged and is set aside");
            let kept_as = set_aside(dir).map_err(|e| ClientError::file("setting the store aside", e))?;
            let (writer, reader) = open_once(dir, key)?;
            Ok(Opened { writer, reader, set_aside: Some(kept_as) })
        }
        Err(error) => Err(error),
    }
}

fn open_once(dir: &Path, key: &StoreKey) -> Result<(Connection, Connection), ClientError> {
    assert!(rusqlite::version_number() >= SQLITE_MIN, "the linked SQLite is too old");
    let path = dir.join(DATABASE);
    fieldproof_cipher::link();
    let pragma = earlier::encrypt(&path, key)?;
    let mut writer = Connection::open(&path)?;
    unlock_with(&writer, &pragma)?;
    writer.pragma_update(None, "journal_mode", "wal")?;
    let synchronous = if planted::is(Bug::TerminalSyncsLess) { "normal" } else { "full" };
    writer.pragma_update(None, "synchronous", synchronous)?;
    writer.pragma_update(None, "foreign_keys", true)?;
    // What a log holds after an unclean end may be in the system's memory alone: where a sync failed, no later one makes up for
    // it, and the program before this one may have ended upon that. Written on into such a log, nothing would be safe.
    empty_log(&writer)?;
    check(&writer)?;
    check_authentic(&writer)?;
    migrate(&mut writer)?;
    writer.set_prepared_statement_cache_capacity(128);
    let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    unlock_with(&reader, &pragma)?;
    reader.set_prepared_statement_cache_capacity(128);
    for connection in [&writer, &reader] {
        // Without it SQLite compiles a statement anew at every call whose parameter could decide about a partial index.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    }
    Ok((writer, reader))
}

/// Whether there is a store that only a key opens.
pub(crate) fn is_encrypted(dir: &Path) -> Result<bool, ClientError> {
    earlier::is_encrypted(&dir.join(DATABASE))
}

/// Comes before anything else on a connection.
fn unlock_with(connection: &Connection, key: &str) -> Result<(), ClientError> {
    // It would write to the error stream by itself; what failed is reported by what fails.
    connection.pragma_update(None, "cipher_log_level", "NONE")?;
    Ok(connection.pragma_update(None, "key", key)?)
}

/// A store that nothing is left of: for a terminal that belongs to nobody yet.
pub(crate) fn in_memory(name: &str) -> Result<Opened, ClientError> {
    let place = format!("file:{name}?mode=memory&cache=shared");
    let mut writer = Connection::open(&place)?;
    migrate(&mut writer)?;
    let reader = Connection::open(&place)?;
    // The writer's rows may be read before they are committed: nobody writes while somebody reads.
    reader.pragma_update(None, "read_uncommitted", true)?;
    Ok(Opened { writer, reader, set_aside: None })
}

/// Writes everything that the log holds into the database, syncs that, and begins the log anew.
pub(crate) fn empty_log(writer: &Connection) -> Result<(), ClientError> {
    if !writer.is_autocommit() {
        writer.execute_batch("ROLLBACK")?;
    }
    let stays: bool = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if stays {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(code, None).into());
    }
    Ok(())
}

/// Walks all pages.
fn check(writer: &Connection) -> Result<(), ClientError> {
    let (code, said) = match writer.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(verdict) if verdict == "ok" => return Ok(()),
        Ok(verdict) => (read_error(&verdict).unwrap_or(SQLITE_CORRUPT), Some(verdict)),
        Err(rusqlite::Error::SqliteFailure(error, said)) if is_damage(error.extended_code) => {
            (SQLITE_CORRUPT, said)
        }
        Err(error) => return Err(error.into()),
    };
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), said).into())
}

/// Whether every page that was read with a key so far is what was encrypted: the check has no need to look into each.
fn check_authentic(connection: &Connection) -> Result<(), ClientError> {
    let status: String = connection.query_row("PRAGMA cipher_status", [], |row| row.get(0))?;
    if status != "0" {
        return Ok(());
    }
    let code = rusqlite::ffi::Error::new(SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(code, Some("a page is not what was encrypted".to_owned())).into())
}

/// What is said of a damaged page: SQLCipher says no more than that there was an error when a page is not what it encrypted.
fn is_damage(code: i32) -> bool {
    [SQLITE_CORRUPT, SQLITE_ERROR].contains(&(code & 0xff))
}

/// The code with which a page could not be read, when the check says so: SQLite reports that like damage.
fn read_error(verdict: &str) -> Option<i32> {
    let code = verdict.lines().find_map(|line| line.split_once("error code=")?.1.trim().parse().ok())?;
    (!is_damage(code)).then_some(code)
}

fn migrate(writer: &mut Connection) -> Result<(), ClientError> {
    let found: i64 = writer.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = DEVICE.last().map_or(0, |migration| migration.number);
    if found > known {
        return Err(ClientError::StoreNewer { found, known });
    }
    for migration in DEVICE.iter().filter(|migration| migration.number > found) {
        let tx = writer.transaction()?;
        tx.execute_batch(migration.sql)?;
        tx.pragma_update(None, "user_version", migration.number)?;
        tx.commit()?;
    }
    Ok(())
}

/// Moves the database and its companions to the next free `store.db.damaged-<n>`; nothing is ever deleted.
fn set_aside(dir: &Path) -> std::io::Result<String> {
    let path = dir.join(DATABASE);
    let companions = |n: u32| {
        ["", "-wal", "-shm"].map(|suffix| {
            let name = format!("{DATABASE}.damaged-{n}{suffix}");
            (files::with_suffix(&path, suffix), dir.join(name))
        })
    };
    let free = (1..)
        .find(|n| companions(*n).iter().all(|(_, to)| !to.exists()))
        .expect("numbers do not run out before directories do");
    let moves: [(PathBuf, PathBuf); 3] = companions(free);
    // The database goes last: a crash in between finds it damaged again, and starts over.
    for (from, to) in moves.iter().rev().filter(|(from, _)| from.exists()) {
        files::rename_durably(from, to)?;
    }
    Ok(format!("{DATABASE}.damaged-{free}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StoreKey {
        StoreKey::from_bytes([7; 32])
    }

    #[test]
    fn a_new_store_has_every_migration_and_opens_again() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let opened = open(dir.path(), &key()).unwrap();
            assert_eq!(opened.set_aside, None);
            let version: i64 = opened.reader.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
            assert_eq!(version, DEVICE.len() as i64);
            let mode: i64 = opened.writer.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
            assert_eq!(mode, 2);
        }
    }

    #[test]
    fn migrations_are_counted_without_gaps() {
        for (place, migration) in DEVICE.iter().enumerate() {
            assert_eq!(migration.number, place as i64 + 1, "{}", migration.name);
        }
    }

    #[test]
    fn a_store_of_a_later_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), &key()).unwrap().writer.pragma_update(None, "user_version", 9999).unwrap();
        assert!(matches!(open(dir.path(), &key()), Err(ClientError::StoreNewer { found: 9999, .. })));
        assert!(!dir.path().join("store.db.damaged-1").exists());
    }

    #[test]
    fn a_page_that_cannot_be_read_is_no_damage() {
        let said = "*** in database main ***\nTree 3 page 5: unable to get the page. error code=266";
        assert_eq!(read_error(said), Some(266));
        assert_eq!(read_error(&said.replace("266", "11")), None);
        assert_eq!(read_error(&said.replace("266", "1")), None);
        assert_eq!(read_error("*** in database main ***\nPage 7: never used"), None);
    }

    #[test]
    fn damaged_stores_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        for n in 1..=2 {
            drop(open(dir.path(), &key()));
            std::fs::write(dir.path().join(DATABASE), format!("not a database {n}")).unwrap();
            let opened = open(dir.path(), &key()).unwrap();
            assert_eq!(opened.set_aside, Some(format!("store.db.damaged-{n}")));
        }
        let kept = std::fs::read_to_string(dir.path().join("store.db.damaged-1")).unwrap();
        assert_eq!(kept, "not a database 1");
    }
}
