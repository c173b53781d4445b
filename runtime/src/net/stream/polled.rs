//! A connection for those who poll, with memory that they lend for one poll at a time.
//!
//! Whoever has the stream for himself polls without a lock. Through a shared reference, as the users of futures-io are used to,
//! it costs one.

use super::TcpStream;
use crate::{
    io::owned::HasHandle,
    net::{Shutdown, poll::Readiness, socket::Socket},
};
use fibra_driver::Interest;
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    sync::Arc,
    task::{Context, Poll},
};

/// `Polled` by readiness, for a stream that has a `socket` and `waits`: for whoever has it for himself, and through a shared
/// reference.
macro_rules! polled_by_readiness {
    ($stream:ident) => {
        // SAFETY: see `recv`.
        unsafe impl $crate::io::polled::Polled for $stream {
            fn poll_recv(
                &mut self,
                context: &mut ::std::task::Context<'_>,
                buffer: &mut [::std::mem::MaybeUninit<u8>],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                $crate::net::stream::polled::recv(self.waits.readable_alone(), &self.socket, context, buffer)
            }

            fn poll_recv_vectored(
                &mut self,
                context: &mut ::std::task::Context<'_>,
                buffers: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                $crate::net::stream::polled::recv_vectored(
                    self.waits.readable_alone(),
                    &self.socket,
                    context,
                    buffers,
                )
            }

            fn poll_send(
                &mut self,
                context: &mut ::std::task::Context<'_>,
                buffer: &[u8],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                $crate::net::stream::polled::send(self.waits.writable_alone(), &self.socket, context, buffer)
            }

            fn poll_send_vectored(
                &mut self,
                context: &mut ::std::task::Context<'_>,
                buffers: &[::std::io::IoSlice<'_>],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                $crate::net::stream::polled::send_vectored(
                    self.waits.writable_alone(),
                    &self.socket,
                    context,
                    buffers,
                )
            }

            fn is_send_vectored(&self) -> bool {
                true
            }

            /// Nothing is buffered here.
            fn poll_flush(
                &mut self,
                _: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::task::Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                &mut self,
                _: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::task::Poll::Ready($crate::net::stream::polled::end(&self.socket))
            }
        }

        // SAFETY: see `recv`.
        unsafe impl $crate::io::polled::Polled for &$stream {
            fn poll_recv(
                &mut self,
                context: &mut ::std::task::Context<'_>,
                buffer: &mut [::std::mem::MaybeUninit<u8>],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                self.waits.readable().shared(context, |readable, context| {
                    $crate::net::stream::polled::recv(readable, &self.socket, context, buffer)
                })
            }

            fn poll_recv_vectored(
                &mut self,
                context: &mut ::std::task::Context<'_>,
                buffers: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                self.waits.readable().shared(context, |readable, context| {
                    $crate::net::stream::polled::recv_vectored(readable, &self.socket, context, buffers)
                })
            }

            fn poll_send(
                &mut self,
                context: &mut ::std::task::Context<'_>,
                buffer: &[u8],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                self.waits.writable().shared(context, |writable, context| {
                    $crate::net::stream::polled::send(writable, &self.socket, context, buffer)
                })
            }

            fn poll_send_vectored(
                &mut self,
                context: &mut ::std::task::Context<'_>,
                buffers: &[::std::io::IoSlice<'_>],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                self.waits.writable().shared(context, |writable, context| {
                    $crate::net::stream::polled::send_vectored(writable, &self.socket, context, buffers)
                })
            }

            fn is_send_vectored(&self) -> bool {
                true
            }

            /// Nothing is buffered here.
            fn poll_flush(
                &mut self,
                _: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::task::Poll::Ready(Ok(()))
            }

            fn poll_shutdown(
                &mut self,
                _: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::std::task::Poll::Ready($crate::net::stream::polled::end(&self.socket))
            }
        }
    };
}
pub(in crate::net) use polled_by_readiness;

self::polled_by_readiness!(TcpStream);

/// The kernel only writes, and returns how many bytes it has written, from the buffer's beginning.
pub(in crate::net) fn recv(
    readable: &mut Readiness,
    socket: &Arc<Socket>,
    context: &mut Context<'_>,
    buffer: &mut [MaybeUninit<u8>],
) -> Poll<io::Result<usize>> {
    readable.poll_recv(socket, buffer.len(), context, |socket| socket.handle().try_recv(buffer))
}

pub(in crate::net) fn recv_vectored(
    readable: &mut Readiness,
    socket: &Arc<Socket>,
    context: &mut Context<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> Poll<io::Result<usize>> {
    let room = buffers.iter().map(|buffer| buffer.len()).sum();
    readable.poll_recv(socket, room, context, |socket| socket.handle().try_recv_vectored(buffers))
}

pub(in crate::net) fn send(
    writable: &mut Readiness,
    socket: &Arc<Socket>,
    context: &mut Context<'_>,
    buffer: &[u8],
) -> Poll<io::Result<usize>> {
    writable.poll(socket, Interest::WRITABLE, context, |socket| socket.handle().try_send(buffer))
}

pub(in crate::net) fn send_vectored(
    writable: &mut Readiness,
    socket: &Arc<Socket>,
    context: &mut Context<'_>,
    buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    writable.poll(socket, Interest::WRITABLE, context, |socket| socket.handle().try_send_vectored(buffers))
}

pub(in crate::net) fn end(socket: &Socket) -> io::Result<()> {
    match socket.handle().shutdown(Shutdown::Write) {
        // The other side was faster.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}
