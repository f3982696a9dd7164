//! Opening a data directory: the lock, the store, the identity, and the journal's word about it.

use super::{Client, Desk, Folder, Options, Who};
use crate::checklists::Shelf;
use crate::documents::Cache;
use crate::error::ClientError;
use crate::evidence::Originals;
use crate::identity::{Identity, Member};
use crate::journal_writer::{Clocks, Line, Pen};
use crate::keys::{self, StoreKey};
use crate::mark;
use crate::projection;
use crate::store::{self, journal, meta, receipts};
use crate::sync::{Link, Uploading, recover};
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::journal::{Kind, body};
use fieldproof_schema::planted::{self, Bug};
use fieldproof_schema::suite::Digest;
use rusqlite::Connection;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// What opens the store of an enrolled terminal.
#[derive(Debug)]
pub enum Unlock<'a> {
    /// Nothing: a terminal that belongs to nobody has nothing to lock.
    Nothing,
    /// The officer's passphrase.
    Passphrase(&'a str),
    /// A key that the platform keeps.
    Key(StoreKey),
}

impl Client {
    /// Opens the data directory `dir`, creating it when there is none.
    ///
    /// The store is encrypted. Before the enrolment there is none: what little is known then is in memory. A damaged store is
    /// moved aside and kept; the terminal then needs the server once ([`ClientError::Recovering`]).
    ///
    /// # Errors
    /// [`ClientError::StoreLocked`] for an enrolled terminal without what opens it; [`ClientError::PassphraseWrong`] and
    /// [`ClientError::TooManyTries`], which destroy nothing; [`ClientError::Damaged`] for a key that is missing or of another store; [`ClientError::StoreInUse`]; those of the disk.
    pub fn open(
        dir: &Path,
        host: Arc<dyn Host>,
        options: Options,
        unlock: Unlock<'_>,
    ) -> Result<Self, ClientError> {
        Self::open_in(Folder::hold(dir)?, host, options, unlock)
    }

    /// As [`Self::open`], for whoever holds the directory already, and holds it on where this fails and may be tried again.
    ///
    /// # Errors
    /// As there, but for [`ClientError::StoreInUse`].
    pub fn open_in(
        folder: Folder,
        host: Arc<dyn Host>,
        options: Options,
        unlock: Unlock<'_>,
    ) -> Result<Self, ClientError> {
        let dir = folder.path();
        let member = member(dir)?;
        let key = match unlock {
            Unlock::Key(key) => Some(keys::same_store(dir, key)?),
            _ if member.is_none() => None,
            Unlock::Passphrase(words) => Some(keys::unlock_store(dir, &*host, words, options.key_cost)?),
            Unlock::Nothing => return Err(ClientError::StoreLocked),
        };
        let who = match (member, &key) {
            (Some((device, member)), Some(store)) => {
                let key = keys::read_device_key(dir, &*host, store)?;
                Some(Who { device, key: key.ok_or(ClientError::Damaged { what: "device.key" })?, member })
            }
            _ => None,
        };
        let store::Opened { writer, reader, set_aside } = match &key {
            Some(key) => store::open(dir, key)?,
            None => store::in_memory(&hex::encode(random::<16>(&*host)))?,
        };
        let mut desk = Desk {
            conn: writer,
            documents: Cache::new(options.documents_cached),
            actors: HashMap::new(),
            clocks: None,
            who,
            key,
        };
        if desk.key.is_some() {
            begin_session(&mut desk, (dir, &*host), &options.version, set_aside.as_deref())?;
        }
        let originals = desk.key.clone().map(|key| Arc::new(Originals::new(dir, key, options.floor_bytes)));
        Ok(Self {
            dir: dir.to_owned(),
            host,
            options,
            shelf: Shelf::default(),
            link: tokio::sync::Mutex::new(Link::default()),
            session: tokio::sync::Mutex::default(),
            uploading: Uploading::default(),
            desk: Mutex::new(desk),
            failed: AtomicBool::new(false),
            reader: Mutex::new(reader),
            originals: Mutex::new(originals),
            taking: Mutex::new(()),
            running: Mutex::default(),
            _folder: folder,
        })
    }
}

/// Whose terminal it is, once it has been enrolled.
fn member(dir: &Path) -> Result<Option<(DeviceId, Member)>, ClientError> {
    let identity = Identity::read(dir)?;
    Ok(identity.and_then(|Identity { device, member, .. }| member.map(|member| (device, member))))
}

pub(super) fn begin_session(
    desk: &mut Desk,
    (dir, host): (&Path, &dyn Host),
    version: &str,
    set_aside: Option<&str>,
) -> Result<(), ClientError> {
    let clocks = Clocks::read(host);
    let tx = desk.conn.transaction()?;
    let is_copy = !mark::is_borne(dir, &tx)?;
    if is_copy && !planted::is(Bug::NumbersReused) {
        // Whichever numbers were given since it was made, they are not in it.
        meta::put_numbers_since(&tx, journal::tip(&tx)?.seq)?;
    }
    let is_marked = !is_copy && meta::numbers_mark(&tx)?.is_some();
    let marked = if is_marked { None } else { Some(mark::begin(dir, &tx, host)?) };
    // An enrolled terminal whose store was never opened has lost the one it had.
    let lost = desk.who.is_some() && meta::session(&tx)? == 0;
    meta::next_session(&tx)?;
    projection::bring_up(&tx)?;
    if lost {
        meta::put_recovering(&tx, set_aside.unwrap_or_default())?;
    }
    if let Some(who) = &desk.who
        && meta::recovering(&tx)?.is_none()
    {
        let pen = who.pen(clocks);
        if is_copy {
            // Said before anybody finds out: what this terminal signed behind this place may be in other hands.
            recover::write_rebuilt(&tx, &pen, Kind::RolledBack, journal::tip(&tx)?, None)?;
        }
        write_opened(&tx, &pen, version)?;
    }
    tx.commit()?;
    if let Some(marked) = marked {
        marked.settle();
    }
    desk.clocks = Some(clocks);
    Ok(())
}

/// The journal's word about an opening.
pub(crate) fn write_opened(tx: &Connection, pen: &Pen<'_>, version: &str) -> Result<Digest, ClientError> {
    let body = body::Opened { version: version.to_owned(), last_receipt: receipts::last(tx)? };
    pen.write(tx, Line { kind: Kind::Opened, inspection: None, content: None, officer: None, body: &body })
}
