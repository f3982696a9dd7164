//! The sync service, the JSON API and the public results.

pub mod accounts;
pub mod api;
pub mod app;
pub mod auth;
pub mod blobs;
pub mod cli;
pub mod clock;
pub mod codes;
pub mod config;
pub mod console;
pub mod db;
pub mod devices;
pub mod dispatch;
pub mod documents;
mod dossier;
pub mod drawing;
pub mod enrol;
pub mod error;
pub mod findings;
pub mod imports;
mod judging;
pub mod laws;
pub mod plans;
pub mod policy;
pub mod public;
mod quarantine;
pub mod resolve;
pub mod review;
pub mod routes;
pub mod setup;
pub mod store;
pub mod sync;
pub mod templates;
#[cfg(test)]
mod testing;
pub mod withdrawal;
