//! A worker's inbox: letters from other threads, delivered on the worker's own.
//!
//! What belongs to one worker (its ring, its parked stacks) is touched by that worker alone. Whoever else
//! wants something done there posts a [`Letter`] that is embedded in the thing it is about, so posting
//! never allocates. The inbox is a Treiber stack that is emptied whole: pushing is one compare-and-swap,
//! and emptying everything at once leaves no ABA problem to solve.

use crate::primitive::{AcqRel, Acquire, AtomicPtr, Relaxed, Release};
use std::ptr::{self, NonNull};

/// A link that is embedded in something that can be posted. It is in at most one inbox, at most once.
pub(crate) struct Letter {
    next: AtomicPtr<Letter>,
    /// Run on the worker's thread. It gets the reference that [`Inbox::post`] was given.
    deliver: unsafe fn(NonNull<Letter>),
}

impl Letter {
    pub(crate) fn new(deliver: unsafe fn(NonNull<Letter>)) -> Self {
        Self { next: AtomicPtr::new(ptr::null_mut()), deliver }
    }
}

/// The head of an inbox that is closed: no letter's address.
const CLOSED: *mut Letter = ptr::dangling_mut();

/// See the module.
pub(crate) struct Inbox {
    newest: AtomicPtr<Letter>,
}

// SAFETY: letters are handed over whole by `post`, whose contract makes their delivery elsewhere sound.
unsafe impl Send for Inbox {}
// SAFETY: as above; the only shared state is the atomic head.
unsafe impl Sync for Inbox {}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { newest: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Whether there is nothing to deliver.
    pub(crate) fn is_empty(&self) -> bool {
        let newest = self.newest.load(Acquire);
        newest.is_null() || newest == CLOSED
    }

    /// Puts `letter` into the inbox. `false`: it is closed, and the reference stays with the caller.
    ///
    /// # Safety
    ///
    /// The letter is in no inbox, stays where it is until it has been delivered (a reference is handed
    /// over with it), and its `deliver` may run on the thread that empties this inbox.
    #[must_use]
    pub(crate) unsafe fn post(&self, letter: NonNull<Letter>) -> bool {
        let mut newest = self.newest.load(Relaxed);
        while newest != CLOSED {
            // SAFETY: the caller keeps the letter alive, and nobody else uses its link: it is in no inbox.
            unsafe { letter.as_ref() }.next.store(newest, Relaxed);
            // Release: the letter's link and all that the poster wrote go with it.
            match self.newest.compare_exchange_weak(newest, letter.as_ptr(), Release, Relaxed) {
                Ok(_) => return true,
                Err(now) => newest = now,
            }
        }
        false
    }

    /// How many letters there are, at most `limit`. On the thread that delivers them, at any instruction.
    pub(crate) fn count(&self, limit: usize) -> usize {
        let (mut letter, mut count) = (self.newest.load(Acquire), 0);
        if letter == CLOSED {
            return 0;
        }
        // SAFETY: letters stay alive until they are delivered, and who would deliver them is busy here. Those that come
        // meanwhile are before `letter`; the links behind it don't change.
        while let Some(current) = unsafe { letter.as_ref() }
            && count < limit
        {
            count += 1;
            letter = current.next.load(Relaxed);
        }
        count
    }

    /// Delivers everything that is in the inbox now, oldest first; returns how many letters there were.
    pub(crate) fn deliver_all(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        Self::deliver_chain(self.newest.swap(ptr::null_mut(), AcqRel))
    }

    /// Delivers what is in the inbox, and lets nothing in any more: its worker is about to end.
    pub(crate) fn close(&self) {
        let newest = self.newest.swap(CLOSED, AcqRel);
        if newest != CLOSED {
            Self::deliver_chain(newest);
        }
    }

    /// Delivers a chain that starts with the newest letter, and that is the caller's alone.
    fn deliver_chain(newest: *mut Letter) -> usize {
        let mut next = Self::reverse(newest);
        let mut delivered = 0;
        while let Some(letter) = NonNull::new(next) {
            // SAFETY: `post` keeps letters alive until delivery, and the chain is ours alone.
            let (following, deliver) =
                unsafe { (letter.as_ref().next.load(Relaxed), letter.as_ref().deliver) };
            // The link was read first: delivery may free the letter or post it again.
            // SAFETY: `post`'s caller promised that delivery here is sound, once.
            unsafe { deliver(letter) };
            next = following;
            delivered += 1;
        }
        delivered
    }

    /// Turns a chain that starts with the newest letter into one that starts with the oldest.
    fn reverse(newest: *mut Letter) -> *mut Letter {
        let (mut reversed, mut rest) = (ptr::null_mut(), newest);
        while let Some(letter) = NonNull::new(rest) {
            // SAFETY: the chain is owned by the caller, and its letters are alive.
            let link = unsafe { &letter.as_ref().next };
            rest = link.load(Relaxed);
            link.store(reversed, Relaxed);
            reversed = letter.as_ptr();
        }
        reversed
    }
}
