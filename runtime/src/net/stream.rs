//! A connection.

pub(super) mod asynchronous;
mod options;
#[cfg(feature = "_polled")]
pub(super) mod polled;
mod send_file;

use super::{
    ToSocketAddrs,
    socket::{Socket, zero},
};
use crate::{cancel::Cancelled, io::owned::HasHandle, scheduler::clock};
use fibra_driver::{Descriptor, Handle};
use std::{
    fmt, io,
    net::SocketAddr,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::Duration,
};

/// The flag of a receive that leaves what it has seen: the same number everywhere.
pub(super) const PEEK: i32 = 2;

/// A TCP connection; std's, for green threads, futures and OS threads alike.
///
/// It is read and written through a shared reference too, so two green threads may use both directions at once. Dropping
/// the last clone closes it.
///
/// An option that is not here, like keep-alive, is set through the descriptor, for example by `socket2::SockRef`.
///
/// # Cancellation
///
/// Each read and write that waits is a cancellation point. What the kernel has received or taken by then is returned all the
/// same, so a call that fails has moved no byte. What consists of several calls, like `read_exact` and `write_all`, may have
/// moved some, and doesn't say how many.
///
/// ```
/// use fibra::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
/// fibra::run(|| -> std::io::Result<()> {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let mut client = TcpStream::connect(listener.local_addr()?)?;
///     let (mut server, _) = listener.accept()?;
///     client.write_all(b"ping")?;
///     let mut message = [0; 4];
///     server.read_exact(&mut message)?;
///     assert_eq!(&message, b"ping");
///     Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a stream closes its connection when it is dropped"]
pub struct TcpStream {
    socket: Arc<Socket>,
    /// For those who poll.
    #[cfg(feature = "_polled")]
    waits: super::poll::Waits,
}

// The operations that are waited for are reached through `&mut self` alone, and a panic leaves them as they are.
impl UnwindSafe for TcpStream {}
impl RefUnwindSafe for TcpStream {}

impl TcpStream {
    pub(super) fn from_socket(socket: Arc<Socket>) -> Self {
        Self {
            socket,
            #[cfg(feature = "_polled")]
            waits: Default::default(),
        }
    }

    /// Connects to the first of the addresses that takes the connection. Names are resolved off the workers.
    ///
    /// # Errors
    ///
    /// That of the last address: `ConnectionRefused`, `TimedOut`, `NetworkUnreachable`, …; `InvalidInput` if there is
    /// no address.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while it connects; the socket is closed then, and no further address is tried.
    ///
    /// ```
    /// use fibra::net::{TcpListener, TcpStream};
    /// let listener = TcpListener::bind(("localhost", 0))?;
    /// let stream = TcpStream::connect(("localhost", listener.local_addr()?.port()))?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        let socket = first_of(addr.to_socket_addrs()?, |address| Socket::connected(&address, None))?;
        Ok(Self::from_socket(Arc::new(socket)))
    }

    /// Connects, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`connect`](TcpStream::connect); `TimedOut` after `timeout`; `InvalidInput` if that is zero.
    ///
    /// # Cancellation
    ///
    /// As [`connect`](TcpStream::connect).
    ///
    /// ```
    /// use fibra::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect_timeout(&listener.local_addr()?, Duration::from_secs(10))?;
    /// # drop(stream);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(zero());
        }
        let socket = Socket::connected(addr, clock::now().checked_add(timeout))?;
        Ok(Self::from_socket(Arc::new(socket)))
    }

    /// A second handle for the same connection: options, timeouts and the non-blocking mode are shared. It costs no
    /// descriptor.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let clone = stream.try_clone()?;
    /// assert_eq!(stream.local_addr()?, clone.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(Self::from_socket(Arc::clone(&self.socket)))
    }

    /// Receives without taking: the next read gets the same bytes. Returns how many there are, at most the buffer's
    /// size; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// As `read`.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. Nothing is lost by it.
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// # use std::io::{Read, Write};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// # let (mut stream, _) = listener.accept()?;
    /// client.write_all(b"x")?;
    /// let (mut first, mut second) = ([0; 8], [0; 8]);
    /// assert_eq!((stream.peek(&mut first)?, stream.read(&mut second)?), (1, 1));
    /// assert_eq!(first, second);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(buf, PEEK)
    }

    /// The connection as std's type, in the mode that [`set_nonblocking`](TcpStream::set_nonblocking) says, with
    /// the timeouts of this one.
    ///
    /// The stream must leave its descriptor to nobody else: if there are clones, or an operation of a dropped future
    /// that the kernel hasn't answered yet, the result has a duplicate.
    ///
    /// # Errors
    ///
    /// If a duplicate is needed and can't be had. `From` is the same for those who know that it isn't.
    ///
    /// ```
    /// # use fibra::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let stream: std::net::TcpStream = stream.into_std()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.into_fd().map(Into::into)
    }

    #[cfg(feature = "hyper")]
    pub(super) fn socket(&self) -> &Arc<Socket> {
        &self.socket
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

/// The error of an empty list, as std has it.
pub(super) fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
}

/// What `attempt` has made of the first address with which it works; else its last error. Who is cancelled tries no further
/// one.
pub(super) fn first_of<T>(
    addresses: impl Iterator<Item = SocketAddr>,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = no_address();
    for address in addresses {
        match attempt(address) {
            Err(error) if !Cancelled::caused(&error) => last = error,
            result => return result,
        }
    }
    Err(last)
}

/// std's traits for a stream that has a socket.
macro_rules! read_and_write {
    ($stream:ident) => {
        impl ::std::io::Read for &$stream {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                self.socket.recv(buf, 0)
            }

            fn read_vectored(&mut self, bufs: &mut [::std::io::IoSliceMut<'_>]) -> ::std::io::Result<usize> {
                self.socket.recv_vectored(bufs)
            }
        }

        impl ::std::io::Write for &$stream {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                self.socket.send(buf)
            }

            fn write_vectored(&mut self, bufs: &[::std::io::IoSlice<'_>]) -> ::std::io::Result<usize> {
                self.socket.send_vectored(bufs)
            }

            /// Does nothing: nothing is buffered here.
            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }

        impl ::std::io::Read for $stream {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                (&*self).read(buf)
            }

            fn read_vectored(&mut self, bufs: &mut [::std::io::IoSliceMut<'_>]) -> ::std::io::Result<usize> {
                (&*self).read_vectored(bufs)
            }
        }

        impl ::std::io::Write for $stream {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                (&*self).write(buf)
            }

            fn write_vectored(&mut self, bufs: &[::std::io::IoSlice<'_>]) -> ::std::io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            /// Does nothing: nothing is buffered here.
            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }
    };
}
pub(super) use read_and_write;

self::read_and_write!(TcpStream);

impl From<std::net::TcpStream> for TcpStream {
    /// Takes the connection over with its timeouts. Operations wait, whatever the descriptor's mode; see
    /// [`set_nonblocking`](TcpStream::set_nonblocking).
    fn from(stream: std::net::TcpStream) -> Self {
        Self::from_fd(stream.into())
    }
}

impl From<TcpStream> for std::net::TcpStream {
    /// As [`TcpStream::into_std`].
    ///
    /// # Panics
    ///
    /// If the descriptor is shared, and the process can't have another one.
    fn from(stream: TcpStream) -> Self {
        stream.into_fd().expect("a shared descriptor needs a duplicate when it is given away").into()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TcpStream");
        if let Ok(address) = self.local_addr() {
            shown.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            shown.field("peer", &peer);
        }
        shown.field("fd", &self.socket.number()).finish()
    }
}
