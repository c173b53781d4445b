//! How far an operation with an owned memory has come, and whether its future still exists.
//!
//! ```text
//!        submit (on a worker)
//!   New ─────────────────────▶ Pending ── finish ──▶ Done  (who abandons it cleans up)
//!    │  post         receive    ▲ │
//!    └──────▶ Posted ───────────┘ │ abandon
//!               │ abandon         ▼
//!               └───────────▶ Abandoned  (who finishes it cleans up)
//! ```

use crate::primitive::{AcqRel, Acquire, AtomicU8, Release};

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
pub(crate) struct Phase(AtomicU8);

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
        Self(AtomicU8::new(NEW))
    }

    pub(crate) fn is_new(&self) -> bool {
        self.0.load(Acquire) == NEW
    }

    /// Whether its home has it.
    #[cfg(feature = "hyper")]
    pub(crate) fn is_pending(&self) -> bool {
        self.0.load(Acquire) == PENDING
    }

    /// Whether the result is there, and the payload the future's.
    pub(crate) fn is_done(&self) -> bool {
        self.0.load(Acquire) == DONE
    }

    /// The future's thread is a worker: the operation's home.
    pub(crate) fn submit(&self) {
        self.0.store(PENDING, Release);
    }

    /// The future has a letter sent to a home.
    pub(crate) fn post(&self) {
        self.0.store(POSTED, Release);
    }

    /// The letter has arrived. `false`: the future has gone meanwhile.
    pub(crate) fn receive(&self) -> bool {
        self.0.compare_exchange(POSTED, PENDING, AcqRel, Acquire).is_ok()
    }

    /// The home has written the result. `false`: the future has gone, the home cleans up.
    pub(crate) fn finish(&self) -> bool {
        self.0.compare_exchange(PENDING, DONE, AcqRel, Acquire).is_ok()
    }

    /// The future goes.
    pub(crate) fn abandon(&self) -> Abandoned {
        // What is done stays so: a letter that comes too late must see it, for the result is no longer the home's.
        let unless_done = |phase| (phase != DONE).then_some(ABANDONED);
        match self.0.fetch_update(AcqRel, Acquire, unless_done) {
            Ok(PENDING) => Abandoned::Pending,
            Ok(_) => Abandoned::Unknown,
            Err(_) => Abandoned::Done,
        }
    }
}
