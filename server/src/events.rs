//! Who is told when something is new: the ends of all feeds, looked up after commits, and the streams that wait for them.
//!
//! The database is asked once for all streams, soon after this process committed something and every few seconds besides,
//! because other processes write to the same database. What a device may hear of is decided by the feeds of its
//! scope.

use crate::app::App;
use crate::auth::DeviceActor;
use crate::db::{DbError, Tx};
use crate::error::{ApiError, chain};
use crate::scope::DeviceScope;
use crate::store::{feeds, tenants};
use axum::body::Bytes;
use fieldproof_schema::ids::{DeviceId, OrgId};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::events::{self, Woken};
use futures::Stream;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Streams at the same time; each holds a connection, and the server has others to talk to.
pub const STREAMS_MAX: usize = 2048;
/// In how many seconds to try again when there are so many.
const FULL_SECONDS: u64 = 120;
/// Between signs of life. A stream that says nothing for longer is cut by proxies.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// Between two looks at the feeds when nobody points to them.
const POLL: Duration = Duration::from_secs(2);
/// Rest after a look, so that a busy server looks a few times in a second and not after every commit.
const REST: Duration = Duration::from_millis(150);
/// Within how long one device that is woken shall sync.
const WITHIN_MS: u64 = 500;
/// What each further device that is woken at the same time adds.
const WITHIN_MS_EACH: u64 = 20;

/// How far the feeds are.
#[derive(Debug, Clone)]
struct Ends {
    epoch: Digest,
    ends: Arc<BTreeMap<String, u64>>,
    /// Counts occasions on which every stream looks again whether it may go on.
    pokes: u64,
    closed: bool,
}

/// What streams share.
pub struct Events {
    ends: watch::Sender<Ends>,
    /// The stream that counts of each device: a second one ends the first.
    streams: Mutex<HashMap<DeviceId, u64>>,
}

impl Default for Events {
    fn default() -> Self {
        let none = Ends { epoch: Digest::of(b""), ends: Arc::default(), pokes: 0, closed: false };
        Self { ends: watch::Sender::new(none), streams: Mutex::default() }
    }
}

impl Events {
    /// Ends all streams and lets no new ones begin: the server stops.
    pub fn close(&self) {
        self.ends.send_modify(|ends| ends.closed = true);
    }

    /// Has every stream look at once whether it may go on.
    pub fn poke(&self) {
        self.ends.send_modify(|ends| ends.pokes += 1);
    }

    /// Streams that are open.
    pub fn streams(&self) -> usize {
        self.with_streams(|streams| streams.len())
    }

    fn with_streams<T>(&self, act: impl FnOnce(&mut HashMap<DeviceId, u64>) -> T) -> T {
        act(&mut self.streams.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Looks at the feeds, for ever.
pub async fn work(app: App) {
    let mut published = app.db.published();
    loop {
        // Nobody listens: nothing to look for. Whoever begins looks for itself.
        if app.events.streams() > 0
            && let Err(error) = look(&app).await
        {
            tracing::warn!(error.cause = chain(&error), "the ends of the feeds cannot be read");
        }
        sleep(REST).await;
        // An error says that the database is closed.
        if let Ok(Err(_)) = timeout(POLL, published.changed()).await {
            return;
        }
    }
}

/// Looks at the feeds once.
///
/// # Errors
/// When the database fails.
pub async fn look(app: &App) -> Result<(), ApiError> {
    let org = app.org().await?;
    let (epoch, ends) = app.db.read(move |tx| read(tx, org)).await?;
    app.events.ends.send_if_modified(|known| {
        let is_new = known.epoch != epoch || *known.ends != ends;
        if is_new {
            (known.epoch, known.ends) = (epoch, Arc::new(ends));
        }
        is_new
    });
    Ok(())
}

fn read(tx: &mut Tx<'_>, org: OrgId) -> Result<(Digest, BTreeMap<String, u64>), DbError> {
    Ok((tenants::epoch(tx, org)?, feeds::ends(tx, org)?.into_iter().collect()))
}

/// One device that listens.
struct Listener {
    app: App,
    device: DeviceActor,
    generation: u64,
    ends: watch::Receiver<Ends>,
    /// The feeds that it may hear of.
    feeds: Vec<String>,
    told: String,
    pokes: u64,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.app.events.with_streams(|streams| {
            if streams.get(&self.device.id) == Some(&self.generation) {
                streams.remove(&self.device.id);
            }
        });
    }
}

/// The stream of a device that has reached the state `reached`: an event at once when there is more, then whenever there
/// is more, and a sign of life in between. It ends when the device was revoked, listens anew, or the server stops.
///
/// # Errors
/// [`ErrorCode::Busy`] when there are too many streams.
pub async fn listen(
    app: App,
    device: DeviceActor,
    reached: String,
) -> Result<impl Stream<Item = Result<Bytes, Infallible>>, ApiError> {
    let generation = u64::from_le_bytes(app.random());
    let begun = app.events.with_streams(|streams| {
        let has_room = streams.len() < STREAMS_MAX || streams.contains_key(&device.id);
        has_room.then(|| streams.insert(device.id, generation))
    });
    let Some(before) = begun else {
        return Err(ApiError::new(ErrorCode::Busy).with(json!({"retry_after_seconds": FULL_SECONDS})));
    };
    let ends = app.events.ends.subscribe();
    let (pokes, closed) = (ends.borrow().pokes, ends.borrow().closed);
    let mut listener = Listener { app, device, generation, ends, feeds: Vec::new(), told: reached, pokes };
    if closed {
        return Err(ErrorCode::Unavailable.into());
    }
    if before.is_some() {
        listener.app.events.poke();
    }
    // Looked up at once: what was committed between the device's last sync and now is told without waiting.
    let present = listener.renew().await?;
    let first = listener.event(&present);
    // Something to begin with, so that the device sees its stream open.
    let first = first.unwrap_or_else(sign_of_life);
    Ok(futures::stream::unfold((Some(listener), Some(first)), |(listener, first)| async move {
        let mut listener = listener?;
        match first {
            Some(first) => Some((Ok(first), (Some(listener), None))),
            None => listener.next().await.map(|piece| (Ok(piece), (Some(listener), None))),
        }
    }))
}

fn sign_of_life() -> Bytes {
    Bytes::from_static(b":\n\n")
}

impl Listener {
    /// Looks whether the device may still hear, and of what; how far its feeds are now.
    async fn renew(&mut self) -> Result<String, ApiError> {
        let device = self.device.clone();
        let read = move |tx: &mut Tx<'_>| {
            let mut scope = DeviceScope::of(tx, &device)?;
            if !scope.is_in_use() {
                return Err(ErrorCode::DeviceRevoked.into());
            }
            let mut ends = BTreeMap::new();
            for feed in scope.feeds(tx)? {
                let end = feeds::end(tx, device.org, &feed)?;
                ends.insert(feed, end);
            }
            Ok::<_, ApiError>((tenants::epoch(tx, device.org)?, ends))
        };
        let (epoch, ends) = self.app.db.read(read).await?;
        self.feeds = ends.keys().cloned().collect();
        Ok(self.mark(epoch, &ends))
    }

    fn mark(&self, epoch: Digest, ends: &BTreeMap<String, u64>) -> String {
        events::mark(epoch, self.feeds.iter().filter_map(|f| Some((f.as_str(), *ends.get(f)?))))
    }

    /// The event of a state, unless the device was told of it.
    fn event(&mut self, mark: &str) -> Option<Bytes> {
        if mark == self.told {
            return None;
        }
        mark.clone_into(&mut self.told);
        let others = self.app.events.streams() as u64;
        let data = json!(Woken { within_ms: WITHIN_MS + others.saturating_sub(1) * WITHIN_MS_EACH });
        Some(Bytes::from(format!("id: {mark}\ndata: {data}\n\n")))
    }

    fn counts(&self) -> bool {
        self.app.events.with_streams(|streams| streams.get(&self.device.id) == Some(&self.generation))
    }

    /// The next piece of the stream; none when it ends.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let changed = match timeout(HEARTBEAT, self.ends.changed()).await {
                Ok(Ok(())) => true,
                Ok(Err(_)) => return None,
                Err(_) => false,
            };
            let now = self.ends.borrow_and_update().clone();
            if now.closed || !self.counts() {
                return None;
            }
            let mark = if changed && now.pokes == self.pokes {
                self.mark(now.epoch, &now.ends)
            } else {
                // Seldom: a device that was revoked by another process hears nothing more from its next sign of life on.
                self.pokes = now.pokes;
                self.renew().await.ok()?
            };
            match self.event(&mark) {
                Some(event) => return Some(event),
                None if changed => {}
                None => return Some(sign_of_life()),
            }
        }
    }
}
