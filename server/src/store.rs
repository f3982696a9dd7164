//! SQL, one file per group of tables.
//!
//! Functions are blocking and take the transaction they run in; whoever opens it decides what belongs together. All
//! statements are of the common subset of SQLite and PostgreSQL (`docs/adr/0002`). This module decides nothing.

pub mod audit;
pub mod captures;
pub mod changes;
pub mod conflicts;
pub mod decisions;
pub mod devices;
pub mod enrolment;
pub mod failures;
pub mod feeds;
pub mod inbox;
pub mod inspections;
pub mod journal;
pub mod receipts;
pub mod rows;
pub mod scope;
pub mod seals;
pub mod templates;
pub mod tenants;
pub mod users;
