//! Brings a database to the history that this version knows, one transaction per step.
//!
//! Any number of nodes may try at once: each step is taken under the engine's own lock, after looking again at what is
//! already done. A database with another or a longer history is refused as it is.

use super::error::DbError;
use super::session::{COMMIT, ROLLBACK, Session};
use super::value::{Value, params};
use fieldproof_schema::migrations::Migration;
use std::sync::Arc;

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);";
const APPLIED: &str = "SELECT number, name FROM migrations ORDER BY number";
const RECORD: &str = "INSERT INTO migrations (number, name) VALUES ($1, $2)";

/// Applies what is missing.
pub(super) fn migrate(session: &mut dyn Session, migrations: &[Migration]) -> Result<(), DbError> {
    loop {
        session.begin_migration()?;
        let done = step(session, migrations);
        if done.is_err() {
            // Ends the same way when it fails: the connection is dropped, and its transaction with it.
            drop(session.control(ROLLBACK));
        }
        let more = done?;
        session.control(COMMIT)?;
        if !more {
            return Ok(());
        }
    }
}

/// Applies the next missing migration; false when there is none.
fn step(session: &mut dyn Session, migrations: &[Migration]) -> Result<bool, DbError> {
    session.script(TABLE)?;
    let mut applied = Vec::new();
    for row in session.query(APPLIED, &[])? {
        applied.push((row.get(0)?, row.get(1)?));
    }
    let Some(next) = missing(&applied, migrations)?.first() else { return Ok(false) };
    let failed = |source: DbError| DbError::Migration {
        number: next.number,
        name: next.name,
        source: Arc::new(source),
    };
    session.script(next.sql).map_err(failed)?;
    let record: Vec<Value> = params![next.number, next.name];
    session.execute(RECORD, &record).map_err(failed)?;
    Ok(true)
}

/// The migrations to come, when what was applied is the beginning of what is known.
fn missing<'m>(applied: &[(i64, String)], migrations: &'m [Migration]) -> Result<&'m [Migration], DbError> {
    for (index, (found, name)) in applied.iter().enumerate() {
        match migrations.get(index) {
            None => {
                let known = migrations.last().map_or(0, |last| last.number);
                return Err(DbError::NewerDatabase { found: *found, name: name.clone(), known });
            }
            Some(wanted) if (wanted.number, wanted.name) != (*found, name) => {
                return Err(DbError::OtherHistory {
                    found: *found,
                    found_name: name.clone(),
                    wanted: wanted.number,
                    wanted_name: wanted.name,
                });
            }
            Some(_) => {}
        }
    }
    Ok(&migrations[applied.len()..])
}

/// A migration in SQLite's words: `BIGINT` becomes `INTEGER`, `BYTEA` becomes `BLOB`, and each table is `STRICT`, without
/// which SQLite checks no types at all.
pub(super) fn sqlite_text(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 64);
    let mut first_words: Vec<String> = Vec::new();
    // Where the statement's own text ends, before trailing comments.
    let mut end = 0;
    let mut rest = sql;
    while let Some(piece) = Piece::first(rest) {
        let (written, after) = rest.split_at(piece.length);
        rest = after;
        if written == ";" {
            close_table(&mut text, &first_words, end);
            first_words.clear();
        }
        if piece.kind == Kind::Word {
            if first_words.len() < 2 {
                first_words.push(written.to_ascii_uppercase());
            }
            text.push_str(translated(written));
        } else {
            text.push_str(written);
        }
        if piece.kind != Kind::Space {
            end = text.len();
        }
    }
    close_table(&mut text, &first_words, end);
    text
}

fn close_table(text: &mut String, first_words: &[String], end: usize) {
    if first_words == ["CREATE", "TABLE"] {
        text.insert_str(end, " STRICT");
    }
}

fn translated(word: &str) -> &str {
    match word {
        _ if word.eq_ignore_ascii_case("BIGINT") => "INTEGER",
        _ if word.eq_ignore_ascii_case("BYTEA") => "BLOB",
        _ => word,
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Word,
    /// White space or a comment.
    Space,
    /// A quoted text or name, or one other character.
    Other,
}

struct Piece {
    kind: Kind,
    length: usize,
}

impl Piece {
    /// The first lexical piece of `sql`; `None` at its end.
    fn first(sql: &str) -> Option<Self> {
        let start = sql.chars().next()?;
        let until = |stop: &dyn Fn(char) -> bool| sql.find(stop).unwrap_or(sql.len());
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let (kind, length) = match start {
            _ if sql.starts_with("--") => (Kind::Space, until(&|c| c == '\n')),
            '\'' | '"' => {
                // A doubled quote inside reads as the end of one quoted piece and the start of the next.
                (Kind::Other, sql[1..].find(start).map_or(sql.len(), |at| at + 2))
            }
            _ if word(start) => (Kind::Word, until(&|c| !word(c))),
            _ if start.is_whitespace() => (Kind::Space, until(&|c| !c.is_whitespace())),
            _ => (Kind::Other, start.len_utf8()),
        };
        Some(Self { kind, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_strict_and_nothing_else_does() {
        let sql = "-- BIGINT; in a comment\n\
            CREATE TABLE a (n BIGINT NOT NULL, -- a number; BYTEA\n b bytea, t TEXT DEFAULT 'BIGINT; it''s') -- end\n;\n\
            CREATE INDEX a_n ON a (n);\n\
            INSERT INTO a (n) VALUES (CAST('1' AS BIGINT));\n\
            create table if not exists \"BIGINT\" (my_bigint BIGINT)";
        assert_eq!(
            sqlite_text(sql),
            "-- BIGINT; in a comment\n\
            CREATE TABLE a (n INTEGER NOT NULL, -- a number; BYTEA\n b BLOB, t TEXT DEFAULT 'BIGINT; it''s') STRICT -- end\n;\n\
            CREATE INDEX a_n ON a (n);\n\
            INSERT INTO a (n) VALUES (CAST('1' AS INTEGER));\n\
            create table if not exists \"BIGINT\" (my_bigint INTEGER) STRICT"
        );
        assert_eq!(sqlite_text(""), "");
        assert_eq!(sqlite_text("CREATE TABLE a (b TEXT 'open"), "CREATE TABLE a (b TEXT 'open STRICT");
    }
}
