//! Futures as tasks: spawned onto the same scheduler as green threads, and run by whichever worker is free.

use crate::cancel::Cancelled;
use crate::{
    scheduler::{Scheduler, share, start},
    task::{
        body::future::FutureBody,
        join::{Failure, Join, Outcome},
    },
};
use std::{
    any::Any,
    error::Error,
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Runs `future` as a task of the runtime that we are in, or else of the process-wide default runtime.
///
/// It may do what any future does, and may also call fibra's functions in direct style: then the stack of the `poll` that
/// it is in waits. Dropping the handle lets the task go on; when the runtime ends, it is cancelled.
///
/// # Panics
///
/// Outside of a runtime, if the [default runtime](crate#the-default-runtime) can't start.
///
/// ```
/// let sum = fibra::run(|| {
///     fibra::wait(async {
///         let one = fibra::future::spawn(async { 1 });
///         let two = fibra::future::spawn(async { 2 });
///         one.await.unwrap() + two.await.unwrap()
///     })
/// });
/// assert_eq!(sum, 3);
/// ```
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    start::with_scheduler_for_here(|scheduler| spawn_on(scheduler, future))
}

pub(crate) fn spawn_on<F>(scheduler: &Arc<Scheduler>, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    JoinHandle { join: scheduler.spawn(FutureBody(future), ()) }
}

/// A future that lets the other tasks of its worker run, once.
///
/// # Cancellation
///
/// Dropping the future gives up nothing but the turn.
///
/// ```
/// fibra::run(|| fibra::wait(fibra::future::yield_now()));
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// See [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A spawned future that can be awaited and cancelled. Dropping it lets the task go on.
///
/// ```
/// let error = fibra::run(|| {
///     let task = fibra::future::spawn(std::future::pending::<()>());
///     task.cancel();
///     fibra::wait(task).unwrap_err()
/// });
/// assert!(error.is_cancelled());
/// ```
pub struct JoinHandle<T> {
    join: Join<T>,
}

impl<T> JoinHandle<T> {
    #[cfg(feature = "registry")]
    pub(crate) fn of(join: Join<T>) -> Self {
        Self { join }
    }

    /// Has the future dropped, now if it is idle, or else when its current `poll` returns; a wait in direct style inside
    /// of that poll fails as a green thread's does. Does nothing to a task that has ended.
    ///
    /// ```
    /// let task = fibra::future::spawn(std::future::pending::<()>());
    /// task.cancel();
    /// assert!(fibra::wait(task).unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.join.task().cancel();
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_complete()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(share::poll_charge_join(&self.join, context));
        self.join.poll(context.waker()).map(|outcome| outcome.map_err(JoinError))
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

/// Why a task has no output: it panicked, or was cancelled.
///
/// ```
/// let error = fibra::wait(fibra::future::spawn(async { panic!("oh") })).unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.into_panic().downcast_ref(), Some(&"oh"));
/// ```
pub struct JoinError(Failure);

impl JoinError {
    /// The output of a task that has one unless it was asked to end.
    pub(crate) fn or_output<T>(outcome: Outcome<Option<T>>) -> Result<T, Self> {
        outcome.and_then(|output| output.ok_or_else(Failure::cancelled)).map_err(Self)
    }

    /// Whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is::<Cancelled>()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        !self.is_cancelled()
    }

    /// The payload of the panic, for [`resume_unwind`](std::panic::resume_unwind).
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        self.0.into_payload()
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cancelled() {
            return f.write_str("the task was cancelled");
        }
        write!(f, "the task panicked: {}", self.0.message().unwrap_or("with a payload that is no text"))
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

impl From<JoinError> for io::Error {
    /// Of kind `Other`, with the error in it.
    ///
    /// ```
    /// fn length() -> std::io::Result<usize> {
    ///     Ok(fibra::wait(fibra::future::spawn(async { panic!("oh") }))?)
    /// }
    /// let error = length().unwrap_err().downcast::<fibra::future::JoinError>().unwrap();
    /// assert!(error.is_panic());
    /// ```
    fn from(error: JoinError) -> Self {
        io::Error::other(error)
    }
}
