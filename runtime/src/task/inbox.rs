//! A worker's inbox: letters from other threads, delivered on the worker's own.
//!
//! What belongs to one worker (its ring, its parked stacks) is touched by that worker alone. Whoever else
//! wants something done there posts a [`Letter`] that is embedded in the thing it is about, so posting
//! never allocates.

use super::arrivals::{Arrival, Arrivals, Chain, Link};
use std::ptr::NonNull;

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

/// See the module.
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

    /// Delivers everything that is in the inbox now, oldest first; returns how many letters there were.
    pub(crate) fn deliver_all(&self) -> usize {
        Self::deliver_chain(self.0.take())
    }

    /// Delivers what is in the inbox, and lets nothing in any more: its worker is about to end.
    pub(crate) fn close(&self) {
        Self::deliver_chain(self.0.close());
    }

    fn deliver_chain(mut letters: Chain) -> usize {
        let mut delivered = 0;
        while let Some(link) = letters.pop() {
            let letter: NonNull<Letter> = link.cast();
            // SAFETY: only letters come here, the link starts its `repr(C)` letter, and `post`'s caller promised that
            // delivery here is sound, once.
            unsafe { (letter.as_ref().deliver)(letter) };
            delivered += 1;
        }
        delivered
    }
}
