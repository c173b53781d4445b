//! A connection within the machine.

use super::{
    super::{
        Shutdown,
        socket::{Socket, descriptor},
        stream::read_and_write,
    },
    SocketAddr, local_addr, peer_addr,
};
use crate::io::owned::{self, HasHandle};
use fibra_driver::{Descriptor, Handle, RawAddress};
use socket2::{Domain, Type};
use std::{
    fmt,
    future::Future,
    io,
    os::unix::net,
    panic::{RefUnwindSafe, UnwindSafe},
    path::Path,
    sync::Arc,
};

/// A Unix socket that is connected; std's, for green threads, futures and OS threads alike.
///
/// It is read and written through a shared reference too, so two green threads may use both directions at once. Dropping
/// the last clone closes it.
///
/// # Cancellation
///
/// As of a [`TcpStream`](crate::net::TcpStream): each read and write that waits is a cancellation point, and one that fails has
/// moved no byte.
///
/// ```
/// use fibra::net::unix::UnixStream;
/// use std::io::{Read, Write};
/// let (mut one, mut other) = UnixStream::pair()?;
/// one.write_all(b"ping")?;
/// let mut message = [0; 4];
/// other.read_exact(&mut message)?;
/// assert_eq!(&message, b"ping");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a stream closes its connection when it is dropped"]
pub struct UnixStream {
    socket: Arc<Socket>,
    /// For those who poll.
    #[cfg(feature = "_polled")]
    waits: super::super::poll::Waits,
}

// As of a `TcpStream`.
impl UnwindSafe for UnixStream {}
impl RefUnwindSafe for UnixStream {}

impl UnixStream {
    /// Connects to the listener at this path. If too many connections wait there to be accepted, it waits too.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is nothing at the path, `ConnectionRefused` if nobody listens to it, `PermissionDenied`, …;
    /// `InvalidInput` if it is too long for an address (108 bytes on Linux) or contains a zero byte.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it waits; the socket is closed then.
    ///
    /// ```
    /// let error = fibra::net::unix::UnixStream::connect("/nobody/listens/here").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// ```
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        Self::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// The same, to an address: on Linux that may be a name outside of the file system.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Cancellation
    ///
    /// As [`connect`](UnixStream::connect).
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use fibra::net::unix::{SocketAddr, UnixListener, UnixStream};
    /// use std::os::linux::net::SocketAddrExt;
    /// let address = SocketAddr::from_abstract_name(format!("fibra-doc-{}", std::process::id()))?;
    /// let listener = UnixListener::bind_addr(&address)?;
    /// let stream = UnixStream::connect_addr(&address)?;
    /// assert_eq!(stream.peer_addr()?.as_abstract_name(), address.as_abstract_name());
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_addr(address: &SocketAddr) -> io::Result<UnixStream> {
        let socket = unconnected()?;
        socket.connect(&RawAddress::from(address), None)?;
        Ok(Self::from_socket(Arc::new(socket)))
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the socket.
    pub fn connect_async<P: AsRef<Path>>(
        path: P,
    ) -> impl Future<Output = io::Result<UnixStream>> + Send + use<P> {
        let address = SocketAddr::from_pathname(path);
        async { Self::connect_addr_async(&address?).await }
    }

    /// The same to an address, for futures.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the socket.
    pub fn connect_addr_async(
        address: &SocketAddr,
    ) -> impl Future<Output = io::Result<UnixStream>> + Send + use<> {
        let address = RawAddress::from(address);
        async move {
            let socket = Arc::new(unconnected()?);
            owned::connect(Arc::clone(&socket), address).await?;
            Ok(Self::from_socket(socket))
        }
    }

    /// Two that are connected with each other, and have no name.
    ///
    /// # Errors
    ///
    /// The system's, such as when it has no descriptor left.
    ///
    /// ```
    /// let (one, _other) = fibra::net::unix::UnixStream::pair()?;
    /// assert!(one.peer_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = net::UnixStream::pair()?;
        Ok((one.into(), other.into()))
    }

    /// A second handle for the same connection: timeouts and the non-blocking mode are shared. It costs no descriptor.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        Ok(Self::from_socket(Arc::clone(&self.socket)))
    }

    /// The connection as std's type; as [`TcpStream::into_std`](crate::net::TcpStream::into_std).
    ///
    /// # Errors
    ///
    /// If a duplicate of the descriptor is needed and can't be had. `From` is the same for those who know that it isn't.
    ///
    /// ```
    /// let (one, _other) = fibra::net::unix::UnixStream::pair()?;
    /// let one: std::os::unix::net::UnixStream = one.into_std()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        self.into_fd().map(Into::into)
    }

    pub(super) fn from_socket(socket: Arc<Socket>) -> Self {
        Self {
            socket,
            #[cfg(feature = "_polled")]
            waits: Default::default(),
        }
    }

    pub(crate) fn into_fd(self) -> io::Result<Descriptor> {
        // An operation that waits for readiness has a reference too.
        #[cfg(feature = "_polled")]
        drop(self.waits);
        Socket::into_fd(self.socket)
    }

    pub(crate) fn as_handle(&self) -> &Handle {
        self.socket.handle()
    }

    pub(crate) fn from_fd(fd: Descriptor) -> Self {
        Self::from_socket(Arc::new(Socket::adopted(fd)))
    }
}

fn unconnected() -> io::Result<Socket> {
    Ok(Socket::new(descriptor(socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?)))
}

/// # Addresses and options
///
/// ```
/// use fibra::net::{Shutdown, unix::UnixStream};
/// use std::{io::Read, time::Duration};
/// let (mut one, other) = UnixStream::pair()?;
/// one.set_read_timeout(Some(Duration::from_millis(1)))?;
/// assert_eq!(one.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
/// other.shutdown(Shutdown::Write)?;
/// assert_eq!(one.read(&mut [0])?, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
impl UnixStream {
    /// The address of the other side: unnamed, if that has connected without binding to one.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        peer_addr(&self.socket)
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(&self.socket)
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
}

super::super::stream::asynchronous::transfers! {
    /// # For futures
    ///
    /// An operation owns its buffer while it is under way, and gives it back with its result. It refers to the connection by
    /// itself, so that it can be spawned. The timeouts and the non-blocking mode don't concern futures.
    ///
    /// ```
    /// use fibra::net::unix::UnixStream;
    /// fibra::block_on(async {
    ///     let (one, other) = UnixStream::pair()?;
    ///     one.write_all_async("ping").await.0?;
    ///     let (read, buffer) = other.read_async(vec![0; 4096]).await;
    ///     assert_eq!(&buffer[..read?], b"ping");
    ///     Ok::<_, std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    UnixStream
}

super::super::direct::direct_style!(UnixStream);
read_and_write!(UnixStream);

#[cfg(feature = "_polled")]
super::super::stream::polled::polled_by_readiness!(UnixStream);

impl From<net::UnixStream> for UnixStream {
    /// Takes the connection over with its timeouts. Operations wait, whatever the descriptor's mode; see
    /// [`set_nonblocking`](UnixStream::set_nonblocking).
    fn from(stream: net::UnixStream) -> Self {
        Self::from_fd(stream.into())
    }
}

impl From<UnixStream> for net::UnixStream {
    /// As [`UnixStream::into_std`].
    ///
    /// # Panics
    ///
    /// If the descriptor is shared, and the process can't have another one.
    fn from(stream: UnixStream) -> Self {
        stream.into_fd().expect("a shared descriptor needs a duplicate when it is given away").into()
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UnixStream");
        if let Ok(address) = self.local_addr() {
            shown.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            shown.field("peer", &peer);
        }
        shown.field("fd", &self.socket.number()).finish()
    }
}
