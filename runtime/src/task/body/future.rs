//! A future as a body: polled, woken, polled again, on whichever worker.

use super::{Body, ThreadSlot};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A body that is a future.
pub(crate) struct FutureBody<F>(pub(crate) F);

impl<F> Body for FutureBody<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;
    type Meta = ();
    const THREAD: Option<fn(&()) -> &ThreadSlot> = None;

    unsafe fn poll(&mut self, (): &(), context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: by contract the body is pinned, and the future is a field of it that is never moved out.
        unsafe { Pin::new_unchecked(&mut self.0) }.poll(context)
    }
}
