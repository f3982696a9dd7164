//! What people are told about syncing: whether one runs and how far it is, how the last one went, when the next comes.
//!
//! A report of what happened, kept in memory. What the server holds is never read from here, but from receipts.

use crate::error::ApiError;
use fieldproof_client_core::{Answering, ClientError, SyncReport, Transport, UploadReport, WireRequest};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::wire::error::{ErrorBody, ErrorCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An exchange or an upload that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Since when.
    pub since: Moment,
    /// Requests that were sent.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes_sent: u64,
}

/// How the last exchange of records went.
#[derive(Debug, Clone)]
pub struct Last {
    /// When it ended.
    pub at: Moment,
    /// What it did, or why it did not end well.
    pub result: Result<SyncReport, ErrorBody>,
}

/// How the last originals went that were sent.
#[derive(Debug, Clone)]
pub struct LastUpload {
    /// When that ended.
    pub at: Moment,
    /// What was done.
    pub done: UploadReport,
    /// Why it did not end well.
    pub failed: Option<ErrorBody>,
}

/// What is known about syncing.
#[derive(Debug, Clone, Default)]
pub struct SyncView {
    /// The exchange that runs.
    pub running: Option<Running>,
    /// The originals that are being sent.
    pub uploading: Option<Running>,
    /// The last exchange since the start.
    pub last: Option<Last>,
    /// The last originals since the start.
    pub last_upload: Option<LastUpload>,
    /// When the next exchange begins by itself; none where none does.
    pub next_at: Option<Moment>,
}

/// Keeps what is known about syncing.
#[derive(Default)]
pub(crate) struct Syncs {
    known: Mutex<SyncView>,
    exchange: Traffic,
    upload: Traffic,
}

/// What went over the way.
#[derive(Default)]
struct Traffic {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Traffic {
    fn begin(&self) {
        self.requests.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    fn show(&self, running: Option<&mut Running>) {
        if let Some(running) = running {
            running.requests = self.requests.load(Ordering::Relaxed);
            running.bytes_sent = self.bytes.load(Ordering::Relaxed);
        }
    }
}

impl Syncs {
    fn known(&self) -> MutexGuard<'_, SyncView> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view(&self) -> SyncView {
        let mut view = self.known().clone();
        self.exchange.show(view.running.as_mut());
        self.upload.show(view.uploading.as_mut());
        view
    }

    pub(crate) fn begin(&self, at: Moment) {
        self.exchange.begin();
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

    pub(crate) fn begin_upload(&self, at: Moment) {
        self.upload.begin();
        self.known().uploading = Some(Running { since: at, requests: 0, bytes_sent: 0 });
    }

    pub(crate) fn end_upload(&self, at: Moment, done: &UploadReport, result: &Result<(), ClientError>) {
        let mut known = self.known();
        known.uploading = None;
        // Looking whether there is something to send is nothing to tell.
        if result.is_err() || *done != UploadReport::default() {
            let failed = result.as_ref().err().map(ApiError::body_of);
            known.last_upload = Some(LastUpload { at, done: done.clone(), failed });
        }
    }

    /// The thread that talked to the server broke; the next may begin.
    pub(crate) fn broke(&self) {
        let mut known = self.known();
        (known.running, known.uploading) = (None, None);
    }

    pub(crate) fn expect(&self, at: Option<Moment>) {
        self.known().next_at = at;
    }

    /// A way to the server that counts what records go over it.
    pub(crate) fn counted<'a>(&'a self, inner: &'a dyn Transport) -> impl Transport + 'a {
        Counted { inner, traffic: &self.exchange }
    }

    /// A way to the server that counts what originals go over it.
    pub(crate) fn counted_upload<'a>(&'a self, inner: &'a dyn Transport) -> impl Transport + 'a {
        Counted { inner, traffic: &self.upload }
    }
}

/// A way to the server that counts what goes over it.
struct Counted<'a> {
    inner: &'a dyn Transport,
    traffic: &'a Traffic,
}

impl Transport for Counted<'_> {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        self.traffic.bytes.fetch_add(request.body.len() as u64, Ordering::Relaxed);
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
    fn originals_are_reported_apart_and_only_when_there_were_any() {
        let syncs = Syncs::default();
        let at = Moment::from_micros(1);
        syncs.begin_upload(at);
        let view = syncs.view();
        assert!(view.running.is_none() && view.uploading.is_some_and(|running| running.since == at));
        syncs.end_upload(at, &UploadReport::default(), &Ok(()));
        let view = syncs.view();
        assert!(view.uploading.is_none() && view.last_upload.is_none());
        syncs.begin_upload(at);
        let done = UploadReport { completed: 2, ..UploadReport::default() };
        syncs.end_upload(at, &done, &Err(ClientError::Recovering));
        let last = syncs.view().last_upload.unwrap();
        assert_eq!((last.done.completed, last.failed.unwrap().code), (2, "offline".to_owned()));
    }

    #[test]
    fn a_terminal_of_nobody_reports_nothing() {
        let syncs = Syncs::default();
        syncs.begin(Moment::from_micros(1));
        syncs.end(Moment::from_micros(2), &Err(ClientError::NotEnrolled));
        assert!(syncs.view().last.is_none() && syncs.view().running.is_none());
    }
}
