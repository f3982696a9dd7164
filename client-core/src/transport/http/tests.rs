//! Against a real socket.

use super::*;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves one connection: reads until `ends_with`, answers `answer` and closes. Returns the base address and what came.
async fn serve(ends_with: &'static str, answer: Vec<u8>) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while !seen.ends_with(ends_with.as_bytes()) {
            let length = stream.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "the request ended early");
            seen.extend_from_slice(&piece[..length]);
        }
        // A client that has seen enough may have gone.
        let _ = stream.write_all(&answer).await;
        String::from_utf8(seen).unwrap()
    });
    (base, task)
}

fn request() -> WireRequest {
    WireRequest {
        method: Method::Patch,
        path: "/api/v1/evidence/x".into(),
        headers: vec![("upload-offset", "7".into())],
        body: Bytes::from_static(b"part"),
    }
}

#[tokio::test]
async fn a_request_and_its_answer_arrive_whole() {
    let answer = b"HTTP/1.1 409 Conflict\r\nUpload-Offset: 3\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    let (base, server) = serve("part", answer).await;
    let transport = HttpTransport::new(&base, Timeouts::default()).unwrap();
    let response = transport.call(request()).await.unwrap();
    assert_eq!((response.status, response.header("upload-offset")), (409, Some("3")));
    assert_eq!(response.body, Bytes::from_static(b"{}"));
    let seen = server.await.unwrap();
    assert!(seen.starts_with("PATCH /api/v1/evidence/x HTTP/1.1\r\n"), "{seen}");
    assert!(seen.to_lowercase().contains("\r\nupload-offset: 7\r\n"), "{seen}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let answer =
        b"HTTP/1.1 302 Found\r\nLocation: http://portal.invalid/\r\nContent-Length: 0\r\n\r\n".to_vec();
    let (base, server) = serve("part", answer).await;
    let transport = HttpTransport::new(&base, Timeouts::default()).unwrap();
    assert_eq!(transport.call(request()).await.unwrap().status, 302);
    server.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_ends_early_is_cut() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let (base, server) = serve("part", answer).await;
    let transport = HttpTransport::new(&base, Timeouts::default()).unwrap();
    let error = transport.call(request()).await.unwrap_err();
    assert!(matches!(error, TransportError::Cut { .. }), "{error:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n".to_vec();
    answer.resize(SYNC_BODY_BYTES_MAX + 4096, b'x');
    let (base, server) = serve("part", answer).await;
    let transport = HttpTransport::new(&base, Timeouts::default()).unwrap();
    let error = transport.call(request()).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge { .. }), "{error:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let transport = HttpTransport::new(&base, Timeouts::default()).unwrap();
    let error = transport.call(request()).await.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }), "{error:?}");
}

#[test]
fn a_wrong_address_is_named() {
    for base in ["ftp://x", "nonsense"] {
        let error = HttpTransport::new(base, Timeouts::default()).unwrap_err();
        assert!(matches!(error, TransportError::Misconfigured(_)), "{error:?}");
    }
}
