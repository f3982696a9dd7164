//! One PostgreSQL connection as a blocking [`Session`].
//!
//! Each connection has a runtime of its own and is polled only while a statement runs, so it must live on a thread that
//! belongs to no other runtime.

use super::error::{Cause, DbError};
use super::session::{Purpose, Session};
use super::value::{DecodeProblem, Row, Value};
use bytes::BytesMut;
use futures::future::try_join_all;
use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Statement};

/// How long connecting may take before the database counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long sent bytes may stay unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// Statements sent before the first answer is awaited; more brought no speed, only memory.
const PIPELINE_MAX: usize = 256;

/// What a server may have switched off for speed and a receipt relies on: committed means on disk. Notices would only
/// repeat that a table exists already.
const SETTINGS: &str = "SET client_min_messages TO warning; \
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
/// Held to the end of the transaction; the number is `b"fieldprf"`.
const LOCK_MIGRATION: &str = "BEGIN; SELECT pg_advisory_xact_lock(7379540980639232614)";

/// Pairs of texts in the order of their bytes. Every natural-language collation breaks the first, an order by UTF-16
/// the last.
const BYTE_ORDER: [(&str, &str); 4] = [("B", "a"), ("Z", "_"), ("z", "é"), ("\u{ff0c}", "\u{20000}")];

/// A connection to a server.
pub(super) struct PostgresSession {
    runtime: Runtime,
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

/// What the server said, without the detail and the hint: these repeat values of the row.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLSTATE {code}{})", constraint.as_ref().map(|name| format!(", {name}")).unwrap_or_default())]
struct ServerRefusal {
    code: String,
    message: String,
    constraint: Option<String>,
}

impl PostgresSession {
    /// Connects; every commit is on the server's disk before it returns.
    pub(super) fn connect(config: &Config) -> Result<Self, DbError> {
        let mut config = config.clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED_MAX);
        }
        if config.get_application_name().is_none() {
            config.application_name("fieldproof");
        }
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| DbError::Unavailable(Arc::new(error)))?;
        let (client, connection) =
            runtime.block_on(config.connect(NoTls)).map_err(|error| DbError::Unavailable(cause(error)))?;
        // Its errors reach the waiting statement as "connection closed".
        runtime.spawn(connection);
        let mut session = Self { runtime, client, statements: HashMap::new() };
        session.control(SETTINGS)?;
        Ok(session)
    }

    /// Prepares a statement once per connection and counts its parameters.
    fn prepare(&mut self, sql: &'static str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let prepared = self.runtime.block_on(self.client.prepare(sql));
        let statement = prepared.map_err(|error| self.refused(sql, error))?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    fn refused(&self, sql: &'static str, error: tokio_postgres::Error) -> DbError {
        let lost = self.client.is_closed() || error.is_closed() || broken_link(&error);
        let code = error.code().cloned();
        let source = cause(error);
        match code {
            Some(code) if is_conflict(&code) => DbError::Busy(source),
            Some(code) if lost || is_shutdown(&code) => DbError::Unavailable(source),
            Some(code) if code == SqlState::DISK_FULL => DbError::StorageFull(source),
            Some(code) if is_damage(&code) => DbError::Damaged(source),
            Some(code) if code.code().starts_with("23") => DbError::Constraint { sql, source },
            None if lost => DbError::Unavailable(source),
            Some(_) | None => DbError::Statement { sql, source },
        }
    }
}

fn is_conflict(code: &SqlState) -> bool {
    [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE]
        .contains(code)
}

fn is_shutdown(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || [
            SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
        ]
        .contains(code)
}

fn is_damage(code: &SqlState) -> bool {
    [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code)
}

fn broken_link(error: &tokio_postgres::Error) -> bool {
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    // Invalid input is a message that could not be written, for instance a value over 1 GiB; the link is well.
    io.is_some_and(|io| io.kind() != io::ErrorKind::InvalidInput)
}

fn cause(error: tokio_postgres::Error) -> Cause {
    match error.as_db_error() {
        Some(refusal) => Arc::new(ServerRefusal {
            code: refusal.code().code().to_owned(),
            message: refusal.message().to_owned(),
            constraint: refusal.constraint().map(str::to_owned),
        }),
        None => Arc::new(error),
    }
}

fn count(sql: &'static str, statement: &Statement, params: &[Value]) -> Result<(), DbError> {
    let (wanted, given) = (statement.params().len(), params.len());
    if wanted == given { Ok(()) } else { Err(DbError::Parameters { sql, wanted, given }) }
}

impl Session for PostgresSession {
    fn begin(&mut self, purpose: Purpose) -> Result<(), DbError> {
        self.control(match purpose {
            Purpose::Write => "BEGIN ISOLATION LEVEL READ COMMITTED; SAVEPOINT job",
            Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        })
    }

    fn begin_migration(&mut self) -> Result<(), DbError> {
        self.control(LOCK_MIGRATION)
    }

    fn control(&mut self, sql: &'static str) -> Result<(), DbError> {
        let done = self.runtime.block_on(self.client.batch_execute(sql));
        done.map_err(|error| self.refused(sql, error))
    }

    fn script(&mut self, sql: &'static str) -> Result<(), DbError> {
        self.control(sql)
    }

    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError> {
        let statement = self.prepare(sql)?;
        count(sql, &statement, params)?;
        let done = self.runtime.block_on(self.client.execute_raw(&statement, params));
        done.map_err(|error| self.refused(sql, error))
    }

    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, DbError> {
        let statement = self.prepare(sql)?;
        let mut changed = 0;
        for rows in rows.chunks(PIPELINE_MAX) {
            for params in rows {
                count(sql, &statement, params)?;
            }
            // Each future sends when it is first polled, which happens in order.
            let sent = rows.iter().map(|params| self.client.execute_raw(&statement, params));
            let done = self.runtime.block_on(try_join_all(sent));
            changed += done.map_err(|error| self.refused(sql, error))?.iter().sum::<u64>();
        }
        Ok(changed)
    }

    fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let statement = self.prepare(sql)?;
        count(sql, &statement, params)?;
        for column in statement.columns() {
            if !is_readable(column.type_()) {
                return Err(DbError::Decode {
                    sql,
                    column: column.name().to_owned(),
                    problem: DecodeProblem::EngineType(column.type_().name().to_owned()),
                });
            }
        }
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
        let answer = self.runtime.block_on(self.client.query(&statement, &params));
        let rows = answer.map_err(|error| self.refused(sql, error))?;
        let read = |row: tokio_postgres::Row| {
            let values = (0..row.len()).map(|index| row.try_get(index)).collect::<Result<_, _>>();
            values.map(|values| Row::new(sql, values)).map_err(|error| self.refused(sql, error))
        };
        rows.into_iter().map(read).collect()
    }

    fn check(&mut self) -> Result<(), DbError> {
        let encoding = "SELECT CAST(current_setting('server_encoding') AS TEXT)";
        let found: String = self.query(encoding, &[])?.first().map_or(Ok(String::new()), |row| row.get(0))?;
        if found != "UTF8" {
            return Err(DbError::Encoding { found });
        }
        // By effect, not by name: with an ICU provider `datcollate` can say C while texts sort by language, and engines
        // that only speak the protocol report a locale which they do not use. C, POSIX and C.UTF-8 all pass.
        for (low, high) in BYTE_ORDER {
            let sql =
                "SELECT CAST(CASE WHEN CAST($1 AS TEXT) < CAST($2 AS TEXT) THEN 1 ELSE 0 END AS BIGINT)";
            let rows = self.query(sql, &[low.into(), high.into()])?;
            if !rows.first().map_or(Ok(false), |row| row.get(0))? {
                let name =
                    "SELECT CAST(datcollate AS TEXT) FROM pg_database WHERE datname = current_database()";
                let found = self.query(name, &[])?.first().map_or(Ok(String::new()), |row| row.get(0))?;
                return Err(DbError::Collation { found });
            }
        }
        Ok(())
    }
}

/// Only what a column of the common subset can be: a narrower type would decode here and differ elsewhere.
fn is_readable(kind: &Type) -> bool {
    [Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
}

/// A parameter whose kind the statement does not take.
#[derive(Debug, thiserror::Error)]
#[error("the statement takes {wanted} where it was given {given}")]
struct WrongParameter {
    wanted: String,
    given: &'static str,
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            Self::Text(text) if *kind == Type::TEXT => text.to_sql(kind, out),
            Self::Bytes(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            Self::Int(_) | Self::Text(_) | Self::Bytes(_) => {
                Err(Box::new(WrongParameter { wanted: kind.name().to_owned(), given: self.kind() }))
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Self::Int),
            Type::TEXT => String::from_sql(kind, raw).map(Self::Text),
            _ => Vec::from_sql(kind, raw).map(Self::Bytes),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        is_readable(kind)
    }
}
