//! How far something that happens once has come: one word, and a queue behind it.
//!
//! ```text
//!                claim                   complete
//!   NEW ───────────────────▶ RUNNING ───────────────▶ COMPLETE
//!                            ▲     │
//!                      claim │     │ the run is dropped: it panicked, or its future is not wanted any more
//!                            │     ▼
//!                            POISONED
//! ```
//!
//! A run that a future [drives](Run::drive) may also be dropped between two polls: nothing has failed then, and the word goes
//! back to the stage before.
//!
//! Beside the stage the word says `QUEUED` if somebody waits: whoever ends a run then wakes them all, and each looks again.
//! `QUEUED` is set under the queue's lock, by one compare-exchange with the stage for which there is nothing to do but wait,
//! and the waiter joins before it lets go of that lock. So a run that ends either ends before, and the waiter doesn't wait;
//! or it finds `QUEUED`, and then the waiter.
//!
//! All are woken together, so nobody needs to pass on what it was told. At the end they all go on; after a run that was
//! dropped, one of them makes the next one, and the others wait again.

use super::super::{
    short_lock::ShortLock,
    wait_queue::{Standing, Ticket, WaitList},
};
use crate::{
    primitive::{AcqRel, Acquire, AtomicU8, Relaxed},
    task::join::wake_all,
};
use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

const NEW: u8 = 0;
const POISONED: u8 = 1;
const RUNNING: u8 = 2;
const COMPLETE: u8 = 3;
const STAGE: u8 = 3;
const QUEUED: u8 = 4;

pub(in super::super) struct Progress {
    word: AtomicU8,
    queue: ShortLock<WaitList<()>>,
}

/// What somebody who looks wants.
#[derive(Clone, Copy)]
pub(in super::super) struct Goal {
    /// To make the run, if nobody does.
    pub(in super::super) claims: bool,
    /// To be told of a run that was dropped, rather than to make or to await the next one.
    pub(in super::super) heeds_poison: bool,
}

/// How a look ends.
pub(in super::super) enum Outcome<'p> {
    Complete,
    Poisoned,
    /// It is ours to do.
    Claimed(Run<'p>),
}

/// What a stage means for a goal.
enum Step {
    Complete,
    Poisoned,
    Claim,
    Wait,
}

impl Goal {
    fn step(self, word: u8) -> Step {
        match word & STAGE {
            COMPLETE => Step::Complete,
            POISONED if self.heeds_poison => Step::Poisoned,
            NEW | POISONED if self.claims => Step::Claim,
            _ => Step::Wait,
        }
    }
}

impl Progress {
    #[cfg(not(loom))]
    pub(in super::super) const fn new() -> Self {
        Self { word: AtomicU8::new(NEW), queue: ShortLock::new(WaitList::new()) }
    }

    #[cfg(loom)]
    pub(in super::super) fn new() -> Self {
        Self { word: AtomicU8::new(NEW), queue: ShortLock::new(WaitList::new()) }
    }

    /// It has happened already.
    pub(in super::super) fn new_complete() -> Self {
        Self { word: AtomicU8::new(COMPLETE), ..Self::new() }
    }

    /// Whether it has happened; then all that it did is seen.
    #[inline]
    pub(in super::super) fn is_complete(&self) -> bool {
        self.word.load(Acquire) == COMPLETE
    }

    /// Looks until `goal` is reached: a future.
    pub(in super::super) fn look(&self, goal: Goal) -> Look<'_> {
        Look { progress: self, goal, ticket: None }
    }

    fn end(&self, stage: u8) {
        // Release: who finds the stage sees what the run did.
        if self.word.swap(stage, AcqRel) & QUEUED != 0 {
            self.wake_all();
        }
    }

    #[cold]
    fn wake_all(&self) {
        let wakers = self.queue.lock().notify_all();
        wake_all(wakers);
    }
}

/// The right to do what happens once. Dropped, it leaves that to the next one, which is told if it has failed.
#[must_use = "a run that is dropped has failed"]
pub(in super::super) struct Run<'p> {
    progress: &'p Progress,
    is_after_failure: bool,
    /// Its future waits: whoever drops it now has given it up, not failed.
    is_suspended: bool,
}

impl Run<'_> {
    /// Whether a run before this one was dropped.
    pub(in super::super) fn is_after_failure(&self) -> bool {
        self.is_after_failure
    }

    /// Has `body` do what happens once. A poll that unwinds has failed; dropped between two polls, it leaves everything as if
    /// it had not begun.
    pub(in super::super) async fn drive(mut self, body: impl Future<Output = ()>) {
        // Declared after `self`, and so dropped before it: the next run must not begin while this one's body is there.
        let mut body = pin!(body);
        poll_fn(|cx| {
            self.is_suspended = false;
            let polled = body.as_mut().poll(cx);
            self.is_suspended = polled.is_pending();
            polled
        })
        .await;
        self.complete();
    }

    /// It has happened.
    pub(in super::super) fn complete(self) {
        self.progress.end(COMPLETE);
        mem::forget(self);
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let has_failed = self.is_after_failure || !self.is_suspended;
        self.progress.end(if has_failed { POISONED } else { NEW });
    }
}

/// See [`Progress::look`].
pub(in super::super) struct Look<'p> {
    progress: &'p Progress,
    goal: Goal,
    ticket: Option<Ticket>,
}

impl<'p> Look<'p> {
    /// Looks, and claims the run if that is the goal. `None`: there is nothing to do but wait.
    fn look(&self) -> Option<Outcome<'p>> {
        let progress = self.progress;
        let mut word = progress.word.load(Acquire);
        loop {
            match self.goal.step(word) {
                Step::Complete => return Some(Outcome::Complete),
                Step::Poisoned => return Some(Outcome::Poisoned),
                Step::Wait => return None,
                Step::Claim => {}
            }
            let claimed = RUNNING | (word & QUEUED);
            // Acquire: the run sees what the one before it has left half done.
            match progress.word.compare_exchange_weak(word, claimed, Acquire, Acquire) {
                Ok(_) => {
                    let is_after_failure = word & STAGE == POISONED;
                    return Some(Outcome::Claimed(Run { progress, is_after_failure, is_suspended: false }));
                }
                Err(now) => word = now,
            }
        }
    }

    /// Joins the queue. `false`: there is something else to do now.
    fn join(&mut self, waker: &Waker) -> bool {
        let (waker, progress) = (waker.clone(), self.progress);
        let mut queue = progress.queue.lock();
        let mut word = progress.word.load(Relaxed);
        loop {
            if !matches!(self.goal.step(word), Step::Wait) {
                drop(queue);
                return false;
            }
            match progress.word.compare_exchange_weak(word, word | QUEUED, Relaxed, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        self.ticket = Some(queue.push_back(waker, ()));
        true
    }

    /// Whether a wait is over; if it is not, `waker` will be woken.
    fn has_been_woken(&mut self, ticket: Ticket, waker: &Waker) -> bool {
        let mut queue = self.progress.queue.lock();
        match queue.poll(&ticket, waker) {
            Standing::Notified(_) => {
                let _ = queue.remove(ticket);
                true
            }
            Standing::Waiting(replaced) => {
                self.ticket = Some(ticket);
                drop(queue);
                drop(replaced);
                false
            }
        }
    }
}

impl<'p> Future for Look<'p> {
    type Output = Outcome<'p>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<'p>> {
        if let Some(ticket) = self.ticket.take()
            && !self.has_been_woken(ticket, cx.waker())
        {
            return Poll::Pending;
        }
        loop {
            if let Some(outcome) = self.look() {
                return Poll::Ready(outcome);
            }
            if self.join(cx.waker()) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut queue = self.progress.queue.lock();
        let removed = queue.remove(ticket);
        drop(queue);
        drop(removed);
    }
}
