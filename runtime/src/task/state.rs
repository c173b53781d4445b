//! The state word of a task: flags and the reference count in one atomic.
//!
//! ```text
//!              spawn                      1 start            3 complete
//!   (nothing) ───────▶ SCHEDULED ───────────────▶ RUNNING ─────────────▶ COMPLETE
//!                        ▲   ▲                     │   │ ▲
//!                        │   │ 4 suspend: woken    │   │ │ wake while running:
//!                        │   └─────────────────────┘   │ └─ sets SCHEDULED, the runner
//!                        │ 2 wake                      │    sees it in `suspend`
//!                        └─────────── (idle) ◀─────────┘ 4 suspend: not woken
//! ```
//!
//! 1. [`State::start`]    the scheduler takes the task out of a queue.
//! 2. [`State::wake`]     anyone who holds a waker.
//! 3. [`State::complete`] the output (or the panic) has been stored.
//! 4. [`State::suspend`]  the body said `Pending`.
//!
//! `CANCELLED` may be set in any state but `COMPLETE`; whoever owns the body next (the runner in `start`
//! or in `suspend`) then drops it instead of running it. [`State::cancel`] schedules an idle task so that
//! there is such an owner.
//!
//! A green thread that parks stays `RUNNING`: its stack is suspended, its task is not.

use crate::primitive::{AcqRel, Acquire, AtomicUsize, Relaxed};

/// In a queue, or woken while running. Never set once `COMPLETE`.
const SCHEDULED: usize = 1 << 0;
/// Somebody owns the body. Set by `start`, cleared by `suspend` and `complete`.
const RUNNING: usize = 1 << 1;
/// The output is stored, or was taken. Final.
const COMPLETE: usize = 1 << 2;
/// A cancel was asked for. Never cleared.
const CANCELLED: usize = 1 << 3;
/// A join handle exists. Cleared once, by its drop.
const JOIN: usize = 1 << 4;
/// The join waker's slot belongs to the completer. While clear, it belongs to the join handle.
const JOIN_WAKER: usize = 1 << 5;
/// One reference: a queue's, the runner's, the join handle's, a waker's.
const REFERENCE: usize = 1 << 6;

/// See the module's picture.
pub(crate) struct State(AtomicUsize);

/// What [`State::start`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Run the body.
    Run,
    /// Drop the body: it was cancelled before it ran (again).
    Cancelled,
}

/// What [`State::suspend`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Suspend {
    /// Idle: the runner's reference is given up, and it was not the last.
    Idle,
    /// The runner's reference is the last one: nobody can ever wake the task. Still owned; drop the body and complete.
    Forgotten,
    /// Woken while it ran: put it back into a queue, with the runner's reference.
    Reschedule,
    /// Cancelled while it ran: still owned; drop the body and complete.
    Cancelled,
}

/// What a wake or a cancel asks of the caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Put the task into a queue, with one reference.
    Schedule,
    /// Nothing: it is in a queue, or its runner will see the wake.
    Nothing,
}

/// What [`State::wake_and_release`] asks of the caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WakeAndRelease {
    /// Put the task into a queue, with the reference that was to be given up.
    Schedule,
    /// Nothing, as [`Wake::Nothing`].
    Released,
    /// It is complete, and the reference was the last one: free the task.
    ReleasedLast,
}

/// What [`State::cancel`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    /// Idle: put it into a queue, with one reference, so that a worker drops its body.
    Schedule,
    /// Its body runs or is suspended on a stack: interrupt that stack's wait.
    Interrupt,
    /// It is in a queue: `start` will see the request.
    Queued,
    /// It is complete, or was cancelled before.
    Nothing,
}

/// What [`State::complete`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complete {
    /// A join handle will take the output; otherwise the completer drops it.
    pub(crate) joined: bool,
    /// A join waker is in its slot; the completer wakes it.
    pub(crate) wake: bool,
}

impl State {
    /// A task in a queue with a join handle: two references.
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(SCHEDULED | JOIN | (2 * REFERENCE)))
    }

    /// Takes the body for a run. Only the holder of the queue's reference may call it.
    #[inline]
    pub(crate) fn start(&self) -> Start {
        // Acquire: what the waker wrote before it woke us must be visible to the body.
        let before = self.update(|word| Some((word | RUNNING) & !SCHEDULED));
        debug_assert!(
            before & SCHEDULED != 0 && before & (RUNNING | COMPLETE) == 0,
            "a task was queued twice"
        );
        if before & CANCELLED != 0 { Start::Cancelled } else { Start::Run }
    }

    /// Gives the body back after a `Pending`.
    #[inline]
    pub(crate) fn suspend(&self) -> Suspend {
        let mut outcome = Suspend::Idle;
        self.update(|word| {
            debug_assert!(word & RUNNING != 0, "a task that does not run was suspended");
            if word & CANCELLED != 0 {
                outcome = Suspend::Cancelled;
                return None;
            }
            if word & SCHEDULED != 0 {
                outcome = Suspend::Reschedule;
                return Some(word & !RUNNING);
            }
            let next = (word & !RUNNING) - REFERENCE;
            outcome = if next < REFERENCE { Suspend::Forgotten } else { Suspend::Idle };
            (outcome == Suspend::Idle).then_some(next)
        });
        outcome
    }

    /// Publishes the stored output. The runner still holds its reference.
    pub(crate) fn complete(&self) -> Complete {
        // Release: the joiner reads the output after it has seen COMPLETE. Acquire: we read its waker.
        let before = self.update(|word| Some((word & !(RUNNING | SCHEDULED)) | COMPLETE));
        debug_assert!(before & RUNNING != 0 && before & COMPLETE == 0, "a task completed twice");
        Complete { joined: before & JOIN != 0, wake: before & JOIN_WAKER != 0 }
    }

    /// A wake. [`Wake::Schedule`] comes with a reference of its own.
    #[inline]
    pub(crate) fn wake(&self) -> Wake {
        let mut outcome = Wake::Nothing;
        self.update(|word| {
            if word & (COMPLETE | SCHEDULED) != 0 {
                outcome = Wake::Nothing;
                // A read-modify-write even so: the runner that clears SCHEDULED must see what
                // was written before this wake, and only a write can be acquired from.
                return (word & COMPLETE == 0).then_some(word);
            }
            if word & RUNNING != 0 {
                outcome = Wake::Nothing;
                return Some(word | SCHEDULED);
            }
            outcome = Wake::Schedule;
            Some((word | SCHEDULED) + REFERENCE)
        });
        outcome
    }

    /// A [`wake`](Self::wake), and one reference less: the caller's, which a queue gets if the task goes into one.
    #[inline]
    pub(crate) fn wake_and_release(&self) -> WakeAndRelease {
        let mut outcome = WakeAndRelease::Released;
        self.update(|word| {
            let released = word - REFERENCE;
            outcome = WakeAndRelease::Released;
            if word & SCHEDULED != 0 {
                return Some(released);
            }
            if word & COMPLETE != 0 {
                if released < REFERENCE {
                    outcome = WakeAndRelease::ReleasedLast;
                }
                return Some(released);
            }
            if word & RUNNING != 0 {
                return Some(released | SCHEDULED);
            }
            outcome = WakeAndRelease::Schedule;
            Some(word | SCHEDULED)
        });
        outcome
    }

    /// Asks for the end of the task.
    pub(crate) fn cancel(&self) -> Cancel {
        let mut outcome = Cancel::Nothing;
        self.update(|word| {
            if word & (COMPLETE | CANCELLED) != 0 {
                outcome = Cancel::Nothing;
                None
            } else if word & RUNNING != 0 {
                outcome = Cancel::Interrupt;
                Some(word | CANCELLED)
            } else if word & SCHEDULED != 0 {
                outcome = Cancel::Queued;
                Some(word | CANCELLED)
            } else {
                outcome = Cancel::Schedule;
                Some((word | CANCELLED | SCHEDULED) + REFERENCE)
            }
        });
        outcome
    }

    /// Whether a cancel was asked for.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Acquire) & CANCELLED != 0
    }

    /// Whether the output is stored (or was taken).
    pub(crate) fn is_complete(&self) -> bool {
        self.0.load(Acquire) & COMPLETE != 0
    }

    /// Hands the join waker's slot, just filled, to the completer. `false`: it is complete already,
    /// and the slot stays with the join handle.
    pub(crate) fn offer_join_waker(&self) -> bool {
        let mut offered = false;
        self.update(|word| {
            debug_assert!(word & (JOIN | JOIN_WAKER) == JOIN, "the join waker's slot is not the handle's");
            offered = word & COMPLETE == 0;
            offered.then_some(word | JOIN_WAKER)
        });
        offered
    }

    /// Takes the join waker's slot back in order to fill it anew. `false`: it is complete, and the slot
    /// stays with the completer.
    pub(crate) fn reclaim_join_waker(&self) -> bool {
        let mut reclaimed = false;
        self.update(|word| {
            reclaimed = word & COMPLETE == 0;
            reclaimed.then_some(word & !JOIN_WAKER)
        });
        reclaimed
    }

    /// The join handle goes away. `true`: the task is complete, and the handle must drop the output.
    pub(crate) fn detach(&self) -> bool {
        let before = self.update(|word| {
            // Before completion the waker's slot comes back with us; after it, it is the completer's.
            let slot = if word & COMPLETE == 0 { JOIN_WAKER } else { 0 };
            Some(word & !(JOIN | slot))
        });
        before & COMPLETE != 0
    }

    /// Whether the task is complete, and the caller's reference the last one: then nobody else can come by another, and
    /// the task can be freed without a word.
    pub(crate) fn is_over(&self) -> bool {
        // Acquire: whoever has gone did so after its last look at the task.
        let word = self.0.load(Acquire);
        word & COMPLETE != 0 && word < 2 * REFERENCE
    }

    /// One more reference.
    pub(crate) fn retain(&self) {
        // Relaxed: a new reference is made from an existing one, which keeps the task alive meanwhile.
        let before = self.0.fetch_add(REFERENCE, Relaxed);
        assert!(before <= isize::MAX as usize, "too many references to a task");
    }

    /// One more reference, unless the last one has gone: for lists that hold none themselves.
    pub(crate) fn try_retain(&self) -> bool {
        self.update(|word| (word >= REFERENCE).then(|| word + REFERENCE)) >= REFERENCE
    }

    /// One reference less. `true`: it was the last one; free the task.
    pub(crate) fn release(&self) -> bool {
        let before = self.0.fetch_sub(REFERENCE, AcqRel);
        debug_assert!(before >= REFERENCE, "a task's reference was released twice");
        before < 2 * REFERENCE
    }

    /// Applies `change` until it sticks (or says `None`), and returns the word before it. Every transition
    /// publishes what its caller wrote before it, and sees what the last one published.
    #[inline]
    fn update(&self, mut change: impl FnMut(usize) -> Option<usize>) -> usize {
        let mut word = self.0.load(Acquire);
        while let Some(next) = change(word) {
            match self.0.compare_exchange_weak(word, next, AcqRel, Acquire) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        word
    }
}
