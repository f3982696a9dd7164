//! The sync service, the JSON API and the public results.

#![forbid(unsafe_code)]

pub mod accounts;
pub mod admission;
pub mod api;
pub mod app;
pub mod auth;
pub mod blobs;
pub mod cli;
pub mod clock;
pub mod codes;
pub mod config;
pub mod console;
pub mod custodians;
pub mod db;
pub mod devices;
pub mod dispatch;
pub mod documents;
mod dossier;
pub mod drawing;
pub mod enrol;
pub mod error;
pub mod events;
pub mod evidence;
pub mod findings;
pub mod floor;
pub mod fsck;
pub mod imports;
mod judging;
pub mod laws;
mod numbers;
pub mod packages;
pub mod plans;
pub mod policy;
pub mod previews;
mod proposals;
pub mod public;
mod quarantine;
pub mod quota;
pub mod reassign;
pub mod resolve;
pub mod restore;
pub mod review;
pub mod routes;
pub mod scope;
pub mod scrub;
pub mod setup;
pub mod store;
pub mod sync;
pub mod templates;
#[cfg(test)]
mod testing;
pub mod withdrawal;
pub mod workers;
