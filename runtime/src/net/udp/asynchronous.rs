//! A socket's operations as futures.

use super::UdpSocket;
use crate::{
    io::{Buffer, BufferMut, owned, owned::Place},
    net::{
        ToSocketAddrs,
        stream::{PEEK, no_address},
    },
};
use fibra_driver::RawAddress;
use std::{future::Future, io, net::SocketAddr, sync::Arc};

/// # For futures
///
/// An operation owns its buffer while it is under way, and gives it back with its result. It refers to the socket by itself,
/// so that it can be spawned.
///
/// A receive whose future is dropped may have taken a datagram already: that is lost, with the buffer, as the network might
/// have lost it. A send that is dropped may or may not have been done. `peek_async` and `peek_from_async` take nothing.
///
/// The timeouts and the non-blocking mode of the socket don't concern futures.
///
/// ```
/// use fibra::net::UdpSocket;
/// fibra::block_on(async {
///     let socket = UdpSocket::bind_async("127.0.0.1:0").await?;
///     let peer = UdpSocket::bind_async("127.0.0.1:0").await?;
///     let (sent, _) = peer.send_to_async("ping", socket.local_addr()?).await;
///     assert_eq!(sent?, 4);
///     let (received, buffer) = socket.recv_from_async(vec![0; 512]).await;
///     let (length, sender) = received?;
///     assert_eq!((&buffer[..length], sender), (&b"ping"[..], peer.local_addr()?));
///     Ok(())
/// })
/// # .map_err(|error: std::io::Error| panic!("{error}")).unwrap();
/// ```
impl UdpSocket {
    /// Binds a socket, as [`bind`](UdpSocket::bind); for futures, since a name may have to be resolved.
    ///
    /// # Errors
    ///
    /// As [`bind`](UdpSocket::bind).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn bind_async<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        Self::bind_first(addr.to_socket_addrs_async().await?)
    }

    /// Names the peer, as [`connect`](UdpSocket::connect); for futures, since a name may have to be resolved.
    ///
    /// # Errors
    ///
    /// As [`connect`](UdpSocket::connect).
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave the peer named.
    pub async fn connect_async<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let mut last = no_address();
        for address in addr.to_socket_addrs_async().await? {
            match owned::connect(Arc::clone(&self.socket), RawAddress::from(address)).await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends the buffer as a datagram to an address. Returns how many bytes it has.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; it may have been sent.
    pub fn send_to_async<B: Buffer>(
        &self,
        buffer: B,
        address: SocketAddr,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::send_to(Arc::clone(&self.socket), buffer, Some(RawAddress::from(address)))
    }

    /// Sends the buffer as a datagram to the peer. Returns how many bytes it has.
    ///
    /// # Errors
    ///
    /// As [`send`](UdpSocket::send).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; it may have been sent.
    pub fn send_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::write(Arc::clone(&self.socket), Place::Socket { flags: 0 }, buffer, 0)
    }

    /// Receives a datagram into the buffer's beginning, and says who has sent it.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and a datagram that has been received into it.
    pub fn recv_from_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<(usize, SocketAddr)>, B)> + Send + use<B> {
        owned::recv_from(Arc::clone(&self.socket), false, buffer, RawAddress::to_socket_addr)
    }

    /// The same without taking the datagram.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and no datagram.
    pub fn peek_from_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<(usize, SocketAddr)>, B)> + Send + use<B> {
        owned::recv_from(Arc::clone(&self.socket), true, buffer, RawAddress::to_socket_addr)
    }

    /// Receives a datagram into the buffer's beginning.
    ///
    /// Of a datagram that is longer than the buffer, the rest is lost. The buffer's length counts, not its capacity: into
    /// `Vec::with_capacity(4096)` nothing is received, and the whole datagram is lost. Give it `vec![0; 4096]`; see [`BufferMut`].
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and a datagram that has been received into it.
    pub fn recv_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::receive(Arc::clone(&self.socket), 0, buffer)
    }

    /// The same without taking the datagram.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and no datagram.
    pub fn peek_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::receive(Arc::clone(&self.socket), PEEK, buffer)
    }
}
