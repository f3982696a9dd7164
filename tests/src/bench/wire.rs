//! Loopback HTTP whose bytes are counted.

use crate::demo::api::Failure;
use fieldproof_client_core::{
    Answering, Client, HttpTransport, Timeouts, Transport, TransportError, WireRequest,
};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where captures go.
const UPLOADS: &str = "/api/v1/evidence/";

/// A link of one device.
pub(super) struct Wire {
    http: HttpTransport,
    requests: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    uploads: AtomicBool,
}

/// One sync: how long it took and what it moved.
pub(super) struct Synced {
    pub(super) took: Duration,
    pub(super) requests: u64,
    pub(super) up: u64,
    pub(super) down: u64,
}

impl Wire {
    pub(super) fn new(base: &str) -> Result<Self, Failure> {
        let http = HttpTransport::new(base, Timeouts::default())?;
        let [requests, up, down] = [0; 3].map(AtomicU64::new);
        Ok(Self { http, requests, up, down, uploads: AtomicBool::new(true) })
    }

    /// Syncs, and counts bodies in both directions. Without `uploads` the way ends where the first capture would go: what is
    /// timed is the exchange.
    pub(super) async fn sync(&self, client: &Client, uploads: bool) -> Result<Synced, Failure> {
        let counts = || [&self.requests, &self.up, &self.down].map(|count| count.load(Ordering::Relaxed));
        self.uploads.store(uploads, Ordering::Relaxed);
        let (before, began) = (counts(), Instant::now());
        let synced = client.sync_only(self).await;
        let took = began.elapsed();
        client.retain();
        match synced {
            Err(error) if uploads || error.code() != ErrorCode::Offline => return Err(error.into()),
            _ => {}
        }
        let after = counts();
        Ok(Synced {
            took,
            requests: after[0] - before[0],
            up: after[1] - before[1],
            down: after[2] - before[2],
        })
    }
}

impl Synced {
    pub(super) fn figures(&self) -> Value {
        json!({"requests": self.requests, "bytes_up": self.up, "bytes_down": self.down})
    }
}

impl Transport for Wire {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        Box::pin(async move {
            if request.path.starts_with(UPLOADS) && !self.uploads.load(Ordering::Relaxed) {
                return Err(TransportError::Unreachable { source: "captures stay here".into() });
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
            self.up.fetch_add(request.body.len() as u64, Ordering::Relaxed);
            let answer = self.http.call(request).await;
            if let Ok(answer) = &answer {
                self.down.fetch_add(answer.body.len() as u64, Ordering::Relaxed);
            }
            answer
        })
    }
}
