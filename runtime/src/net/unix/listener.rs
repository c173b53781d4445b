//! A Unix socket that takes connections.

use super::{
    super::{listening::Listening, socket::Socket},
    SocketAddr, UnixStream, local_addr,
};
use crate::io::owned::{Connection, HasHandle};
use fibra_driver::{Descriptor, Handle};
use std::{fmt, future::Future, io, iter, os::unix::net, path::Path, sync::Arc};

/// A Unix socket that listens; std's, for green threads, futures and OS threads alike.
///
/// Any number of threads and futures may accept at once. Dropping the last clone closes it; its path stays in the file system
/// until somebody removes it, and nobody can bind to it before.
///
/// An example is at the [module](super).
#[must_use = "a listener closes its socket when it is dropped"]
pub struct UnixListener {
    listening: Arc<Listening>,
}

impl UnixListener {
    /// Listens at this path, at which there must be nothing yet.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if there is something at the path, `PermissionDenied`, `NotFound`, …; `InvalidInput` if it is too long for an
    /// address (108 bytes on Linux) or contains a zero byte.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point.
    ///
    /// ```
    /// let taken = fibra::net::unix::UnixListener::bind("/").unwrap_err();
    /// assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    /// ```
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        net::UnixListener::bind(path).map(Self::from)
    }

    /// The same, at an address: on Linux that may be a name outside of the file system, which is free again once the listener
    /// is closed. An example is at [`UnixStream::connect_addr`].
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixListener::bind).
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixListener> {
        net::UnixListener::bind_addr(address).map(Self::from)
    }

    /// Takes the next connection, and says whose it is: mostly of somebody without a name.
    ///
    /// # Errors
    ///
    /// The system's. When the process or the system has no descriptor left (`EMFILE`, `ENFILE`), the connection stays in
    /// the queue, and the next call fails at once again: wait a little before it.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. No connection is lost: one that had been taken by then goes to whoever accepts next.
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        accepted(Listening::accept(&self.listening)?)
    }

    /// The same for futures.
    ///
    /// # Errors
    ///
    /// As [`accept`](UnixListener::accept).
    ///
    /// # Cancellation
    ///
    /// As [`TcpListener::accept_async`](crate::net::TcpListener::accept_async): dropping the future loses nothing.
    ///
    /// ```
    /// use fibra::net::unix::{UnixListener, UnixStream};
    /// fibra::block_on(async {
    ///     let path = std::env::temp_dir().join(format!("fibra-doc-async-{}", std::process::id()));
    ///     let listener = UnixListener::bind(&path)?;
    ///     let client = UnixStream::connect_async(&path).await?;
    ///     let (stream, peer) = listener.accept_async().await?;
    ///     assert!(peer.is_unnamed());
    ///     std::fs::remove_file(&path)
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept_async(&self) -> impl Future<Output = io::Result<(UnixStream, SocketAddr)>> + Send + use<> {
        let accepting = Listening::accept_async(Arc::clone(&self.listening));
        async { accepted(accepting.await?) }
    }

    /// The connections, one after another, for ever. An error doesn't end them: the next one may come all the same.
    ///
    /// # Cancellation
    ///
    /// Each is a cancellation point, as [`accept`](UnixListener::accept). A cancel is one error among them, and doesn't
    /// end them.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(self.listening.socket())
    }

    /// A second handle for the same socket. It costs no descriptor.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        Ok(Self { listening: Arc::clone(&self.listening) })
    }

    /// The error that is pending on the socket, if any; it is pending no more.
    ///
    /// # Errors
    ///
    /// If that can't be found out.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.listening.socket().options().take_error()
    }

    /// Whether [`accept`](UnixListener::accept) fails with `WouldBlock` where it would wait. For all clones; futures wait
    /// nevertheless.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.listening.socket().set_nonblocking(nonblocking);
        Ok(())
    }

    /// The listener as std's type; as [`TcpListener::into_std`](crate::net::TcpListener::into_std).
    ///
    /// # Errors
    ///
    /// If the descriptor is shared, and the process can't have another one.
    pub fn into_std(self) -> io::Result<net::UnixListener> {
        self.into_fd().map(Into::into)
    }

    pub(crate) fn into_fd(self) -> io::Result<Descriptor> {
        Socket::into_fd(self.listening)
    }

    pub(crate) fn as_handle(&self) -> &Handle {
        self.listening.handle()
    }

    pub(crate) fn from_fd(fd: Descriptor) -> Self {
        Self { listening: Arc::new(Listening::new(Socket::adopted(fd))) }
    }
}

fn accepted((fd, peer): Connection) -> io::Result<(UnixStream, SocketAddr)> {
    let stream = UnixStream::from_socket(Arc::new(Socket::new(fd)));
    Ok((stream, peer.to_unix_addr()?))
}

/// See [`UnixListener::incoming`].
#[derive(Debug)]
#[must_use = "iterators do nothing unless they are used"]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl iter::FusedIterator for Incoming<'_> {}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

impl From<net::UnixListener> for UnixListener {
    fn from(listener: net::UnixListener) -> Self {
        Self::from_fd(listener.into())
    }
}

impl From<UnixListener> for net::UnixListener {
    /// As [`UnixListener::into_std`].
    ///
    /// # Panics
    ///
    /// If the descriptor is shared, and the process can't have another one.
    fn from(listener: UnixListener) -> Self {
        listener.into_fd().expect("a shared descriptor needs a duplicate when it is given away").into()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UnixListener");
        if let Ok(address) = self.local_addr() {
            shown.field("addr", &address);
        }
        shown.field("fd", &self.listening.socket().number()).finish()
    }
}
