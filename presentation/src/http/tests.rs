//! Real peers on real sockets, polite and otherwise. A limit under test is short and all others are long, so that
//! only it can end the wait; that it ends is the assertion.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::{Limits, serve};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(24 * 3600);
const HELLO: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
const HELLO_AND_GOODBYE: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";

/// Limits that nobody reaches in a test.
fn generous() -> Limits {
    Limits {
        first_byte: LONG,
        header: LONG,
        idle: LONG,
        body: LONG,
        write: LONG,
        grace: LONG,
        ..Limits::default()
    }
}

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

async fn run(app: Router, limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve(listener, app, limits, async {
        let _ = stopped.await;
    }));
    Running { addr, stop, served }
}

fn greeting() -> Router {
    Router::new().route("/", get(|| async { "good morning" }))
}

/// Everything the server still says until it closes; a reset counts as closed.
async fn until_closed(peer: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let _ = peer.read_to_end(&mut said).await;
    String::from_utf8(said).unwrap()
}

async fn closes_after(limits: Limits, opening: &[u8]) -> String {
    let running = run(greeting(), limits).await;
    let mut peer = TcpStream::connect(running.addr).await.unwrap();
    peer.write_all(opening).await.unwrap();
    until_closed(&mut peer).await
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_cut_off() {
    assert_eq!(closes_after(Limits { first_byte: SHORT, ..generous() }, b"").await, "");
}

#[tokio::test]
async fn an_http2_preface_is_not_waited_on() {
    for opening in [&b"PRI"[..], b"PRI * HTTP/2.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let said = closes_after(Limits { header: SHORT, ..generous() }, opening).await;
        assert!(!said.contains("200 OK"), "{said}");
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let said = closes_after(Limits { header: SHORT, ..generous() }, b"GET / HTTP/1.1\r\nhost: te").await;
    assert!(!said.contains("200 OK"), "{said}");
}

#[tokio::test]
async fn a_kept_connection_is_answered_and_cut_off_when_idle() {
    let said = closes_after(Limits { idle: SHORT, ..generous() }, HELLO).await;
    assert!(said.starts_with("HTTP/1.1 200 OK") && said.ends_with("good morning"), "{said}");
}

#[tokio::test]
async fn a_second_head_that_never_ends_is_cut_off() {
    let opening = [HELLO, b"GET / HTTP/1.1\r\nhos"].concat();
    let said = closes_after(Limits { idle: SHORT, ..generous() }, &opening).await;
    assert_eq!(said.matches("good morning").count(), 1, "{said}");
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    for head in ["x-filler: pad\r\n".repeat(200), format!("x-filler: {}\r\n", "pad".repeat(10_000))] {
        let running = run(greeting(), generous()).await;
        let mut peer = TcpStream::connect(running.addr).await.unwrap();
        // The server may close before it has read all of this; then the write fails.
        let _ = peer.write_all(format!("GET / HTTP/1.1\r\n{head}\r\n").as_bytes()).await;
        let said = until_closed(&mut peer).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    }
}

/// Says how long the body was.
fn counting() -> Router {
    Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }))
}

#[tokio::test]
async fn a_body_that_stops_coming_is_cut_off() {
    for sent in [&b""[..], b"three"] {
        let running = run(counting(), Limits { body: SHORT, ..generous() }).await;
        let mut peer = TcpStream::connect(running.addr).await.unwrap();
        peer.write_all(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 20\r\n\r\n").await.unwrap();
        peer.write_all(sent).await.unwrap();
        let said = until_closed(&mut peer).await;
        assert!(!said.contains("200 OK"), "{said}");
    }
}

#[tokio::test]
async fn a_body_that_keeps_its_pace_is_taken() {
    // Each byte that came puts the end off by a second.
    let running = run(counting(), Limits { body: Duration::from_secs(1), pace: 1, ..generous() }).await;
    let mut peer = TcpStream::connect(running.addr).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n";
    peer.write_all(head.as_bytes()).await.unwrap();
    peer.write_all(&[b'x'; 100_000]).await.unwrap();
    assert!(until_closed(&mut peer).await.ends_with("100000"));
}

#[tokio::test]
async fn what_is_no_http_is_let_go_at_once() {
    for rubbish in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n"]
    {
        let said = closes_after(generous(), rubbish).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{said}");
    }
}

#[tokio::test]
async fn a_peer_that_will_say_no_more_is_answered_and_let_go() {
    for (said, answers) in [(HELLO, 1), (&HELLO[..20], 0), (&[HELLO, &HELLO[..9]].concat()[..], 1)] {
        let running = run(greeting(), generous()).await;
        let mut peer = TcpStream::connect(running.addr).await.unwrap();
        peer.write_all(said).await.unwrap();
        peer.shutdown().await.unwrap();
        assert_eq!(until_closed(&mut peer).await.matches("good morning").count(), answers);
    }
}

#[tokio::test]
async fn peers_that_vanish_leave_no_place_taken() {
    let app = counting().route("/hello", get(|| async { "good morning" }));
    let running = run(app, Limits { connections: 2, ..generous() }).await;
    let half_said = [
        &b""[..],
        b"GET /hello HTTP/1.1\r\nho",
        b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 20\r\n\r\nhalf",
        b"GET /hello HTTP/1.1\r\nhost: test\r\n\r\n",
    ];
    for said in half_said.into_iter().cycle().take(80) {
        let mut peer = TcpStream::connect(running.addr).await.unwrap();
        peer.write_all(said).await.unwrap();
        // A reset, not a farewell.
        peer.set_zero_linger().unwrap();
    }
    let mut peer = TcpStream::connect(running.addr).await.unwrap();
    let hello = b"GET /hello HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    peer.write_all(hello).await.unwrap();
    assert!(until_closed(&mut peer).await.ends_with("good morning"));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    struct Given(Option<oneshot::Sender<()>>);
    impl Drop for Given {
        fn drop(&mut self) {
            let _ = self.0.take().map(|dropped| dropped.send(()));
        }
    }
    let (dropped, answer_dropped) = oneshot::channel();
    let given = Arc::new(std::sync::Mutex::new(Some(Given(Some(dropped)))));
    let endless = get(move || {
        let given = given.lock().unwrap().take();
        async move {
            Body::from_stream(stream::repeat_with(move || {
                let _ = &given;
                Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 65_536]))
            }))
        }
    });
    let running = run(Router::new().route("/", endless), Limits { write: SHORT, ..generous() }).await;
    let mut peer = TcpStream::connect(running.addr).await.unwrap();
    peer.write_all(HELLO).await.unwrap();
    answer_dropped.await.unwrap();
}

#[tokio::test]
async fn handlers_know_the_address_of_the_peer() {
    let whoami = get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() });
    let running = run(Router::new().route("/", whoami), generous()).await;
    let mut peer = TcpStream::connect(running.addr).await.unwrap();
    peer.write_all(HELLO_AND_GOODBYE).await.unwrap();
    let said = until_closed(&mut peer).await;
    assert!(said.ends_with(&peer.local_addr().unwrap().to_string()), "{said}");
}

/// A route that says when a request is in it and answers when told to.
fn held() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, released) = (Arc::clone(&entered), Arc::clone(&go));
    let handler = move || async move {
        inside.notify_one();
        released.notified().await;
        "at last"
    };
    (Router::new().route("/", get(handler)), entered, go)
}

#[tokio::test]
async fn a_request_in_flight_at_shutdown_is_answered() {
    let (app, entered, go) = held();
    let running = run(app, generous()).await;
    let mut waiting = TcpStream::connect(running.addr).await.unwrap();
    waiting.write_all(HELLO).await.unwrap();
    entered.notified().await;
    let mut silent = TcpStream::connect(running.addr).await.unwrap();

    running.stop.send(()).unwrap();
    assert_eq!(until_closed(&mut silent).await, "", "the silent one is let go at once");
    assert!(TcpStream::connect(running.addr).await.is_err(), "nobody new is let in");

    go.notify_one();
    let said = until_closed(&mut waiting).await;
    assert!(said.ends_with("at last"), "{said}");
    running.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_outlasts_the_grace_period_is_cut() {
    let (app, entered, _go) = held();
    let running = run(app, Limits { grace: SHORT, ..generous() }).await;
    let mut waiting = TcpStream::connect(running.addr).await.unwrap();
    waiting.write_all(HELLO).await.unwrap();
    entered.notified().await;
    running.stop.send(()).unwrap();
    running.served.await.unwrap().unwrap();
    assert_eq!(until_closed(&mut waiting).await, "");
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_their_turn() {
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let handler = move || async move {
        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        inside.fetch_sub(1, Ordering::SeqCst);
        "your turn"
    };
    let app = Router::new().route("/", get(handler));
    let running = run(app, Limits { connections: 1, ..generous() }).await;
    let mut peers = Vec::new();
    for _ in 0..4 {
        let mut peer = TcpStream::connect(running.addr).await.unwrap();
        peer.write_all(HELLO_AND_GOODBYE).await.unwrap();
        peers.push(peer);
    }
    for peer in &mut peers {
        assert!(until_closed(peer).await.ends_with("your turn"));
    }
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}
