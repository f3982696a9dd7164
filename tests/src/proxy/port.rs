//! A loopback port that stays ours while nobody listens on it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;

/// A reserved port.
pub(super) struct Port {
    addr: SocketAddr,
    /// Bound but never listening: connecting is refused, and nobody else is given the port. Elsewhere than on
    /// Linux such a socket would keep our own listener out, so there the port is merely remembered.
    _placeholder: Option<TcpSocket>,
}

impl Port {
    /// Takes a free port.
    pub(super) fn reserve() -> io::Result<Self> {
        let placeholder = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let addr = placeholder.local_addr()?;
        Ok(Self { addr, _placeholder: cfg!(target_os = "linux").then_some(placeholder) })
    }

    /// The address of the port.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts listening.
    pub(super) fn listen(&self) -> io::Result<TcpListener> {
        bind(self.addr)?.listen(BACKLOG)
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}
