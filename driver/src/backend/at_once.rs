//! Transfers that don't wait, as plain system calls.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

use super::attempt::heed_dont_wait;
use super::system_calls::{MAX_BYTES, message, no_signal};
use crate::handle::Target;

fn counted(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

#[inline]
pub(crate) fn recv(fd: Target, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    let (place, len) = (buffer.as_mut_ptr().cast(), buffer.len().min(MAX_BYTES));
    // SAFETY: the memory is valid for its length; the kernel only writes there.
    counted(unsafe { libc::recv(fd.fd(), place, len, libc::MSG_DONTWAIT) })
}

pub(crate) fn recv_vectored(fd: Target, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    // The layouts are the same.
    let mut message = message(buffers.as_mut_ptr().cast(), buffers.len());
    // SAFETY: each of the slices is valid for its length, and the message for the call.
    counted(unsafe { libc::recvmsg(fd.fd(), &raw mut message, libc::MSG_DONTWAIT) })
}

#[inline]
pub(crate) fn send(fd: Target, buffer: &[u8]) -> io::Result<usize> {
    heed_dont_wait(fd)?;
    let (place, len) = (buffer.as_ptr().cast(), buffer.len().min(MAX_BYTES));
    // SAFETY: the memory is valid for its length.
    counted(unsafe { libc::send(fd.fd(), place, len, no_signal(libc::MSG_DONTWAIT)) })
}

pub(crate) fn send_vectored(fd: Target, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    heed_dont_wait(fd)?;
    // The kernel doesn't write there.
    let message = message(buffers.as_ptr().cast_mut().cast(), buffers.len());
    // SAFETY: each of the slices is valid for its length, and the message for the call.
    counted(unsafe { libc::sendmsg(fd.fd(), &raw const message, no_signal(libc::MSG_DONTWAIT)) })
}
