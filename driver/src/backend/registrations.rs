//! What a handle knows of itself, and where it is registered, so that it can take itself out before it closes or leaves.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::os::{self, AsRawFd, BorrowedFd, RawFd};
use super::page_cache::Prospect;
use super::system_calls;
use crate::fixed::{self, Id, Span};

/// What watches descriptors for a driver, as the handles registered with it see it.
pub(crate) trait Watcher: Send + Sync {
    /// Takes a descriptor out, from any thread, before it leaves or, if it `closes`, before it closes. In a child that was
    /// forked from the driver's process it does nothing.
    fn withdraw(&self, fd: RawFd, closes: bool);
}

type Watchers = Mutex<Vec<Weak<dyn Watcher>>>;

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

    /// As [`Registrations::fix`].
    pub(crate) fn fix(&self) {
        self.get_or_make().fix();
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
    /// Who may watch the handle.
    watchers: Watchers,
    /// The handle is closed or has left: the number is not its any more.
    withdrawn: AtomicBool,
    /// A driver has switched the descriptor to non-blocking mode, in which it did not come.
    made_nonblocking: AtomicBool,
    /// What the descriptor refers to, once somebody has asked.
    kind: AtomicU8,
    is_tcp: Asked,
    bypasses_cache: Asked,
    prospect: Prospect,
    /// The bits of its [id](Id) if it is fixed, or 0.
    fixed: AtomicU64,
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
            watchers: Watchers::default(),
            withdrawn: AtomicBool::new(false),
            made_nonblocking: AtomicBool::new(false),
            kind: AtomicU8::new(0),
            is_tcp: Asked::default(),
            bypasses_cache: Asked::default(),
            prospect: Prospect::default(),
            fixed: AtomicU64::new(0),
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

    /// Has rings know the descriptor by a number, if there is one left.
    pub(crate) fn fix(&self) {
        if self.fixed().is_some() {
            return;
        }
        let Some(id) = fixed::add(fixed::Kind::File, Span::default()) else { return };
        if self.fixed.compare_exchange(0, id.to_bits(), Ordering::AcqRel, Ordering::Acquire).is_err() {
            // Somebody else has done it meanwhile.
            fixed::remove(fixed::Kind::File, id);
        }
    }

    /// What rings know the descriptor by.
    #[inline]
    pub(crate) fn fixed(&self) -> Option<Id> {
        Id::from_bits(self.fixed.load(Ordering::Acquire))
    }

    /// Notes that `watcher` watches the handle.
    pub(crate) fn add(&self, watcher: &Arc<dyn Watcher>) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|known| known.strong_count() > 0);
        if !watchers.iter().any(|known| ptr::addr_eq(known.as_ptr(), Arc::as_ptr(watcher))) {
            watchers.push(Arc::downgrade(watcher));
        }
    }

    /// Takes the descriptor out of everything that watches it: it leaves, or, if it `closes`, is about to be closed.
    pub(crate) fn withdraw(&self, fd: RawFd, closes: bool) {
        self.withdrawn.store(true, Ordering::Release);
        if let Some(id) = Id::from_bits(self.fixed.swap(0, Ordering::AcqRel)) {
            fixed::remove(fixed::Kind::File, id);
        }
        for watcher in self.watchers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Some(watcher) = watcher.upgrade() {
                watcher.withdraw(fd, closes);
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
