//! A place for one message, from the sender that ends the receiver's wait to the receiver, which takes it without a lock.

use super::super::cell::UnsafeCell;
use crate::primitive::{Acquire, AtomicBool, Relaxed, Release};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// See the module.
pub(super) struct Handover<T> {
    is_full: AtomicBool,
    /// The senders' while `is_full` is clear, the receiver's while it is set.
    message: UnsafeCell<Option<T>>,
}

// SAFETY: a message is moved from one thread to another, never shared; `is_full` hands the place over.
unsafe impl<T: Send> Sync for Handover<T> {}

// A panic leaves a message in the place or out of it; what is inside of a message is not shared.
impl<T> UnwindSafe for Handover<T> {}
impl<T> RefUnwindSafe for Handover<T> {}

impl<T> Handover<T> {
    pub(super) fn new() -> Self {
        Self { is_full: AtomicBool::new(false), message: UnsafeCell::new(None) }
    }

    /// Leaves a message for the receiver.
    ///
    /// # Safety
    ///
    /// The place is empty, the caller knows that from the receiver, and nobody else puts something in.
    #[inline]
    pub(super) unsafe fn put(&self, message: T) {
        // SAFETY: by contract the receiver has finished with the place, and no other sender is here.
        self.message.with_mut(|place| unsafe { *place = Some(message) });
        // Release: the message is there for whoever sees this.
        self.is_full.store(true, Release);
    }

    /// Whether there is a message. It stays, if the caller is the receiver; none comes, if that doesn't wait.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Acquire)
    }

    /// Takes the message.
    ///
    /// # Safety
    ///
    /// The caller is the receiver.
    #[inline]
    pub(super) unsafe fn take(&self) -> Option<T> {
        if !self.is_full.load(Acquire) {
            return None;
        }
        // SAFETY: the place is full, so no sender touches it, and by contract there is one receiver.
        let message = self.message.with_mut(|place| unsafe { (*place).take() });
        // Relaxed: senders hear of it by the channel's lock, which the receiver takes before it waits again.
        self.is_full.store(false, Relaxed);
        message
    }
}
