//! The list on which members put themselves when they end, and how many have.
//!
//! To end is to push a link, which is one compare-and-swap, and to count. Whoever has the set takes the links out, oldest first;
//! others may watch the count. What a member has ended with stays where it is: nothing is allocated.
//!
//! ```text
//!   a member ends:  push ──► count ──► watchers ──► the receiver, if nobody was on the list
//!
//!   the receiver:   leave the waker ──► take ──► nothing: wait
//! ```
//!
//! A wake can't get lost: both sides change the waker's place in between, so that either the member finds the waker there, or
//! the receiver finds the link.

use super::group::Progress;
use crate::{
    primitive::{AcqRel, Acquire, AtomicUsize, AtomicWaker, Release},
    sync::{Notified, Notify},
    task::{
        arrivals::{Arrival, Arrivals, Chain, Link},
        home::Home,
        join::contain,
    },
};
use std::{ptr::NonNull, task::Waker};

/// See the module.
pub(super) struct Finished {
    arrivals: Arrivals,
    receiver: AtomicWaker,
    /// How many have ended, in units of [`ONE`]; and the other two.
    count: AtomicUsize,
    /// How many were spawned.
    total: AtomicUsize,
    /// For those who watch the count.
    changed: Notify,
}

/// Somebody watches the count.
const WATCHED: usize = 1;
/// The set has let go of its tasks.
const CLOSED: usize = 2;
const ONE: usize = 4;

impl Finished {
    /// For so many members, so far.
    pub(super) fn of(total: usize) -> Self {
        Self {
            arrivals: Arrivals::new(),
            receiver: AtomicWaker::new(),
            count: AtomicUsize::new(0),
            total: AtomicUsize::new(total),
            changed: Notify::new(),
        }
    }

    /// A member has ended: lets the receiver have its link, and counts it.
    ///
    /// # Safety
    ///
    /// The link is in no list and was not announced before. It stays where it is until it has been popped, or until this list
    /// is closed.
    pub(super) unsafe fn announce(&self, link: NonNull<Link>) {
        // SAFETY: by contract it is nowhere else, and stays until it was popped, or refused.
        let arrival = unsafe { self.arrivals.push(link) };
        // After the push: who is counted can be taken, and those that are counted one after another come in that order.
        let before = self.count.fetch_add(ONE, AcqRel);
        self.tell(before);
        if arrival == Arrival::First
            && let Some(waker) = self.receiver.take()
        {
            // Behind those that are about to end too. A waker is foreign code, and so is its destructor.
            contain(|| Home::wake_last(&waker));
            contain(|| drop(waker));
        }
    }

    /// Those that have ended since the last time, oldest first.
    pub(super) fn take(&self) -> Chain {
        self.arrivals.take()
    }

    /// Has `waker` woken for the next one that ends. Whoever has registered it looks once more.
    pub(super) fn register(&self, waker: &Waker) {
        self.receiver.register(waker);
    }

    /// The set lets go of its tasks: what ends from now on is counted, and no more.
    pub(super) fn close(&self) {
        self.arrivals.close();
        drop(self.receiver.take());
        let before = self.count.fetch_or(CLOSED, AcqRel);
        self.tell(before);
    }

    pub(super) fn progress(&self) -> Progress {
        self.look().0
    }

    /// The same, and whether it is final.
    pub(super) fn look(&self) -> (Progress, bool) {
        // In this order: never more ended than spawned.
        let count = self.count.load(Acquire);
        let progress = Progress { finished: count / ONE, total: self.total.load(Acquire) };
        (progress, count & CLOSED != 0 && progress.is_complete())
    }

    /// Another member was spawned, as one of so many.
    pub(super) fn set_total(&self, total: usize) {
        self.total.store(total, Release);
        self.tell(self.count.load(Acquire));
    }

    /// From now on changes are told.
    pub(super) fn watch(&self) {
        self.count.fetch_or(WATCHED, AcqRel);
    }

    /// Becomes ready with a change that comes after this call.
    pub(super) fn change(&self) -> Notified<'_> {
        self.changed.notified_async()
    }

    /// Tells of a change those who watch, if the count before it says that there are any.
    fn tell(&self, count: usize) {
        if count & WATCHED != 0 {
            contain(|| self.changed.notify_waiters());
        }
    }
}
