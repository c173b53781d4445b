//! A socket's operations as futures.

use super::UnixDatagram;
use crate::{
    io::{Buffer, BufferMut, owned},
    net::unix::SocketAddr,
};
use fibra_driver::RawAddress;
use std::{future::Future, io, path::Path, sync::Arc};

/// # For futures
///
/// An operation owns its buffer while it is under way, and gives it back with its result. It refers to the socket by itself,
/// so that it can be spawned.
///
/// A receive whose future is dropped may have taken a datagram already: that is lost, with the buffer. A send that is dropped
/// may or may not have been done. The timeouts and the non-blocking mode of the socket don't concern futures.
///
/// ```
/// use fibra::net::unix::UnixDatagram;
/// fibra::block_on(async {
///     let (one, other) = UnixDatagram::pair()?;
///     one.send_async("ping").await.0?;
///     let (received, buffer) = other.recv_from_async(vec![0; 512]).await;
///     assert_eq!(&buffer[..received?.0], b"ping");
///     Ok::<_, std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
impl UnixDatagram {
    /// Sends a datagram to the socket at this path, and returns its length.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; the datagram may have been sent.
    pub fn send_to_async<B: Buffer, P: AsRef<Path>>(
        &self,
        buffer: B,
        path: P,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B, P> {
        let (socket, address) = (Arc::clone(&self.socket), SocketAddr::from_pathname(path));
        async {
            match address {
                Ok(address) => owned::send_to(socket, buffer, Some(RawAddress::from(&address))).await,
                Err(error) => (Err(error), buffer),
            }
        }
    }

    /// The same, to an address.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; the datagram may have been sent.
    pub fn send_to_addr_async<B: Buffer>(
        &self,
        buffer: B,
        address: &SocketAddr,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::send_to(Arc::clone(&self.socket), buffer, Some(RawAddress::from(address)))
    }

    /// Sends a datagram to whom the socket is [connected](UnixDatagram::connect) with, and returns its length.
    ///
    /// # Errors
    ///
    /// As [`send`](UnixDatagram::send).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; the datagram may have been sent.
    pub fn send_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::send_to(Arc::clone(&self.socket), buffer, None)
    }

    /// Receives a datagram; returns its length, cut to the buffer's, and who has sent it.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and a datagram that had been received into it.
    pub fn recv_from_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<(usize, SocketAddr)>, B)> + Send + use<B> {
        owned::recv_from(Arc::clone(&self.socket), false, buffer, RawAddress::to_unix_addr)
    }

    /// The same, without asking who has sent it.
    ///
    /// # Errors
    ///
    /// The system's.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and a datagram that had been received into it.
    pub fn recv_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::receive(Arc::clone(&self.socket), 0, buffer)
    }
}
