//! What arrives from any thread, for one that takes it: a Treiber stack that is emptied whole.
//!
//! A [`Link`] is embedded in what arrives, so nothing is allocated. Arriving is one compare-and-swap; and since everything is
//! taken out at once, there is no ABA problem to solve. What is taken out comes in the order in which it arrived.
//!
//! ```text
//!   newest ──► link ──► link ──► link          take:  (nothing)      Chain ──► link ──► link ──► link
//!              third    second   first                                        first    second   third
//! ```

use crate::primitive::{AcqRel, Acquire, AtomicPtr, Relaxed, Release};
use std::ptr::{self, NonNull};

/// A link that is embedded in something that arrives. It is in at most one place, at most once.
pub(crate) struct Link {
    next: AtomicPtr<Link>,
}

impl Link {
    pub(crate) fn new() -> Self {
        Self { next: AtomicPtr::new(ptr::null_mut()) }
    }
}

/// The head of what is closed: no link's address.
const CLOSED: *mut Link = ptr::dangling_mut();

/// See the module.
pub(crate) struct Arrivals {
    newest: AtomicPtr<Link>,
}

/// What [`Arrivals::push`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arrival {
    /// Nobody else is there: whoever takes may have to be told.
    First,
    /// Others are there that have not been taken.
    Behind,
    /// Closed: it did not arrive.
    Refused,
}

// SAFETY: links are handed over whole by `push`, whose contract makes their use by whoever takes them sound.
unsafe impl Send for Arrivals {}
// SAFETY: as above; the only shared state is the atomic head.
unsafe impl Sync for Arrivals {}

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self { newest: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        let newest = self.newest.load(Acquire);
        newest.is_null() || newest == CLOSED
    }

    /// Adds `link`.
    ///
    /// # Safety
    ///
    /// The link is in no other `Arrivals` or `Chain`, and stays where it is until it has been popped from the chain that it
    /// is taken with, unless it is refused or nobody will take it any more.
    pub(crate) unsafe fn push(&self, link: NonNull<Link>) -> Arrival {
        let mut newest = self.newest.load(Relaxed);
        while newest != CLOSED {
            // SAFETY: the caller keeps the link alive, and nobody else uses it: it is nowhere else.
            unsafe { link.as_ref() }.next.store(newest, Relaxed);
            // Release: the link and all that the caller wrote go with it.
            match self.newest.compare_exchange_weak(newest, link.as_ptr(), Release, Relaxed) {
                Ok(_) => return if newest.is_null() { Arrival::First } else { Arrival::Behind },
                Err(now) => newest = now,
            }
        }
        Arrival::Refused
    }

    /// How many links there are, at most `limit`. On the thread that takes them, at any instruction.
    pub(crate) fn count(&self, limit: usize) -> usize {
        let (mut link, mut count) = (self.newest.load(Acquire), 0);
        if link == CLOSED {
            return 0;
        }
        // SAFETY: links stay alive until they are taken, and who would take them is busy here. Those that come meanwhile
        // are before `link`; the links behind it don't change.
        while let Some(current) = unsafe { link.as_ref() }
            && count < limit
        {
            count += 1;
            link = current.next.load(Relaxed);
        }
        count
    }

    /// Takes everything out. Only one thread at a time may take, or close.
    pub(crate) fn take(&self) -> Chain {
        if self.is_empty() {
            return Chain::new();
        }
        Chain::from_newest(self.newest.swap(ptr::null_mut(), AcqRel))
    }

    /// Takes everything out, and lets nothing in any more.
    pub(crate) fn close(&self) -> Chain {
        let newest = self.newest.swap(CLOSED, AcqRel);
        if newest == CLOSED { Chain::new() } else { Chain::from_newest(newest) }
    }
}

/// Links that were taken out, oldest first.
pub(crate) struct Chain(*mut Link);

// SAFETY: the links are the chain's alone; `Arrivals::push`'s contract makes their use by whoever takes them sound.
unsafe impl Send for Chain {}
// SAFETY: a shared chain gives nothing away.
unsafe impl Sync for Chain {}

impl Chain {
    pub(crate) const fn new() -> Self {
        Self(ptr::null_mut())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// The oldest link, which is nowhere any more.
    pub(crate) fn pop(&mut self) -> Option<NonNull<Link>> {
        let link = NonNull::new(self.0)?;
        // Read before the link is given away: its owner may free it, or push it again.
        // SAFETY: `push`'s contract keeps links alive until they are popped, and the chain is ours alone.
        self.0 = unsafe { link.as_ref() }.next.load(Relaxed);
        Some(link)
    }

    /// Turns a chain that starts with the newest link into one that starts with the oldest.
    fn from_newest(newest: *mut Link) -> Self {
        let (mut reversed, mut rest) = (ptr::null_mut(), newest);
        while let Some(link) = NonNull::new(rest) {
            // SAFETY: the chain is the caller's alone, and its links are alive.
            let next = unsafe { &link.as_ref().next };
            rest = next.load(Relaxed);
            next.store(reversed, Relaxed);
            reversed = link.as_ptr();
        }
        Self(reversed)
    }
}
