//! The system's own kqueue.

use std::io;

pub(super) use libc::{
    EV_ADD, EV_CLEAR, EV_DELETE, EV_EOF, EV_ERROR, EV_ONESHOT, EV_RECEIPT, EVFILT_READ, EVFILT_USER,
    EVFILT_WRITE, NOTE_TRIGGER, close, kevent,
};

use crate::backend::os::RawFd;

/// Makes a kqueue that an exec closes.
pub(super) fn open() -> io::Result<RawFd> {
    // SAFETY: takes no pointers.
    let fd = unsafe { libc::kqueue() };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and open: there is no reason to fail.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    Ok(fd)
}
