//! The bell that wakes a sleeping driver: an eventfd.
//!
//! Nobody reads it. Both backends watch it edge-triggered, so that each write is an event whatever the counter says, and
//! 2⁶⁴ − 2 wake-ups fit in.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub(crate) struct Bell(OwnedFd);

impl Bell {
    pub(crate) fn new() -> io::Result<Bell> {
        // SAFETY: `eventfd` takes no pointers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, and nobody else's.
        Ok(Bell(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Wakes whoever watches.
    pub(crate) fn ring(&self) {
        let one = 1u64;
        // SAFETY: the buffer is valid for its eight bytes. The one way this can fail is a full counter (EAGAIN), and then
        // 2⁶⁴ − 2 events have been delivered before: the watcher is long awake.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), size_of::<u64>()) };
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
