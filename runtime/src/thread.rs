//! Green threads, with the API of [`std::thread`].
//!
//! A green thread is a closure with a stack of its own. Where it waits (for I/O, a lock, a message, another thread) only
//! its stack waits, and the OS thread beneath goes on with others. It starts on any worker, and then stays there.
//!
//! # What to know
//!
//! * The stack has a fixed size, 2 MiB unless asked for otherwise, of which only what is touched costs memory. Overflow
//!   ends the process with a message, as it does for std's threads.
//! * A blocking call that fibra doesn't know (a foreign library's, `std::thread::sleep`) holds up the worker with all its
//!   green threads: [`unblock`](crate::unblock) moves it away. So does a lock of `std::sync` that is held across a wait.
//!   The runtime notices, lets other workers take what they can, and says where it was: see [`stall`](crate::stall).
//! * A thread-local of std belongs to the OS thread: green threads of one worker share it; with
//!   [`local_key!`](crate::local_key) each has its own. A crate that keeps a pointer to its caller's stack in a
//!   thread-local for the length of a scope, as `scoped-tls` does, is *unsound* when such a scope waits: another green
//!   thread of the worker may enter and leave scopes in between, in another order. Rust's type system can't express
//!   that; it is true of every runtime with stacks. Don't wait inside of such a scope.

mod handle;
mod local_key;
mod scope;

pub use crate::task::thread::{Thread, ThreadId};
#[cfg(feature = "registry")]
pub(crate) use handle::spawn_as_task;
pub(crate) use handle::spawn_on;
pub use handle::{Builder, JoinHandle, spawn};
pub use local_key::{AccessError, LocalKey};
pub use scope::{Scope, ScopedJoinHandle, scope};
// What std counts for the OS thread is true of the green thread that asks: none is switched away from while it panics.
pub use std::thread::panicking;

use crate::{
    cancel::Cancelled,
    io,
    scheduler::{clock, worker::Worker},
    task::home::Home,
    time::after,
    wait::{wait, wait_until},
};
use std::{
    future::poll_fn,
    num::NonZeroUsize,
    panic::resume_unwind,
    time::{Duration, Instant},
};

/// The result of a thread: what its closure returned, or the payload of its panic. A thread that was cancelled
/// ends with a [`Cancelled`] payload.
pub type Result<T> = std::thread::Result<T>;

/// Lets the thread wait for `duration`: never less.
///
/// It may take somewhat longer, as [`time`](crate::time) says. On an OS thread that is no worker this is std's.
///
/// # Cancellation
///
/// A cancellation point: unwinds with [`Cancelled`].
///
/// ```
/// use std::time::{Duration, Instant};
/// fibra::run(|| {
///     let start = Instant::now();
///     fibra::thread::sleep(Duration::from_millis(2));
///     assert!(start.elapsed() >= Duration::from_millis(2));
/// });
/// ```
pub fn sleep(duration: Duration) {
    let now = clock::now();
    sleep_from(now, after(now, duration));
}

/// The same, until a moment; in the past, it returns at once.
///
/// # Cancellation
///
/// As [`sleep`].
///
/// ```
/// let deadline = std::time::Instant::now() + std::time::Duration::from_millis(1);
/// fibra::run(move || {
///     fibra::thread::sleep_until(deadline);
///     assert!(std::time::Instant::now() >= deadline);
/// });
/// ```
pub fn sleep_until(deadline: Instant) {
    sleep_from(clock::now(), deadline);
}

fn sleep_from(now: Instant, deadline: Instant) {
    match io::sleep_until(now, deadline) {
        Ok(()) => {}
        Err(error) => match error.downcast::<Cancelled>() {
            Ok(cancelled) => resume_unwind(Box::new(cancelled)),
            Err(error) => panic!("a timer failed: {error}"),
        },
    }
}

/// Lets all others that are ready on this worker run first. On an OS thread that is no worker this is std's.
///
/// # Cancellation
///
/// Not a cancellation point.
///
/// ```
/// fibra::run(|| fibra::thread::yield_now());
/// ```
pub fn yield_now() {
    match Worker::here() {
        Some(worker) if !std::thread::panicking() => worker.yield_now(),
        Some(worker) => worker.yield_in_panic(),
        None => std::thread::yield_now(),
    }
}

/// The handle of the thread that calls: the green thread's, the OS thread's, or, in a future, one that means the future
/// until its current `poll` returns.
///
/// ```
/// let name = fibra::run(|| {
///     let builder = fibra::thread::Builder::new().name("worker bee".into());
///     builder.spawn(|| fibra::thread::current().name().map(String::from)).unwrap().join().unwrap()
/// });
/// assert_eq!(name.as_deref(), Some("worker bee"));
/// ```
pub fn current() -> Thread {
    let Some(home) = Home::here() else { return Thread::os() };
    let fiber = home.current();
    match fiber.body().and_then(|header| header.thread()) {
        Some(slot) => slot.handle.get_or_init(|| Thread::green(None)).clone(),
        None => fiber.thread.borrow_mut().get_or_insert_with(|| Thread::green(None)).clone(),
    }
}

/// Waits until the thread's [`Thread::unpark`] is called, or has been since the last time. Unlike std's it doesn't return
/// for no reason, but don't rely on that.
///
/// # Cancellation
///
/// A cancellation point: unwinds with [`Cancelled`].
///
/// ```
/// fibra::run(|| {
///     fibra::thread::current().unpark();
///     fibra::thread::park(); // returns at once
/// });
/// ```
pub fn park() {
    if Home::here().is_none() {
        return std::thread::park();
    }
    let me = current();
    wait(poll_fn(|context| me.poll_park(context)));
}

/// The same, for at most `timeout`.
///
/// # Cancellation
///
/// As [`park`].
///
/// ```
/// fibra::run(|| fibra::thread::park_timeout(std::time::Duration::from_millis(1)));
/// ```
pub fn park_timeout(timeout: Duration) {
    if Home::here().is_none() {
        return std::thread::park_timeout(timeout);
    }
    let Some(deadline) = clock::now().checked_add(timeout) else { return park() };
    let me = current();
    wait_until(&mut poll_fn(|context| me.poll_park(context)), deadline);
}

/// How many threads can run at the same moment: the workers of this runtime, or outside of one the cores that the process
/// may use, its CPU quota included.
///
/// # Errors
///
/// None today; std's signature is kept.
///
/// ```
/// assert!(fibra::thread::available_parallelism()?.get() >= 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn available_parallelism() -> std::io::Result<NonZeroUsize> {
    let workers = Worker::here().and_then(|worker| NonZeroUsize::new(worker.scheduler().workers.len()));
    Ok(workers.unwrap_or_else(fibra_system::topology::usable_cores))
}
