//! A way to the server on which some requests stop until they are let on.

use super::Server;
use crate::transport::{Answering, Method, Transport, WireRequest};
use fieldproof_schema::suite::Digest;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::{Notify, Semaphore};

/// Where a request stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Parts of originals, before they reach the server.
    Parts,
    /// Receipts for originals, once the server has written them.
    Receipts,
}

pub(crate) struct Gate<'a> {
    server: &'a Server,
    stop: Stop,
    seen: Mutex<Seen>,
    arrived: Notify,
    open: Semaphore,
}

/// What came by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Of which originals parts came, one after another.
    pub(crate) parts: Vec<Digest>,
    /// Requests that stand here, and how many did at most.
    pub(crate) standing: usize,
    pub(crate) standing_most: usize,
    /// Bytes of these.
    bytes: usize,
    pub(crate) bytes_most: usize,
}

impl<'a> Gate<'a> {
    pub(crate) fn new(server: &'a Server, stop: Stop) -> Self {
        Self { server, stop, seen: Mutex::default(), arrived: Notify::new(), open: Semaphore::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub(crate) fn seen(&self) -> Seen {
        self.state().clone()
    }

    /// Waits until so many requests stand here.
    pub(crate) async fn until_standing(&self, count: usize) {
        while self.state().standing < count {
            self.arrived.notified().await;
        }
    }

    /// Lets so many requests on, those that come later too.
    pub(crate) fn let_on(&self, count: usize) {
        self.open.add_permits(count);
    }

    /// Lets everything on from now on.
    pub(crate) fn open(&self) {
        self.let_on(100_000);
    }

    async fn stand(&self, bytes: usize) {
        {
            let mut seen = self.state();
            seen.standing += 1;
            seen.bytes += bytes;
            seen.standing_most = seen.standing_most.max(seen.standing);
            seen.bytes_most = seen.bytes_most.max(seen.bytes);
        }
        self.arrived.notify_one();
        self.open.acquire().await.unwrap().forget();
        let mut seen = self.state();
        seen.standing -= 1;
        seen.bytes -= bytes;
    }
}

impl Transport for Gate<'_> {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        Box::pin(async move {
            let is_part = request.method == Method::Patch;
            let is_receipt = request.path.ends_with("/receipt");
            if is_part {
                let digest = request.path.rsplit('/').next().unwrap().parse().unwrap();
                self.state().parts.push(digest);
            }
            if is_part && self.stop == Stop::Parts {
                self.stand(request.body.len()).await;
            }
            let answer = self.server.call(request).await;
            if is_receipt && self.stop == Stop::Receipts {
                self.stand(0).await;
            }
            answer
        })
    }
}
