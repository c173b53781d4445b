//! A connection for those who poll, with memory that they lend for one poll at a time.
//!
//! Whoever has the stream for himself polls without a lock. Through a shared reference, as the users of futures-io are used to,
//! it costs one.

use super::TcpStream;
use crate::{
    io::{owned::HasHandle, polled::Polled},
    net::{Shutdown, poll::Readiness, socket::Socket},
};
use fibra_driver::Interest;
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    sync::Arc,
    task::{Context, Poll},
};

// SAFETY: see `recv`.
unsafe impl Polled for TcpStream {
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        recv(self.waits.readable_alone(), &self.socket, context, buffer)
    }

    fn poll_recv_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        recv_vectored(self.waits.readable_alone(), &self.socket, context, buffers)
    }

    fn poll_send(&mut self, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        send(self.waits.writable_alone(), &self.socket, context, buffer)
    }

    fn poll_send_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        send_vectored(self.waits.writable_alone(), &self.socket, context, buffers)
    }

    fn is_send_vectored(&self) -> bool {
        true
    }

    /// Nothing is buffered here.
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(end(self))
    }
}

// SAFETY: see `recv`.
unsafe impl Polled for &TcpStream {
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.waits
            .readable()
            .shared(context, |readable, context| recv(readable, &self.socket, context, buffer))
    }

    fn poll_recv_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.waits
            .readable()
            .shared(context, |readable, context| recv_vectored(readable, &self.socket, context, buffers))
    }

    fn poll_send(&mut self, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.waits
            .writable()
            .shared(context, |writable, context| send(writable, &self.socket, context, buffer))
    }

    fn poll_send_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.waits
            .writable()
            .shared(context, |writable, context| send_vectored(writable, &self.socket, context, buffers))
    }

    fn is_send_vectored(&self) -> bool {
        true
    }

    /// Nothing is buffered here.
    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(end(self))
    }
}

/// The kernel only writes, and returns how many bytes it has written, from the buffer's beginning.
fn recv(
    readable: &mut Readiness,
    socket: &Arc<Socket>,
    context: &mut Context<'_>,
    buffer: &mut [MaybeUninit<u8>],
) -> Poll<io::Result<usize>> {
    readable.poll_recv(socket, buffer.len(), context, |socket| socket.handle().try_recv(buffer))
}

fn recv_vectored(
    readable: &mut Readiness,
    socket: &Arc<Socket>,
    context: &mut Context<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> Poll<io::Result<usize>> {
    let room = buffers.iter().map(|buffer| buffer.len()).sum();
    readable.poll_recv(socket, room, context, |socket| socket.handle().try_recv_vectored(buffers))
}

fn send(
    writable: &mut Readiness,
    socket: &Arc<Socket>,
    context: &mut Context<'_>,
    buffer: &[u8],
) -> Poll<io::Result<usize>> {
    writable.poll(socket, Interest::WRITABLE, context, |socket| socket.handle().try_send(buffer))
}

fn send_vectored(
    writable: &mut Readiness,
    socket: &Arc<Socket>,
    context: &mut Context<'_>,
    buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    writable.poll(socket, Interest::WRITABLE, context, |socket| socket.handle().try_send_vectored(buffers))
}

fn end(stream: &TcpStream) -> io::Result<()> {
    match stream.shutdown(Shutdown::Write) {
        // The other side was faster.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}
