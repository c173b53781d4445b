//! The receiver's own messages, for which it needs no lock: what was in an unbounded channel's buffer when it last took one.

use std::{cell::UnsafeCell, collections::VecDeque, mem};

/// A drained batch with room for more messages than this is not kept if far fewer are coming.
const KEPT: usize = 1024;

/// See the module. It is no lock's and not `Sync`, and no method runs foreign code: so none is entered again by another.
pub(super) struct Batch<T>(UnsafeCell<VecDeque<T>>);

impl<T> Batch<T> {
    pub(super) fn new() -> Self {
        Self(UnsafeCell::new(VecDeque::new()))
    }

    /// Takes the oldest message out.
    #[inline]
    pub(super) fn pop(&self) -> Option<T> {
        // SAFETY: no other reference exists: each is gone when its method returns, and to move a message out runs no foreign
        // code that could call another one.
        unsafe { &mut *self.0.get() }.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        // SAFETY: as above.
        unsafe { &*self.0.get() }.len()
    }

    /// Takes over all of `messages`, and leaves the room that is free. The batch is empty.
    pub(super) fn refill(&self, messages: &mut VecDeque<T>) {
        // SAFETY: as above: to give room back and to swap run no foreign code, since there are no messages in it.
        let batch = unsafe { &mut *self.0.get() };
        debug_assert!(batch.is_empty());
        if batch.capacity() > KEPT && batch.capacity() / 4 > messages.len() {
            *batch = VecDeque::new();
        }
        mem::swap(batch, messages);
    }
}
