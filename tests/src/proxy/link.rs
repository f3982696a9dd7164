//! The open link: accepts, passes bytes both ways, counts them, and cuts where it was told to.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryFutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Bytes passed on in one piece.
const PIECE_BYTES: usize = 16 * 1024;

/// Where to cut one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// After so many bytes from the device to the server.
    Request(usize),
    /// After so many bytes from the server to the device.
    Answer(usize),
}

/// What is to happen to the next connection or to each, and what has flowed; outlives closing and opening.
#[derive(Default)]
pub(super) struct Plan {
    next: Mutex<Option<Cut>>,
    each: Mutex<Option<usize>>,
    up: AtomicU64,
    down: AtomicU64,
    connections: AtomicU64,
    cuts: AtomicU64,
}

impl Plan {
    pub(super) fn cut_next(&self, cut: Cut) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    pub(super) fn cut_each(&self, after: Option<usize>) {
        *self.each.lock().unwrap_or_else(PoisonError::into_inner) = after;
    }

    pub(super) fn bytes_up(&self) -> u64 {
        self.up.load(Ordering::SeqCst)
    }

    pub(super) fn bytes_down(&self) -> u64 {
        self.down.load(Ordering::SeqCst)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// Counts a connection and says where to cut it: (device to server, server to device).
    fn begin(&self) -> (usize, usize) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let each = *self.each.lock().unwrap_or_else(PoisonError::into_inner);
        match self.next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => (each.unwrap_or(usize::MAX), usize::MAX),
            Some(Cut::Request(bytes)) => (bytes, usize::MAX),
            Some(Cut::Answer(bytes)) => (usize::MAX, bytes),
        }
    }
}

/// A listener with its connections.
pub(super) struct Link {
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
}

impl Link {
    /// Starts to accept.
    pub(super) fn open(listener: TcpListener, upstream: SocketAddr, plan: Arc<Plan>) -> Self {
        let (stop, stopping) = oneshot::channel();
        Self { stop, stopped: tokio::spawn(accept(listener, upstream, plan, stopping)) }
    }

    /// Stops, and returns when every socket is closed.
    pub(super) async fn close(self) {
        drop(self.stop);
        // A link whose task panicked is closed too.
        let _ = self.stopped.await;
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    plan: Arc<Plan>,
    mut stopping: oneshot::Receiver<()>,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopping => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => if let Ok((device, _)) = accepted {
                open.spawn(pass(device, upstream, Arc::clone(&plan)));
            },
        }
    }
    drop(listener);
    open.shutdown().await;
}

/// Passes one connection through until both sides have ended, one fails, or the cut is reached.
async fn pass(device: TcpStream, upstream: SocketAddr, plan: Arc<Plan>) -> io::Result<()> {
    let (cut_up, cut_down) = plan.begin();
    let server = TcpStream::connect(upstream).await?;
    device.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut device_read, mut device_write) = device.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    let ended = tokio::try_join!(
        flow(&mut device_read, &mut server_write, cut_up, (&plan.up, &plan.cuts)).map_err(|_| Side::Device),
        flow(&mut server_read, &mut device_write, cut_down, (&plan.down, &plan.cuts))
            .map_err(|_| Side::Server),
    );
    match ended {
        Ok(_) => Ok(()),
        Err(Side::Device) => {
            drop((device_read, device_write));
            let_go(server_read, server_write).await
        }
        Err(Side::Server) => {
            drop((server_read, server_write));
            let_go(device_read, device_write).await
        }
    }
}

/// The side whose bytes no longer pass.
enum Side {
    Device,
    Server,
}

/// Ends a connection so that its peer still gets what was passed to it. Closing with unread bytes would send a
/// reset, and a reset discards what the peer has not read yet.
async fn let_go(mut read: OwnedReadHalf, mut write: OwnedWriteHalf) -> io::Result<()> {
    write.shutdown().await?;
    tokio::io::copy(&mut read, &mut tokio::io::sink()).await.map(drop)
}

/// Copies until the source ends, which is passed on, or `cut` bytes have been passed on, which is an error. A cut at 0 still waits for the source to speak.
async fn flow(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    cut: usize,
    (count, cuts): (&AtomicU64, &AtomicU64),
) -> io::Result<()> {
    let mut left = cut;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let passed = read.min(left);
        to.write_all(&piece[..passed]).await?;
        count.fetch_add(passed as u64, Ordering::SeqCst);
        left -= passed;
        if left == 0 {
            cuts.fetch_add(1, Ordering::SeqCst);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}
