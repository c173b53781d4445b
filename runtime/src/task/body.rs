//! What a task runs. The scheduler sees `Runnable`s; only this folder knows that there are two kinds.

pub(crate) mod closure;
pub(crate) mod future;

pub(crate) use closure::ThreadSlot;

use std::task::{Context, Poll};

/// A future, or a closure.
pub(crate) trait Body: Send + 'static {
    /// What it ends with.
    type Output: Send + 'static;
    /// What lies beside it for as long as the task exists.
    type Meta: Send + Sync + 'static;

    /// Whether it is a green thread's.
    const IS_THREAD: bool;

    /// Runs until it ends, or until it has to be run again.
    ///
    /// # Safety
    ///
    /// The body is pinned: it stays where it is until it is dropped. It is not polled after `Ready`.
    unsafe fn poll(&mut self, context: &mut Context<'_>) -> Poll<Self::Output>;

    /// The green thread's part of `meta`.
    fn thread(meta: &Self::Meta) -> Option<&ThreadSlot>;
}
