//! The link that other tests break must itself break as told.

use std::io::ErrorKind;
use std::net::SocketAddr;

use fieldproof_tests::proxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// A server that says back what it hears, and reports each connection's bytes when that ends.
async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (report, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let report = report.clone();
            tokio::spawn(async move {
                let (mut all, mut piece) = (Vec::new(), [0; 512]);
                while let Ok(read @ 1..) = stream.read(&mut piece).await {
                    all.extend_from_slice(&piece[..read]);
                    if stream.write_all(&piece[..read]).await.is_err() {
                        break;
                    }
                }
                let _ = report.send(all);
            });
        }
    });
    (addr, heard)
}

async fn say(peer: &mut TcpStream, words: &[u8]) -> Vec<u8> {
    peer.write_all(words).await.unwrap();
    let mut back = vec![0; words.len()];
    peer.read_exact(&mut back).await.unwrap();
    back
}

async fn until_closed(peer: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = peer.read_to_end(&mut rest).await;
    rest
}

#[tokio::test]
async fn bytes_pass_both_ways_and_are_counted() {
    let (server, mut heard) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut peer, b"pump room").await, b"pump room");
    peer.shutdown().await.unwrap();
    assert_eq!(until_closed(&mut peer).await, b"");
    assert_eq!(heard.recv().await.unwrap(), b"pump room");
    assert_eq!((proxy.bytes_up(), proxy.bytes_down(), proxy.connections()), (9, 9, 1));
}

#[tokio::test]
async fn a_closed_link_drops_what_is_open_and_refuses_what_is_new() {
    let (server, mut heard) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
    say(&mut peer, b"before").await;

    proxy.close_link().await;
    assert_eq!(until_closed(&mut peer).await, b"");
    assert_eq!(heard.recv().await.unwrap(), b"before", "the server sees the end too");
    let refused = TcpStream::connect(proxy.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.close_link().await;
}

#[tokio::test]
async fn a_link_opens_again_on_the_same_port() {
    let (server, _heard) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    let addr = proxy.addr();
    for words in [&b"first"[..], b"second", b"third"] {
        let mut peer = TcpStream::connect(addr).await.unwrap();
        assert_eq!(say(&mut peer, words).await, words);
        proxy.close_link().await;
        assert!(TcpStream::connect(addr).await.is_err());
        proxy.open_link().await.unwrap();
        proxy.open_link().await.unwrap();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nobody_else_can_take_the_port_of_a_closed_link() {
    let (server, _heard) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    proxy.close_link().await;
    let other = TcpSocket::new_v4().unwrap();
    assert_eq!(other.bind(proxy.addr()).unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_cut_lets_exactly_so_many_bytes_through_and_then_the_link_is_whole_again() {
    let (server, mut heard) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    for bytes in [0, 1, 7, 20_000] {
        let message: Vec<u8> = (0..=250).cycle().take(40_000).collect();
        proxy.cut_after(bytes);
        let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
        // The cut may come while this is being written.
        let _ = peer.write_all(&message).await;
        until_closed(&mut peer).await;
        assert_eq!(heard.recv().await.unwrap(), message[..bytes]);

        let mut whole = TcpStream::connect(proxy.addr()).await.unwrap();
        assert_eq!(say(&mut whole, b"whole").await, b"whole");
        drop(whole);
        assert_eq!(heard.recv().await.unwrap(), b"whole");
    }
    assert_eq!(proxy.cuts(), 4);
}

#[tokio::test]
async fn every_connection_is_cut_until_that_is_taken_back() {
    let (server, mut heard) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    proxy.cut_each_after(Some(3));
    for _ in 0..2 {
        let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
        let _ = peer.write_all(b"sealed").await;
        until_closed(&mut peer).await;
        assert_eq!(heard.recv().await.unwrap(), b"sea");
    }
    proxy.cut_each_after(None);
    let mut whole = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut whole, b"sealed").await, b"sealed");
}

#[tokio::test]
async fn a_lost_answer_leaves_the_request_done() {
    let (server, mut heard) = echo().await;
    let proxy = Proxy::start(server).await.unwrap();
    proxy.cut_answer_after(0);
    let mut peer = TcpStream::connect(proxy.addr()).await.unwrap();
    let _ = peer.write_all(b"sealed").await;
    assert_eq!(until_closed(&mut peer).await, b"");
    assert_eq!(proxy.bytes_down(), 0);
    assert_eq!(heard.recv().await.unwrap(), b"sealed");
}
