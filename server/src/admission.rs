//! Who is let in, before a body is read: so much at a time, a few requests of each device, fairly between devices.
//!
//! Sync and evidence have a queue each, so that large originals never hold up records. Whose turn it is is decided in
//! [`queue`]; here requests wait for it. What is refused costs a look at the session and nothing else: nothing is parsed,
//! and of the body not a byte is kept.

pub mod queue;

use crate::app::App;
use crate::auth::{DeviceActor, Sender};
use crate::error::ApiError;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_LENGTH;
use fieldproof_schema::host::{Host, random};
use fieldproof_schema::ids::DeviceId;
use fieldproof_schema::limits::{SYNC_BODY_BYTES_MAX, UPLOADS_AT_ONCE_MAX};
use fieldproof_schema::wire::error::ErrorCode;
use futures::StreamExt;
use queue::{Answer, Limits, Moved, Queue, Ticket};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Bytes that every request counts for, whatever it brings: it is answered with rows.
const BASE_BYTES: u64 = 64 * 1024;
/// How long a request waits for its turn before it is asked to return.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long the body of a refused request is read on and thrown away. An answer that overtakes the body is lost when the
/// connection is closed on bytes that nobody read; the terminal would not learn when to return.
const DRAIN: Duration = Duration::from_secs(30);
/// The slowest pace at which a body may come, in bytes per second, after [`HEAD_START`]: a place is not held for ever.
const PACE: u64 = 2 * 1024;
/// What a weak link may stall before pace counts.
const HEAD_START: Duration = Duration::from_secs(60);

/// The limits of a lane: what a server with a few gigabytes can hold in memory of bodies that slow links bring.
pub const LIMITS: Limits = Limits { in_flight: 512, weight: 256 * 1024 * 1024, waiting: 1024 };

/// The queues of a server.
pub struct Admission {
    /// For the sync service.
    pub sync: Lane,
    /// For parts of originals.
    pub evidence: Lane,
}

impl Admission {
    /// Queues with these limits each.
    pub fn new(host: &Arc<dyn Host>, limits: Limits) -> Self {
        Self { sync: Lane::new(host, limits, 1), evidence: Lane::new(host, limits, UPLOADS_AT_ONCE_MAX) }
    }
}

/// One queue.
#[derive(Clone)]
pub struct Lane(Arc<Inner>);

struct Inner {
    host: Arc<dyn Host>,
    state: Mutex<State>,
}

struct State {
    queue: Queue<DeviceId>,
    /// Whom to tell that a request which waits is let in, or has to return.
    calls: HashMap<Ticket, oneshot::Sender<bool>>,
}

/// A place at work; dropping it gives it to the next.
#[must_use]
pub struct Permit {
    lane: Lane,
    device: DeviceId,
    weight: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.lane.0.host.monotonic_ms();
        let mut state = self.lane.state();
        let moved = state.queue.done(now, self.device, self.weight);
        state.call(&self.lane, moved);
    }
}

/// A request that waits; dropping it leaves the queue, or gives back the place that it was let in to.
struct Turn<'a> {
    lane: &'a Lane,
    device: DeviceId,
    weight: u64,
    ticket: Ticket,
    called: oneshot::Receiver<bool>,
    over: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut state = self.lane.state();
        state.calls.remove(&self.ticket);
        let left = state.queue.leave(self.ticket);
        drop(state);
        if !left && self.called.try_recv() == Ok(true) {
            drop(Permit { lane: self.lane.clone(), device: self.device, weight: self.weight });
        }
    }
}

impl State {
    fn call(&mut self, lane: &Lane, moved: Moved) {
        for (tickets, enters) in [(moved.entered, true), (moved.dropped, false)] {
            for ticket in tickets {
                // Whoever does not listen any more gives its place back by itself: see `Turn`.
                let told = self.calls.remove(&ticket).map(|call| call.send(enters));
                debug_assert!(told.is_some(), "a ticket of {} without a caller", Arc::strong_count(&lane.0));
            }
        }
    }
}

impl Lane {
    fn new(host: &Arc<dyn Host>, limits: Limits, each: usize) -> Self {
        let state = Mutex::new(State { queue: Queue::new(limits, each), calls: HashMap::new() });
        Self(Arc::new(Inner { host: Arc::clone(host), state }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests at work, and their weights together.
    pub fn load(&self) -> (usize, u64) {
        self.state().queue.load()
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// In how many seconds to return.
    async fn admit(&self, device: DeviceId, weight: u64) -> Result<Permit, u64> {
        let turn = {
            let now = self.0.host.monotonic_ms();
            let mut state = self.state();
            let (answer, moved) = state.queue.ask(now, device, weight);
            state.call(self, moved);
            match answer {
                Answer::Enter => return Ok(Permit { lane: self.clone(), device, weight }),
                Answer::Return => None,
                Answer::Wait(ticket) => {
                    let (call, called) = oneshot::channel();
                    state.calls.insert(ticket, call);
                    Some(Turn { lane: self, device, weight, ticket, called, over: false })
                }
            }
        };
        if let Some(mut turn) = turn
            && let Ok(called) = timeout(PATIENCE, &mut turn.called).await
        {
            turn.over = true;
            if called == Ok(true) {
                return Ok(Permit { lane: self.clone(), device, weight });
            }
        }
        let (now, drawn) = (self.0.host.monotonic_ms(), u64::from_le_bytes(random(self.0.host.as_ref())));
        Err(self.state().queue.return_ms(now, weight, drawn).div_ceil(1000))
    }
}

/// Looks who asks and waits for a place; then reads the body, within the route's bound.
///
/// # Errors
/// As [`Sender`]; [`ErrorCode::Busy`] with the seconds after which to return. The body is read on and thrown away then.
pub async fn enter(
    app: &App,
    lane: &Lane,
    request: Request,
) -> Result<(DeviceActor, Permit, Result<Bytes, BytesRejection>), ApiError> {
    let (mut parts, body) = request.into_parts();
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    // One that does not say its length may bring as much as there is.
    let weight = length.unwrap_or(SYNC_BODY_BYTES_MAX as u64).min(SYNC_BODY_BYTES_MAX as u64) + BASE_BYTES;
    let entered = match Sender::from_request_parts(&mut parts, app).await {
        Ok(Sender(device)) => match lane.admit(device.id, weight).await {
            Ok(permit) => Ok((device, permit)),
            Err(seconds) => Err(ApiError::new(ErrorCode::Busy).with(json!({"retry_after_seconds": seconds}))),
        },
        Err(error) => Err(error),
    };
    match entered {
        Ok((device, permit)) => {
            let read = Bytes::from_request(Request::from_parts(parts, body), app);
            let limit = HEAD_START + Duration::from_secs(weight / PACE);
            let body = timeout(limit, read).await.map_err(|_| ErrorCode::BodyMalformed)?;
            Ok((device, permit, body))
        }
        Err(error) => {
            // Whatever comes of it, the answer is the same.
            let _ = timeout(DRAIN, drain(body)).await;
            Err(error)
        }
    }
}

async fn drain(body: Body) {
    let (mut pieces, mut left) = (body.into_data_stream(), SYNC_BODY_BYTES_MAX);
    while let Some(Ok(piece)) = pieces.next().await {
        left = left.saturating_sub(piece.len());
        if left == 0 {
            return;
        }
    }
}
