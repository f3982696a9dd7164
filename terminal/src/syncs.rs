//! What people are told about syncing: whether one runs and how far it is, how the last one went, when the next comes.
//!
//! A report of what happened, kept in memory. What the server holds is never read from here, but from receipts.

use crate::error::ApiError;
use fieldproof_client_core::{Answering, ClientError, SyncReport, Transport, WireRequest};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::{ErrorBody, ErrorCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A sync that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Since when.
    pub since: Moment,
    /// Requests that were sent.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes_sent: u64,
}

/// How the last sync went.
#[derive(Debug, Clone)]
pub struct Last {
    /// When it ended.
    pub at: Moment,
    /// What it did, or why it did not end well.
    pub result: Result<SyncReport, ErrorBody>,
}

/// What is known about syncing.
#[derive(Debug, Clone, Default)]
pub struct SyncView {
    /// The one that runs.
    pub running: Option<Running>,
    /// The last one since the start.
    pub last: Option<Last>,
    /// When the next begins by itself; none where none does.
    pub next_at: Option<Moment>,
}

/// Keeps what is known about syncing.
#[derive(Default)]
pub(crate) struct Syncs {
    known: Mutex<SyncView>,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Syncs {
    fn known(&self) -> MutexGuard<'_, SyncView> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view(&self) -> SyncView {
        let mut view = self.known().clone();
        if let Some(running) = &mut view.running {
            running.requests = self.requests.load(Ordering::Relaxed);
            running.bytes_sent = self.bytes.load(Ordering::Relaxed);
        }
        view
    }

    pub(crate) fn begin(&self, at: Moment) {
        self.requests.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        let mut known = self.known();
        known.running = Some(Running { since: at, requests: 0, bytes_sent: 0 });
        known.next_at = None;
    }

    pub(crate) fn end(&self, at: Moment, result: &Result<SyncReport, ClientError>) {
        let mut known = self.known();
        known.running = None;
        // A terminal that belongs to nobody has nothing to report.
        if !matches!(result, Err(error) if error.code() == ErrorCode::NotEnrolled) {
            let result = match result {
                Ok(report) => Ok(report.clone()),
                Err(error) => Err(ApiError::body_of(error)),
            };
            known.last = Some(Last { at, result });
        }
    }

    /// The thread that synced broke; the next may begin.
    pub(crate) fn broke(&self) {
        self.known().running = None;
    }

    pub(crate) fn expect(&self, at: Option<Moment>) {
        self.known().next_at = at;
    }
}

/// A way to the server that counts what goes over it.
pub(crate) struct Counted<'a> {
    pub(crate) inner: &'a dyn Transport,
    pub(crate) syncs: &'a Syncs,
}

impl Transport for Counted<'_> {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        self.syncs.requests.fetch_add(1, Ordering::Relaxed);
        self.syncs.bytes.fetch_add(request.body.len() as u64, Ordering::Relaxed);
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_reported_while_it_runs_and_when_it_ended() {
        let syncs = Syncs::default();
        let at = Moment::from_micros(1);
        syncs.expect(Some(at));
        syncs.begin(at);
        assert_eq!(syncs.view().running, Some(Running { since: at, requests: 0, bytes_sent: 0 }));
        assert_eq!(syncs.view().next_at, None);
        syncs.end(at, &Err(ClientError::Recovering));
        let view = syncs.view();
        assert_eq!((view.running, view.last.unwrap().result.unwrap_err().code), (None, "offline".to_owned()));
    }

    #[test]
    fn a_terminal_of_nobody_reports_nothing() {
        let syncs = Syncs::default();
        syncs.begin(Moment::from_micros(1));
        syncs.end(Moment::from_micros(2), &Err(ClientError::NotEnrolled));
        assert!(syncs.view().last.is_none() && syncs.view().running.is_none());
    }
}
