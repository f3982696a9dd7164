//! The façade: one value per data directory, safe to share between threads.
//!
//! Its parts are the acts of an officer, one concern each. What is here is what they share: the open store, the desk on
//! which acts are done one after another, and the reader beside it.

mod answers;
mod capture;
mod conflicts;
mod detail;
mod edits;
mod enrol;
mod entities;
mod folder;
mod held;
mod history;
mod open;
mod package;
mod papers;
mod proposals;
mod recording;
mod recovery;
mod seal;
mod standing;
mod status;
mod summary;
mod tasks;
mod verify;

pub use answers::Answered;
pub use capture::{CaptureFacts, CaptureSource, EvidenceFile};
pub use conflicts::Choice;
pub use detail::{Author, EvidenceItem, InspectionDetail, ItemState, Stage};
pub use enrol::Enrolment;
pub use entities::{EntityLine, EntityPage, EntityProfile, FailedItem, Visit};
pub use folder::Folder;
pub use history::{ChangeLine, ChangePage, EntryLine, History};
pub use open::Unlock;
pub(crate) use open::write_opened;
pub use package::{Exported, Imported};
pub use papers::{FormChoice, NewPaper, PaperBook, PaperLine};
pub use proposals::{Correction, ProposalBook, ProposalLine};
pub use recording::Recorded;
pub use recovery::Plea;
pub use seal::{SealOutlook, SealPreview, SealedContent};
pub use standing::{ApartAs, ApartItem, InspectionStanding, Overview, WaitingCapture};
pub use status::{EnrolledAs, Status};
pub use summary::InspectionSummary;
pub use tasks::{TaskPage, TaskQuery};
pub use verify::{Fault, Verification};

use crate::checklists::{Law, Shelf};
use crate::documents::{self, Cache};
use crate::error::{ClientError, Obstacle};
use crate::evidence::Originals;
use crate::identity::Member;
use crate::journal_writer::{Clocks, Pen};
use crate::keys::{KeyCost, StoreKey};
use crate::runs;
use crate::store::{folded, list, meta, rows, unsent, unsigned};
use crate::sync::{Link, Uploading};
use fieldproof_schema::checklist::Template;
use fieldproof_schema::document::{Actor, Document, TemplatePin};
use fieldproof_schema::host::Host;
use fieldproof_schema::ids::{DeviceId, InspectionId};
use fieldproof_schema::law::LawRegister;
use fieldproof_schema::limits::CAPTURE_FLOOR_BYTES;
use fieldproof_schema::suite::MemoryKey;
use fieldproof_schema::wire::row::RowKind;
use rusqlite::Connection;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a terminal is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The version of the product, as the journal says it.
    pub version: String,
    /// What guessing the officer's passphrase costs; used when the key is made.
    pub key_cost: KeyCost,
    /// Documents kept in memory.
    pub documents_cached: usize,
    /// Bytes of the storage that captures leave free.
    pub floor_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            key_cost: KeyCost::PRODUCT,
            documents_cached: 64,
            floor_bytes: CAPTURE_FLOOR_BYTES,
        }
    }
}

/// A terminal's data directory, open.
pub struct Client {
    pub(crate) dir: PathBuf,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) options: Options,
    pub(crate) shelf: Shelf,
    /// One exchange of records at a time; may be held while waiting for the network, the desk never.
    pub(crate) link: tokio::sync::Mutex<Link>,
    /// The token of the session with the server, once there is one; held while one is opened.
    pub(crate) session: tokio::sync::Mutex<Option<String>>,
    /// Originals on their way, beside the records.
    pub(crate) uploading: Uploading,
    /// Closed before the writer, whose closing then tidies the write-ahead log away.
    reader: Mutex<Connection>,
    desk: Mutex<Desk>,
    /// True from an error of the disk until the store was opened anew.
    failed: AtomicBool,
    /// None as long as the terminal belongs to nobody.
    originals: Mutex<Option<Arc<Originals>>>,
    /// Held while an original becomes a file under its name, until something names it.
    pub(crate) taking: Mutex<()>,
    /// Recordings that go on.
    running: Mutex<recording::Running>,
    /// Held as long as the client lives.
    _folder: Folder,
}

impl Client {
    /// Where its data directory is.
    pub fn folder(&self) -> &Path {
        &self.dir
    }

    /// How it is run.
    pub fn options(&self) -> &Options {
        &self.options
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Where acts are done, one after another.
pub(crate) struct Desk {
    pub(crate) conn: Connection,
    pub(crate) documents: Cache,
    /// Who writes since the opening: no writer outlives it, so that no pair of writer and count is ever used twice.
    pub(crate) actors: HashMap<InspectionId, Actor>,
    /// Both clocks at the last act.
    pub(crate) clocks: Option<Clocks>,
    pub(crate) who: Option<Who>,
    /// What the store is encrypted with; none for a terminal that belongs to nobody, whose store is in memory.
    pub(crate) key: Option<StoreKey>,
}

/// Whose terminal it is.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) device: DeviceId,
    pub(crate) key: MemoryKey,
    pub(crate) member: Member,
}

impl Who {
    pub(crate) fn pen(&self, clocks: Clocks) -> Pen<'_> {
        Pen { device: self.device, officer: self.member.officer, key: &self.key, clocks }
    }
}

impl Desk {
    /// Whose terminal it is, when it can be worked on.
    pub(crate) fn ready(&self) -> Result<Who, ClientError> {
        let who = self.who.clone().ok_or(ClientError::NotEnrolled)?;
        if meta::recovering(&self.conn)?.is_some() {
            return Err(ClientError::Recovering);
        }
        Ok(who)
    }

    /// An inspection's document.
    pub(crate) fn document(&mut self, inspection: InspectionId) -> Result<Arc<Document>, ClientError> {
        self.document_if_here(inspection)?.ok_or(ClientError::StateWrong { why: Obstacle::NotArrived })
    }

    /// An inspection's document; `None` while its first change is not here.
    pub(crate) fn document_if_here(
        &mut self,
        inspection: InspectionId,
    ) -> Result<Option<Arc<Document>>, ClientError> {
        if let Some(held) = self.documents.get(inspection) {
            return Ok(Some(held));
        }
        let tx = self.conn.transaction()?;
        let loaded = documents::load_or_ask(&tx, inspection)?.map(Arc::new);
        folded::open(&tx, inspection)?;
        tx.commit()?;
        if let Some(document) = &loaded {
            self.documents.put(inspection, document.clone());
        }
        Ok(loaded)
    }

    /// The inspection's line, when this terminal may show it: it is in scope, or something of it is unsent.
    pub(crate) fn visible(&self, inspection: InspectionId) -> Result<list::Line, ClientError> {
        let line = list::find(&self.conn, inspection)?;
        let line = line.ok_or(ClientError::NotFound { what: "inspection" })?;
        if line.scoped || !unsent::of_inspection(&self.conn, inspection)?.is_empty() {
            return Ok(line);
        }
        Err(ClientError::NotFound { what: "inspection" })
    }
}

impl Client {
    /// Signs what was written and no journal entry covers yet. Everything does it that has to; a terminal that is laid
    /// aside does it, too, so that nothing is left unsigned for long.
    ///
    /// # Errors
    /// Those of the store; nothing is signed then, and what was written stays as it is.
    pub fn sign(&self) -> Result<(), ClientError> {
        let mut desk = self.desk()?;
        let Ok(who) = desk.ready() else { return Ok(()) };
        if !unsigned::any(&desk.conn)? {
            return Ok(());
        }
        let pen = who.pen(Clocks::read(&*self.host));
        let Desk { conn, documents, .. } = &mut *desk;
        let tx = conn.transaction()?;
        let signed = runs::sign(&tx, &pen)?;
        documents::snapshot_signed(&tx, documents, &signed)?;
        Ok(tx.commit()?)
    }

    /// The originals that are kept here.
    pub(crate) fn originals(&self) -> Result<Arc<Originals>, ClientError> {
        let originals = self.originals.lock().unwrap_or_else(PoisonError::into_inner);
        originals.clone().ok_or(ClientError::NotEnrolled)
    }

    /// From now on they are kept under this key.
    pub(crate) fn keep_originals_under(&self, key: &StoreKey) {
        let originals = Arc::new(Originals::new(&self.dir, key.clone(), self.options.floor_bytes));
        *self.originals.lock().unwrap_or_else(PoisonError::into_inner) = Some(originals);
    }

    pub(crate) fn taking_originals(&self) -> MutexGuard<'_, ()> {
        self.taking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The checklist that an inspection pins; `None` until it arrives.
    pub fn template(&self, pin: &TemplatePin) -> Result<Option<Arc<Template>>, ClientError> {
        self.shelf.template(&self.reader(), pin)
    }

    /// Every checklist that is here, by title and revision.
    pub fn checklists(&self) -> Result<Vec<Arc<Template>>, ClientError> {
        self.shelf.templates(&self.reader())
    }

    /// The register of laws and standards; `None` until it arrives.
    pub fn laws(&self) -> Result<Option<Arc<LawRegister>>, ClientError> {
        Ok(self.law()?.register)
    }

    pub(crate) fn law(&self) -> Result<Law, ClientError> {
        self.shelf.law(&self.reader())
    }

    /// The checklist of an inspection, or an error that says to sync.
    pub(crate) fn template_of(
        &self,
        conn: &Connection,
        document: &Document,
    ) -> Result<Arc<Template>, ClientError> {
        let pin = document.identity()?.template;
        let template = self.shelf.template(conn, &pin)?;
        template.ok_or(ClientError::StateWrong { why: Obstacle::NotArrived })
    }
}

/// A row of the directory by its id; `None` when it is not in this terminal's scope.
pub(crate) fn directory<T: serde::de::DeserializeOwned>(
    conn: &Connection,
    kind: RowKind,
    id: impl std::fmt::Display,
) -> Result<Option<T>, ClientError> {
    rows::get(conn, kind, &id.to_string())
}
