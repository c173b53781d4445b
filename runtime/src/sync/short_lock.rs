//! A lock for a few instructions: what guards the insides of the primitives of this module.
//!
//! Its rule is what makes it safe to block an OS thread on: **nothing is waited for, woken or dropped
//! while it is held.** A holder thus never switches stacks (it would leave the lock to a task that nobody
//! may be able to run) and never runs foreign code that could come back for the same lock.

use crate::primitive::Mutex;
use std::sync::PoisonError;

pub(super) struct ShortLock<T>(Mutex<T>);

impl<T> ShortLock<T> {
    #[cfg(not(loom))]
    pub(super) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    #[cfg(loom)]
    pub(super) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Poison is passed over: only foreign code can panic under the lock (a waker's `clone`), and each
    /// caller runs it before it changes anything.
    #[inline]
    pub(super) fn lock(&self) -> impl std::ops::DerefMut<Target = T> + '_ {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
