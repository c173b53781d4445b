//! A wait that need not wait still gives others their turn.
//!
//! A task that always finds a message, or room for one, or bytes, would otherwise keep its worker for ever. So each of
//! these calls is charged to the share that a task has of its worker; once that is used up, it goes behind the
//! others that are ready. Locks are not charged: whoever takes one lets go of it soon, and that is when
//! others need the worker least. Plain OS threads have no share to use up.

use super::worker::Worker;
use crate::task::join::Join;
use std::task::{Context, Poll};

/// Before a direct call that may go on at once.
#[inline]
pub(crate) fn charge() {
    if let Some(worker) = Worker::here() {
        worker.spend();
    }
}

/// Before a poll that may be ready at once. `Pending`: it will be polled again when others have had their turn.
#[inline]
pub(crate) fn poll_charge(context: &mut Context<'_>) -> Poll<()> {
    if Worker::here().is_some_and(Worker::charge) {
        context.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// The same before a task's outcome is taken: who joins thousands that have ended must not keep the worker either.
#[inline]
pub(crate) fn poll_charge_join<T>(join: &Join<T>, context: &mut Context<'_>) -> Poll<()> {
    if join.is_complete() { poll_charge(context) } else { Poll::Ready(()) }
}
