//! The handheld library: a local store that never needs the server, and the sync engine.
//!
//! [`Client`] is the façade: every act of an officer is one committed transaction before the call returns, and every
//! status is derived from receipts. This crate draws no page and opens no port; what a checklist means, what is signed
//! and what conflicts is decided in `fieldproof-schema`.

#![forbid(unsafe_code)]

mod checklists;
mod client;
mod clock;
mod documents;
mod error;
mod evidence;
mod files;
mod identity;
mod journal_writer;
mod keys;
mod mark;
mod package;
mod projection;
pub mod recovery;
mod retention;
mod runs;
mod sealing;
mod store;
mod sync;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transport;
mod trouble;

pub use client::{
    Answered, ApartAs, ApartItem, Author, CaptureFacts, CaptureSource, ChangeLine, ChangePage, Choice,
    Client, Correction, EnrolledAs, Enrolment, EntityLine, EntityPage, EntityProfile, EntryLine,
    EvidenceFile, EvidenceItem, Exported, FailedItem, Fault, Folder, FormChoice, History, Imported,
    InspectionDetail, InspectionStanding, InspectionSummary, ItemState, NewPaper, Options, Overview,
    PaperBook, PaperLine, Plea, ProposalBook, ProposalLine, Recorded, SealOutlook, SealPreview,
    SealedContent, Stage, Status, TaskPage, TaskQuery, Unlock, Verification, Visit, WaitingCapture,
};
pub use clock::SystemHost;
pub use error::{ClientError, Obstacle};
pub use evidence::{Arriving, EvidenceBytes};
pub use identity::officer_name;
pub use keys::{KeyCost, PASSPHRASE_CHARS_MIN, StoreKey, has_begun};
pub use sealing::SealState;
pub use store::list::TaskGroup;
pub use store::standing::Standing;
pub use store::unsent::Unsent;
pub use sync::{
    HeldBack, RefusedItem, SyncReport, UpdateNeeded, UploadReport, UploadRules, Wake, Wakes, backoff,
};
pub use transport::{
    Answering, HttpTransport, Method, Opened, Opening, Piece, Pieces, Timeouts, Transport, TransportError,
    WireRequest, WireResponse,
};
