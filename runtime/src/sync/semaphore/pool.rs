//! The permits that nobody has, and who waits for them.
//!
//! ```text
//!                          add, give back
//!             ┌──────────────────────────────────────────────────────┐
//!             ▼                                                      │
//!   permits in the pool ──► nobody waits, and there are enough ──► permit
//!             │                                                      ▲
//!             └─► enough for the front waiter ──► granted ───────────┤  at its next poll
//!             ▲                                      │               │
//!             └──────────────────────────────────────┘ it left before
//! ```
//!
//! *While somebody waits, the pool is the front waiter's alone*: it grows until it is enough for that one. So the pool is
//! either too small for the front waiter, or nobody waits. Whatever may end that grants again: permits that come, and
//! a front waiter that leaves.

use super::super::{
    short_lock::ShortLock,
    wait_queue::{Notice, Standing, Ticket, WaitList},
};
use super::{AcquireError, Semaphore, TryAcquireError};
use crate::task::join::wake_all;
use std::{
    iter,
    task::{Context, Poll, Waker},
};

/// See the module.
pub(super) struct Pool {
    state: ShortLock<State>,
}

struct State {
    permits: usize,
    is_closed: bool,
    /// Each with the number of permits that it needs. Nobody waits once the semaphore is closed.
    waiters: WaitList<usize>,
}

impl Pool {
    #[cfg(not(loom))]
    pub(super) const fn new(permits: usize) -> Self {
        Self { state: ShortLock::new(State { permits, is_closed: false, waiters: WaitList::new() }) }
    }

    #[cfg(loom)]
    pub(super) fn new(permits: usize) -> Self {
        Self { state: ShortLock::new(State { permits, is_closed: false, waiters: WaitList::new() }) }
    }

    pub(super) fn try_take(&self, count: usize) -> Result<(), TryAcquireError> {
        self.state.lock().try_take(count)
    }

    /// Puts permits in, and sends those on for whom there are enough now.
    pub(super) fn add(&self, count: usize) {
        let mut state = self.state.lock();
        let permits = state.permits.checked_add(count).filter(|&sum| sum <= Semaphore::MAX_PERMITS);
        state.permits = permits.expect("a semaphore has at most MAX_PERMITS permits");
        let granted = state.grant();
        drop(state);
        wake_all(granted);
    }

    /// Takes up to `count` permits out for good; returns how many.
    pub(super) fn remove(&self, count: usize) -> usize {
        let mut state = self.state.lock();
        let removed = count.min(state.permits);
        state.permits -= removed;
        removed
    }

    pub(super) fn available(&self) -> usize {
        self.state.lock().permits
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        let refused = state.waiters.notify_all();
        drop(state);
        wake_all(refused);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Takes permits, or joins those that wait; `ticket` says whether it has done so already.
    pub(super) fn poll_take(
        &self,
        count: usize,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), AcquireError>> {
        let Some(place) = ticket.take() else {
            return self.begin_take(count, ticket, cx);
        };
        let mut state = self.state.lock();
        match state.waiters.poll(&place, cx.waker()) {
            Standing::Waiting(replaced) => {
                *ticket = Some(place);
                drop(state);
                drop(replaced);
                Poll::Pending
            }
            Standing::Notified(notice) => {
                // The waker is gone since the notice.
                let _ = state.waiters.remove(place);
                Poll::Ready(if notice == Notice::Granted { Ok(()) } else { Err(AcquireError::new()) })
            }
        }
    }

    fn begin_take(
        &self,
        count: usize,
        ticket: &mut Option<Ticket>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), AcquireError>> {
        match self.try_take(count) {
            Ok(()) => return Poll::Ready(Ok(())),
            Err(TryAcquireError::Closed) => return Poll::Ready(Err(AcquireError::new())),
            Err(TryAcquireError::NoPermits) => {}
        }
        // Not under the lock: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut state = self.state.lock();
        match state.try_take(count) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(TryAcquireError::Closed) => Poll::Ready(Err(AcquireError::new())),
            Err(TryAcquireError::NoPermits) => {
                *ticket = Some(state.waiters.push_back(waker, count));
                Poll::Pending
            }
        }
    }

    /// Ends a wait that is given up: what it was granted goes back, and who waits behind it may be next.
    pub(super) fn abandon(&self, ticket: Ticket) {
        let mut state = self.state.lock();
        let removed = state.waiters.remove(ticket);
        if removed.notice == Some(Notice::Granted) {
            state.permits += removed.payload;
        }
        let granted = state.grant();
        drop(state);
        wake_all(granted);
        drop(removed);
    }
}

impl State {
    fn try_take(&mut self, count: usize) -> Result<(), TryAcquireError> {
        if self.is_closed {
            return Err(TryAcquireError::Closed);
        }
        // To have none, nobody has to wait.
        if count > 0 && (count > self.permits || !self.waiters.is_empty()) {
            return Err(TryAcquireError::NoPermits);
        }
        self.permits -= count;
        Ok(())
    }

    /// Grants what can be granted; the wakers are to be woken once the lock is free.
    fn grant(&mut self) -> impl Iterator<Item = Waker> + use<> {
        // Mostly one at most, for which no memory is needed.
        let first = self.grant_front();
        let others: Vec<_> = iter::from_fn(|| self.grant_front()).collect();
        first.into_iter().chain(others)
    }

    fn grant_front(&mut self) -> Option<Waker> {
        let count = *self.waiters.front()?;
        self.permits = self.permits.checked_sub(count)?;
        self.waiters.notify_front(Notice::Granted)
    }
}
