//! How far an operation with an owned memory has come, whether its future still exists, and who is told of the end.
//!
//! ```text
//!        submit (on a worker)
//!   New ─────────────────────▶ Pending ── finish ──▶ Done  (who abandons it cleans up)
//!    │  post         receive    ▲ │
//!    └──────▶ Posted ───────────┘ │ abandon
//!               │ abandon         ▼
//!               └───────────▶ Abandoned  (who finishes it cleans up)
//! ```
//!
//! Whoever waits leaves its waker and then looks; the home finishes and then wakes. So one of them sees the other.

use crate::primitive::{AcqRel, Acquire, AtomicU8, AtomicWaker, Release};
use std::task::{Context, Poll};

const NEW: u8 = 0;
/// A letter that submits it is on its way to its home.
const POSTED: u8 = 1;
/// Its home has it.
const PENDING: u8 = 2;
/// The result is there.
const DONE: u8 = 3;
/// The future has gone.
const ABANDONED: u8 = 4;

/// See the module.
pub(crate) struct Phase {
    step: AtomicU8,
    waker: AtomicWaker,
}

/// What [`Phase::abandon`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Abandoned {
    /// The home never had it: nothing to do.
    Unknown,
    /// The home has it: ask for a cancel. The home cleans up.
    Pending,
    /// It is over: clean up.
    Done,
}

impl Phase {
    pub(crate) fn new() -> Self {
        Self { step: AtomicU8::new(NEW), waker: AtomicWaker::new() }
    }

    pub(crate) fn is_new(&self) -> bool {
        self.step.load(Acquire) == NEW
    }

    /// Whether its home has it.
    pub(crate) fn is_pending(&self) -> bool {
        self.step.load(Acquire) == PENDING
    }

    /// Ready once the result is there, and the payload the future's.
    pub(crate) fn poll_done(&self, context: &Context<'_>) -> Poll<()> {
        if !self.is_done() {
            // Not before: an operation that ended as it began would wake its own task, to be polled once more for nothing.
            self.waker.register(context.waker());
            if !self.is_done() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Whether the result is there, and the payload the future's.
    pub(crate) fn is_done(&self) -> bool {
        self.step.load(Acquire) == DONE
    }

    /// The future's thread is a worker: the operation's home.
    pub(crate) fn submit(&self) {
        self.step.store(PENDING, Release);
    }

    /// The future has a letter sent to a home.
    pub(crate) fn post(&self) {
        self.step.store(POSTED, Release);
    }

    /// The letter has arrived. `false`: the future has gone meanwhile.
    pub(crate) fn receive(&self) -> bool {
        self.step.compare_exchange(POSTED, PENDING, AcqRel, Acquire).is_ok()
    }

    /// The home has written the result, and tells whoever waits for it. `false`: the future has gone, the home cleans up.
    pub(crate) fn finish(&self) -> bool {
        let is_awaited = self.step.compare_exchange(PENDING, DONE, AcqRel, Acquire).is_ok();
        if is_awaited {
            self.waker.wake();
        }
        is_awaited
    }

    /// The future goes, if its letter has not arrived, so that the home will never have it.
    pub(crate) fn recall(&self) -> bool {
        self.step.compare_exchange(POSTED, ABANDONED, AcqRel, Acquire).is_ok()
    }

    /// The future goes.
    pub(crate) fn abandon(&self) -> Abandoned {
        // What is done stays so: a letter that comes too late must see it, for the result is no longer the home's.
        let unless_done = |step| (step != DONE).then_some(ABANDONED);
        match self.step.fetch_update(AcqRel, Acquire, unless_done) {
            Ok(PENDING) => Abandoned::Pending,
            Ok(_) => Abandoned::Unknown,
            Err(_) => Abandoned::Done,
        }
    }
}
