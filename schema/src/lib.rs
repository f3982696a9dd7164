//! The vocabulary that terminals and server share: ids, moments, checklists, the inspection document, the journal, wire
//! messages, conflicts, draws, rules and SQL migrations.
//!
//! It has no runtime, no HTTP, no clock and no file system: whatever is here decides, others act.

#![forbid(unsafe_code)]

mod canonical;
pub mod capture;
pub mod certificate;
pub mod checklist;
pub mod conflict;
pub mod cover;
pub mod data;
pub mod directory;
pub mod document;
pub mod draw;
pub mod form;
pub mod host;
pub mod ids;
pub mod journal;
pub mod law;
pub mod limits;
pub mod migrations;
pub mod moment;
pub mod numbering;
pub mod package;
pub mod planted;
pub mod proposal;
pub mod recovery;
pub mod reference;
pub mod rule;
pub mod seal;
pub mod server;
pub mod suite;
pub mod uscc;
pub mod wire;
