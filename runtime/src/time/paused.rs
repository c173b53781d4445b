//! A clock that can be stopped, for tests of what takes long.
//!
//! While it stands, timers, deadlines and time-outs go by it; [`std::time::Instant::now`] knows nothing of it. When every
//! task of the runtime waits, and no blocking work runs, it moves on to the next timer: a test of what happens in an hour
//! takes no time. With operations in flight, which may end at any moment, they are given a millisecond first.
//!
//! Time-outs of OS threads that are no workers go by the stopped clock too, but it doesn't move on for them.

use crate::scheduler::{clock, start::with_scheduler_for_here, worker::Worker};
use std::{
    thread::panicking,
    time::{Duration, Instant},
};

/// What time it is, by the clock of the runtime that we are in; outside of one, by the system's.
///
/// Without [`pause`] it is [`Instant::now`].
///
/// ```
/// use std::time::Instant;
/// let before = Instant::now();
/// assert!(fibra::run(fibra::time::now) >= before);
/// ```
pub fn now() -> Instant {
    clock::now()
}

/// Stops the clock of the runtime that we are in, for all its tasks. If it stands already, nothing changes.
///
/// [`Builder::start_paused`](crate::Builder::start_paused), and `#[fibra::test(start_paused)]`, have it stand from the start.
///
/// ```
/// use fibra::{thread, time};
/// use std::time::{Duration, Instant};
/// fibra::run(|| {
///     let (shown, real) = (time::now(), Instant::now());
///     time::pause();
///     thread::sleep(Duration::from_secs(3600));
///     assert!(time::now() - shown >= Duration::from_secs(3600));
///     assert!(real.elapsed() < Duration::from_secs(3600));
/// });
/// ```
pub fn pause() {
    with_scheduler_for_here(|scheduler| scheduler.stop_time());
}

/// Has the clock run again, from where it stands. If it runs already, nothing changes.
///
/// ```
/// use fibra::time;
/// use std::time::Duration;
/// fibra::run(|| {
///     time::pause();
///     let standing = time::now();
///     time::resume();
///     fibra::thread::sleep(Duration::from_millis(1));
///     assert!(time::now() >= standing + Duration::from_millis(1));
/// });
/// ```
pub fn resume() {
    with_scheduler_for_here(|scheduler| scheduler.resume_time());
}

/// Moves the stopped clock on by `duration` at once. Timers that are due then, of the worker that calls, end before this
/// returns, and whoever waits for them has had a turn; those of other workers end at the same time.
///
/// # Panics
///
/// If the clock runs.
///
/// ```
/// use fibra::time;
/// use std::time::Duration;
/// fibra::run(|| {
///     time::pause();
///     let before = time::now();
///     time::advance(Duration::from_secs(60));
///     assert_eq!(time::now() - before, Duration::from_secs(60));
/// });
/// ```
pub fn advance(duration: Duration) {
    let advanced = with_scheduler_for_here(|scheduler| scheduler.advance_time(duration));
    assert!(advanced, "the clock runs: only one that was paused can be advanced");
    if let Some(worker) = Worker::here() {
        worker.look_around();
        // A thread that panics lets nobody else run.
        if !panicking() {
            worker.yield_now();
        }
    }
}
