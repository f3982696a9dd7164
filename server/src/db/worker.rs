//! A thread's connection: opened when first needed, replaced when it was lost.

use super::error::DbError;
use super::session::{self, Purpose, Session};
use super::tx::{Seen, SharedSeen};
use super::url::DbUrl;

/// How often a job is run when conflicts or lost connections keep taking it back.
pub(super) const RUNS_MAX: usize = 4;

/// What a thread needs to run jobs.
pub(super) struct Worker {
    url: DbUrl,
    purpose: Purpose,
    session: Option<Box<dyn Session>>,
    seen: Seen,
}

impl Worker {
    pub(super) fn new(url: DbUrl, purpose: Purpose, seen: SharedSeen) -> Self {
        Self { url, purpose, session: None, seen: Seen::new(seen) }
    }

    /// The connection, made now when there is none.
    pub(super) fn session(&mut self) -> Result<(&mut dyn Session, &mut Seen), DbError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => session::connect(&self.url, self.purpose)?,
        };
        Ok((self.session.insert(session).as_mut(), &mut self.seen))
    }

    /// Leaves a transaction that failed; a connection that cannot is dropped.
    pub(super) fn abandon(&mut self, why: &DbError) {
        let rolled_back = |session: &mut Box<dyn Session>| session.control(session::ROLLBACK).is_ok();
        if why.is_lost() || !self.session.as_mut().is_some_and(rolled_back) {
            if why.is_lost() {
                tracing::warn!(
                    error = why as &dyn std::error::Error,
                    "The connection to the database was lost"
                );
            }
            self.session = None;
        }
    }
}
