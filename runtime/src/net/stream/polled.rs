//! A connection for those who poll, with memory that they lend for one poll at a time.

use super::TcpStream;
use fibra_driver::Interest;
use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    task::{Context, Poll},
};

/// Never a signal, and never a wait.
const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

impl TcpStream {
    /// Receives into memory that needn't be initialised; returns how many bytes are, from its beginning.
    #[cfg_attr(not(feature = "hyper"), expect(dead_code, reason = "for the traits of others"))]
    pub(crate) fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.readable.poll_recv(&self.socket, buffer.len(), context, |socket| {
            socket.options().recv_with_flags(buffer, libc::MSG_DONTWAIT)
        })
    }

    #[cfg_attr(not(feature = "hyper"), expect(dead_code, reason = "for the traits of others"))]
    pub(crate) fn poll_send(&mut self, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.writable.poll(&self.socket, Interest::WRITABLE, context, |socket| {
            socket.options().send_with_flags(buffer, SEND_FLAGS)
        })
    }

    #[cfg_attr(not(feature = "hyper"), expect(dead_code, reason = "for the traits of others"))]
    pub(crate) fn poll_send_vectored(
        &mut self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writable.poll(&self.socket, Interest::WRITABLE, context, |socket| {
            socket.options().send_vectored_with_flags(buffers, SEND_FLAGS)
        })
    }
}
