//! What a handle knows of itself, and where it is registered, so that it can take itself out before it closes or leaves.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::os::{self, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use super::page_cache::Prospect;
use super::system_calls;
use crate::process::Birthplace;

/// An epoll instance, as its driver and the handles registered with it share it.
pub(crate) struct Poller {
    fd: OwnedFd,
    birthplace: Birthplace,
}

impl Poller {
    pub(crate) fn new(fd: OwnedFd) -> Poller {
        Poller { fd, birthplace: Birthplace::here() }
    }

    /// Changes what the instance watches.
    pub(crate) fn control(&self, operation: i32, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: `event` is valid for the call; the kernel copies it. Wrong descriptors are errors.
        let result = unsafe { libc::epoll_ctl(self.as_raw_fd(), operation, fd, &raw mut event) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

type Pollers = Mutex<Vec<Weak<Poller>>>;

/// A handle's [`Registrations`], made when something is to be known or noted: a connection under a ring never has any, and
/// connections are many.
#[derive(Default)]
pub(crate) struct Lazy(AtomicPtr<Registrations>);

impl Lazy {
    /// If they were made.
    pub(crate) fn get(&self) -> Option<&Registrations> {
        // SAFETY: it is null, or came from an `Arc` whose reference is ours until we are dropped.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    pub(crate) fn get_or_make(&self) -> &Registrations {
        self.get().unwrap_or_else(|| self.make())
    }

    #[cold]
    fn make(&self) -> &Registrations {
        let made = Arc::into_raw(Arc::new(Registrations::new())).cast_mut();
        match self.0.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: its reference is ours now, until we are dropped.
            Ok(_) => unsafe { &*made },
            Err(first) => {
                // SAFETY: it was made here, and nobody else has seen it.
                drop(unsafe { Arc::from_raw(made) });
                // SAFETY: as in `get`: not null, or the exchange would have succeeded.
                unsafe { &*first }
            }
        }
    }

    /// A reference that may outlive the handle.
    pub(crate) fn share(&self) -> Arc<Registrations> {
        let made: *const Registrations = self.get_or_make();
        // SAFETY: it came from an `Arc`, of which we have a reference: the count is at least 1.
        unsafe {
            Arc::increment_strong_count(made);
            Arc::from_raw(made)
        }
    }
}

impl Drop for Lazy {
    fn drop(&mut self) {
        let made = *self.0.get_mut();
        if !made.is_null() {
            // SAFETY: it came from an `Arc`, and this is the end of our reference.
            drop(unsafe { Arc::from_raw(made) });
        }
    }
}

/// What a handle knows of the drivers that watch it.
pub(crate) struct Registrations {
    /// The instances that may watch the handle.
    pollers: Pollers,
    /// The handle is closed or has left: the number is not its any more.
    withdrawn: AtomicBool,
    /// A driver has switched the descriptor to non-blocking mode, in which it did not come.
    made_nonblocking: AtomicBool,
    /// What the descriptor refers to, once somebody has asked.
    kind: AtomicU8,
    is_tcp: Asked,
    bypasses_cache: Asked,
    prospect: Prospect,
}

/// The answer to a question about a descriptor that is asked once.
#[derive(Default)]
struct Asked(AtomicU8);

impl Asked {
    fn or_ask(&self, ask: impl FnOnce() -> bool) -> bool {
        match self.0.load(Ordering::Relaxed) {
            0 => {
                let answer = ask();
                self.0.store(1 + u8::from(answer), Ordering::Relaxed);
                answer
            }
            known => known == 2,
        }
    }
}

/// What a descriptor refers to, as far as waiting goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A regular file, a directory or a block device: always "ready", and slow all the same.
    Disk = 1,
    Socket = 2,
    /// Everything else: pipes, terminals, eventfds.
    Stream = 3,
}

impl Kind {
    pub(crate) fn of(fd: RawFd) -> Kind {
        // SAFETY: plain data, for which all zeros is a value.
        let mut status: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: the buffer is valid for the call. A descriptor that is not open leaves zeros, and the call that is to be
        // made next says so.
        unsafe { libc::fstat(fd, &raw mut status) };
        match status.st_mode & libc::S_IFMT {
            libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Kind::Disk,
            libc::S_IFSOCK => Kind::Socket,
            _ => Kind::Stream,
        }
    }
}

impl Registrations {
    pub(crate) fn new() -> Registrations {
        Registrations {
            pollers: Pollers::default(),
            withdrawn: AtomicBool::new(false),
            made_nonblocking: AtomicBool::new(false),
            kind: AtomicU8::new(0),
            is_tcp: Asked::default(),
            bypasses_cache: Asked::default(),
            prospect: Prospect::default(),
        }
    }

    /// What the handle's descriptor refers to. That never changes, so it is asked once.
    pub(crate) fn kind(&self, fd: RawFd) -> Kind {
        match self.kind.load(Ordering::Relaxed) {
            1 => Kind::Disk,
            2 => Kind::Socket,
            3 => Kind::Stream,
            _ => {
                let kind = Kind::of(fd);
                self.kind.store(kind as u8, Ordering::Relaxed);
                kind
            }
        }
    }

    /// Whether the handle's descriptor is a TCP socket.
    pub(crate) fn is_tcp(&self, fd: RawFd) -> bool {
        self.is_tcp.or_ask(|| os::is_tcp(fd))
    }

    /// Whether the handle is a file without the page cache, as `ask` says.
    pub(crate) fn bypasses_cache(&self, ask: impl FnOnce() -> bool) -> bool {
        self.bypasses_cache.or_ask(ask)
    }

    /// Whether to look for what is read in the page cache.
    pub(crate) fn prospect(&self) -> &Prospect {
        &self.prospect
    }

    /// Notes that `poller` watches the handle.
    pub(crate) fn add(&self, poller: &Arc<Poller>) {
        let mut pollers = self.pollers.lock().unwrap_or_else(PoisonError::into_inner);
        pollers.retain(|known| known.strong_count() > 0);
        if !pollers.iter().any(|known| ptr::eq(known.as_ptr(), Arc::as_ptr(poller))) {
            pollers.push(Arc::downgrade(poller));
        }
    }

    /// Takes the descriptor out of every instance that watches it.
    pub(crate) fn withdraw(&self, fd: RawFd) {
        self.withdrawn.store(true, Ordering::Release);
        for poller in self.pollers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // An instance inherited through a fork is the parent's: the parent's handle is not closed by this.
            if let Some(poller) = poller.upgrade().filter(|poller| !poller.birthplace.is_elsewhere()) {
                // It fails if the descriptor is not registered any more, which is what we want.
                let _ = poller.control(libc::EPOLL_CTL_DEL, fd, 0, 0);
            }
        }
    }

    /// Whether the handle is gone, and its number possibly another's.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    /// Notes that a driver needed non-blocking mode, so that the descriptor leaves in the mode it came in.
    pub(crate) fn note_nonblocking(&self) {
        self.made_nonblocking.store(true, Ordering::Release);
    }

    /// Undoes what [`note_nonblocking`](Registrations::note_nonblocking) noted.
    pub(crate) fn restore_blocking_mode(&self, fd: BorrowedFd<'_>) {
        if self.made_nonblocking.load(Ordering::Acquire) {
            // The descriptor is open, and the flag was changed before: there is no reason to fail, and nobody to tell.
            let _ = system_calls::set_nonblocking(fd.as_raw_fd(), false);
        }
    }
}
