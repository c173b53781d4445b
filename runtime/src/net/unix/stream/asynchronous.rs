//! A connection's operations as futures.

use super::UnixStream;
use crate::io::{
    Buffer, BufferMut,
    owned::{self, Place},
};
use std::{future::Future, io, sync::Arc};

const PLACE: Place = Place::Socket { flags: 0 };

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
impl UnixStream {
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
    /// Dropping the future loses the buffer, and what has been received into it.
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
    /// As [`read_async`](UnixStream::read_async); `UnexpectedEof` if the stream ends before.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer, and what has been received into it.
    pub fn read_exact_async<B: BufferMut>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        owned::read_exact(Arc::clone(&self.socket), PLACE, buffer)
    }

    /// Reads into several buffers in turn; of each, its length is what is filled.
    ///
    /// # Errors
    ///
    /// As [`read_async`](UnixStream::read_async).
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
        owned::write(Arc::clone(&self.socket), PLACE, buffer, 0)
    }

    /// Writes the whole buffer.
    ///
    /// # Errors
    ///
    /// As [`write_async`](UnixStream::write_async).
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses the buffer; some of its bytes may have been sent.
    pub fn write_all_async<B: Buffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = (io::Result<()>, B)> + Send + use<B> {
        owned::write_all(Arc::clone(&self.socket), PLACE, buffer)
    }

    /// Writes several buffers in turn.
    ///
    /// # Errors
    ///
    /// As [`write_async`](UnixStream::write_async).
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
