//! The sync service, the JSON API and the public results.

pub mod api;
pub mod app;
pub mod auth;
pub mod blobs;
pub mod clock;
pub mod db;
pub mod documents;
pub mod enrol;
pub mod error;
pub mod laws;
pub mod policy;
pub mod resolve;
pub mod routes;
pub mod store;
pub mod sync;
pub mod templates;
