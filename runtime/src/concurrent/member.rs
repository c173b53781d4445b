//! One of a set: what can be polled, and be asked to end.

use crate::{
    task::{
        cancellation::Cancelled,
        ending::{Ending, is_lost},
    },
    thread::ScopedJoinHandle,
};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

/// See the module. Polled, in either way, until it is ready once.
pub trait Member {
    /// What it ends with.
    type Output;

    /// As a future's `poll`.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output>;

    /// The same once its result is needless: it is cancelled, and ready when it has ended. `None`: without a result.
    fn poll_end(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Output>>;
}

/// A future that is polled where it is. It ends as [`Ending`] says.
pub struct InPlace<F: Future> {
    stage: Stage<F>,
    /// Its last poll has returned. It can be polled again, to end it; unless that panicked, or it never began.
    is_waiting: bool,
    ending: Option<Box<Ending>>,
}

enum Stage<F: Future> {
    Running(F),
    /// By being asked to; without an output, or it was taken.
    Ended(Option<F::Output>),
}

impl<F: Future> InPlace<F> {
    pub(super) fn new(future: F) -> Self {
        Self { stage: Stage::Running(future), is_waiting: false, ending: None }
    }

    /// Polls the future inside of the ending. Ready if that was the last time.
    fn poll_inside(
        ending: &Ending,
        future: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> Poll<Option<F::Output>> {
        ending.begin_poll();
        match contain_lost(|| ending.enter(|| future.poll(context))) {
            Some(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Some(Poll::Pending) if ending.is_awaiting() => Poll::Pending,
            Some(Poll::Pending) | None => Poll::Ready(None),
        }
    }
}

/// Runs what may wait in direct style inside of an ending. `None`: such a wait failed, and nobody caught that.
fn contain_lost<T>(inside: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(inside)) {
        Ok(output) => Some(output),
        Err(payload) if is_lost(&*payload) => None,
        Err(payload) => resume_unwind(payload),
    }
}

impl<F: Future> Member for InPlace<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future stays where it is until it is dropped there.
        let Self { stage, is_waiting, .. } = unsafe { self.get_unchecked_mut() };
        let Stage::Running(future) = stage else { unreachable!("a member is polled until it has ended") };
        *is_waiting = false;
        // SAFETY: as above.
        let polled = unsafe { Pin::new_unchecked(future) }.poll(context);
        *is_waiting = polled.is_pending();
        polled
    }

    fn poll_end(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        // SAFETY: as in `poll`.
        let Self { stage, is_waiting, ending } = unsafe { self.get_unchecked_mut() };
        let ending = ending.get_or_insert_default();
        if let Stage::Running(future) = stage {
            let mut output = None;
            if *is_waiting {
                // SAFETY: as in `poll`.
                let future = unsafe { Pin::new_unchecked(future) };
                output = ready!(Self::poll_inside(ending, future, context));
            }
            // The future is dropped inside too.
            contain_lost(|| ending.enter(|| *stage = Stage::Ended(None)));
            *stage = Stage::Ended(output);
        }
        ready!(ending.poll_orphans(context));
        let Stage::Ended(output) = stage else { unreachable!("it was ended above") };
        Poll::Ready(output.take())
    }
}

/// A green thread of a scope. It ends as a cancelled one does. Dropped before its end, it is cancelled, for its scope to
/// wait for.
pub struct Threaded<T> {
    thread: ScopedJoinHandle<'static, T>,
    is_over: bool,
}

impl<T> Threaded<T> {
    pub(super) fn new(thread: ScopedJoinHandle<'_, T>) -> Self {
        Self { thread: thread.unbound(), is_over: false }
    }

    fn poll_join(&mut self, context: &mut Context<'_>) -> Poll<crate::thread::Result<T>> {
        let outcome = ready!(self.thread.poll_join(context));
        self.is_over = true;
        Poll::Ready(outcome)
    }
}

impl<T> Member for Threaded<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.poll_join(context).map(|outcome| outcome.unwrap_or_else(|payload| resume_unwind(payload)))
    }

    fn poll_end(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.thread.cancel();
        match ready!(self.poll_join(context)) {
            Ok(output) => Poll::Ready(Some(output)),
            Err(payload) if payload.is::<Cancelled>() => Poll::Ready(None),
            Err(payload) => resume_unwind(payload),
        }
    }
}

impl<T> Drop for Threaded<T> {
    fn drop(&mut self) {
        if !self.is_over {
            self.thread.cancel();
        }
    }
}
