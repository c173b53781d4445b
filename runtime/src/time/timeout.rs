//! Deadlines.

use super::{Sleep, after, sleep, sleep_until};
use crate::{
    scheduler::{alarm, clock, worker::Worker},
    task::{
        cancellation::{Cancelled, Scope, Trigger},
        direct::Direct,
    },
};
use pin_project_lite::pin_project;
use std::{
    error::Error,
    fmt,
    future::{Future, IntoFuture},
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

/// The deadline has passed.
///
/// ```
/// assert_eq!(fibra::time::Elapsed::default().to_string(), "the deadline has passed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline has passed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// Runs `body` with a deadline: once it has passed, every wait inside of `body` fails until `body` has ended. An operation
/// that returns `io::Result` fails with kind `TimedOut`, and `body` decides what to make of it; a wait without an
/// error to return unwinds, to here.
///
/// Scoped threads that `body` spawns are under the same deadline; others, which may outlive it, are not.
///
/// Returns `Ok` whenever `body` ends by itself, late or not. Timeouts nest; each knows whether it was its own deadline.
///
/// On an OS thread that is no worker nothing can end a wait: there `body` just runs.
///
/// # Errors
///
/// [`Elapsed`] if this deadline has passed and `body` was unwound for it.
///
/// ```
/// use std::time::Duration;
/// use fibra::{thread, time};
/// fibra::run(|| {
///     let late = time::timeout(Duration::from_millis(1), || thread::sleep(Duration::from_secs(3600)));
///     assert!(late.is_err());
///     assert_eq!(time::timeout(Duration::from_secs(3600), || 7), Ok(7));
/// });
/// ```
pub fn timeout<T>(duration: Duration, body: impl FnOnce() -> T) -> Result<T, Elapsed> {
    timeout_at(after(clock::now(), duration), body)
}

/// The same with a moment for a deadline. If that has passed already, `body` runs all the same, and its first wait
/// fails.
///
/// # Errors
///
/// As [`timeout`].
///
/// ```
/// use fibra::{thread, time::{Duration, Instant, timeout_at}};
/// fibra::run(|| {
///     let deadline = Instant::now() + Duration::from_millis(1);
///     assert!(timeout_at(deadline, || thread::sleep(Duration::from_secs(3600))).is_err());
///     assert!(Instant::now() >= deadline);
///     assert_eq!(timeout_at(deadline, || 7), Ok(7));
/// });
/// ```
pub fn timeout_at<T>(deadline: Instant, body: impl FnOnce() -> T) -> Result<T, Elapsed> {
    let Some(worker) = Worker::here() else { return Ok(body()) };
    run_until(worker, deadline, body).or_else(|payload| match payload.downcast_ref::<Cancelled>() {
        // By the clock, not by the alarm: one that is under the same deadline has an alarm of its own, which may go off before,
        // and that it was cancelled may have come here through a join.
        Some(cancelled) if cancelled.is_deadline() && clock::now() >= deadline => Err(Elapsed(())),
        _ => resume_unwind(payload),
    })
}

/// Runs `body` under a deadline.
fn run_until<T>(worker: &Worker, deadline: Instant, body: impl FnOnce() -> T) -> thread::Result<T> {
    let fiber = worker.home().current();
    let alarm = Direct::new(fiber);
    let key = alarm::start(worker, &alarm, deadline);
    let outcome =
        catch_unwind(AssertUnwindSafe(|| Scope::new(Trigger::Deadline(deadline, &alarm)).enter(fiber, body)));
    alarm::stop(worker, &alarm, key);
    outcome
}

/// The earliest deadline of the timeouts that the caller is in.
pub(crate) fn deadline_here() -> Option<Instant> {
    Worker::here()?.home().current().cancellation.deadline()
}

/// Runs `body`, on a worker, under a deadline that somebody else has set, and will answer for.
pub(crate) fn inherit<T>(deadline: Instant, body: impl FnOnce() -> T) -> T {
    let worker = Worker::here().expect("green threads run on workers");
    run_until(worker, deadline, body).unwrap_or_else(|payload| resume_unwind(payload))
}

/// As [`timeout`], for a future, which is dropped at the deadline. The future is polled first: one that is ready in
/// time, however late that is looked at, is ready.
///
/// # Cancellation
///
/// Dropping the future drops `future`.
///
/// ```
/// use std::time::Duration;
/// let late = fibra::wait(fibra::time::timeout_async(Duration::from_millis(1), std::future::pending::<()>()));
/// assert!(late.is_err());
/// ```
pub fn timeout_async<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), sleep: sleep(duration) }
}

/// The same with a moment for a deadline.
///
/// # Cancellation
///
/// As [`timeout_async`].
///
/// ```
/// use fibra::time::{Duration, Instant, timeout_at_async};
/// let deadline = Instant::now() + Duration::from_millis(1);
/// assert!(fibra::wait(timeout_at_async(deadline, std::future::pending::<()>())).is_err());
/// assert_eq!(fibra::wait(timeout_at_async(deadline, std::future::ready(7))), Ok(7));
/// ```
pub fn timeout_at_async<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), sleep: sleep_until(deadline) }
}

pin_project! {
    /// See [`timeout_async`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        #[pin]
        sleep: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        this.sleep.poll(context).map(|()| Err(Elapsed(())))
    }
}
