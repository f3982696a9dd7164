//! Serves a router over HTTP/1 on a listener, with a limit on everything that a peer can drag out.
//!
//! It lives here because the server and the terminal both serve pages and may not depend on each other.
//! Own loop rather than `axum::serve`: that one, like the automatic builder of hyper-util, lets a peer that
//! says nothing, or half an HTTP/2 preface, hold its connection for ever. HTTP/2 and TLS belong to the proxy in
//! front. Left to the router: how large bodies may be, and what is answered.

mod connection;
mod pace;
mod patience;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Rest after a failed accept. Running out of file descriptors fails at once, again and again; without a rest
/// the loop would spin on it.
const ACCEPT_REST: Duration = Duration::from_millis(200);

/// How much a peer may ask of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the accepted connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte to the end of the first request's head.
    pub header: Duration,
    /// From the end of one exchange to the end of the next request's head: how long a kept connection may rest.
    /// Also bounds the first head, when shorter than `header`.
    pub idle: Duration,
    /// How long a body may stall before its pace counts; a weak link does.
    pub body: Duration,
    /// The slowest pace at which a body may come after that, in bytes per second: no connection is held for ever.
    pub pace: u32,
    /// How long a peer may accept not one byte of an answer that waits for it.
    pub write: Duration,
    /// From the call to shut down to cutting the requests that are still unanswered. Streams that never end by
    /// themselves are cut then.
    pub grace: Duration,
    /// Connections open at the same time; each holds a file descriptor. Further ones wait in the kernel's queue,
    /// which is bounded and fair: an answer of 503 would cost what the limit saves, and written before the
    /// request was read it is often lost to a reset.
    pub connections: usize,
    /// Header lines in one request; more are answered with 431.
    pub headers: usize,
    /// Bytes in the head of one request, request line included; more are answered with 431.
    pub header_bytes: usize,
}

impl Default for Limits {
    /// Fit for a public port. Ten seconds are long for one head, 75 longer than a proxy usually keeps its
    /// upstream connections (60), so that the proxy closes first and never writes into a closing one.
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            header: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(60),
            pace: 2 * 1024,
            write: Duration::from_secs(30),
            grace: Duration::from_secs(20),
            connections: 4096,
            headers: 100,
            header_bytes: 16 * 1024,
        }
    }
}

/// Serves `app` on `listener` until `shutdown` is ready, then takes no more connections, lets requests in flight
/// finish within the grace period, cuts what is left and returns.
///
/// Handlers get the peer's address as `axum::extract::ConnectInfo<SocketAddr>`. Dropping the future cuts all
/// connections.
///
/// # Errors
/// When the socket no longer listens. What fails for one connection, or passes (too many open files), is logged
/// and survived.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let (close, closing) = watch::channel(false);
    let mut open = JoinSet::new();
    let ended = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            Some(_) = open.join_next() => {}
            accepted = listener.accept(), if open.len() < limits.connections => match accepted {
                Ok((stream, peer)) => {
                    open.spawn(connection::converse(stream, peer, app.clone(), limits, closing.clone()));
                    if open.len() == limits.connections {
                        tracing::warn!(connections = open.len(), "connection limit reached, others wait");
                    }
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => break Err(error),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::select! {
                        () = &mut shutdown => break Ok(()),
                        () = tokio::time::sleep(ACCEPT_REST) => {}
                    }
                }
            },
        }
    };
    drop(listener);
    close.send_replace(true);
    let finished = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.grace, finished).await.is_err() {
        tracing::warn!(connections = open.len(), "grace period over, connections cut");
        open.shutdown().await;
    }
    ended
}

/// Whether accept only reports that a peer has gone again.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
