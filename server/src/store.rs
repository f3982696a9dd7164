//! SQL, one file per group of tables.
//!
//! Functions are blocking and take the transaction they run in; whoever opens it decides what belongs together. All
//! statements are of the common subset of SQLite and PostgreSQL (`docs/adr/0002`). This module decides nothing.

pub mod audit;
pub mod awaited;
pub mod captures;
pub mod captures_apart;
pub mod carried;
pub mod case_links;
pub mod changes;
pub mod conflict_decisions;
pub mod conflicts;
pub mod custodians;
pub mod decisions;
pub mod devices;
pub mod disclosures;
pub mod draws;
pub mod enrolment;
pub mod entities;
pub mod failures;
pub mod feeds;
pub mod floors;
pub mod inbox;
pub mod inspections;
pub mod journal;
pub mod judging;
pub mod laws;
pub mod numbers;
pub mod officers;
pub mod originals;
pub mod page;
pub mod plans;
pub mod proposals;
pub mod quarantine;
pub mod receipts;
pub mod review;
pub mod rows;
pub mod scope;
pub mod seals;
pub mod snapshots;
pub mod tasks;
pub mod teams;
pub mod templates;
pub mod tenants;
pub mod units;
pub mod usage;
pub mod users;
pub mod visits;
pub mod visits_open;
mod within;
pub mod worklist;
