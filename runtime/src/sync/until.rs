//! Waiting until something is so, where every change sends all waiters on to look.
//!
//! ```text
//!   look ──no──► join the queue ──► look ──no──► wait ──notified──┐
//!    ▲ │ yes                         │ yes                        │
//!    │ ▼                             ▼                            │
//!    │ ready                       ready                          │
//!    └────────────────────────────────────────────────────────────┘
//! ```
//!
//! The second look is what makes it safe: who changes something after that finds the waiter in the queue. All are told, so
//! that one that is dropped has nobody to tell.

use super::wait_queue::{WaitQueue, Waiting};
use crate::{
    scheduler::{clock, share},
    wait::{wait, wait_uncancellable, wait_until},
};
use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// See the module. `look` answers once what it looks for is so, and may change something then: it is called no more.
#[must_use = "futures do nothing unless they are awaited"]
pub(super) struct Until<'q, L> {
    waiting: Waiting<'q>,
    look: L,
    /// It is to be charged to the task's share of its worker.
    is_charged: bool,
}

impl<'q, T, L: FnMut() -> Option<T> + Unpin> Until<'q, L> {
    /// A wait that is over as soon as `look` has an answer. Whoever changes what it looks at notifies all of `queue` after that.
    pub(super) fn new(queue: &'q WaitQueue, look: L) -> Self {
        Self { waiting: queue.wait(), look, is_charged: false }
    }

    /// The same for what may be so again and again, so that whoever waits for it in a loop keeps its worker.
    pub(super) fn charged(queue: &'q WaitQueue, look: L) -> Self {
        Self { is_charged: true, ..Self::new(queue, look) }
    }

    /// Waits in direct style. A cancellation point while it waits.
    pub(super) fn wait(mut self) -> T {
        match self.look_at_once() {
            Some(answer) => answer,
            None => wait(self),
        }
    }

    /// The same without being a cancellation point.
    pub(super) fn wait_uncancellable(mut self) -> T {
        match self.look_at_once() {
            Some(answer) => answer,
            None => wait_uncancellable(self),
        }
    }

    /// The same as [`wait`](Self::wait) for at most `timeout`: `None` if there was no answer then.
    pub(super) fn wait_timeout(mut self, timeout: Duration) -> Option<T> {
        if let Some(answer) = self.look_at_once() {
            return Some(answer);
        }
        match clock::now().checked_add(timeout) {
            Some(deadline) => wait_until(&mut self, deadline).or_else(|| (self.look)()),
            // Further off than the clock can say.
            None => Some(wait(self)),
        }
    }

    /// A look without a waker, which on an OS thread takes an allocation.
    fn look_at_once(&mut self) -> Option<T> {
        if mem::take(&mut self.is_charged) {
            share::charge();
        }
        (self.look)()
    }
}

impl<T, L: FnMut() -> Option<T> + Unpin> Future for Until<'_, L> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Self { waiting, look, is_charged } = &mut *self;
        if *is_charged {
            ready!(share::poll_charge(cx));
            *is_charged = false;
        }
        if waiting.has_begun() {
            ready!(Pin::new(&mut *waiting).poll(cx));
        }
        if let Some(answer) = look() {
            return Poll::Ready(answer);
        }
        let joined = Pin::new(&mut *waiting).poll(cx);
        debug_assert!(joined.is_pending(), "a wait begins with its first poll");
        match look() {
            Some(answer) => {
                waiting.leave();
                Poll::Ready(answer)
            }
            None => Poll::Pending,
        }
    }
}
