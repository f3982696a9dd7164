//! The tests that need more than one crate, or a PostgreSQL server.

mod database;
