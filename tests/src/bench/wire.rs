//! Loopback HTTP whose bytes are counted.

use crate::demo::api::Failure;
use crate::world::device::Device;
use fieldproof_client_core::{Answering, HttpTransport, Timeouts, Transport, WireRequest};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A link of one device.
pub(super) struct Wire {
    http: HttpTransport,
    requests: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
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
        Ok(Self { http, requests: AtomicU64::new(0), up: AtomicU64::new(0), down: AtomicU64::new(0) })
    }

    /// Syncs, and counts bodies in both directions.
    pub(super) async fn sync(&self, device: &Device) -> Result<Synced, Failure> {
        let counts = || [&self.requests, &self.up, &self.down].map(|count| count.load(Ordering::Relaxed));
        let (before, began) = (counts(), Instant::now());
        device.client().sync(self).await?;
        let took = began.elapsed();
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
