//! Something that happens once: what [`Latch`](super::Latch), [`WaitGroup`](super::WaitGroup) and
//! [`CancellationToken`](super::CancellationToken) wait for.

use super::{until::Until, wait_queue::WaitQueue};
use crate::primitive::{AcqRel, Acquire, AtomicBool};

/// See the module.
pub(super) struct Event {
    has_happened: AtomicBool,
    queue: WaitQueue,
}

impl Event {
    #[cfg(not(loom))]
    pub(super) const fn new(has_happened: bool) -> Self {
        Self { has_happened: AtomicBool::new(has_happened), queue: WaitQueue::new() }
    }

    #[cfg(loom)]
    pub(super) fn new(has_happened: bool) -> Self {
        Self { has_happened: AtomicBool::new(has_happened), queue: WaitQueue::new() }
    }

    /// What came before it happened is visible after a `true`.
    #[inline]
    pub(super) fn has_happened(&self) -> bool {
        self.has_happened.load(Acquire)
    }

    /// The flag that [`has_happened`](Self::has_happened) looks at.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.has_happened
    }

    pub(super) fn happen(&self) {
        self.declare();
        self.announce();
    }

    /// The first half of [`happen`](Self::happen): it wakes nobody, and so may be called under a lock. The other half must follow.
    pub(super) fn declare(&self) {
        self.has_happened.swap(true, AcqRel);
    }

    /// The other half.
    pub(super) fn announce(&self) {
        self.queue.notify_everybody();
    }

    /// The wait for it.
    pub(super) fn until(&self) -> Until<'_, impl FnMut() -> Option<()> + Unpin + '_> {
        Until::new(&self.queue, || self.has_happened().then_some(()))
    }
}
