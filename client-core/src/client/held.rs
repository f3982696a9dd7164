//! Holding the store, and what follows when its disk failed meanwhile.
//!
//! After an error of the disk nothing that was made from the connection is trusted any more. Whoever comes next has the log
//! emptied into the database by the connection that still knows how far the log is safe: pages that a failed sync lost are
//! written anew, and what was reported not to be saved goes with the log. Then the store is opened as after a crash: pages
//! and the journal's end are looked at, a session begins, and its writers are fresh. While that does not succeed, nothing is
//! done.

use super::open::begin_session;
use super::{Client, Desk};
use crate::documents::Cache;
use crate::error::ClientError;
use crate::store::{self, journal};
use crate::trouble;
use fieldproof_schema::suite::Signer;
use rusqlite::Connection;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A part of the store in somebody's hands.
pub(crate) struct Held<'a, T> {
    hold: MutexGuard<'a, T>,
    failed: &'a AtomicBool,
}

impl<'a, T> Held<'a, T> {
    fn of(part: &'a Mutex<T>, failed: &'a AtomicBool) -> Self {
        // Whatever a panicking act had changed in memory was put there only after its commit.
        Self { hold: part.lock().unwrap_or_else(PoisonError::into_inner), failed }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.hold
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.hold
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        if trouble::met() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}

impl Client {
    /// The desk, on a store whose disk has not failed since it was opened.
    pub(crate) fn desk(&self) -> Result<Held<'_, Desk>, ClientError> {
        let mut desk = Held::of(&self.desk, &self.failed);
        // What is noted on this thread by now is of a store that did not open.
        trouble::met();
        if self.failed.load(Ordering::Relaxed) {
            self.reopen(&mut desk)?;
        }
        Ok(desk)
    }

    /// What pages read. It is never held when the desk is taken up.
    pub(crate) fn reader(&self) -> Held<'_, Connection> {
        Held::of(&self.reader, &self.failed)
    }

    fn reopen(&self, desk: &mut Desk) -> Result<(), ClientError> {
        tracing::warn!("the store is opened anew: its disk failed");
        if desk.key.is_none() {
            self.failed.store(false, Ordering::Relaxed);
            return Ok(());
        }
        store::empty_log(&desk.conn)?;
        self.take_place(desk)
    }

    /// Opens the store with the desk's key in place of what is open.
    pub(super) fn take_place(&self, desk: &mut Desk) -> Result<(), ClientError> {
        let Some(key) = desk.key.clone() else { return Err(ClientError::StoreLocked) };
        // Until it is done nothing is: whoever comes next tries again.
        self.failed.store(true, Ordering::Relaxed);
        let mut reader = Held::of(&self.reader, &self.failed);
        // The last connections are gone before the first new one comes; these stand in their place and hold nothing.
        *reader = Connection::open_in_memory()?;
        desk.conn = Connection::open_in_memory()?;
        let store::Opened { writer, reader: fresh, set_aside } = store::open(&self.dir, &key)?;
        (desk.conn, *reader) = (writer, fresh);
        desk.documents = Cache::new(self.options.documents_cached);
        desk.actors.clear();
        check_end(desk)?;
        begin_session(desk, (&self.dir, &*self.host), &self.options.version, set_aside.as_deref())?;
        self.failed.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether the journal's last entry is what was signed.
fn check_end(desk: &Desk) -> Result<(), ClientError> {
    let Some(who) = &desk.who else { return Ok(()) };
    let Some(hash) = journal::tip(&desk.conn)?.hash else { return Ok(()) };
    // A store that was begun anew knows the end's name only.
    let Some(last) = journal::by_hash(&desk.conn, hash)? else { return Ok(()) };
    match last.verify(who.device, &who.key.public_key()) {
        Ok(_) if last.hash() == hash => Ok(()),
        _ => Err(ClientError::Damaged { what: "the journal's end" }),
    }
}
