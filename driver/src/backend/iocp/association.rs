//! What a handle knows of its port.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use windows_sys::Win32::Storage::FileSystem::SetFileCompletionNotificationModes;
use windows_sys::Win32::System::WindowsProgramming::{
    FILE_SKIP_COMPLETION_PORT_ON_SUCCESS, FILE_SKIP_SET_EVENT_ON_HANDLE,
};

use super::super::os::{BorrowedFd, RawFd};
use super::port::Port;
use super::receives::Receives;

/// What a handle knows: its [`Association`], made by the first driver that needs it, and who receives from it.
#[derive(Default)]
pub(crate) struct Lazy {
    association: OnceLock<Association>,
    pub(super) receives: Receives,
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
    /// If it was made.
    pub(crate) fn get(&self) -> Option<&Association> {
        self.association.get()
    }

    /// Associates the handle with `port`, unless it has one.
    pub(super) fn get_or_make(&self, fd: RawFd, port: &Arc<Port>) -> &Association {
        self.association
            .get_or_init(|| Association { home: Home::make(fd, port), position: AtomicU64::new(0) })
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

    /// A handle keeps its port for as long as it is open, which harms nobody: other calls give no packets.
    pub(crate) fn withdraw(&self, _fd: RawFd, _closes: bool) {}

    /// No operation changes the mode.
    pub(crate) fn restore_blocking_mode(&self, _fd: BorrowedFd<'_>) {}
}
