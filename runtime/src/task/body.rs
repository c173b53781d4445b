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

    /// Where a green thread's part of its `Meta` is; `None` of a future.
    const THREAD: Option<fn(&Self::Meta) -> &ThreadSlot>;

    /// Runs until it ends, or until it has to be run again.
    ///
    /// # Safety
    ///
    /// The body is pinned: it stays where it is until it is dropped. It is not polled after `Ready`.
    unsafe fn poll(&mut self, meta: &Self::Meta, context: &mut Context<'_>) -> Poll<Self::Output>;

    /// The task's output is stored, whatever it has ended by: called once, by its last runner. Must not panic.
    #[inline]
    fn ended(_: &Self::Meta) {}
}
