//! A worker's own queue: a fixed ring that the worker fills and empties, and from which others steal up to half.
//!
//! ```text
//!        head (anyone, by compare-and-swap)      tail (owner alone)
//!          ▼                                       ▼
//!   ┌───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┐
//!   │   │ a │ b │ c │ d │ e │ f │   │   │   │   │   │   │
//!   └───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┘
//! ```
//!
//! Both counters only grow (and wrap); a slot is a counter modulo the capacity. A thief copies the pointers that
//! it wants *before* it moves `head` past them: the owner never overwrites a slot from `head` on, so if the
//! compare-and-swap succeeds, what was copied was the truth, and is now the thief's. If it fails, the copies
//! are forgotten.

use crate::primitive::{AcqRel, Acquire, AtomicPtr, AtomicU32, Relaxed, Release};
use crate::task::{header::Header, runnable::Runnable};
use std::{
    array,
    ptr::{self, NonNull},
};

/// How many tasks the ring holds: more than a worker usually has that are ready at a time, or their order suffers. What
/// overflows goes behind all the others, so with 256 slots some of a thousand busy connections waited for several rounds.
/// Small under a model, where every slot costs states; the logic is the same.
#[cfg(not(loom))]
pub(super) const CAPACITY: u32 = 2048;
#[cfg(loom)]
pub(super) const CAPACITY: u32 = 4;
/// How many tasks change queues at once, at most: their headers are touched then, and shall still be in the cache when they
/// run.
#[cfg(not(loom))]
pub(super) const BATCH: u32 = 128;
#[cfg(loom)]
pub(super) const BATCH: u32 = 2;

/// See the module. `push`, `pop` and `steal_into`'s destination are the owner's.
pub(crate) struct LocalQueue {
    head: AtomicU32,
    tail: AtomicU32,
    slots: Box<[AtomicPtr<Header>; CAPACITY as usize]>,
}

impl LocalQueue {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            slots: Box::new(array::from_fn(|_| AtomicPtr::new(ptr::null_mut()))),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.load(Acquire) == self.tail.load(Acquire)
    }

    /// How many tasks there are, as far as its owner can know: thieves only make it fewer.
    pub(crate) fn len(&self) -> u32 {
        self.tail.load(Relaxed).wrapping_sub(self.head.load(Acquire))
    }

    /// How many tasks can be pushed without an overflow: at least; thieves only make more room.
    pub(crate) fn room(&self) -> u32 {
        CAPACITY - self.len()
    }

    fn slot(&self, index: u32) -> &AtomicPtr<Header> {
        &self.slots[(index % CAPACITY) as usize]
    }

    /// Appends `runnable`. A full ring gives its oldest tasks, and then `runnable`, to `overflow`.
    ///
    /// # Safety
    ///
    /// The caller is the queue's owner.
    pub(crate) unsafe fn push(
        &self,
        runnable: Runnable,
        overflow: impl FnOnce(&mut dyn Iterator<Item = Runnable>),
    ) {
        let tail = self.tail.load(Relaxed);
        loop {
            // Acquire: a thief that moved `head` has read its slots before we write them.
            let head = self.head.load(Acquire);
            if tail.wrapping_sub(head) < CAPACITY {
                self.slot(tail).store(runnable.into_raw().as_ptr(), Relaxed);
                // Release: who sees the new tail sees the slot, and the task.
                self.tail.store(tail.wrapping_add(1), Release);
                return;
            }
            if self.head.compare_exchange(head, head.wrapping_add(BATCH), AcqRel, Acquire).is_ok() {
                // SAFETY: the swap made these slots ours alone, and nobody but us writes slots.
                let taken = (0..BATCH).map(|i| unsafe { self.read(head.wrapping_add(i)) });
                return overflow(&mut taken.chain([runnable]));
            }
        }
    }

    /// Takes the oldest task.
    ///
    /// # Safety
    ///
    /// The caller is the queue's owner.
    pub(crate) unsafe fn pop(&self) -> Option<Runnable> {
        let tail = self.tail.load(Relaxed);
        let mut head = self.head.load(Acquire);
        while head != tail {
            match self.head.compare_exchange_weak(head, head.wrapping_add(1), AcqRel, Acquire) {
                // SAFETY: the swap made the slot ours, and nobody but us writes slots.
                Ok(_) => return Some(unsafe { self.read(head) }),
                Err(now) => head = now,
            }
        }
        None
    }

    /// Takes half of this queue's tasks (rounded up, and no more than [`BATCH`]): returns one, and puts the others into
    /// `into`, which is empty.
    ///
    /// # Safety
    ///
    /// The caller owns `into`.
    pub(crate) unsafe fn steal_into(&self, into: &LocalQueue) -> Option<Runnable> {
        let to = into.tail.load(Relaxed);
        debug_assert!(to == into.head.load(Relaxed), "a worker steals when its own queue is empty");
        loop {
            let head = self.head.load(Acquire);
            let available = self.tail.load(Acquire).wrapping_sub(head);
            if available == 0 {
                return None;
            }
            // The two counters are not read at one moment: an impossible count means that they moved.
            if available > CAPACITY {
                continue;
            }
            let count = (available - available / 2).min(BATCH);
            for i in 0..count {
                let copied = self.slot(head.wrapping_add(i)).load(Relaxed);
                into.slot(to.wrapping_add(i)).store(copied, Relaxed);
            }
            if self.head.compare_exchange(head, head.wrapping_add(count), AcqRel, Relaxed).is_ok() {
                // SAFETY: the swap made what we copied ours; the last copy is beyond the tail set below.
                let last = unsafe { into.read(to.wrapping_add(count - 1)) };
                into.tail.store(to.wrapping_add(count - 1), Release);
                return Some(last);
            }
        }
    }

    /// The task in a slot.
    ///
    /// # Safety
    ///
    /// The slot was filled, and the caller has just become the only one to use it up.
    unsafe fn read(&self, index: u32) -> Runnable {
        let header = self.slot(index).load(Relaxed);
        // SAFETY: a filled slot holds a queue's reference, which the caller uses up.
        unsafe { Runnable::from_raw(NonNull::new_unchecked(header)) }
    }
}

impl Drop for LocalQueue {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: nobody else is there.
        while let Some(runnable) = unsafe { self.pop() } {
            drop(runnable);
        }
    }
}
