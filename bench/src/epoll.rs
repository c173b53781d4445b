//! An epoll instance whose descriptors are registered once, for every edge in both directions.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Tells which of its descriptors have become readable or writable. Any thread may add descriptors while one waits.
pub struct Epoll {
    instance: OwnedFd,
}

/// What has happened to a descriptor.
#[derive(Clone, Copy)]
pub struct Event {
    /// What it was added with.
    pub index: usize,
    /// Whether nothing comes after what there is to read: no later edge will say so.
    pub ended: bool,
}

/// Room for the events of one system call.
pub type Events = Box<[libc::epoll_event; BATCH]>;

/// By any of these, a stream has ended.
const END: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;

/// Events of one system call, at most.
const BATCH: usize = 512;

impl Epoll {
    /// An instance without descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: `epoll_create1` takes no pointer.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given this descriptor out, and nobody else knows of it.
        Ok(Self { instance: unsafe { OwnedFd::from_raw_fd(descriptor) } })
    }

    /// Room for [`wait`](Self::wait).
    pub fn events() -> Events {
        Box::new([libc::epoll_event { events: 0, u64: 0 }; BATCH])
    }

    /// Adds a descriptor; its events bring `index` back.
    pub fn add(&self, descriptor: &impl AsRawFd, index: usize) -> io::Result<()> {
        let edges = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLET | libc::EPOLLRDHUP;
        let mut event = libc::epoll_event { events: edges as u32, u64: index as u64 };
        let (instance, descriptor) = (self.instance.as_raw_fd(), descriptor.as_raw_fd());
        // SAFETY: `event` lives across the call, which reads it.
        let status = unsafe { libc::epoll_ctl(instance, libc::EPOLL_CTL_ADD, descriptor, &mut event) };
        if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits for events, so long at most.
    pub fn wait<'a>(
        &self,
        events: &'a mut Events,
        at_most: Duration,
    ) -> io::Result<impl Iterator<Item = Event> + use<'a>> {
        let timeout = i32::try_from(at_most.as_millis()).unwrap_or(-1);
        let instance = self.instance.as_raw_fd();
        // SAFETY: there is room for `BATCH` events at the pointer, which the call may overwrite while it lasts.
        let count = unsafe { libc::epoll_wait(instance, events.as_mut_ptr(), BATCH as i32, timeout) };
        let count = match usize::try_from(count) {
            Ok(count) => count,
            Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => 0,
            Err(_) => return Err(io::Error::last_os_error()),
        };
        Ok(events[..count]
            .iter()
            .map(|event| Event { index: event.u64 as usize, ended: event.events & END != 0 }))
    }
}
