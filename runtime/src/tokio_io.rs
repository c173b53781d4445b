//! fibra's streams under the traits of [`tokio::io`], without tokio's runtime (feature `tokio-io`).
//!
//! [`TcpStream`], and on Unix `net::unix::UnixStream`, implements [`AsyncRead`] and [`AsyncWrite`]: what is generic over these, as TLS by `tokio-rustls`, database drivers
//! that take a stream, codecs, and [`tokio::io`]'s own functions, runs on fibra as it is. Nothing of tokio but the traits is
//! built, and no thread of its is started.
//!
//! The other way round, [`Foreign::tokio`] makes a stream that has tokio's traits a [`Read`](std::io::Read) and
//! [`Write`](std::io::Write) for green threads, and gives it the traits of hyper and futures-io.
//!
//! Who polls lends its buffer for one poll at a time, and the kernel must not have it longer. So a read is a system call that
//! doesn't wait, and, if there was nothing to read, an operation that waits for readiness.
//!
//! ```
//! use fibra::{io::Foreign, net::{TcpListener, TcpStream}};
//! use std::io::Write;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! fibra::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let mut client = TcpStream::connect_async(listener.local_addr()?).await?;
//!     let (mut server, _) = listener.accept_async().await?;
//!     AsyncWriteExt::write_all(&mut client, b"by tokio's traits").await?;
//!     AsyncWriteExt::shutdown(&mut client).await?;
//!     let mut text = String::new();
//!     AsyncReadExt::read_to_string(&mut server, &mut text).await?;
//!     assert_eq!(text, "by tokio's traits");
//!     Ok(())
//! })
//! # .map_err(|error: std::io::Error| panic!("{error}")).unwrap();
//! ```

#[cfg(feature = "hyper")]
use crate::net::read_ahead::ReadAhead;
use crate::{
    io::{
        Foreign, Tokio,
        polled::{Polled, sends_of_foreign},
    },
    net::TcpStream,
};
use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    ptr,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// tokio's traits for a type that is `Polled`.
macro_rules! polled_as_tokio {
    ($type:ty $(, <$($parameter:ident),+> where $bounded:ty)?) => {
        impl $(<$($parameter),+>)? ::tokio::io::AsyncRead for $type
        $(where $bounded: $crate::io::polled::Polled)?
        {
            fn poll_read(
                self: ::std::pin::Pin<&mut Self>,
                context: &mut ::std::task::Context<'_>,
                buffer: &mut ::tokio::io::ReadBuf<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                $crate::tokio_io::fill(buffer, context, self.get_mut())
            }
        }

        impl $(<$($parameter),+>)? ::tokio::io::AsyncWrite for $type
        $(where $bounded: $crate::io::polled::Polled)?
        {
            $crate::io::polled::writes_of_polled!(poll_shutdown);

            fn is_write_vectored(&self) -> bool {
                $crate::io::polled::Polled::is_send_vectored(self)
            }
        }
    };
}
pub(crate) use polled_as_tokio;

self::polled_as_tokio!(TcpStream);
#[cfg(feature = "hyper")]
self::polled_as_tokio!(ReadAhead);
self::polled_as_tokio!(Foreign<S, Traits>, <S, Traits> where Foreign<S, Traits>);

pub(crate) fn fill(
    buffer: &mut ReadBuf<'_>,
    context: &mut Context<'_>,
    stream: &mut impl Polled,
) -> Poll<io::Result<()>> {
    // SAFETY: what is initialised stays so, as `Polled` says.
    let unfilled = unsafe { buffer.unfilled_mut() };
    let received = ready!(stream.poll_recv(context, unfilled))?;
    // SAFETY: `Polled` says that so many bytes are initialised now.
    unsafe { buffer.assume_init(received) };
    buffer.advance(received);
    Poll::Ready(Ok(()))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Foreign<S, Tokio> {
    /// A stream that has [`tokio::io::AsyncRead`] and [`tokio::io::AsyncWrite`], as TLS by `tokio-rustls`.
    ///
    /// ```
    /// use fibra::io::Foreign;
    /// use std::io::Read;
    /// let mut stream = Foreign::tokio(tokio::io::join(&b"hello"[..], tokio::io::sink()));
    /// let mut text = String::new();
    /// stream.read_to_string(&mut text)?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn tokio(stream: S) -> Self {
        Self::new(stream)
    }
}

// SAFETY: tokio's buffer counts as filled only what was put into it, or said, by `unsafe` code, to be; that it is still the
// buffer that was handed over is looked at.
unsafe impl<S: AsyncRead + AsyncWrite + Unpin> Polled for Foreign<S, Tokio> {
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let beginning = buffer.as_ptr().cast::<u8>();
        let mut buffer = ReadBuf::uninit(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let filled = buffer.filled();
        // A stream can put another buffer in its place, without `unsafe` code.
        assert!(ptr::eq(filled.as_ptr(), beginning), "a stream has filled another buffer than it was given");
        Poll::Ready(Ok(filled.len()))
    }

    sends_of_foreign!(poll_shutdown);

    fn is_send_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
