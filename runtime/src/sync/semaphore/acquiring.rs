//! Permits being acquired: a future, and its direct forms.

use super::{AcquireError, AcquireTimeoutError, Semaphore, TryAcquireError, pool::Pool};
use crate::{
    scheduler::clock,
    sync::wait_queue::Ticket,
    wait::{wait, wait_until},
};
use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// See the module. The semaphore is borrowed or counted, and so is the permit's.
pub(super) struct Acquiring<S: Deref<Target = Semaphore>, P> {
    /// Gone into the permit once that is there.
    semaphore: Option<S>,
    count: usize,
    ticket: Option<Ticket>,
    permit: fn(S, usize) -> P,
}

impl<S: Deref<Target = Semaphore> + Unpin, P> Acquiring<S, P> {
    pub(super) fn new(semaphore: S, count: usize, permit: fn(S, usize) -> P) -> Self {
        Self { semaphore: Some(semaphore), count, ticket: None, permit }
    }

    /// Acquires in direct style. A cancellation point while it waits.
    pub(super) fn wait(mut self) -> Result<P, AcquireError> {
        match self.try_at_once() {
            Some(acquired) => acquired,
            None => wait(self),
        }
    }

    /// The same for at most `timeout`.
    pub(super) fn wait_timeout(mut self, timeout: Duration) -> Result<P, AcquireTimeoutError> {
        if let Some(acquired) = self.try_at_once() {
            return Ok(acquired?);
        }
        // Further off than the clock can say: never.
        let Some(deadline) = clock::now().checked_add(timeout) else { return Ok(wait(self)?) };
        match wait_until(&mut self, deadline) {
            Some(acquired) => Ok(acquired?),
            None => Err(AcquireTimeoutError::Timeout),
        }
    }

    /// Without a waker, which on an OS thread takes an allocation.
    fn try_at_once(&mut self) -> Option<Result<P, AcquireError>> {
        match self.pool().try_take(self.count) {
            Ok(()) => Some(self.end(Ok(()))),
            Err(TryAcquireError::Closed) => Some(Err(AcquireError::new())),
            Err(TryAcquireError::NoPermits) => None,
        }
    }

    fn pool(&self) -> &Pool {
        &self.semaphore.as_ref().expect("an acquire that has ended is not polled again").pool
    }

    fn end(&mut self, taken: Result<(), AcquireError>) -> Result<P, AcquireError> {
        let semaphore = self.semaphore.take().expect("it ends once");
        taken.map(|()| (self.permit)(semaphore, self.count))
    }
}

impl<S: Deref<Target = Semaphore> + Unpin, P> Future for Acquiring<S, P> {
    type Output = Result<P, AcquireError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut ticket = self.ticket.take();
        let polled = self.pool().poll_take(self.count, &mut ticket, cx);
        self.ticket = ticket;
        let taken = ready!(polled);
        Poll::Ready(self.end(taken))
    }
}

impl<S: Deref<Target = Semaphore>, P> Drop for Acquiring<S, P> {
    fn drop(&mut self) {
        if let (Some(semaphore), Some(ticket)) = (&self.semaphore, self.ticket.take()) {
            semaphore.pool.abandon(ticket);
        }
    }
}
