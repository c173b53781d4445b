//! Cancellation: a request, and then the kernel's answer.
//!
//! A cancel reaches a green thread at its next *cancellation point*: every operation of [`net`](crate::net)
//! and [`fs`](crate::fs) that waits, and every wait: [`wait`](crate::wait), `sleep`, `park`, `join`,
//! `Condvar::wait`, a channel's `recv` and `send`. Locking a [`Mutex`](crate::sync::Mutex) or
//! an [`RwLock`](crate::sync::RwLock) is none. Each method says whether it is one, and what a cancel may leave behind; a deadline
//! that passes and a token that is cancelled do the same at the same points.
//!
//! * An operation that returns `io::Result` fails with an error that wraps [`Cancelled`]. If the kernel had
//!   completed it meanwhile, its result is delivered instead, and the cancel waits for the next point.
//! * A wait without an error to return unwinds with a [`Cancelled`] payload (the panic hook stays silent),
//!   and `join` returns that payload.
//!
//! A request is delivered once. A [`timeout`](crate::time::timeout) that has passed fails every wait inside
//! of its closure, and so does a token in its [`scope`](crate::sync::CancellationToken::scope); a runtime's shutdown
//! fails every wait until the green thread has ended.
//!
//! A future is cancelled by dropping it, at its next suspension; inside of a direct call it is as above. One that loses to
//! others in [`concurrent`](crate::concurrent) is told before: its operations fail as those of a green thread do.

pub use crate::task::cancellation::Cancelled;

use crate::task::{cancellation::Shield, home::Home};

/// Whether somebody has asked the task that we are in to end: a cancel (delivered or not), a passed deadline, a
/// token whose [`scope`](crate::sync::CancellationToken::scope) we are in, or a runtime that shuts down. A loop that only computes looks here now and then. `false` outside of tasks.
///
/// ```
/// assert!(!fibra::cancel::is_requested());
/// ```
pub fn is_requested() -> bool {
    let Some(home) = Home::here() else { return false };
    let fiber = home.current();
    home.is_asked_to_stop() || fiber.is_cancelled() || fiber.cancellation.scope_over().is_some()
}

/// Runs `cleanup` with cancellation put off: no wait inside of it fails because of a cancel, a deadline or a
/// shutdown. For what must be finished, like the last message of a protocol; keep it short.
///
/// ```
/// let farewell = fibra::cancel::shield(|| "bye");
/// assert_eq!(farewell, "bye");
/// ```
pub fn shield<T>(cleanup: impl FnOnce() -> T) -> T {
    let Some(home) = Home::here() else { return cleanup() };
    let _shield = Shield::raise(&home.current().cancellation);
    cleanup()
}
