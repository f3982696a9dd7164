//! The sync service, the JSON API and the public results.

pub mod db;
