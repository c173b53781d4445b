//! A file sent to a socket by the system alone.

use std::io;
use std::ptr;

use windows_sys::Win32::Networking::WinSock::{SOCKET, TransmitFile};
use windows_sys::Win32::Storage::FileSystem::GetFileSizeEx;

use super::super::os::RawFd;
use super::overlapped::{Begun, MAX_BYTES, begun};
use super::packet::Request;
use crate::op::Op;

/// Begins an [`Op::SendFile`]. To be told to send more than there is would be an error, and zero would mean everything.
///
/// # Safety
///
/// The request has the offset. It stays where it is, valid and alone the system's, until it has ended.
pub(super) unsafe fn begin(
    op: &Op,
    socket: RawFd,
    file: RawFd,
    offset: u64,
    len: usize,
    request: *mut Request,
) -> Begun {
    let left = match size(file) {
        Ok(size) => size.saturating_sub(offset).min(len.min(MAX_BYTES) as u64) as u32,
        Err(error) => return Begun::Over(Err(error)),
    };
    if left == 0 {
        return Begun::Over(Ok(0));
    }
    // SAFETY: takes numbers, beside the request; nothing goes before or behind the file.
    let done = unsafe {
        let file = ptr::without_provenance_mut(file);
        TransmitFile(socket as SOCKET, file, left, 0, request.cast(), ptr::null(), 0)
    };
    if done == 0 {
        return begun(op, false, 0);
    }
    // SAFETY: valid by contract, and the system has done with it.
    Begun::Done(unsafe { (*request).overlapped.InternalHigh } as u32)
}

fn size(file: RawFd) -> io::Result<u64> {
    let mut size = 0;
    // SAFETY: the number is valid for writes. What is no file is an error.
    if unsafe { GetFileSizeEx(ptr::without_provenance_mut(file), &raw mut size) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(size.unsigned_abs())
}
