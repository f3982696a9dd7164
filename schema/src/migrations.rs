//! The databases' histories, as numbered SQL texts.
//!
//! A migration is never changed once released, only followed by another. The texts keep to the subset that SQLite and
//! PostgreSQL share; whoever opens a database runs them, each in one transaction (`server/src/db/migrate.rs`).

/// One step of a database's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the history, counted from 1 without gaps.
    pub number: i64,
    /// What it does, in a few words; kept in the database, so that a history that was swapped is noticed.
    pub name: &'static str,
    /// Statements separated by `;`, with `--` comments, in columns of `BIGINT`, `TEXT` and `BYTEA`.
    pub sql: &'static str,
}

/// The history of the server's database, oldest first.
pub const SERVER: &[Migration] = &[
    Migration { number: 1, name: "start", sql: include_str!("../migrations/server/0001_start.sql") },
    Migration { number: 2, name: "faces", sql: include_str!("../migrations/server/0002_faces.sql") },
    Migration { number: 3, name: "sync", sql: include_str!("../migrations/server/0003_sync.sql") },
    Migration { number: 4, name: "documents", sql: include_str!("../migrations/server/0004_documents.sql") },
    Migration { number: 5, name: "epochs", sql: include_str!("../migrations/server/0005_epochs.sql") },
    Migration { number: 6, name: "conflicts", sql: include_str!("../migrations/server/0006_conflicts.sql") },
    Migration { number: 7, name: "judging", sql: include_str!("../migrations/server/0007_judging.sql") },
    Migration { number: 8, name: "scope", sql: include_str!("../migrations/server/0008_scope.sql") },
    Migration { number: 9, name: "carried", sql: include_str!("../migrations/server/0009_carried.sql") },
    Migration { number: 10, name: "bounds", sql: include_str!("../migrations/server/0010_bounds.sql") },
    Migration { number: 11, name: "proposals", sql: include_str!("../migrations/server/0011_proposals.sql") },
    Migration { number: 12, name: "reach", sql: include_str!("../migrations/server/0012_reach.sql") },
    Migration { number: 13, name: "shares", sql: include_str!("../migrations/server/0013_shares.sql") },
    Migration { number: 14, name: "numbers", sql: include_str!("../migrations/server/0014_numbers.sql") },
    Migration { number: 15, name: "record", sql: include_str!("../migrations/server/0015_record.sql") },
    Migration { number: 16, name: "sessions", sql: include_str!("../migrations/server/0016_sessions.sql") },
    Migration { number: 17, name: "originals", sql: include_str!("../migrations/server/0017_originals.sql") },
    Migration {
        number: 18,
        name: "custodians",
        sql: include_str!("../migrations/server/0018_custodians.sql"),
    },
];

/// The history of a device's database (SQLite), oldest first.
pub const DEVICE: &[Migration] = &[
    Migration { number: 1, name: "start", sql: include_str!("../migrations/device/0001_start.sql") },
    Migration { number: 2, name: "faces", sql: include_str!("../migrations/device/0002_faces.sql") },
    Migration { number: 3, name: "runs", sql: include_str!("../migrations/device/0003_runs.sql") },
    Migration { number: 4, name: "carried", sql: include_str!("../migrations/device/0004_carried.sql") },
    Migration { number: 5, name: "reach", sql: include_str!("../migrations/device/0005_reach.sql") },
    Migration { number: 6, name: "retention", sql: include_str!("../migrations/device/0006_retention.sql") },
    Migration { number: 7, name: "numbers", sql: include_str!("../migrations/device/0007_numbers.sql") },
    Migration { number: 8, name: "marks", sql: include_str!("../migrations/device/0008_marks.sql") },
    Migration { number: 9, name: "brought", sql: include_str!("../migrations/device/0009_brought.sql") },
    Migration { number: 10, name: "runs", sql: include_str!("../migrations/device/0010_runs.sql") },
    Migration {
        number: 11,
        name: "recordings",
        sql: include_str!("../migrations/device/0011_recordings.sql"),
    },
];
