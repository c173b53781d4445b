//! What is known of a connection, and what can be set.

use super::TcpStream;
use crate::io::owned::HasHandle;
use std::{
    io,
    net::{Shutdown, SocketAddr},
    time::Duration,
};

/// # Addresses and options
///
/// ```
/// use fibra::net::{Shutdown, TcpListener, TcpStream};
/// use std::{io::Read, time::Duration};
/// fibra::run(|| -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let mut stream = TcpStream::connect(listener.local_addr()?)?;
///     stream.set_nodelay(true)?;
///     stream.set_read_timeout(Some(Duration::from_millis(1)))?;
///     let error = stream.read(&mut [0]).unwrap_err();
///     assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
///     stream.set_nonblocking(true)?;
///     assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
///     stream.shutdown(Shutdown::Write)
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
impl TcpStream {
    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// The system's, such as `NotConnected` once the other side has broken the connection off.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Ends one or both directions, for all clones: reads see the end of the stream, writes fail with `BrokenPipe`, and
    /// whoever waits in one is woken. Never waits.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the connection is over already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.handle().shutdown(how)
    }

    /// How long the kernel goes on sending what was written, after the stream was closed: `Some(Duration::ZERO)` breaks
    /// the connection off at once. Note that the thread that closes the stream may be blocked for as long, and with it
    /// its worker.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.options().set_linger(linger)
    }

    /// What [`set_linger`](TcpStream::set_linger) has set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.options().linger()
    }

    /// Whether small writes are sent at once, instead of waiting to be joined with later ones.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.options().set_tcp_nodelay(nodelay)
    }

    /// What [`set_nodelay`](TcpStream::set_nodelay) has set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.options().tcp_nodelay()
    }

    /// How many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.options().set_ttl_v4(ttl)
    }

    /// What [`set_ttl`](TcpStream::set_ttl) has set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.options().ttl_v4()
    }
}

crate::net::direct::direct_style!(TcpStream);
