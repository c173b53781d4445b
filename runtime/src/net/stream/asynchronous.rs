//! A connection's operations as futures.

use super::{TcpStream, no_address};
use crate::{
    io::{
        BufferMut,
        owned::{self, Place},
    },
    net::{ToSocketAddrs, socket::Socket},
};
use std::{future::Future, io, sync::Arc};

pub(in crate::net) const PLACE: Place = Place::Socket { flags: 0 };

/// The transfers of a stream with a `socket`, and what is said about them.
macro_rules! transfers {
    ($(#[$about:meta])* $stream:ident) => {
        $(#[$about])*
        impl $stream {
            /// Reads some bytes into the buffer's beginning; 0 is the end of the stream.
            ///
            /// Reads as many bytes as the buffer is long at most, whatever its capacity: with `Vec::with_capacity(4096)` it reads nothing
            /// and returns 0, as at the end. Give it `vec![0; 4096]`; see [`BufferMut`](crate::io::BufferMut).
            ///
            /// # Errors
            ///
            /// The system's, such as `ConnectionReset`.
            ///
            /// # Cancellation
            ///
            /// Dropping the future loses the buffer, and what has been received into it.
            pub fn read_async<B: $crate::io::BufferMut>(
                &self,
                buffer: B,
            ) -> impl ::std::future::Future<Output = (::std::io::Result<usize>, B)> + Send + use<B> {
                $crate::io::owned::receive(::std::sync::Arc::clone(&self.socket), 0, buffer)
            }

            /// Fills the buffer: its length, not its capacity.
            ///
            /// # Errors
            ///
            /// As [`read_async`](Self::read_async); `UnexpectedEof` if the stream ends before.
            ///
            /// # Cancellation
            ///
            /// Dropping the future loses the buffer, and what has been received into it.
            pub fn read_exact_async<B: $crate::io::BufferMut>(
                &self,
                buffer: B,
            ) -> impl ::std::future::Future<Output = (::std::io::Result<()>, B)> + Send + use<B> {
                $crate::io::owned::read_exact(::std::sync::Arc::clone(&self.socket), $crate::net::stream::asynchronous::PLACE, buffer)
            }

            /// Reads into several buffers in turn; of each, its length is what is filled.
            ///
            /// # Errors
            ///
            /// As [`read_async`](Self::read_async).
            ///
            /// # Cancellation
            ///
            /// Dropping the future loses the buffers, and what has been received into them.
            pub fn read_vectored_async<B: $crate::io::BufferMut>(
                &self,
                buffers: Vec<B>,
            ) -> impl ::std::future::Future<Output = (::std::io::Result<usize>, Vec<B>)> + Send + use<B> {
                $crate::io::owned::recv_vectored(::std::sync::Arc::clone(&self.socket), buffers)
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
            pub fn write_async<B: $crate::io::Buffer>(
                &self,
                buffer: B,
            ) -> impl ::std::future::Future<Output = (::std::io::Result<usize>, B)> + Send + use<B> {
                $crate::io::owned::write(::std::sync::Arc::clone(&self.socket), $crate::net::stream::asynchronous::PLACE, buffer, 0)
            }

            /// Writes the whole buffer.
            ///
            /// # Errors
            ///
            /// As [`write_async`](Self::write_async).
            ///
            /// # Cancellation
            ///
            /// Dropping the future loses the buffer; some of its bytes may have been sent.
            pub fn write_all_async<B: $crate::io::Buffer>(
                &self,
                buffer: B,
            ) -> impl ::std::future::Future<Output = (::std::io::Result<()>, B)> + Send + use<B> {
                $crate::io::owned::write_all(::std::sync::Arc::clone(&self.socket), $crate::net::stream::asynchronous::PLACE, buffer)
            }

            /// Writes several buffers in turn.
            ///
            /// # Errors
            ///
            /// As [`write_async`](Self::write_async).
            ///
            /// # Cancellation
            ///
            /// Dropping the future loses the buffers; some of their bytes may have been sent.
            pub fn write_vectored_async<B: $crate::io::Buffer>(
                &self,
                buffers: Vec<B>,
            ) -> impl ::std::future::Future<Output = (::std::io::Result<usize>, Vec<B>)> + Send + use<B> {
                $crate::io::owned::send_vectored(::std::sync::Arc::clone(&self.socket), buffers)
            }
        }
    };
}
pub(in crate::net) use transfers;

self::transfers! {
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
    TcpStream
}

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
}
