//! A link that tests and the demo can break: a TCP proxy in front of one server.
//!
//! It stands between a device and the server as the radio link does, so both sides run unchanged. It knows
//! nothing of what flows through it; bad bytes and slow links are left to others.

mod link;
mod port;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

use self::link::{Cut, Link, Plan};
use self::port::Port;

/// A proxy on a loopback port of its own, open from the start. Dropping it breaks the link for good.
pub struct Proxy {
    port: Port,
    upstream: std::sync::Mutex<SocketAddr>,
    plan: Arc<Plan>,
    link: Mutex<Option<Link>>,
}

impl Proxy {
    /// Opens a link to `upstream` on a free port.
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let port = Port::reserve()?;
        let upstream = std::sync::Mutex::new(upstream);
        let proxy = Self { port, upstream, plan: Arc::default(), link: Mutex::new(None) };
        proxy.open_link().await?;
        Ok(proxy)
    }

    /// Where devices connect to; the same for the proxy's whole life.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// Drops all connections and refuses new ones. When it returns, connecting fails with `ConnectionRefused`.
    pub async fn close_link(&self) {
        if let Some(link) = self.link.lock().await.take() {
            link.close().await;
        }
    }

    /// Lets connections through again, on the same port. An open link stays as it is.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn open_link(&self) -> io::Result<()> {
        let mut link = self.link.lock().await;
        if link.is_none() {
            let upstream = *self.upstream.lock().unwrap_or_else(PoisonError::into_inner);
            *link = Some(Link::open(self.port.listen()?, upstream, Arc::clone(&self.plan)));
        }
        Ok(())
    }

    /// Leads elsewhere from the next time that the link is opened: the server came back under another address.
    pub fn turn_to(&self, upstream: SocketAddr) {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) = upstream;
    }

    /// Cuts the next connection once exactly `bytes` of what the device sends have been passed on.
    pub fn cut_after(&self, bytes: usize) {
        self.plan.cut_next(Cut::Request(bytes));
    }

    /// Cuts every connection that is made from now on once exactly `bytes` of what the device sends have been passed on, for as
    /// long as nothing else is said; with `None` none any more.
    pub fn cut_each_after(&self, bytes: Option<usize>) {
        self.plan.cut_each(bytes);
    }

    /// Cuts the next connection once exactly `bytes` of what the server answers have been passed on: with 0 the
    /// server has done the work and the device does not know it.
    pub fn cut_answer_after(&self, bytes: usize) {
        self.plan.cut_next(Cut::Answer(bytes));
    }

    /// Bytes passed from devices to the server so far.
    #[must_use]
    pub fn bytes_up(&self) -> u64 {
        self.plan.bytes_up()
    }

    /// Bytes passed from the server to devices so far.
    #[must_use]
    pub fn bytes_down(&self) -> u64 {
        self.plan.bytes_down()
    }

    /// Connections that were cut so far.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.plan.cuts()
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.plan.connections()
    }
}
