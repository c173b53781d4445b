//! Named pipes, as their servers wait for clients.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_NO_DATA, ERROR_PIPE_CONNECTED};
use windows_sys::Win32::System::Pipes::ConnectNamedPipe;

use super::super::os::RawFd;
use super::overlapped::{Begun, begun};
use super::packet::Request;
use crate::op::Op;

/// Begins an [`Op::AcceptPipe`].
///
/// # Safety
///
/// The request stays where it is, valid and alone the system's, until it has ended.
pub(super) unsafe fn begin_accept(op: &Op, pipe: RawFd, request: *mut Request) -> Begun {
    // SAFETY: by contract.
    let done = unsafe { ConnectNamedPipe(ptr::without_provenance_mut(pipe), request.cast()) };
    match begun(op, done != 0, 0) {
        Begun::Over(Err(error)) if is_taken(&error) => Begun::Over(Ok(0)),
        begun => begun,
    }
}

/// A client was quicker than the call. Perhaps it has gone again by now; then its bytes are still there to be read.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(|code| code as u32), Some(ERROR_PIPE_CONNECTED | ERROR_NO_DATA))
}
