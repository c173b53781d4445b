//! hyper's view of a connection.

use crate::{
    io::{
        Foreign, Hyper,
        polled::{Polled, sends_of_foreign},
    },
    net::{TcpStream, read_ahead::ReadAhead},
};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// hyper's traits for a type that is `Polled`.
macro_rules! polled_as_hyper {
    ($type:ty $(, <$($parameter:ident),+> where $bounded:ty)?) => {
        impl $(<$($parameter),+>)? ::hyper::rt::Read for $type
        $(where $bounded: $crate::io::polled::Polled)?
        {
            fn poll_read(
                self: ::std::pin::Pin<&mut Self>,
                context: &mut ::std::task::Context<'_>,
                cursor: ::hyper::rt::ReadBufCursor<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                $crate::hyper::stream::fill(cursor, context, self.get_mut())
            }
        }

        impl $(<$($parameter),+>)? ::hyper::rt::Write for $type
        $(where $bounded: $crate::io::polled::Polled)?
        {
            $crate::io::polled::writes_of_polled!(poll_shutdown);

            fn is_write_vectored(&self) -> bool {
                $crate::io::polled::Polled::is_send_vectored(self)
            }
        }
    };
}
pub(crate) use polled_as_hyper;

self::polled_as_hyper!(TcpStream);
self::polled_as_hyper!(ReadAhead);
self::polled_as_hyper!(Foreign<S, Traits>, <S, Traits> where Foreign<S, Traits>);

pub(crate) fn fill(
    mut cursor: ReadBufCursor<'_>,
    context: &mut Context<'_>,
    stream: &mut impl Polled,
) -> Poll<io::Result<()>> {
    // SAFETY: what is initialised stays so, as `Polled` says.
    let buffer = unsafe { cursor.as_mut() };
    let received = ready!(stream.poll_recv(context, buffer))?;
    // SAFETY: `Polled` says that so many bytes are initialised now.
    unsafe { cursor.advance(received) };
    Poll::Ready(Ok(()))
}

impl<S: Read + Write + Unpin> Foreign<S, Hyper> {
    /// A stream that has [`hyper::rt::Read`] and [`hyper::rt::Write`], as [`Upgraded`](hyper::upgrade::Upgraded).
    ///
    /// ```
    /// # use fibra::{io::Foreign, net::{TcpListener, TcpStream}};
    /// # use std::io::{Read, Write};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let mut peer = TcpStream::connect(listener.local_addr()?)?;
    /// # let (stream, _) = listener.accept()?;
    /// let mut stream = Foreign::hyper(stream);
    /// stream.write_all(b"hello")?;
    /// # peer.read_exact(&mut [0; 5])?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn hyper(stream: S) -> Self {
        Self::new(stream)
    }
}

// SAFETY: hyper's buffer counts as filled only what was put into it, or said, by `unsafe` code, to be; and what it has
// initialised it takes for so for ever.
unsafe impl<S: Read + Write + Unpin> Polled for Foreign<S, Hyper> {
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::uninit(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer.unfilled()))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    sends_of_foreign!(poll_shutdown);

    fn is_send_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
