//! A worker's inbox: letters from other threads, delivered on the worker's own.
//!
//! What belongs to one worker (its ring, its parked stacks) is touched by that worker alone. Whoever else
//! wants something done there posts a [`Letter`] that is embedded in the thing it is about, so posting
//! never allocates.

use super::{
    arrivals::{Arrival, Arrivals, Chain, Link},
    join::contain,
};
use std::{cell::Cell, ptr::NonNull};

/// A link that is embedded in something that can be posted. It is in at most one inbox, at most once.
#[repr(C)]
pub(crate) struct Letter {
    /// First, so that a link's address is its letter's.
    link: Link,
    /// Run on the worker's thread. It gets the reference that [`Inbox::post`] was given.
    deliver: unsafe fn(NonNull<Letter>),
}

impl Letter {
    pub(crate) fn new(deliver: unsafe fn(NonNull<Letter>)) -> Self {
        Self { link: Link::new(), deliver }
    }
}

/// See the module. On lines of its own: other threads write there, and beside it is what its worker uses all the time.
#[repr(align(128))]
pub(crate) struct Inbox(Arrivals);

impl Inbox {
    pub(crate) fn new() -> Self {
        Self(Arrivals::new())
    }

    /// Whether there is nothing to deliver.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts `letter` into the inbox. `false`: it is closed, and the reference stays with the caller.
    ///
    /// # Safety
    ///
    /// The letter is in no inbox, stays where it is until it has been delivered (a reference is handed
    /// over with it), and its `deliver` may run on the thread that empties this inbox.
    #[must_use]
    pub(crate) unsafe fn post(&self, letter: NonNull<Letter>) -> bool {
        // SAFETY: by contract the letter is in no inbox, and stays until it is delivered, which is after it was popped.
        unsafe { self.0.push(letter.cast()) != Arrival::Refused }
    }

    /// How many letters there are, at most `limit`. On the thread that delivers them, at any instruction.
    pub(crate) fn count(&self, limit: usize) -> usize {
        self.0.count(limit)
    }

    /// Takes out everything that is in the inbox now.
    pub(crate) fn take(&self) -> Chain {
        self.0.take()
    }

    /// The same, and lets nothing in any more: its worker is about to end.
    pub(crate) fn close(&self) -> Chain {
        self.0.close()
    }
}

/// Letters that were taken out, and have yet to be delivered.
pub(crate) struct Letters(Cell<Chain>);

impl Letters {
    pub(crate) const fn none() -> Self {
        Self(Cell::new(Chain::new()))
    }

    /// Delivers what is here, then `more`, oldest first; returns how many letters there were.
    ///
    /// One may drop or wake something foreign, which may wait, on the stack that we stand on: the others are here then, for
    /// whoever goes on meanwhile.
    pub(crate) fn deliver(&self, more: impl FnOnce() -> Chain) -> usize {
        let left = self.deliver_rest();
        self.0.set(more());
        left + self.deliver_rest()
    }

    fn deliver_rest(&self) -> usize {
        let mut delivered = 0;
        while let Some(letter) = self.pop() {
            // SAFETY: only letters come here, and `post`'s caller promised that delivery here is sound, once.
            contain(|| unsafe { (letter.as_ref().deliver)(letter) });
            delivered += 1;
        }
        delivered
    }

    fn pop(&self) -> Option<NonNull<Letter>> {
        let mut letters = self.0.replace(Chain::new());
        let oldest = letters.pop();
        self.0.set(letters);
        // The link starts its `repr(C)` letter.
        oldest.map(NonNull::cast)
    }
}
