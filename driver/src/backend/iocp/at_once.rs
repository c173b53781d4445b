//! Transfers that don't wait, as Windows knows them: by the socket's mode.
//!
//! There is no flag for a single call. In non-blocking mode, overlapped calls go on to wait as before, and so all operations do;
//! only the calls here don't. See `decisions/0029-polled-sockets-are-in-non-blocking-mode.md`.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::ptr;

use windows_sys::Win32::Networking::WinSock::{SOCKET, WSAGetLastError, WSARecv, WSASend};

use super::super::os::RawSlice;
use super::overlapped::{MAX_SLICES, slice_of};
use super::status;
use crate::handle::Target;
use crate::op::Op;

pub(crate) fn recv(fd: Target, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    let slice = slice_of(buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the memory is valid for its length; the system only writes there.
    unsafe { receive(fd, &raw const slice, 1) }
}

pub(crate) fn recv_vectored(fd: Target, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    // SAFETY: the layouts are the same, and each of the slices is valid for its length.
    unsafe { receive(fd, buffers.as_mut_ptr().cast(), buffers.len()) }
}

pub(crate) fn send(fd: Target, buffer: &[u8]) -> io::Result<usize> {
    let slice = slice_of(buffer.as_ptr().cast_mut(), buffer.len());
    // SAFETY: the memory is valid for its length; the system only reads there.
    unsafe { transmit(fd, &raw const slice, 1) }
}

pub(crate) fn send_vectored(fd: Target, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: the layouts are the same, and each of the slices is valid for its length.
    unsafe { transmit(fd, buffers.as_ptr().cast(), buffers.len()) }
}

fn heed_dont_wait(fd: Target) -> io::Result<()> {
    // SAFETY: a handle's target, which is used while the handle is borrowed.
    match unsafe { fd.registrations() } {
        Some(lazy) => lazy.have_nonblocking(fd.fd()),
        None => Ok(()),
    }
}

/// # Safety
///
/// The slices are valid, each for its length, and may be written to.
unsafe fn receive(fd: Target, slices: *const RawSlice, count: usize) -> io::Result<usize> {
    heed_dont_wait(fd)?;
    let (mut bytes, mut flags) = (0, 0);
    // SAFETY: by contract; without an `OVERLAPPED` it is over when it returns.
    let status = unsafe {
        let count = count.min(MAX_SLICES) as u32;
        WSARecv(fd.fd() as SOCKET, slices, count, &raw mut bytes, &raw mut flags, ptr::null_mut(), None)
    };
    judge(&Op::Recv { fd, buffer: ptr::null_mut(), len: 0, flags: 0 }, status, bytes)
}

/// # Safety
///
/// The slices are valid, each for its length.
unsafe fn transmit(fd: Target, slices: *const RawSlice, count: usize) -> io::Result<usize> {
    heed_dont_wait(fd)?;
    let mut bytes = 0;
    // SAFETY: as above.
    let status = unsafe {
        let count = count.min(MAX_SLICES) as u32;
        WSASend(fd.fd() as SOCKET, slices, count, &raw mut bytes, 0, ptr::null_mut(), None)
    };
    judge(&Op::Send { fd, buffer: ptr::null(), len: 0, flags: 0 }, status, bytes)
}

/// The result, in the words of the operation that it might have been.
fn judge(op: &Op, status: i32, bytes: u32) -> io::Result<usize> {
    if status == 0 {
        return Ok(bytes as usize);
    }
    // SAFETY: no arguments.
    status::judge(op, unsafe { WSAGetLastError() }, bytes).map(|bytes| bytes as usize)
}
