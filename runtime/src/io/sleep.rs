//! Sleeping in direct style.

use super::perform;
use crate::scheduler::worker::Worker;
use fibra_driver::Op;
use std::{io, thread::panicking, time::Instant};

/// Waits until `deadline`, or on a worker as much longer as timers may be late, in direct style. If that has passed `now`, it returns at once.
///
/// # Errors
///
/// As [`perform`](super::perform).
pub(crate) fn sleep_until(now: Instant, deadline: Instant) -> io::Result<()> {
    if now >= deadline {
        return pass();
    }
    // SAFETY: a timeout points to nothing.
    unsafe { perform(Op::Timeout { deadline }, None) }.map(drop)
}

/// A wait that need not wait is a cancellation point all the same, and charged to the task: it may come again and again.
fn pass() -> io::Result<()> {
    let Some(worker) = Worker::here().filter(|_| !panicking()) else { return Ok(()) };
    let cancelled = worker.home().current().check_cancelled();
    worker.spend();
    cancelled.map_err(io::Error::from)
}
