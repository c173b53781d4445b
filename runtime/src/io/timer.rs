//! Timers as operations.

use super::{Payload, perform};
use fibra_driver::Op;
use std::{io, time::Instant};

/// Waits until `deadline`, in direct style.
///
/// # Errors
///
/// As [`perform`](super::perform).
pub(crate) fn sleep_until(deadline: Instant) -> io::Result<()> {
    // SAFETY: a timeout points to nothing.
    unsafe { perform(Op::Timeout { deadline }, None) }.map(drop)
}

/// A timer that a future owns.
pub(crate) struct Timer(pub(crate) Instant);

// SAFETY: a timeout points to nothing.
unsafe impl Payload for Timer {
    fn op(&mut self) -> Op {
        Op::Timeout { deadline: self.0 }
    }
}
