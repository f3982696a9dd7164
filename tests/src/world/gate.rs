//! A way to the server on which parts of originals stop until a test lets them on.

use fieldproof_client_core::{Answering, Method, Transport, WireRequest};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// A gate before a link.
pub struct Gate {
    way: Arc<dyn Transport>,
    seen: Mutex<Seen>,
    arrived: Notify,
    open: Semaphore,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    parts: usize,
    bytes: u64,
}

impl Gate {
    /// A closed gate before `way`.
    pub fn before(way: Arc<dyn Transport>) -> Self {
        Self { way, seen: Mutex::default(), arrived: Notify::new(), open: Semaphore::new(0) }
    }

    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many parts have come, those that were let on included.
    pub async fn until_parts(&self, count: usize) {
        while self.seen().parts < count {
            self.arrived.notified().await;
        }
    }

    /// How many bytes of originals have come.
    pub fn bytes(&self) -> u64 {
        self.seen().bytes
    }

    /// Lets so many parts on, those that come later too.
    pub fn let_on(&self, count: usize) {
        self.open.add_permits(count);
    }

    /// Lets everything on from now on.
    pub fn open(&self) {
        self.let_on(Semaphore::MAX_PERMITS / 2);
    }
}

impl Transport for Gate {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        Box::pin(async move {
            if request.method == Method::Patch {
                {
                    let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.parts += 1;
                    seen.bytes += request.body.len() as u64;
                }
                self.arrived.notify_one();
                self.open.acquire().await.expect("the gate is never taken down").forget();
            }
            self.way.call(request).await
        })
    }
}
