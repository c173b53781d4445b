//! A Unix socket for datagrams.

mod asynchronous;

use super::{
    super::{Shutdown, socket::Socket},
    SocketAddr, local_addr, peer_addr,
};
use crate::io::owned::HasHandle;
use fibra_driver::{Descriptor, Handle, RawAddress};
use std::{fmt, io, os::unix::net, path::Path, sync::Arc};

/// A Unix socket for datagrams; std's, for green threads, futures and OS threads alike.
///
/// Unlike those of UDP, datagrams arrive, in order, and whole unless the receiver's buffer is too short. Who sends to a socket
/// with a full queue waits; where the system can't wait (macOS and FreeBSD) the send fails. Any number of threads and futures may
/// send and receive at once. Dropping the last clone closes the socket; its path stays in the file system.
///
/// # Cancellation
///
/// Each call that waits is a cancellation point. A datagram that had come by then is returned all the same: none is lost by a
/// cancel.
///
/// ```
/// use fibra::net::unix::UnixDatagram;
/// let path = std::env::temp_dir().join(format!("fibra-doc-datagram-{}", std::process::id()));
/// let log = UnixDatagram::bind(&path)?;
/// let client = UnixDatagram::unbound()?;
/// client.send_to(b"started", &path)?;
/// let mut buffer = [0; 512];
/// let (length, sender) = log.recv_from(&mut buffer)?;
/// assert_eq!(&buffer[..length], b"started");
/// assert!(sender.is_unnamed());
/// std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a socket is closed when it is dropped"]
pub struct UnixDatagram {
    socket: Arc<Socket>,
}

impl UnixDatagram {
    /// A socket at this path, at which there must be nothing yet.
    ///
    /// # Errors
    ///
    /// As [`UnixListener::bind`](super::UnixListener::bind).
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        net::UnixDatagram::bind(path).map(Self::from)
    }

    /// The same, at an address: on Linux that may be a name outside of the file system.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixDatagram::bind).
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixDatagram> {
        net::UnixDatagram::bind_addr(address).map(Self::from)
    }

    /// A socket without a name: nobody can answer it, unless it is connected.
    ///
    /// # Errors
    ///
    /// The system's, such as when it has no descriptor left.
    pub fn unbound() -> io::Result<UnixDatagram> {
        net::UnixDatagram::unbound().map(Self::from)
    }

    /// Two that are connected with each other, and have no name.
    ///
    /// # Errors
    ///
    /// The system's, such as when it has no descriptor left.
    ///
    /// ```
    /// let (one, other) = fibra::net::unix::UnixDatagram::pair()?;
    /// one.send(b"ping")?;
    /// assert_eq!(other.recv(&mut [0; 512])?, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = net::UnixDatagram::pair()?;
        Ok((one.into(), other.into()))
    }

    /// Has [`send`](UnixDatagram::send) send to the socket at this path, and [`recv`](UnixDatagram::recv) receive from it alone.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is nothing at the path, `ConnectionRefused` if it is nobody's, `PermissionDenied`, …; `InvalidInput`
    /// if it is no path of an address.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point: it doesn't wait.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// The same, with an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixDatagram::connect).
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.socket.connect(&RawAddress::from(address), None)
    }

    /// Sends a datagram to the socket at this path, and returns its length.
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`, `PermissionDenied`, …; `InvalidInput` if it is no path of an address. The system's if the
    /// datagram is too long.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while the receiver's queue is full; nothing is sent then.
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.send_to_addr(buf, &SocketAddr::from_pathname(path)?)
    }

    /// The same, to an address.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    ///
    /// # Cancellation
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    pub fn send_to_addr(&self, buf: &[u8], address: &SocketAddr) -> io::Result<usize> {
        self.socket.send_to(buf, Some(&RawAddress::from(address)))
    }

    /// Sends a datagram to whom the socket is [connected](UnixDatagram::connect) with, and returns its length.
    ///
    /// # Errors
    ///
    /// `NotConnected`; `ConnectionRefused` or `ConnectionReset` once the other side has closed.
    ///
    /// # Cancellation
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send_to(buf, None)
    }

    /// Receives a datagram; returns its length, cut to the buffer's, and who has sent it.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point; no datagram is lost by it.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (length, sender) = self.socket.recv_from(buf, false)?;
        Ok((length, sender.to_unix_addr()?))
    }

    /// The same, without asking who has sent it.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(buf, 0)
    }

    /// The address of the socket that this one is connected with.
    ///
    /// # Errors
    ///
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        peer_addr(&self.socket)
    }

    /// The socket's own address.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(&self.socket)
    }

    /// Ends one or both directions, for all clones. Never waits.
    ///
    /// # Errors
    ///
    /// `NotConnected`.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.handle().shutdown(how)
    }

    /// A second handle for the same socket: timeouts and the non-blocking mode are shared. It costs no descriptor.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    pub fn try_clone(&self) -> io::Result<UnixDatagram> {
        Ok(Self { socket: Arc::clone(&self.socket) })
    }

    /// The socket as std's type; as [`UdpSocket::into_std`](crate::net::UdpSocket::into_std).
    ///
    /// # Errors
    ///
    /// If a duplicate of the descriptor is needed and can't be had. `From` is the same for those who know that it isn't.
    pub fn into_std(self) -> io::Result<net::UnixDatagram> {
        self.into_fd().map(Into::into)
    }

    pub(crate) fn into_fd(self) -> io::Result<Descriptor> {
        Socket::into_fd(self.socket)
    }

    pub(crate) fn as_handle(&self) -> &Handle {
        self.socket.handle()
    }

    pub(crate) fn from_fd(fd: Descriptor) -> Self {
        Self { socket: Arc::new(Socket::adopted(fd)) }
    }
}

super::super::direct::direct_style!(UnixDatagram);

impl From<net::UnixDatagram> for UnixDatagram {
    /// Takes the socket over with its timeouts. Operations wait, whatever the descriptor's mode; see
    /// [`set_nonblocking`](UnixDatagram::set_nonblocking).
    fn from(socket: net::UnixDatagram) -> Self {
        Self::from_fd(socket.into())
    }
}

impl From<UnixDatagram> for net::UnixDatagram {
    /// As [`UnixDatagram::into_std`].
    ///
    /// # Panics
    ///
    /// If the descriptor is shared, and the process can't have another one.
    fn from(socket: UnixDatagram) -> Self {
        socket.into_fd().expect("a shared descriptor needs a duplicate when it is given away").into()
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UnixDatagram");
        if let Ok(address) = self.local_addr() {
            shown.field("addr", &address);
        }
        shown.field("fd", &self.socket.number()).finish()
    }
}
