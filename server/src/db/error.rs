//! What can go wrong between a statement and its database, one variant per thing a caller can do about it.

use super::value::DecodeProblem;
use std::error::Error;
use std::sync::Arc;

/// What an engine or the operating system said. Shared, because one failure can end several jobs.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a job, or the opening of a database, failed. Nothing of a failed job stays in the database, except where
/// [`DbError::OutcomeUnknown`] says that nobody knows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// The database cannot be reached, or the connection was lost again and again; nothing was stored. Try later.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Cause),
    /// Other transactions held what this one needs, too long or too often; nothing was stored. Try later.
    #[error("the database is busy")]
    Busy(#[source] Cause),
    /// There is no space left; nothing was stored.
    #[error("the database has no space left")]
    StorageFull(#[source] Cause),
    /// The connection broke while the transaction was being committed. Ask the database before repeating the job.
    #[error("it is unknown whether the transaction was committed")]
    OutcomeUnknown(#[source] Cause),
    /// The database's files are damaged.
    #[error("the database is damaged")]
    Damaged(#[source] Cause),
    /// A constraint of the schema refused the row.
    #[error("a constraint refused: {sql}")]
    Constraint {
        /// The statement.
        sql: &'static str,
        /// What the engine said.
        source: Cause,
    },
    /// The engine refused the statement.
    #[error("the database refused: {sql}")]
    Statement {
        /// The statement.
        sql: &'static str,
        /// What the engine said.
        source: Cause,
    },
    /// An earlier statement of the same job failed; the job cannot go on.
    #[error("an earlier statement failed, so this one was not run: {sql}")]
    Poisoned {
        /// The statement that was not run.
        sql: &'static str,
        /// The earlier failure.
        source: Cause,
    },
    /// A statement was given more or fewer parameters than it has.
    #[error("{given} parameters for a statement with {wanted}: {sql}")]
    Parameters {
        /// The statement.
        sql: &'static str,
        /// How many it has.
        wanted: usize,
        /// How many it was given.
        given: usize,
    },
    /// A text holds U+0000; nothing was run.
    #[error("a text with U+0000 cannot be stored: {sql}")]
    NulInText {
        /// The statement that was not run.
        sql: &'static str,
    },
    /// A column does not hold what the caller expects.
    #[error("column {column} cannot be read: {sql}")]
    Decode {
        /// The statement.
        sql: &'static str,
        /// The column: its name where the engine's type is at fault, else its index from 0.
        column: String,
        /// What is wrong with it.
        #[source]
        problem: DecodeProblem,
    },
    /// A statement that must give at most one row gave more.
    #[error("more than one row: {sql}")]
    TooManyRows {
        /// The statement.
        sql: &'static str,
    },
    /// A statement that always gives a row gave none.
    #[error("no row: {sql}")]
    NoRow {
        /// The statement.
        sql: &'static str,
    },
    /// A reading job published to a feed.
    #[error("a reading job cannot publish")]
    PublishInRead,
    /// The job panicked.
    #[error("the job panicked: {0}")]
    Panicked(String),
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// The SQLite library is older than the first one without the WAL reset bug.
    #[error("SQLite {found} can lose committed data; {} or newer is needed", super::sqlite::SQLITE_OLDEST.1)]
    OldSqlite {
        /// The library's version.
        found: &'static str,
    },
    /// The file does not allow a write-ahead log.
    #[error("the database's journal mode is {found:?} and cannot be set to WAL")]
    JournalMode {
        /// The mode it has.
        found: String,
    },
    /// The database does not store UTF-8.
    #[error("the database's encoding is {found}; create it with ENCODING 'UTF8'")]
    Encoding {
        /// The encoding it has.
        found: String,
    },
    /// The database does not sort texts by their bytes.
    #[error("the database sorts texts by the rules of {found:?}; create it with LOCALE 'C'")]
    Collation {
        /// The locale it names.
        found: String,
    },
    /// The database was made by a newer version of the product.
    #[error(
        "the database was made by a newer version: it has migration {found} ({name}), this version ends at {known}"
    )]
    NewerDatabase {
        /// The first migration unknown here.
        found: i64,
        /// Its name.
        name: String,
        /// The last migration known here.
        known: i64,
    },
    /// The database's history is not this product's.
    #[error("the database has migration {found} ({found_name}) where {wanted} ({wanted_name}) is expected")]
    OtherHistory {
        /// The migration in the database.
        found: i64,
        /// Its name.
        found_name: String,
        /// The migration expected in its place.
        wanted: i64,
        /// Its name.
        wanted_name: &'static str,
    },
    /// A migration failed; the database is as it was before it.
    #[error("migration {number} ({name}) failed")]
    Migration {
        /// The migration.
        number: i64,
        /// Its name.
        name: &'static str,
        /// What the engine said.
        source: Cause,
    },
}

impl DbError {
    /// True when the connection is of no use any more.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// True when the same job can succeed on a new attempt.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }
}
