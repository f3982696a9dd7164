//! The link between a device and the server: it calls the server's router directly, and can fail in every way that a
//! network does.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use fieldproof_client_core::{Answering, Method, Transport, TransportError, WireRequest, WireResponse};
use http_body_util::BodyExt;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tower::ServiceExt;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives and is answered.
    Answered,
    /// It never arrives.
    Lost,
    /// It arrives and is acted upon, but the answer is lost.
    AnswerLost,
    /// It arrives twice; the second answer comes back.
    Twice,
    /// It seems lost, and arrives when [`Link::arrive`] says so.
    Late,
}

#[derive(Default)]
struct State {
    down: bool,
    without_evidence: bool,
    spoils: bool,
    bound: Option<usize>,
    bounded: u64,
    next: VecDeque<Fate>,
    late: Vec<WireRequest>,
    left: Option<u64>,
    requests: u64,
    bytes_up: u64,
}

/// The router of a server that may be started anew.
#[derive(Clone)]
pub struct Reach(Arc<Mutex<Router>>);

impl Reach {
    /// Leads to `router`.
    pub fn new(router: Router) -> Self {
        Self(Arc::new(Mutex::new(router)))
    }

    /// Leads elsewhere from now on.
    pub fn turn_to(&self, router: Router) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// Where it leads now.
    pub fn now(&self) -> Router {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A device's link: it carries one request after another, in the order in which they set out, so that a world with the same
/// seed has the same history however many of them are under way.
#[derive(Clone)]
pub struct Link {
    router: Reach,
    state: Arc<Mutex<State>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Link {
    /// A link that works.
    pub fn new(router: Reach) -> Self {
        Self { router, state: Arc::default(), turn: Arc::default() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Cuts the link until [`Self::up`].
    pub fn down(&self) {
        self.with(|state| state.down = true);
    }

    /// Restores the link, for originals, too.
    pub fn up(&self) {
        self.with(|state| (state.down, state.without_evidence) = (false, false));
    }

    /// Forgets whatever was to happen: all is well from now on.
    pub fn calm(&self) {
        self.with(|state| {
            state.next.clear();
            (state.down, state.without_evidence, state.spoils, state.bound) = (false, false, false, None);
        });
    }

    /// Loses originals and lets everything else pass.
    pub fn lose_evidence(&self) {
        self.with(|state| state.without_evidence = true);
    }

    /// Spoils a byte of the next part of an original.
    pub fn spoil_evidence(&self) {
        self.with(|state| state.spoils = true);
    }

    /// Puts a proxy into the way that answers larger bodies with a page of its own; none takes it away.
    pub fn bound(&self, bytes: Option<usize>) {
        self.with(|state| state.bound = bytes);
    }

    /// How many requests the proxy answered.
    pub fn bounded(&self) -> u64 {
        self.with(|state| state.bounded)
    }

    /// Decides what happens to the next requests, in order; after these all is well.
    pub fn next(&self, fates: &[Fate]) {
        self.with(|state| state.next.extend(fates));
    }

    /// Lets no more than so many requests pass; none takes the limit away. Returns how many were left of the one before.
    pub fn limit(&self, requests: Option<u64>) -> Option<u64> {
        self.with(|state| std::mem::replace(&mut state.left, requests))
    }

    /// What was held up arrives now, and nobody waits for the answers. Returns how many requests that were.
    pub async fn arrive(&self) -> usize {
        let late = self.with(|state| std::mem::take(&mut state.late));
        for request in &late {
            // Whatever becomes of it: its sender has given it up.
            drop(self.deliver(request).await);
        }
        late.len()
    }

    /// Of what is held up only this arrives.
    pub fn keep_late(&self, keep: impl FnMut(&WireRequest) -> bool) {
        self.with(|state| state.late.retain(keep));
    }

    /// How many requests set out, and with how many bytes of body.
    pub fn traffic(&self) -> (u64, u64) {
        self.with(|state| (state.requests, state.bytes_up))
    }

    fn spoil(&self, request: &mut WireRequest) {
        if request.method != Method::Patch
            || request.body.is_empty()
            || !request.path.starts_with("/api/v1/evidence/")
        {
            return;
        }
        if self.with(|state| std::mem::take(&mut state.spoils)) {
            let mut bytes = request.body.to_vec();
            bytes[0] ^= 1;
            request.body = bytes.into();
        }
    }

    async fn deliver(&self, request: &WireRequest) -> Result<WireResponse, TransportError> {
        let method = match request.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Patch => "PATCH",
        };
        let mut built = Request::builder().method(method).uri(&request.path);
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        let built = built.body(Body::from(request.body.clone()));
        let built = built.map_err(|error| TransportError::Misconfigured(error.to_string()))?;
        let answer = self.router.now().oneshot(built).await.unwrap_or_else(|never| match never {});
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| cut(io::Error::other(error)))?.to_bytes();
        let headers = head.headers.iter();
        let headers =
            headers.map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()));
        Ok(WireResponse { status: head.status.as_u16(), headers: headers.collect(), body })
    }
}

fn cut(error: io::Error) -> TransportError {
    TransportError::Cut { source: error.into() }
}

impl Transport for Link {
    fn call(&self, request: WireRequest) -> Answering<'_> {
        Box::pin(async move {
            let _turn = self.turn.lock().await;
            let answer = self.carry(request).await;
            // Whether the server's threads were quick shows to nobody: whoever else has a request stands in line by now.
            tokio::task::yield_now().await;
            answer
        })
    }
}

impl Link {
    fn carry(&self, mut request: WireRequest) -> Answering<'_> {
        Box::pin(async move {
            self.spoil(&mut request);
            let fate = self.with(|state| {
                state.requests += 1;
                state.bytes_up += request.body.len() as u64;
                let original = state.without_evidence && request.path.starts_with("/api/v1/evidence/");
                let is_over = state.left == Some(0);
                state.left = state.left.map(|left| left.saturating_sub(1));
                if state.down || original || is_over {
                    Fate::Lost
                } else {
                    state.next.pop_front().unwrap_or(Fate::Answered)
                }
            });
            let stopped = self.with(|state| {
                let stops = state.bound.is_some_and(|bound| request.body.len() > bound);
                state.bounded += u64::from(stops);
                stops
            });
            if stopped {
                let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
                let body = "<html><h1>413 Request Entity Too Large</h1></html>".into();
                return Ok(WireResponse { status: 413, headers, body });
            }
            let gone = || io::Error::from(io::ErrorKind::ConnectionReset);
            match fate {
                Fate::Lost => Err(TransportError::Unreachable { source: gone().into() }),
                Fate::Answered => self.deliver(&request).await,
                Fate::AnswerLost => {
                    self.deliver(&request).await?;
                    Err(cut(gone()))
                }
                Fate::Late => {
                    self.with(|state| state.late.push(request));
                    Err(cut(gone()))
                }
                Fate::Twice => {
                    self.deliver(&request).await?;
                    self.deliver(&request).await
                }
            }
        })
    }
}
