//! What comes back from the driver, and the key that names an operation in flight.

use std::fmt;
use std::io;
use std::time::Instant;

use crate::timers::TimerKey;

/// The end of an operation. Each operation that was [pending](Submission::Pending) gets exactly one.
///
/// ```
/// use fibra_driver::Completion;
/// let completion = Completion { word: 7, result: Ok(4096) };
/// assert_eq!(completion.result.unwrap(), 4096);
/// ```
#[derive(Debug)]
pub struct Completion {
    /// The word that was handed over with the operation.
    pub word: usize,
    /// What [`Op`](crate::Op) says of the operation; `ECANCELED` if it was cancelled in time.
    pub result: io::Result<u32>,
}

/// What became of a submission.
///
/// ```
/// use fibra_driver::{Config, Driver, Op, Submission};
/// let mut driver = Driver::new(&Config::default())?;
/// let deadline = std::time::Instant::now();
/// // SAFETY: a timeout points to nothing.
/// let submission = unsafe { driver.submit(&Op::Timeout { deadline }, 1) };
/// assert!(matches!(submission, Submission::Pending(_)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "an operation that is complete already gets no completion"]
pub enum Submission {
    /// It has ended already, with this result. No [`Completion`] follows.
    Complete(io::Result<u32>),
    /// It is under way. Its [`Completion`] comes out of a [`turn`](crate::Driver::turn).
    Pending(OpKey),
}

/// How long a [`turn`](crate::Driver::turn) may wait for a completion.
///
/// ```
/// use fibra_driver::Wait;
/// use std::time::{Duration, Instant};
/// let wait = Wait::Until(Instant::now() + Duration::from_millis(5));
/// assert_ne!(wait, Wait::Not);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: take what is there.
    Not,
    /// Until then, by the system's clock, whatever the driver's shows.
    Until(Instant),
    /// As long as it takes.
    Forever,
}

/// Names an operation in flight, for [`cancel`](crate::Driver::cancel). A key outlives its operation harmlessly: it
/// carries a generation, so that it never names the operation that reuses the place.
///
/// ```
/// fn is_small(_: fibra_driver::OpKey) -> bool {
///     size_of::<fibra_driver::OpKey>() == 8
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpKey(u64);

impl OpKey {
    /// 268 million operations in flight, and 4 billion reuses of one place before a key comes again. The top bit stays
    /// free: backends mark with it what belongs to an operation without being it, such as a request to cancel it. The bit
    /// below it marks timeouts, which stand in the wheel and have no record.
    pub(crate) const INDEX_BITS: u32 = 28;
    const GENERATION_BITS: u32 = 32;
    const TIMEOUT: u64 = 1 << 62;
    /// No operation has this index: backends use it for what they submit on their own behalf.
    pub(crate) const RESERVED_INDEX: u32 = (1 << Self::INDEX_BITS) - 1;

    pub(crate) const fn new(index: u32, generation: u64) -> OpKey {
        let generation = generation & ((1 << Self::GENERATION_BITS) - 1);
        OpKey(generation << Self::INDEX_BITS | index as u64)
    }

    pub(crate) const fn of_timeout(timer: TimerKey) -> OpKey {
        OpKey(Self::TIMEOUT | timer.to_bits())
    }

    /// The place in the wheel, if it is a timeout's key.
    pub(crate) const fn timeout(self) -> Option<TimerKey> {
        if self.0 & Self::TIMEOUT == 0 {
            return None;
        }
        Some(TimerKey::from_bits(self.0 & !Self::TIMEOUT))
    }

    pub(crate) const fn index(self) -> u32 {
        (self.0 & ((1 << Self::INDEX_BITS) - 1)) as u32
    }

    /// The key as a number that the kernel carries for us; the top bit is clear.
    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    #[allow(dead_code, reason = "backends that go by readiness or by rings use it")]
    pub(crate) const fn from_bits(bits: u64) -> OpKey {
        OpKey(bits & !(1 << 63))
    }
}

impl fmt::Debug for OpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timeout() {
            Some(timer) => write!(f, "OpKey(timeout {}.{})", timer.index, timer.generation),
            None => write!(f, "OpKey({}.{})", self.index(), self.0 >> Self::INDEX_BITS),
        }
    }
}
