//! One connection, from accept to close. Left to the loop: which connections there are, and when to stop.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use super::Limits;
use super::pace::Paced;
use super::patience::Patience;

/// Answers the requests of one peer until it leaves, a limit is reached, or `closing` turns true and the request
/// in flight is answered.
pub(super) async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    limits: Limits,
    mut closing: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "connection gone before it was served");
        return;
    }
    // Peeked, because `readable` may be ready on a fresh socket that has nothing to read.
    let mut first = [0];
    let spoke = tokio::select! {
        biased;
        peeked = timeout(limits.first_byte, stream.peek(&mut first)) => matches!(peeked, Ok(Ok(1))),
        _ = closing.wait_for(|closing| *closing) => false,
    };
    if !spoke {
        return;
    }

    let heard = Arc::new(Notify::new());
    let service = service_fn({
        let heard = Arc::clone(&heard);
        move |mut request: Request<Incoming>| {
            heard.notify_one();
            request.extensions_mut().insert(ConnectInfo(peer));
            app.clone().oneshot(request.map(|body| Paced::new(body, &limits)))
        }
    });
    // hyper starts its header timer when it starts to wait for a request, so it is the idle timer too.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_headers(limits.headers)
        .max_header_size(limits.header_bytes)
        .serve_connection(TokioIo::new(Patience::new(stream, limits.write)), service);
    let mut connection = pin!(connection);
    let mut first_head = pin!(timeout(limits.header, heard.notified()));
    let (mut awaiting_head, mut told_to_close) = (true, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection ended early");
                }
                return;
            }
            in_time = &mut first_head, if awaiting_head => {
                if in_time.is_err() {
                    return;
                }
                awaiting_head = false;
            }
            _ = closing.wait_for(|closing| *closing), if !told_to_close => {
                connection.as_mut().graceful_shutdown();
                told_to_close = true;
            }
        }
    }
}
