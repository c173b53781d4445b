//! What a handle knows of its port.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use windows_sys::Win32::Networking::WinSock::{FIONBIO, SOCKET, ioctlsocket};
use windows_sys::Win32::Storage::FileSystem::SetFileCompletionNotificationModes;
use windows_sys::Win32::System::WindowsProgramming::{
    FILE_SKIP_COMPLETION_PORT_ON_SUCCESS, FILE_SKIP_SET_EVENT_ON_HANDLE,
};

use super::super::os::{BorrowedFd, RawFd};
use super::files;
use super::port::Port;
use super::receives::Receives;

/// What a handle knows: its [`Association`], made by the first driver that needs it, and who receives from it.
#[derive(Default)]
pub(crate) struct Lazy {
    association: OnceLock<Association>,
    pub(super) receives: Receives,
    /// We have switched the socket to non-blocking mode.
    made_nonblocking: AtomicBool,
}

pub(crate) struct Association {
    home: Option<Home>,
    /// The position of a file: the system keeps none for handles that are overlapped.
    position: AtomicU64,
}

/// Where a handle's packets come.
pub(super) struct Home {
    port: Arc<Port>,
    /// No packet comes for what was over at once.
    pub skips: bool,
}

impl Lazy {
    /// What the handle has to be taken out of before it closes or leaves.
    pub(crate) fn get(&self) -> Option<&Lazy> {
        Some(self)
    }

    /// There are no rings that could know the handle by a number.
    pub(crate) fn fix(&self) {}

    /// If it was made.
    pub(super) fn association(&self) -> Option<&Association> {
        self.association.get()
    }

    /// Associates the handle with `port`, unless it has one.
    pub(super) fn get_or_make(&self, fd: RawFd, port: &Arc<Port>) -> &Association {
        self.association
            .get_or_init(|| Association { home: Home::make(fd, port), position: AtomicU64::new(0) })
    }

    /// Sees to it that the socket is in non-blocking mode. It stays so until the handle closes or leaves.
    pub(super) fn have_nonblocking(&self, fd: RawFd) -> io::Result<()> {
        if !self.made_nonblocking.load(Ordering::Relaxed) {
            set_nonblocking(fd, true)?;
            self.made_nonblocking.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// A handle keeps its port for as long as it is open, which harms nobody: other calls give no packets. But a socket that
    /// lingers is closed in the mode that it came with: in the other one, who would have to wait for it leaves it open.
    pub(crate) fn withdraw(&self, fd: RawFd, closes: bool) {
        let is_switched = self.made_nonblocking.load(Ordering::Relaxed);
        if is_switched && (!closes || files::lingers(fd)) {
            // A socket that takes no mode any more is broken anyway.
            let _ = set_nonblocking(fd, false);
        }
    }

    /// It was restored when the handle was withdrawn.
    pub(crate) fn restore_blocking_mode(&self, _fd: BorrowedFd<'_>) {}
}

fn set_nonblocking(fd: RawFd, nonblocking: bool) -> io::Result<()> {
    let mut mode = u32::from(nonblocking);
    // SAFETY: the call reads a number. What is no socket is an error.
    if unsafe { ioctlsocket(fd as SOCKET, FIONBIO, &raw mut mode) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

impl Home {
    /// `None`: it is associated with a port of somebody else's, or isn't overlapped.
    fn make(fd: RawFd, port: &Arc<Port>) -> Option<Home> {
        port.associate(fd).ok()?;
        port.count_handle(true);
        let modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
        // SAFETY: takes numbers. Where it is refused, packets come for everything.
        let skips =
            unsafe { SetFileCompletionNotificationModes(ptr::without_provenance_mut(fd), modes as u8) } != 0;
        Some(Home { port: Arc::clone(port), skips })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.port.count_handle(false);
    }
}

impl Association {
    pub(super) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    pub(super) fn move_to(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
    }
}
