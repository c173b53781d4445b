//! A socket that takes connections.

#[cfg(feature = "stream")]
use super::incoming::IncomingAsync;
use super::{
    ToSocketAddrs,
    listening::Listening,
    socket::Socket,
    stream::{TcpStream, first_of},
};
use crate::io::owned::{Connection, HasHandle};
use fibra_driver::{Descriptor, Handle};
use std::{fmt, future::Future, io, iter, net::SocketAddr, sync::Arc};

/// A TCP socket that listens; std's, for green threads, futures and OS threads alike.
///
/// Any number of threads and futures may accept at once. Dropping the last clone closes it.
///
/// ```
/// use fibra::{net::{TcpListener, TcpStream}, thread};
/// use std::io::{Read, Write};
/// fibra::run(|| -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let address = listener.local_addr()?;
///     thread::spawn(move || {
///         for stream in listener.incoming() {
///             let mut stream = stream?;
///             thread::spawn(move || stream.write_all(b"hello"));
///         }
///         Ok::<_, std::io::Error>(())
///     });
///     let mut greeting = String::new();
///     TcpStream::connect(address)?.read_to_string(&mut greeting)?;
///     assert_eq!(greeting, "hello");
///     Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a listener closes its socket when it is dropped"]
pub struct TcpListener {
    listening: Arc<Listening>,
}

impl TcpListener {
    /// Listens at the first of the addresses that can be had; port 0 is any free one. Names are resolved off the workers.
    ///
    /// As with std, the address can be had while old connections of an earlier listener linger (`SO_REUSEADDR`). Up to
    /// 4,096 connections wait to be accepted, if the system allows as many.
    ///
    /// # Errors
    ///
    /// That of the last address: `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`, …; `InvalidInput` if there is
    /// no address.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point.
    ///
    /// ```
    /// use fibra::net::TcpListener;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let taken = TcpListener::bind(listener.local_addr()?).unwrap_err();
    /// assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        let socket = first_of(addr.to_socket_addrs()?, |address| Socket::listening(&address))?;
        Ok(Self::new(socket))
    }

    /// Listens, as [`bind`](TcpListener::bind); for futures, since a name may have to be resolved.
    ///
    /// # Errors
    ///
    /// As [`bind`](TcpListener::bind).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// ```
    /// let listener = fibra::block_on(fibra::net::TcpListener::bind_async("localhost:0"))?;
    /// assert!(listener.local_addr()?.ip().is_loopback());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn bind_async<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        let socket = first_of(addr.to_socket_addrs_async().await?, |address| Socket::listening(&address))?;
        Ok(Self::new(socket))
    }

    /// Takes the next connection, and says whose it is.
    ///
    /// # Errors
    ///
    /// The system's. When the process or the system has no descriptor left (`EMFILE`, `ENFILE`), the connection stays in
    /// the queue, and the next call fails at once again: wait a little before it.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. No connection is lost: one that had been taken by then goes to whoever accepts next.
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// let (stream, peer) = listener.accept()?;
    /// assert_eq!((client.local_addr()?, stream.peer_addr()?), (peer, peer));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        accepted(Listening::accept(&self.listening)?)
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// As [`accept`](TcpListener::accept).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing, so it may lose a `select` or a `timeout_async` in a loop: a connection that had been
    /// taken by then goes to an accept of this socket that waits, through whichever clone, or to the next one that begins. One
    /// that already waits on an OS thread outside of a runtime, or in std's listener, is not woken for it. What is left when
    /// the last clone is dropped, or turned into std's, is closed.
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// fibra::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let client = TcpStream::connect_async(listener.local_addr()?).await?;
    ///     let (stream, peer) = listener.accept_async().await?;
    ///     assert_eq!(client.local_addr()?, peer);
    ///     Ok::<_, std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept_async(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send + use<> {
        let accepting = Listening::accept_async(Arc::clone(&self.listening));
        async { accepted(accepting.await?) }
    }

    /// The connections, one after another, for ever. An error doesn't end them: the next one may come all the same.
    ///
    /// # Cancellation
    ///
    /// Each is a cancellation point, as [`accept`](TcpListener::accept). A cancel is one error among them, and doesn't
    /// end them.
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let clients = [TcpStream::connect(listener.local_addr()?)?, TcpStream::connect(listener.local_addr()?)?];
    /// assert!(listener.incoming().take(clients.len()).all(|stream| stream.is_ok()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The same, as the listener's owner.
    ///
    /// # Cancellation
    ///
    /// As [`incoming`](TcpListener::incoming).
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// assert!(listener.into_incoming().next().is_some_and(|stream| stream.is_ok()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming { listener: self }
    }

    /// The connections as a `Stream`, one after another, for ever, each with the address of the other side. An error doesn't
    /// end them: the next one may come all the same. Needs the feature `stream`.
    ///
    /// # Cancellation
    ///
    /// Dropping it, or a future of its next one, loses nothing, as with [`accept_async`](TcpListener::accept_async).
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// use futures_util::StreamExt;
    /// fibra::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let client = TcpStream::connect_async(listener.local_addr()?).await?;
    ///     let (stream, peer) = listener.incoming_async().next().await.expect("there is no end")?;
    ///     assert_eq!((stream.peer_addr()?, client.local_addr()?), (peer, peer));
    ///     Ok(())
    /// })
    /// # .map_err(|error: std::io::Error| panic!("{error}")).unwrap();
    /// ```
    #[cfg(feature = "stream")]
    pub fn incoming_async(&self) -> IncomingAsync {
        IncomingAsync::new(Arc::clone(&self.listening))
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }

    /// A second handle for the same socket. It costs no descriptor.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(Self { listening: Arc::clone(&self.listening) })
    }

    /// How many routers a packet of the connections may pass.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket().options().set_ttl_v4(ttl)
    }

    /// What [`set_ttl`](TcpListener::set_ttl) has set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket().options().ttl_v4()
    }

    /// Whether an IPv6 socket leaves IPv4 alone.
    ///
    /// # Errors
    ///
    /// The system's, as for a socket of IPv4.
    pub fn only_v6(&self) -> io::Result<bool> {
        self.socket().options().only_v6()
    }

    /// The error that is pending on the socket, if any; it is pending no more.
    ///
    /// # Errors
    ///
    /// If that can't be found out.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().options().take_error()
    }

    /// Whether [`accept`](TcpListener::accept) fails with `WouldBlock` where it would wait. For all clones; futures wait
    /// nevertheless.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket().set_nonblocking(nonblocking);
        Ok(())
    }

    /// The listener as std's type; as [`TcpStream::into_std`]. Duplicates share the descriptor's mode: while a clone goes on
    /// accepting here, std's listener may find itself in non-blocking mode.
    ///
    /// # Errors
    ///
    /// If the descriptor is shared, and the process can't have another one.
    ///
    /// ```
    /// let listener = fibra::net::TcpListener::bind("127.0.0.1:0")?;
    /// let listener: std::net::TcpListener = listener.into_std()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        self.into_fd().map(Into::into)
    }

    fn new(socket: Socket) -> Self {
        Self { listening: Arc::new(Listening::new(socket)) }
    }

    fn socket(&self) -> &Socket {
        self.listening.socket()
    }

    pub(crate) fn into_fd(self) -> io::Result<Descriptor> {
        Socket::into_fd(self.listening)
    }

    pub(crate) fn as_handle(&self) -> &Handle {
        self.socket().handle()
    }

    pub(crate) fn from_fd(fd: Descriptor) -> Self {
        Self::new(Socket::adopted(fd))
    }
}

pub(super) fn accepted((fd, peer): Connection) -> io::Result<(TcpStream, SocketAddr)> {
    let stream = TcpStream::from_socket(Arc::new(Socket::new(fd)));
    Ok((stream, peer.to_socket_addr()?))
}

/// See [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "iterators do nothing unless they are used"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl iter::FusedIterator for Incoming<'_> {}

/// See [`TcpListener::into_incoming`].
#[derive(Debug)]
#[must_use = "iterators do nothing unless they are used"]
pub struct IntoIncoming {
    listener: TcpListener,
}

impl Iterator for IntoIncoming {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl iter::FusedIterator for IntoIncoming {}

impl From<std::net::TcpListener> for TcpListener {
    fn from(listener: std::net::TcpListener) -> Self {
        Self::from_fd(listener.into())
    }
}

impl From<TcpListener> for std::net::TcpListener {
    /// As [`TcpListener::into_std`].
    ///
    /// # Panics
    ///
    /// If the descriptor is shared, and the process can't have another one.
    fn from(listener: TcpListener) -> Self {
        listener.into_fd().expect("a shared descriptor needs a duplicate when it is given away").into()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TcpListener");
        if let Ok(address) = self.local_addr() {
            shown.field("addr", &address);
        }
        shown.field("fd", &self.socket().number()).finish()
    }
}
