//! An operation in direct style: it borrows its memory, and the frame that lends it stays until it has ended.

use crate::{
    scheduler::{
        alarm,
        panicking::{NeverLeft, limit_of_wait},
        worker::Worker,
    },
    task::{cancellation::Cause, direct::Direct},
};
use fibra_driver::{Op, OpKey, Submission};
use std::{io, mem, thread::panicking, time::Instant};

/// Runs `op` to its end, from wherever we stand: on a worker through its driver, the stack parked meanwhile; on any
/// other thread by a blocking system call.
///
/// # Errors
///
/// The kernel's; `TimedOut` if `deadline` passed first; one that wraps [`Cancelled`] if the task was cancelled first.
/// In both cases the kernel was asked to stop, and has answered. If it had finished by then, its result counts.
///
/// # Safety
///
/// What `op` points to is valid, and its descriptor open, for the length of the call.
pub(crate) unsafe fn perform(op: Op, deadline: Option<Instant>) -> io::Result<u32> {
    let Some(worker) = Worker::here() else {
        // SAFETY: by contract.
        return unsafe { op.perform_blocking(deadline) };
    };
    let fiber = worker.home().current();
    let direct = Direct::new(fiber);
    if panicking() {
        // SAFETY: by contract; `in_place` returns only when the operation has ended.
        return unsafe { in_place(worker, op, &direct, deadline) };
    }
    if let Err(cancelled) = fiber.check_cancelled() {
        worker.spend();
        return Err(cancelled.into());
    }
    // SAFETY: by contract.
    if let Some(read) = unsafe { read_cached(worker, &op) } {
        worker.spend();
        return Ok(read);
    }
    // SAFETY: by contract; `until_ended` returns only when the operation has ended, so `direct` and what `op` points
    // to outlive it.
    match worker.with_driver(|driver| unsafe { driver.submit(&op, direct.word()) }) {
        Submission::Complete(result) => {
            worker.spend();
            result
        }
        Submission::Pending(key) => until_ended(worker, &direct, key, deadline),
    }
}

/// Does a read of what is in the page cache, if nobody else could share the enter that it would cost otherwise.
///
/// # Safety
///
/// As for [`perform`].
#[inline]
pub(super) unsafe fn read_cached(worker: &Worker, op: &Op) -> Option<u32> {
    if !matches!(op, Op::Read { .. }) || worker.has_at_hand() {
        return None;
    }
    // SAFETY: by contract.
    worker.with_driver(|driver| unsafe { driver.read_cached(op) })
}

/// Parks until the operation has ended; asks the kernel to stop it if the task is cancelled, or at the deadline.
fn until_ended(worker: &Worker, direct: &Direct, key: OpKey, deadline: Option<Instant>) -> io::Result<u32> {
    let bomb = NeverLeft("an operation");
    let fiber = worker.home().current();
    let alarm = Direct::new(fiber);
    let alarm_key = deadline.map(|deadline| alarm::start(worker, &alarm, deadline));
    let mut interruption = None;
    while !direct.has_ended() {
        if interruption.is_none() {
            let timed_out = alarm.has_ended().then_some(Interruption::TimedOut);
            interruption = fiber.interruption().map(Interruption::Cancelled).or(timed_out);
            if interruption.is_some() {
                worker.with_driver(|driver| driver.cancel(key));
            }
        }
        worker.park();
    }
    if let Some(key) = alarm_key {
        alarm::stop(worker, &alarm, key);
    }
    mem::forget(bomb);
    match (direct.take().expect("an operation that has ended has a result"), interruption) {
        (Err(error), Some(interruption)) if is_cancellation(&error) => Err(match interruption {
            Interruption::Cancelled(cause) => fiber.cancellation.deliver(cause).into(),
            Interruption::TimedOut => io::ErrorKind::TimedOut.into(),
        }),
        (result, _) => result,
    }
}

/// Why the kernel was asked to stop.
enum Interruption {
    Cancelled(Cause),
    TimedOut,
}

/// Whether the kernel says that it stopped because it was asked to.
pub(super) fn is_cancellation(error: &io::Error) -> bool {
    error.raw_os_error() == Some(fibra_driver::CANCELED)
}

/// An operation by a thread that is panicking. Nobody else may run meanwhile: std counts panics per OS thread, and would
/// take every other green thread's locks for poisoned. So the driver is turned right here. If what is waited for depends
/// on a task of this worker, it can't come: then the process ends with a sentence, rather than hang.
///
/// # Safety
///
/// As for [`perform`]; `direct` is new.
#[cold]
unsafe fn in_place(worker: &Worker, op: Op, direct: &Direct, deadline: Option<Instant>) -> io::Result<u32> {
    // SAFETY: by contract.
    let key = match worker.with_driver(|driver| unsafe { driver.submit(&op, direct.word()) }) {
        Submission::Complete(result) => return result,
        Submission::Pending(key) => key,
    };
    let bomb = NeverLeft("an operation");
    let alarm = Direct::new(worker.home().current());
    let alarm_key = deadline.map(|deadline| alarm::start(worker, &alarm, deadline));
    let end = if let Op::Timeout { deadline } = op { Some(deadline) } else { deadline };
    worker.turn_in_panic(op.name(), limit_of_wait(end), || direct.has_ended() || alarm.has_ended());
    let timed_out = !direct.has_ended();
    if timed_out {
        worker.with_driver(|driver| driver.cancel(key));
        worker.turn_in_panic(op.name(), limit_of_wait(None), || direct.has_ended());
    }
    if let Some(key) = alarm_key {
        alarm::stop(worker, &alarm, key);
    }
    mem::forget(bomb);
    match direct.take().expect("an operation that has ended has a result") {
        Err(error) if timed_out && is_cancellation(&error) => Err(io::ErrorKind::TimedOut.into()),
        result => result,
    }
}
