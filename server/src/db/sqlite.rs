//! One SQLite connection as a [`Session`].

use super::error::DbError;
use super::migrate;
use super::session::{Purpose, Session};
use super::value::{DecodeProblem, Row, Value};
use fieldproof_schema::planted::{self, Bug};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The oldest library that may hold the data, as number and text: older ones can lose committed pages when a
/// write-ahead log is reset while another connection reads (fixed in 3.51.3).
pub(super) const SQLITE_OLDEST: (i32, &str) = (3_051_003, "3.51.3");

/// How long a statement waits for another process, for instance a backup, before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two tries to give a new file its write-ahead log.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// More than the product has statements, so that each is prepared once per connection.
const STATEMENTS_MAX: usize = 1024;

/// A connection to a database file.
pub(super) struct SqliteSession {
    connection: Connection,
}

impl SqliteSession {
    /// Opens the file, making it when it is absent. Every commit is on disk before it returns.
    pub(super) fn open(path: &Path, purpose: Purpose) -> Result<Self, DbError> {
        check_version(rusqlite::version_number(), rusqlite::version())?;
        fieldproof_cipher::link();
        let connection = Connection::open(path).map_err(unopened)?;
        configure(&connection, purpose)?;
        Ok(Self { connection })
    }

    fn prepare(&self, sql: &'static str) -> Result<CachedStatement<'_>, DbError> {
        self.connection.prepare_cached(sql).map_err(|error| refused(sql, error))
    }
}

fn check_version(number: i32, found: &'static str) -> Result<(), DbError> {
    if number < SQLITE_OLDEST.0 { Err(DbError::OldSqlite { found }) } else { Ok(()) }
}

fn configure(connection: &Connection, purpose: Purpose) -> Result<(), DbError> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(unopened)?;
    write_ahead(connection)?;
    let synchronous = if planted::is(Bug::ServerSyncsLess) { "NORMAL" } else { "FULL" };
    connection.pragma_update(None, "synchronous", synchronous).map_err(unopened)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(unopened)?;
    if purpose == Purpose::Write {
        // What a log holds after an unclean end may be in the system's memory alone: where a sync failed, no later one makes up
        // for it. Where somebody else has it open it is in use and stays.
        let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        emptied.map_err(unopened)?;
    }
    connection.pragma_update(None, "query_only", purpose == Purpose::Read).map_err(unopened)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Without it SQLite compiles a statement anew at every call whose parameter could decide about a partial index: what is
    // prepared once is to stay prepared.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(unopened)?;
    Ok(())
}

/// Gives the file a write-ahead log, once for its life. SQLite does not wait for others by itself here, so when several
/// processes open a new file at once, those that come second look again until the first is done.
fn write_ahead(connection: &Connection) -> Result<(), DbError> {
    let mut looks = BUSY_TIMEOUT.as_millis() / LOOK_AGAIN.as_millis();
    loop {
        let mode = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match mode.map_err(unopened) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(found) => return Err(DbError::JournalMode { found }),
            Err(DbError::Busy(_)) if looks > 0 => looks -= 1,
            Err(error) => return Err(error),
        }
        thread::sleep(LOOK_AGAIN);
    }
}

impl Session for SqliteSession {
    fn begin(&mut self, purpose: Purpose) -> Result<(), DbError> {
        match purpose {
            Purpose::Write => self.control("BEGIN IMMEDIATE; SAVEPOINT job"),
            Purpose::Read => self.control("BEGIN"),
        }
    }

    fn begin_migration(&mut self) -> Result<(), DbError> {
        self.control("BEGIN IMMEDIATE")
    }

    fn control(&mut self, sql: &'static str) -> Result<(), DbError> {
        self.connection.execute_batch(sql).map_err(|error| refused(sql, error))
    }

    fn script(&mut self, sql: &'static str) -> Result<(), DbError> {
        self.connection.execute_batch(&migrate::sqlite_text(sql)).map_err(|error| refused(sql, error))
    }

    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, sql, params)?;
        let changed = statement.raw_execute().map_err(|error| refused(sql, error))?;
        Ok(changed as u64)
    }

    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, DbError> {
        let mut statement = self.prepare(sql)?;
        let mut changed = 0;
        for params in rows {
            bind(&mut statement, sql, params)?;
            changed += statement.raw_execute().map_err(|error| refused(sql, error))? as u64;
        }
        Ok(changed)
    }

    fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, sql, params)?;
        let width = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(|error| refused(sql, error))? {
            let mut values = Vec::with_capacity(width);
            for index in 0..width {
                let value = row.get_ref(index).map_err(|error| refused(sql, error))?;
                values.push(read(value).map_err(|problem| DbError::Decode {
                    sql,
                    column: row.as_ref().column_name(index).unwrap_or_default().to_owned(),
                    problem,
                })?);
            }
            found.push(Row::new(sql, values));
        }
        Ok(found)
    }

    fn check(&mut self) -> Result<(), DbError> {
        let encoding: String =
            self.connection.pragma_query_value(None, "encoding", |row| row.get(0)).map_err(unopened)?;
        if encoding != "UTF-8" {
            return Err(DbError::Encoding { found: encoding });
        }
        Ok(())
    }
}

/// Binds by the number in the parameter's name. SQLite takes `$2` for a name and numbers names by first appearance,
/// so binding by position would swap the parameters of `… = $2 AND … = $1` without a word.
fn bind(statement: &mut CachedStatement<'_>, sql: &'static str, params: &[Value]) -> Result<(), DbError> {
    let wanted = statement.parameter_count();
    let mismatch = DbError::Parameters { sql, wanted, given: params.len() };
    if wanted != params.len() {
        return Err(mismatch);
    }
    for index in 1..=wanted {
        let name = statement.parameter_name(index).and_then(|name| name.strip_prefix('$'));
        let number: Option<usize> = name.and_then(|digits| digits.parse().ok());
        let Some(value) = number.and_then(|number| params.get(number.checked_sub(1)?)) else {
            return Err(mismatch);
        };
        statement.raw_bind_parameter(index, borrowed(value)).map_err(|error| refused(sql, error))?;
    }
    Ok(())
}

fn borrowed(value: &Value) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Int(number) => ValueRef::Integer(*number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Bytes(bytes) => ValueRef::Blob(bytes),
    })
}

fn read(value: ValueRef<'_>) -> Result<Value, DecodeProblem> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Real(_) => Err(DecodeProblem::EngineType("REAL".to_owned())),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| DecodeProblem::NotUtf8)?;
            Ok(Value::Text(text.to_owned()))
        }
        ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes.to_vec())),
    }
}

fn unopened(error: rusqlite::Error) -> DbError {
    match refused("", error) {
        DbError::Statement { source, .. } => DbError::Unavailable(source),
        other => other,
    }
}

fn refused(sql: &'static str, error: rusqlite::Error) -> DbError {
    let code = error.sqlite_error_code();
    let source = Arc::new(error);
    match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DbError::Busy(source),
        Some(ErrorCode::DiskFull) => DbError::StorageFull(source),
        Some(ErrorCode::SystemIoFailure) => DbError::Unavailable(source),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => DbError::Damaged(source),
        Some(ErrorCode::ConstraintViolation) => DbError::Constraint { sql, source },
        _ => DbError::Statement { sql, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_can_lose_commits_is_refused() {
        let error = check_version(3_051_002, "3.51.2").unwrap_err();
        assert_eq!(error.to_string(), "SQLite 3.51.2 can lose committed data; 3.51.3 or newer is needed");
        assert!(check_version(rusqlite::version_number(), rusqlite::version()).is_ok());
    }

    #[test]
    fn what_an_unclean_end_left_in_the_log_is_in_the_database_after_the_opening() {
        let folder = tempfile::tempdir().unwrap();
        let [first, left] = ["first.db", "left.db"].map(|name| folder.path().join(name));
        let log = |of: &Path| {
            let mut name = of.as_os_str().to_owned();
            name.push("-wal");
            std::path::PathBuf::from(name)
        };
        let session = SqliteSession::open(&first, Purpose::Write).unwrap();
        session
            .connection
            .execute_batch("CREATE TABLE rows (id INTEGER); INSERT INTO rows VALUES (7)")
            .unwrap();
        // As a kill leaves them: nobody closed it.
        for (from, to) in [(first.clone(), left.clone()), (log(&first), log(&left))] {
            std::fs::copy(from, to).unwrap();
        }
        let length = |of: &Path| std::fs::metadata(log(of)).map_or(0, |file| file.len());
        assert!(length(&left) > 0);
        let opened = SqliteSession::open(&left, Purpose::Write).unwrap();
        assert_eq!(length(&left), 0);
        let alone = folder.path().join("alone.db");
        std::fs::copy(&left, &alone).unwrap();
        let alone = Connection::open(alone).unwrap();
        assert_eq!(alone.query_row("SELECT id FROM rows", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
        drop((opened, session));
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_and_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content = [b'x'; 4096];
        std::fs::write(file.path(), content).unwrap();
        let error = SqliteSession::open(file.path(), Purpose::Write).err();
        assert!(matches!(error, Some(DbError::Damaged(_))), "{error:?}");
        assert_eq!(std::fs::read(file.path()).unwrap(), content);
    }
}
