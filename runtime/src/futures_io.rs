//! fibra's streams under the traits of the futures crates (feature `futures-io`).
//!
//! [`TcpStream`] and `&TcpStream`, and on Unix `net::unix::UnixStream`, implement [`AsyncRead`] and [`AsyncWrite`]. Through `&TcpStream` one task may read while another
//! one writes. Two tasks that wait in the same direction of it keep waking each other: none is forgotten, but it costs.
//!
//! The other way round, [`Foreign::futures`] makes a stream that has these traits a [`Read`](std::io::Read) and
//! [`Write`](std::io::Write) for green threads, and gives it the traits of hyper and tokio.
//!
//! Who polls lends its buffer for one poll at a time, and the kernel must not have it longer. So a read is a system call that
//! doesn't wait, and, if there was nothing to read, an operation that waits for readiness.
//!
//! ```
//! use fibra::net::{TcpListener, TcpStream};
//! use futures_util::{AsyncReadExt, AsyncWriteExt};
//!
//! fibra::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let mut client = TcpStream::connect_async(listener.local_addr()?).await?;
//!     let (mut server, _) = listener.accept_async().await?;
//!     AsyncWriteExt::write_all(&mut client, b"by the traits of futures").await?;
//!     client.close().await?;
//!     let mut text = String::new();
//!     AsyncReadExt::read_to_string(&mut server, &mut text).await?;
//!     assert_eq!(text, "by the traits of futures");
//!     Ok(())
//! })
//! # .map_err(|error: std::io::Error| panic!("{error}")).unwrap();
//! ```

use crate::{
    io::{
        Foreign, Futures,
        polled::{Polled, sends_of_foreign},
    },
    net::TcpStream,
};
use futures_io::{AsyncRead, AsyncWrite};
use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    pin::Pin,
    ptr,
    task::{Context, Poll, ready},
};

/// These traits for a type that is `Polled`.
macro_rules! polled_as_futures {
    ($type:ty $(, <$($parameter:ident),+> where $bounded:ty)?) => {
        impl $(<$($parameter),+>)? ::futures_io::AsyncRead for $type
        $(where $bounded: $crate::io::polled::Polled)?
        {
            fn poll_read(
                self: ::std::pin::Pin<&mut Self>,
                context: &mut ::std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                $crate::io::polled::Polled::poll_recv_bytes(self.get_mut(), context, buffer)
            }

            fn poll_read_vectored(
                self: ::std::pin::Pin<&mut Self>,
                context: &mut ::std::task::Context<'_>,
                buffers: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                $crate::io::polled::Polled::poll_recv_vectored(self.get_mut(), context, buffers)
            }
        }

        impl $(<$($parameter),+>)? ::futures_io::AsyncWrite for $type
        $(where $bounded: $crate::io::polled::Polled)?
        {
            $crate::io::polled::writes_of_polled!(poll_close);
        }
    };
}
pub(crate) use polled_as_futures;

self::polled_as_futures!(TcpStream);
self::polled_as_futures!(&TcpStream);
self::polled_as_futures!(Foreign<S, Traits>, <S, Traits> where Foreign<S, Traits>);

impl<S: AsyncRead + AsyncWrite + Unpin> Foreign<S, Futures> {
    /// A stream that has [`futures_io::AsyncRead`] and [`futures_io::AsyncWrite`], as TLS by `futures-rustls`.
    ///
    /// ```
    /// use fibra::io::Foreign;
    /// use std::io::Read;
    /// let mut stream = Foreign::futures(futures_util::io::Cursor::new(b"hello".to_vec()));
    /// let mut text = String::new();
    /// stream.read_to_string(&mut text)?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn futures(stream: S) -> Self {
        Self::new(stream)
    }
}

/// These traits want memory that is initialised; of what isn't, no more than this is made so for one read.
const MOST_INITIALISED: usize = 16 << 10;

// SAFETY: `poll_recv` initialises what it returns before, and nothing is made uninitialised.
unsafe impl<S: AsyncRead + AsyncWrite + Unpin> Polled for Foreign<S, Futures> {
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let room = buffer.len().min(MOST_INITIALISED);
        let buffer = &mut buffer[..room];
        buffer.fill(MaybeUninit::new(0));
        // SAFETY: it was initialised just now.
        let buffer = unsafe { &mut *(ptr::from_mut(buffer) as *mut [u8]) };
        self.poll_recv_bytes(context, buffer)
    }

    fn poll_recv_bytes(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(Ok(within(read, buffer.len())))
    }

    fn poll_recv_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read_vectored(context, buffers))?;
        Poll::Ready(Ok(within(read, buffers.iter().map(|buffer| buffer.len()).sum())))
    }

    sends_of_foreign!(poll_close);

    /// The traits don't say. What sends but the first buffer may be called with others in vain.
    fn is_send_vectored(&self) -> bool {
        true
    }
}

/// A count that others rely on, from a stream that may be wrong.
fn within(read: usize, room: usize) -> usize {
    assert!(read <= room, "a stream says that it has read {read} bytes, and there was room for {room}");
    read
}
