//! A closure as a body: a green thread. Run once; where it waits, its stack waits.

use super::Body;
use crate::task::thread::Thread;
use std::{
    num::NonZeroUsize,
    sync::OnceLock,
    task::{Context, Poll},
};

/// A body that is a closure.
pub(crate) struct ClosureBody<F>(Option<F>);

impl<F> ClosureBody<F> {
    pub(crate) fn new(closure: F) -> Self {
        Self(Some(closure))
    }
}

/// What a green thread has beside its closure.
pub(crate) struct ThreadSlot {
    /// Its handle, made when somebody first asks (or at once, if it has a name).
    pub(crate) handle: OnceLock<Thread>,
    /// The stack that it asked for, in bytes, if it did.
    pub(crate) stack_size: Option<NonZeroUsize>,
}

impl ThreadSlot {
    /// Whether it was given a name.
    pub(crate) fn is_named(&self) -> bool {
        self.handle.get().is_some_and(|thread| thread.name().is_some())
    }
}

impl<F, T> Body for ClosureBody<F>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;
    type Meta = ThreadSlot;
    const THREAD: Option<fn(&ThreadSlot) -> &ThreadSlot> = Some(|slot| slot);

    unsafe fn poll(&mut self, _: &ThreadSlot, _: &mut Context<'_>) -> Poll<T> {
        let closure = self.0.take().expect("a closure runs once");
        Poll::Ready(closure())
    }
}
