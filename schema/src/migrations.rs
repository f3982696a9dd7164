//! The databases' histories, as numbered SQL texts.
//!
//! A migration is never changed once released, only followed by another. Whoever opens a database runs them, each in one
//! transaction.

/// One step of a database's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the history, counted from 1 without gaps.
    pub number: i64,
    /// What it does, in a few words.
    pub name: &'static str,
    /// Statements separated by `;`, with `--` comments.
    pub sql: &'static str,
}

/// The history of a device's database (SQLite), oldest first.
pub const DEVICE: &[Migration] =
    &[Migration { number: 1, name: "start", sql: include_str!("../migrations/device/0001_start.sql") }];
