//! A connection's operations as futures.

use super::{TcpStream, no_address};
use crate::{
    io::{
        Buffer, BufferMut,
        owned::{self, Place},
    },
    net::{ToSocketAddrs, socket::Socket},
};
use std::{future::Future, io, sync::Arc};

const RECV: Place = Place::Socket { flags: 0 };
const SEND: Place = Place::Socket { flags: 0 };

/// # For futures
///
/// An operation owns its buffer while it is under way, and gives it back with its result. It refers to the connection
/// by itself, so that it can be spawned.
///
/// A future that is dropped stops its operation: a buffer that the kernel has begun to fill is lost with the bytes in
/// it, and a write may have sent some of its bytes. So a connection of which a read or write was dropped in the middle
/// should be closed, as far as it isn't known what has gone through. (`peek_async` may be dropped at any time.)
///
/// The timeouts and the non-blocking mode of the stream don't concern futures.
///
/// ```
/// use fibra::net::{TcpListener, TcpStream};
/// fibra::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let client = TcpStream::connect_async(listener.local_addr()?).await?;
///     let (server, _) = listener.accept_async().await?;
///     let (written, _) = client.write_all_async("ping").await;
///     written?;
///     let (read, message) = server.read_exact_async(vec![0; 4]).await;
///     read?;
///     assert_eq!(message, b"ping");
///     Ok(())
/// })
/// # .map_err(|error: std::io::Error| panic!("{error}")).unwrap();
/// ```
impl TcpStream {
    /// Connects, as [`connect`](TcpStream::connect).
    ///
    /// # Errors
    ///
    /// As [`connect`](TcpStream::connect).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the socket, and no further address is tried.
    pub async fn connect_async<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        let mut last = no_address();
        for address in addr.to_socket_addrs_async().await? {
            match Socket::connected_async(address).await {
                Ok(socket) => return Ok(Self::from_socket(socket)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Reads some bytes into the buffer's beginning; 0 is the end of the stream.
    ///
    /// Reads as many bytes as the buffer is long at most, whatever its capacity: with `Vec::with_capacity(4096)` it reads nothing
    /// and returns 0, as at the end. Give it `vec![0; 4096]`; see [`BufferMut`].
    ///
    /// # Errors
    ///
    /// The system's, such as `ConnectionReset`.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and what has been received into it. Where another future may be first, lend this
    /// one to [`select`](crate::concurrent::select) as `&mut`, or use [`race_async`](crate::concurrent::race_async).
    ///
    /// ```
    /// use fibra::net::{TcpListener, TcpStream};
    /// fibra::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let client = TcpStream::connect_async(listener.local_addr()?).await?;
    ///     let (server, _) = listener.accept_async().await?;
    ///     client.write_all_async("ping").await.0?;
    ///
    ///     // No length, so nothing to fill.
    ///     let (read, _) = server.read_async(Vec::with_capacity(4096)).await;
    ///     assert_eq!(read?, 0);
    ///     let (read, buffer) = server.read_async(vec![0; 4096]).await;
    ///     assert_eq!(&buffer[..read?], b"ping");
    ///     Ok::<_, std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::receive(Arc::clone(&self.socket), 0, buffer)
    }

    /// Fills the buffer: its length, not its capacity.
    ///
    /// # Errors
    ///
    /// As [`read_async`](TcpStream::read_async); `UnexpectedEof` if the stream ends before.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and what has been received into it.
    pub fn read_exact_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        owned::read_exact(Arc::clone(&self.socket), RECV, buffer)
    }

    /// Reads into several buffers in turn; of each, its length is what is filled.
    ///
    /// # Errors
    ///
    /// As [`read_async`](TcpStream::read_async).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffers, and what has been received into them.
    pub fn read_vectored_async<B: BufferMut>(
        &self,
        buffers: Vec<B>,
    ) -> impl Future<Output = (io::Result<usize>, Vec<B>)> + Send + use<B> {
        owned::recv_vectored(Arc::clone(&self.socket), buffers)
    }

    /// Receives without taking, as [`peek`](TcpStream::peek); at most as many bytes as the buffer is long.
    ///
    /// # Errors
    ///
    /// As [`read_async`](TcpStream::read_async).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and nothing of the stream.
    pub fn peek_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::receive(Arc::clone(&self.socket), super::PEEK, buffer)
    }

    /// Writes some bytes from the buffer's beginning; returns how many.
    ///
    /// # Errors
    ///
    /// The system's, such as `BrokenPipe`.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; some of its bytes may have been sent.
    pub fn write_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<usize>, B)> + Send + use<B> {
        owned::write(Arc::clone(&self.socket), SEND, buffer, 0)
    }

    /// Writes the whole buffer.
    ///
    /// # Errors
    ///
    /// As [`write_async`](TcpStream::write_async).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; some of its bytes may have been sent.
    pub fn write_all_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        owned::write_all(Arc::clone(&self.socket), SEND, buffer)
    }

    /// Writes several buffers in turn.
    ///
    /// # Errors
    ///
    /// As [`write_async`](TcpStream::write_async).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffers; some of their bytes may have been sent.
    pub fn write_vectored_async<B: Buffer>(
        &self,
        buffers: Vec<B>,
    ) -> impl Future<Output = (io::Result<usize>, Vec<B>)> + Send + use<B> {
        owned::send_vectored(Arc::clone(&self.socket), buffers)
    }
}
