//! A completion port, and what its owner owes to others.
//!
//! A handle keeps the port that it was first associated with. So packets of operations that other drivers have started
//! arrive here as well; each names its home, and is sent on. When the driver goes, a thread of its own does that, for as long
//! as there are handles.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE, WAIT_TIMEOUT};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatusEx, OVERLAPPED, OVERLAPPED_ENTRY,
    PostQueuedCompletionStatus,
};
use windows_sys::Win32::System::Threading::INFINITE;

use super::super::os::RawFd;
use super::packet::Packet;
use crate::ledger::Pause;

/// What stands in an entry of the port.
const PACKET: usize = 0;
const BELL: usize = 1;
pub(super) const ALARM: usize = 2;

/// How many entries are taken at once. More come with the next turn.
const ENTRIES: usize = 128;

/// How often a forwarding thread looks whether it is still needed.
const FORWARDER_LOOKS: Duration = Duration::from_secs(1);

pub(crate) struct Port {
    handle: OwnedHandle,
    /// How many handles have it for their port.
    associated: AtomicUsize,
    /// The driver is gone.
    is_orphan: AtomicBool,
}

/// What came out of a port.
pub(super) type Entries = Vec<OVERLAPPED_ENTRY>;

impl Port {
    pub(super) fn new() -> io::Result<Arc<Port>> {
        // SAFETY: makes a new port, for one thread at a time.
        let handle = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 1) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new, and nobody else's.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        Ok(Arc::new(Port { handle, associated: AtomicUsize::new(0), is_orphan: AtomicBool::new(false) }))
    }

    pub(super) fn raw(&self) -> HANDLE {
        self.handle.as_raw_handle()
    }

    /// Has the packets of a socket or handle come here, for good.
    ///
    /// # Errors
    ///
    /// If it has another port, or isn't overlapped.
    pub(super) fn associate(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: takes numbers. What is no handle is an error.
        let port = unsafe { CreateIoCompletionPort(ptr::without_provenance_mut(fd), self.raw(), PACKET, 0) };
        if port.is_null() { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Notes that a handle is associated, or no more.
    pub(super) fn count_handle(&self, is_there: bool) {
        if is_there {
            self.associated.fetch_add(1, Ordering::Relaxed);
        } else {
            self.associated.fetch_sub(1, Ordering::Release);
        }
    }

    /// Whether packets of others may come here.
    pub(super) fn has_handles(&self) -> bool {
        self.associated.load(Ordering::Acquire) != 0
    }

    /// Ends the owner's wait.
    pub(crate) fn ring(&self) {
        self.post(BELL, ptr::null_mut(), 0);
    }

    fn post(&self, key: usize, overlapped: *mut OVERLAPPED, bytes: u32) {
        loop {
            // SAFETY: the port is open. It carries the pointer as a number.
            if unsafe { PostQueuedCompletionStatus(self.raw(), bytes, key, overlapped) } != 0 {
                return;
            }
            // The system has no memory for the moment. Nobody else knows of the packet, so it must not be given up.
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Fills `entries`.
    pub(super) fn wait(&self, entries: &mut Entries, pause: Pause) -> io::Result<()> {
        entries.clear();
        entries.reserve(ENTRIES);
        let mut count = 0;
        // SAFETY: room for so many entries, and for the count.
        let status = unsafe {
            let place = entries.as_mut_ptr();
            let time = milliseconds(pause);
            GetQueuedCompletionStatusEx(self.raw(), place, ENTRIES as u32, &raw mut count, time, 0)
        };
        if status == 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(WAIT_TIMEOUT as i32) { Ok(()) } else { Err(error) };
        }
        // SAFETY: the system has filled so many.
        unsafe { entries.set_len(count as usize) };
        Ok(())
    }

    /// The packet of an entry, if it is this port's own. Others' are sent on; a bell is nothing but a wake-up.
    pub(super) fn claim(self: &Arc<Port>, entry: &OVERLAPPED_ENTRY) -> Option<Box<Packet>> {
        if entry.lpCompletionKey != PACKET || entry.lpOverlapped.is_null() {
            return None;
        }
        // SAFETY: only packets are given to the system for handles that are associated with one of our ports.
        let packet = unsafe { Packet::from_kernel(entry.lpOverlapped) };
        if Arc::ptr_eq(packet.home(), self) {
            return Some(packet);
        }
        let home = Arc::clone(packet.home());
        home.post(PACKET, Packet::into_kernel(packet).as_ptr(), entry.dwNumberOfBytesTransferred);
        None
    }

    /// The driver is gone: somebody else has to send on what comes for others.
    pub(super) fn leave(self: &Arc<Port>) {
        if self.has_handles() && !self.is_orphan.swap(true, Ordering::AcqRel) {
            let port = Arc::clone(self);
            let forwards = move || port.forward();
            // Without a thread, what others have started on these handles doesn't end: there is nobody to tell.
            let _ = thread::Builder::new().name("fibra-port".to_owned()).spawn(forwards);
        }
    }

    fn forward(self: &Arc<Port>) {
        let mut entries = Entries::new();
        while self.wait(&mut entries, Pause::For(FORWARDER_LOOKS)).is_ok() {
            for entry in &entries {
                // What was the driver's own, and didn't end in time: its submitter has left it to the system.
                self.claim(entry).into_iter().for_each(|packet| {
                    Packet::into_kernel(packet);
                });
            }
            if entries.is_empty() && !self.has_handles() {
                return;
            }
        }
    }
}

/// Rounded up: a wait that ends before the time would be repeated for nothing.
pub(super) fn milliseconds(pause: Pause) -> u32 {
    match pause {
        Pause::Not => 0,
        Pause::Forever => INFINITE,
        Pause::For(duration) => {
            let milliseconds = duration.as_nanos().div_ceil(1_000_000);
            u32::try_from(milliseconds).unwrap_or(INFINITE - 1).min(INFINITE - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_and_never_become_endless() {
        let time = |nanos| milliseconds(Pause::For(Duration::from_nanos(nanos)));
        assert_eq!((time(1), time(1_000_000), time(1_000_001)), (1, 1, 2));
        assert_eq!(milliseconds(Pause::For(Duration::MAX)), INFINITE - 1);
    }
}
