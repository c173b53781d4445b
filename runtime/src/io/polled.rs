//! A stream as those who poll see it: the one form behind the traits of hyper, tokio and futures-io.
//!
//! These traits say the same in other words: a caller lends its buffer for one poll, and is woken when the next one is worth
//! it. So each stream of ours says it once, here, and each set of traits is a translation of this one.
//!
//! ```text
//!   TcpStream ──┐               ┌──► hyper::rt::{Read, Write}
//!   ReadAhead ──┼──► Polled ────┼──► tokio::io::{AsyncRead, AsyncWrite}
//!   Foreign ────┘               ├──► futures_io::{AsyncRead, AsyncWrite}
//!                               └──► std::io::{Read, Write}, of Foreign: ours have it in a better way
//! ```

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    ptr,
    task::{Context, Poll},
};

/// See the module.
///
/// # Safety
///
/// `poll_recv` makes no memory uninitialised, and has initialised as many bytes as it returns, from the buffer's beginning.
pub unsafe trait Polled: Unpin {
    /// Receives into memory that needn't be initialised; returns how many bytes are, from its beginning.
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>>;

    /// The same into memory that is initialised.
    fn poll_recv_bytes(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        // SAFETY: the two types have the same layout, and by the trait's contract no byte is made uninitialised.
        let buffer = unsafe { &mut *(ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) };
        self.poll_recv(context, buffer)
    }

    /// Receives into several buffers in turn; as provided, into the first that has room.
    fn poll_recv_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        match buffers.iter_mut().find(|buffer| !buffer.is_empty()) {
            Some(buffer) => self.poll_recv_bytes(context, buffer),
            None => self.poll_recv_bytes(context, &mut []),
        }
    }

    /// Sends some bytes from the buffer's beginning; returns how many.
    fn poll_send(&mut self, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>>;

    /// Sends from several buffers in turn.
    fn poll_send_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Whether that is any better than sending the first of them.
    fn is_send_vectored(&self) -> bool;

    /// Sends what is buffered.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Sends what is buffered, and then says that no more will come.
    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// What a trait for writing asks for, in the words that all three share: the methods that its implementation for a `Polled` has.
/// `$end` is its name for the end of all writing.
macro_rules! writes_of_polled {
    ($end:ident) => {
        fn poll_write(
            self: ::std::pin::Pin<&mut Self>,
            context: &mut ::std::task::Context<'_>,
            buffer: &[u8],
        ) -> ::std::task::Poll<::std::io::Result<usize>> {
            $crate::io::polled::Polled::poll_send(self.get_mut(), context, buffer)
        }

        fn poll_write_vectored(
            self: ::std::pin::Pin<&mut Self>,
            context: &mut ::std::task::Context<'_>,
            buffers: &[::std::io::IoSlice<'_>],
        ) -> ::std::task::Poll<::std::io::Result<usize>> {
            $crate::io::polled::Polled::poll_send_vectored(self.get_mut(), context, buffers)
        }

        fn poll_flush(
            self: ::std::pin::Pin<&mut Self>,
            context: &mut ::std::task::Context<'_>,
        ) -> ::std::task::Poll<::std::io::Result<()>> {
            $crate::io::polled::Polled::poll_flush(self.get_mut(), context)
        }

        fn $end(
            self: ::std::pin::Pin<&mut Self>,
            context: &mut ::std::task::Context<'_>,
        ) -> ::std::task::Poll<::std::io::Result<()>> {
            $crate::io::polled::Polled::poll_shutdown(self.get_mut(), context)
        }
    };
}
pub(crate) use writes_of_polled;

/// The way back: the sending half of `Polled`, for a `Foreign` whose stream has such a trait for writing.
macro_rules! sends_of_foreign {
    ($end:ident) => {
        fn poll_send(
            &mut self,
            context: &mut ::std::task::Context<'_>,
            buffer: &[u8],
        ) -> ::std::task::Poll<::std::io::Result<usize>> {
            ::std::pin::Pin::new(&mut self.stream).poll_write(context, buffer)
        }

        fn poll_send_vectored(
            &mut self,
            context: &mut ::std::task::Context<'_>,
            buffers: &[::std::io::IoSlice<'_>],
        ) -> ::std::task::Poll<::std::io::Result<usize>> {
            ::std::pin::Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
        }

        fn poll_flush(
            &mut self,
            context: &mut ::std::task::Context<'_>,
        ) -> ::std::task::Poll<::std::io::Result<()>> {
            ::std::pin::Pin::new(&mut self.stream).poll_flush(context)
        }

        fn poll_shutdown(
            &mut self,
            context: &mut ::std::task::Context<'_>,
        ) -> ::std::task::Poll<::std::io::Result<()>> {
            ::std::pin::Pin::new(&mut self.stream).$end(context)
        }
    };
}
pub(crate) use sends_of_foreign;
