//! What the two engines have in common: one connection that runs statements, used by one thread.

use super::error::DbError;
use super::url::DbUrl;
use super::value::{Row, Value};
use super::{postgres, sqlite};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Jobs that change rows.
    Write,
    /// Jobs that read one consistent snapshot.
    Read,
}

/// Keeps what the current job did and opens the savepoint of the next one.
pub(super) const NEXT_JOB: &str = "RELEASE SAVEPOINT job; SAVEPOINT job";
/// Takes back what the current job did and leaves the savepoint to the next one.
pub(super) const UNDO_JOB: &str = "ROLLBACK TO SAVEPOINT job";
/// Ends the batch. Releasing first makes an engine whose transaction is already broken say so: PostgreSQL answers a
/// bare COMMIT of a failed transaction with success, having rolled it back.
pub(super) const COMMIT_BATCH: &str = "RELEASE SAVEPOINT job; COMMIT";
/// Ends a transaction that has no savepoint.
pub(super) const COMMIT: &str = "COMMIT";
/// Takes back the whole transaction.
pub(super) const ROLLBACK: &str = "ROLLBACK";

/// One connection. Blocking; lives and dies on one thread.
pub(super) trait Session: Send {
    /// Begins a transaction: for [`Purpose::Write`] with the savepoint `job`, for [`Purpose::Read`] a snapshot.
    fn begin(&mut self, purpose: Purpose) -> Result<(), DbError>;

    /// Begins a transaction that no other migration of the same database runs beside.
    fn begin_migration(&mut self) -> Result<(), DbError>;

    /// Runs statements without parameters and answers.
    fn control(&mut self, sql: &'static str) -> Result<(), DbError>;

    /// Runs a migration's text in the engine's own spelling.
    fn script(&mut self, sql: &'static str) -> Result<(), DbError>;

    /// Runs a statement; returns how many rows it changed.
    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError>;

    /// Runs a statement once per element of `rows`, in order; returns how many rows all changed.
    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, DbError>;

    /// Runs a statement and returns its rows.
    fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError>;

    /// Refuses a database that would sort or store texts differently than the other engine.
    fn check(&mut self) -> Result<(), DbError>;
}

/// Connects to the database at `url`.
pub(super) fn connect(url: &DbUrl, purpose: Purpose) -> Result<Box<dyn Session>, DbError> {
    match url {
        DbUrl::Sqlite(path) => Ok(Box::new(sqlite::SqliteSession::open(path, purpose)?)),
        DbUrl::Postgres(config) => Ok(Box::new(postgres::PostgresSession::connect(config)?)),
    }
}
