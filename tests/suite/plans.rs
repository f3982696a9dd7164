//! No statement walks through what grows with the visits, unless it is for a page or a report that shows all of it.
//!
//! SQLite plans without statistics, and every row of a bureau has the same organisation: to it an index that begins with the
//! organisation looks as good as any. So plans are read here, on empty databases, where they are the same.

use fieldproof_schema::migrations::{DEVICE, Migration, SERVER};
use fieldproof_tests::statements::{self, Statement};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Tables with rows for each visit, change, journal entry or capture.
const GROWING: &[&str] = &[
    "actors",
    "captures",
    "captures_apart",
    "carried",
    "cases",
    "changes",
    "conflicts",
    "decisions",
    "documents",
    "entities",
    "evidence",
    "devices",
    "feed_rows",
    "feeds",
    "inbox",
    "inspections",
    "journal",
    "journal_carried",
    "journal_entries",
    "originals",
    "proposals",
    "receipts",
    "rows",
    "runs",
    "seal_signatures",
    "seals",
    "snapshots",
    "tasks",
];

/// What an index must narrow down besides these: all rows of a bureau, of one kind, of one terminal.
const COARSE: &[&str] = &["org", "kind", "state", "unit_code"];

/// Statements of the server that walk, by their beginning, and why they may.
const WALKS_OF_SERVER: &[(&str, &str)] = &[
    ("SELECT digest FROM ( SELECT digest FROM captures", "all blobs are checked, page by page"),
    ("SELECT id FROM entities WHERE org = $1 AND unit_code = $2", "a terminal's scope began to hold a unit"),
    ("WITH RECURSIVE scope (code) AS (SELECT code FROM units", "a draw is made of a whole population"),
    ("SELECT unit_code, CAST(COUNT(*) AS BIGINT) FROM entities", "a page counts the entities of each unit"),
    ("SELECT DISTINCT inspection FROM inbox", "asked once, when the server starts"),
    ("SELECT id, unit_code FROM inspections WHERE org = $1 AND template_id", "a checklist is withdrawn"),
    (
        "WITH RECURSIVE scope (code) AS (SELECT unit_code FROM users",
        "a page of the console counts what it lists",
    ),
    ("SELECT feed, last_seq FROM feeds", "looked up once for all streams that wait"),
    ("SELECT CAST(COUNT(*) AS BIGINT), CAST(COUNT(size_bytes)", "counted once an hour, away from everything"),
    ("SELECT protocol, program, COUNT(*) FROM devices", "a page counts the terminals"),
];

/// Those of a terminal.
const WALKS_OF_TERMINAL: &[(&str, &str)] = &[
    ("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1", "the last one only"),
    (
        "SELECT seq FROM journal WHERE receipt IS NOT NULL ORDER BY seq DESC LIMIT 1",
        "what is unsent, and one more",
    ),
    ("SELECT id FROM receipts ORDER BY at DESC, id DESC LIMIT 1", "the last one only"),
    ("SELECT ordinal, bytes FROM changes WHERE actor IS NULL", "a store of an earlier version is opened"),
    ("SELECT inspection FROM inspections WHERE entity IS NULL", "a store of an earlier version is opened"),
    ("UPDATE changes SET waiting = 1", "everything is made anew from the changes"),
    ("SELECT DISTINCT inspection FROM changes", "everything is made anew from the changes"),
    ("SELECT e.record, e.inspection, e.digest", "the beginning of statements that narrow it down"),
    ("SELECT seq, hash, bytes, signature, receipt IS NOT NULL FROM journal", "the whole journal is verified"),
    ("UPDATE evidence SET entry = ?2", "a store that came back older goes on"),
    ("UPDATE evidence SET receipt = NULL", "the server came back older"),
    ("SELECT inspection, scoped, entity_name", "the list of all visits"),
    ("SELECT inspection FROM inspections WHERE applicable IS NULL", "checklists or laws have changed"),
    ("SELECT body FROM rows WHERE kind = ?1", "kinds of which there are few"),
    ("SELECT COALESCE(SUM(e.receipt IS NULL", "a page counts everything"),
    ("SELECT COALESCE(SUM(r.changes)", "a page counts everything"),
    ("SELECT r.inspection FROM runs r WHERE r.changes <>", "everything is verified"),
    ("WITH parts (inspection, here, sent, held)", "a page counts everything"),
];

fn database(history: &[Migration]) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    for migration in history {
        conn.execute_batch(migration.sql).unwrap();
    }
    conn
}

/// What tables a statement calls how.
fn names(sql: &str) -> BTreeMap<String, String> {
    let words: Vec<&str> =
        sql.split(|c: char| c.is_whitespace() || "(),;".contains(c)).filter(|w| !w.is_empty()).collect();
    let mut names = BTreeMap::new();
    for at in 0..words.len() {
        if !["FROM", "JOIN", "UPDATE", "INTO"].contains(&words[at]) {
            continue;
        }
        let Some(table) = words.get(at + 1) else { continue };
        names.insert((*table).to_owned(), (*table).to_owned());
        if let Some(alias) = words.get(at + 2).filter(|word| word.chars().all(|c| c.is_ascii_lowercase())) {
            names.insert((*alias).to_owned(), (*table).to_owned());
        }
    }
    names
}

/// The steps of a statement's plan that walk through a table that grows. An index over some rows only was made to be walked
/// through; a plan without columns is that of a greatest or a least value.
fn walks(conn: &Connection, sql: &str) -> Vec<String> {
    let partial = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE '% WHERE %'";
    let partial = texts(conn, partial, 0).unwrap();
    let names = names(sql);
    let walks = |step: &String| {
        let mut words = step.split(' ');
        let (verb, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let grows = names.get(name).is_some_and(|table| GROWING.contains(&table.as_str()));
        let narrowed = step.rsplit_once('(').is_some_and(|(_, columns)| {
            let columns = columns.trim_end_matches(')').split(" AND ");
            let mut columns = columns.filter_map(|column| column.split(['=', '<', '>']).next());
            columns.any(|column| !COARSE.contains(&column))
        });
        let by_some = words.any(|word| partial.iter().any(|index| index == word));
        grows && !by_some && (verb == "SCAN" || verb == "SEARCH" && !narrowed && step.contains('('))
    };
    match texts(conn, &format!("EXPLAIN QUERY PLAN {sql}"), 3) {
        Ok(steps) => steps.into_iter().filter(walks).collect(),
        Err(error) => vec![format!("cannot be planned: {error}")],
    }
}

/// A column of what comes of a statement; its parameters stay null.
fn texts(conn: &Connection, sql: &str, column: usize) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(row.get(column)?);
    }
    Ok(found)
}

fn no_statement_walks(history: &[Migration], written: &[Statement], allowed: &[(&str, &str)]) {
    let conn = database(history);
    let (mut found, mut needed) = (Vec::new(), BTreeSet::new());
    for Statement { file, line, sql } in written {
        // What is put together from parts is planned where it runs.
        if sql.contains('{') {
            continue;
        }
        let short = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let walks = walks(&conn, sql);
        if walks.is_empty() {
            continue;
        }
        match allowed.iter().find(|(beginning, _)| short.starts_with(beginning)) {
            Some((beginning, _)) => {
                needed.insert(*beginning);
            }
            None => found.push(format!("{file}:{line}: {short}\n    {}", walks.join("; "))),
        }
    }
    assert!(found.is_empty(), "{} statements walk:\n{}", found.len(), found.join("\n"));
    let idle: Vec<_> = allowed.iter().filter(|(beginning, _)| !needed.contains(beginning)).collect();
    assert!(idle.is_empty(), "these walk no more: {idle:?}");
}

#[test]
fn no_statement_of_the_server_walks_through_what_grows() {
    no_statement_walks(SERVER, &statements::of_stores().unwrap(), WALKS_OF_SERVER);
}

#[test]
fn no_statement_of_a_terminal_walks_through_what_grows() {
    no_statement_walks(DEVICE, &statements::of("client-core/src/store").unwrap(), WALKS_OF_TERMINAL);
}

#[test]
fn a_walk_is_seen() {
    let conn = database(SERVER);
    assert!(!walks(&conn, "SELECT body FROM tasks t WHERE t.org = $1 ORDER BY t.id").is_empty());
    assert!(walks(&conn, "SELECT body FROM tasks WHERE org = $1 AND id = $2").is_empty());
    assert!(!walks(&conn, "SELECT bytes FROM inbox").is_empty());
}
