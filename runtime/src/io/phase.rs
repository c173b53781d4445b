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
//! Whoever waits leaves its waker in a slot, and hands that over by a flag beside the step; the home takes both in one exchange when it
//! finishes. So it finds the waker, or the future finds that it has finished.

use crate::primitive::{AcqRel, Acquire, AtomicU8, Release, UnsafeCell};
use std::task::{Context, Poll, Waker};

const NEW: u8 = 0;
/// A letter that submits it is on its way to its home.
const POSTED: u8 = 1;
/// Its home has it.
const PENDING: u8 = 2;
/// The result is there.
const DONE: u8 = 3;
/// The future has gone.
const ABANDONED: u8 = 4;

/// Where the step is in the word.
const STEP: u8 = 7;
/// The waker's slot is the home's; without it, the future's.
const IS_AWAITED: u8 = 8;

/// See the module.
pub(crate) struct Phase {
    word: AtomicU8,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the waker is `Send`, and whose it is goes by the word: see `IS_AWAITED`. The future has its phase to itself (`&mut` in its
// poll), and so has the home.
unsafe impl Sync for Phase {}

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
    #[inline]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU8::new(NEW), waker: UnsafeCell::new(None) }
    }

    #[inline]
    fn step(&self) -> u8 {
        self.word.load(Acquire) & STEP
    }

    /// Goes on from `step` only, and returns the word before; what is awaited stays so.
    #[inline]
    fn advance(&self, step: u8, next: u8) -> Option<u8> {
        self.change(|word| (word & STEP == step).then_some(word & IS_AWAITED | next)).ok()
    }

    #[inline]
    fn change(&self, change: impl FnMut(u8) -> Option<u8>) -> Result<u8, u8> {
        self.word.fetch_update(AcqRel, Acquire, change)
    }

    #[inline]
    fn unless_done(&self, change: impl Fn(u8) -> u8) -> Result<u8, u8> {
        self.change(|word| (word & STEP != DONE).then(|| change(word)))
    }

    #[inline]
    pub(crate) fn is_new(&self) -> bool {
        self.step() == NEW
    }

    /// Whether its home has it.
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.step() == PENDING
    }

    /// Whether the result is there, and the payload the future's.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.step() == DONE
    }

    /// Ready once the result is there, and the payload the future's. The future's alone.
    ///
    /// A waker that is left is woken at the end, even if another poll finds that first: it may stand for several.
    #[inline]
    pub(crate) fn poll_done(&self, context: &Context<'_>) -> Poll<()> {
        // Not before: an operation that ended as it began would wake its own task, to be polled once more for nothing.
        let word = self.word.load(Acquire);
        if word & STEP == DONE {
            return Poll::Ready(());
        }
        let is_awaited = word & IS_AWAITED != 0;
        if is_awaited && self.unless_done(|word| word & !IS_AWAITED).is_err() {
            return Poll::Ready(());
        }
        // SAFETY: the slot is the future's, which calls.
        self.waker.with_mut(|slot| leave(unsafe { &mut *slot }, context.waker()));
        if self.unless_done(|word| word | IS_AWAITED).is_ok() {
            return Poll::Pending;
        }
        // The home has finished since, and found nobody.
        if is_awaited {
            self.wake();
        }
        Poll::Ready(())
    }

    /// The same for who has submitted it a moment ago: as long as that thread, its home, is here, it can't finish.
    #[inline]
    pub(crate) fn poll_done_at_home(&self, context: &Context<'_>) -> Poll<()> {
        let word = self.word.load(Acquire);
        if word & STEP == DONE {
            return Poll::Ready(());
        }
        // SAFETY: the slot is the future's, which calls.
        self.waker.with_mut(|slot| leave(unsafe { &mut *slot }, context.waker()));
        self.word.store(word | IS_AWAITED, Release);
        Poll::Pending
    }

    /// Wakes who has left a waker. For whoever has the slot.
    fn wake(&self) {
        // SAFETY: the slot is the caller's.
        let waker = self.waker.with_mut(|slot| unsafe { (*slot).take() });
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The future's thread is a worker: the operation's home.
    #[inline]
    pub(crate) fn submit(&self) {
        self.word.store(PENDING, Release);
    }

    /// The future has a letter sent to a home.
    pub(crate) fn post(&self) {
        self.word.store(POSTED, Release);
    }

    /// The letter has arrived. `false`: the future has gone meanwhile.
    pub(crate) fn receive(&self) -> bool {
        self.advance(POSTED, PENDING).is_some()
    }

    /// The home has written the result, and tells whoever waits for it. `false`: the future has gone, the home cleans up.
    #[inline]
    pub(crate) fn finish(&self) -> bool {
        let Some(before) = self.advance(PENDING, DONE) else { return false };
        if before & IS_AWAITED != 0 {
            // The slot was handed over, and once it is done the future leaves it alone.
            self.wake();
        }
        true
    }

    /// The future goes, if its letter has not arrived, so that the home will never have it.
    pub(crate) fn recall(&self) -> bool {
        self.advance(POSTED, ABANDONED).is_some()
    }

    /// The future goes.
    pub(crate) fn abandon(&self) -> Abandoned {
        // What is done stays so: a letter that comes too late must see it, for the result is no longer the home's.
        match self.unless_done(|_| ABANDONED) {
            Ok(word) if word & STEP == PENDING => Abandoned::Pending,
            Ok(_) => Abandoned::Unknown,
            Err(_) => Abandoned::Done,
        }
    }
}

/// Puts `waker` into its slot, unless it is there.
#[inline]
fn leave(slot: &mut Option<Waker>, waker: &Waker) {
    if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
        *slot = Some(waker.clone());
    }
}
