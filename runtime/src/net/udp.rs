//! A socket for datagrams.

mod asynchronous;
mod options;

use super::{
    ToSocketAddrs,
    socket::Socket,
    stream::{PEEK, first_of, no_address},
};
use crate::io::owned::HasHandle;
use fibra_driver::{Descriptor, Handle, RawAddress};
use std::{fmt, io, net::SocketAddr, sync::Arc};

/// A UDP socket; std's, for green threads, futures and OS threads alike.
///
/// A datagram arrives whole or not at all, perhaps twice, and not always in order. Any number of threads and futures may send
/// and receive at once; each datagram goes to one of them. Dropping the last clone closes the socket.
///
/// # Cancellation
///
/// Each call that waits is a cancellation point. A datagram that had come by then is returned all the same: none is lost by a
/// cancel.
///
/// ```
/// use fibra::{net::UdpSocket, thread};
/// fibra::run(|| -> std::io::Result<()> {
///     let socket = UdpSocket::bind("127.0.0.1:0")?;
///     let address = socket.local_addr()?;
///     let answering = thread::spawn(move || -> std::io::Result<()> {
///         let mut buffer = [0; 512];
///         let (length, sender) = socket.recv_from(&mut buffer)?;
///         socket.send_to(&buffer[..length], sender).map(drop)
///     });
///     let client = UdpSocket::bind("127.0.0.1:0")?;
///     client.connect(address)?;
///     client.send(b"ping")?;
///     let mut answer = [0; 512];
///     let length = client.recv(&mut answer)?;
///     assert_eq!(&answer[..length], b"ping");
///     answering.join().unwrap()
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a socket is closed when it is dropped"]
pub struct UdpSocket {
    socket: Arc<Socket>,
}

impl UdpSocket {
    /// Binds a socket to the first of the addresses that can be had; port 0 is any free one. Names are resolved off the
    /// workers.
    ///
    /// # Errors
    ///
    /// That of the last address: `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`, …; `InvalidInput` if there is no
    /// address.
    ///
    /// # Cancellation
    ///
    /// Not a cancellation point.
    ///
    /// ```
    /// use fibra::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let taken = UdpSocket::bind(socket.local_addr()?).unwrap_err();
    /// assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        Self::bind_first(addr.to_socket_addrs()?)
    }

    fn bind_first(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<UdpSocket> {
        let socket = first_of(addresses, |address| Socket::for_datagrams(&address))?;
        Ok(Self { socket: Arc::new(socket) })
    }

    /// Names the peer that [`send`](UdpSocket::send) sends to, and the only one that anything is received from after this.
    /// Nothing is sent by it.
    ///
    /// # Errors
    ///
    /// That of the last address: `AddrNotAvailable`, `NetworkUnreachable`, …; `InvalidInput` if there is no address.
    ///
    /// # Cancellation
    ///
    /// A cancellation point.
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.connect("127.0.0.1:53")?;
    /// assert_eq!(socket.peer_addr()?.port(), 53);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        first_of(addr.to_socket_addrs()?, |address| self.socket.connect(&RawAddress::from(address), None))
    }

    /// Sends a datagram to the first of the addresses. Returns how many bytes it has.
    ///
    /// # Errors
    ///
    /// The system's, such as one for a datagram that is too long; `InvalidInput` if there is no address.
    ///
    /// # Cancellation
    ///
    /// A cancellation point while there is no room. What fails so has sent nothing.
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// # let (socket, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// assert_eq!(socket.send_to(b"hello", peer.local_addr()?)?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let address = RawAddress::from(addr.to_socket_addrs()?.next().ok_or_else(no_address)?);
        self.socket.send_to(buf, Some(&address))
    }

    /// Sends a datagram to the peer that [`connect`](UdpSocket::connect) has named. Returns how many bytes it has.
    ///
    /// # Errors
    ///
    /// The system's, such as `ConnectionRefused` if an earlier datagram has found nobody.
    ///
    /// # Cancellation
    ///
    /// As [`send_to`](UdpSocket::send_to).
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// # let (socket, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// socket.connect(peer.local_addr()?)?;
    /// assert_eq!(socket.send(b"hello")?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.send(buf)
    }

    /// Receives a datagram, and says who has sent it. What the buffer has no room for is lost.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. No datagram is lost.
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// # let (socket, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// peer.send_to(b"hello", socket.local_addr()?)?;
    /// let mut buffer = [0; 512];
    /// assert_eq!(socket.recv_from(&mut buffer)?, (5, peer.local_addr()?));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_from_with(buf, false)
    }

    /// The same without taking the datagram: the next receive gets it again.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. Nothing is lost by it.
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// # let (socket, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// peer.send_to(b"hello", socket.local_addr()?)?;
    /// let mut buffer = [0; 512];
    /// assert_eq!(socket.peek_from(&mut buffer)?, socket.recv_from(&mut buffer)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_from_with(buf, true)
    }

    fn recv_from_with(&self, buf: &mut [u8], peek: bool) -> io::Result<(usize, SocketAddr)> {
        let (length, sender) = self.socket.recv_from(buf, peek)?;
        Ok((length, sender.to_socket_addr()?))
    }

    /// Receives a datagram; of a socket that is [connected](UdpSocket::connect), the peer's. What the buffer has no room for
    /// is lost.
    ///
    /// # Errors
    ///
    /// The system's, such as `ConnectionRefused` if an earlier datagram has found nobody.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. No datagram is lost.
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// # let (socket, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// peer.send_to(b"hello", socket.local_addr()?)?;
    /// assert_eq!(socket.recv(&mut [0; 512])?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(buf, 0)
    }

    /// The same without taking the datagram: the next receive gets it again.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. Nothing is lost by it.
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// # let (socket, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// peer.send_to(b"hello", socket.local_addr()?)?;
    /// assert_eq!((socket.peek(&mut [0; 512])?, socket.recv(&mut [0; 512])?), (5, 5));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.recv(buf, PEEK)
    }

    /// A second handle for the same socket: options, timeouts and the non-blocking mode are shared. It costs no descriptor.
    ///
    /// # Errors
    ///
    /// None; std's signature is kept.
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// assert_eq!(socket.try_clone()?.local_addr()?, socket.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        Ok(Self { socket: Arc::clone(&self.socket) })
    }

    /// The socket as std's type, in the mode that [`set_nonblocking`](UdpSocket::set_nonblocking) says, with the timeouts of
    /// this one; if it is shared, with a clone or with an operation of a dropped future that the kernel hasn't answered yet,
    /// a duplicate.
    ///
    /// # Errors
    ///
    /// If a duplicate is needed and can't be had. `From` is the same for those who know that it isn't.
    ///
    /// ```
    /// # use fibra::net::UdpSocket;
    /// let socket: std::net::UdpSocket = UdpSocket::bind("127.0.0.1:0")?.into_std()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
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

impl From<std::net::UdpSocket> for UdpSocket {
    /// Takes the socket over with its timeouts. Operations wait, whatever the descriptor's mode; see
    /// [`set_nonblocking`](UdpSocket::set_nonblocking).
    fn from(socket: std::net::UdpSocket) -> Self {
        Self::from_fd(socket.into())
    }
}

impl From<UdpSocket> for std::net::UdpSocket {
    /// As [`UdpSocket::into_std`].
    ///
    /// # Panics
    ///
    /// If the descriptor is shared, and the process can't have another one.
    fn from(socket: UdpSocket) -> Self {
        socket.into_fd().expect("a shared descriptor needs a duplicate when it is given away").into()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UdpSocket");
        if let Ok(address) = self.local_addr() {
            shown.field("addr", &address);
        }
        shown.field("fd", &self.socket.number()).finish()
    }
}
